"""Off-policy evaluation: what other rules would have been worth on the logged decisions.

``choices`` reads what was decided and what came of it, ``eligibility`` what could have been
chosen, ``rules_file`` and ``policy_rules`` are the two kinds of targets, ``worth`` what counts as
good; ``tables`` joins them, ``reward_model``, ``ratios`` and ``estimators`` judge, ``sentences``
say what the log can't tell, ``report`` shows it. docs/whatif.md has the formulas and assumptions.
"""
