"""The wire as documents for others: JSON Schemas, an AsyncAPI document, and what changed in them.

``headers`` and ``asyncapi`` make the document, ``files`` what ``zeta schemas`` writes and checks.
"""
