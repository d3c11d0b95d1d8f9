"""``zeta bench scaling``: what any number of queries a second needs, and what breaks first.

Arithmetic over measured rates (``needs``, ``breaking``), and timed simulations of what can't be
run at such a size on one machine (``timing``, ``learning``).
"""
