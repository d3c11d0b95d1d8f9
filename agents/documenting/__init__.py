"""The generated part of the documentation: ``docs/reference``, made from the code.

One page each: ``settings_page``, ``topics_page``, ``events_page``, ``commands_page``,
``metrics_page``; ``python -m agents.documenting DIRECTORY`` writes them. ``site_links`` is a hook
of mkdocs.
"""
