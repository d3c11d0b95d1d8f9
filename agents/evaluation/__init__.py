"""Judging policies on recorded outcomes, with production's own window and policy code.

``columns`` and ``outcomes`` read what is recorded, ``imputing`` fills response times in,
``shifts`` changes the world in mid-run, ``draws`` deals the queries out, ``loop`` is the system
under test, ``run`` plays one against the other, ``measures`` and ``figures`` say how it went.
What is asked and what would be answered are kept apart: ``loop`` gets the one, and of the other
no more than the metrics of the models that it chose.
"""
