"""How often intervals hold the truth, over many logs drawn by numpy.

python -m tests.agents.whatif.coverage 2000
"""

from __future__ import annotations

import sys

import numpy as np

from agents.whatif.estimators import estimate, terms
from tests.agents.whatif.simulated import CASES, column, covers, table, truth


def main(logs: int) -> None:
    """Prints a line per case and estimator: coverage, mean error with its standard error, width."""
    for case, (target, draws) in CASES.items():
        true = truth(target, draws)
        found = [estimate(terms(table(seed, target, draws))) for seed in range(logs)]
        size = np.mean([one.effective_sample_size for one in found])
        for name in ("ips", "snips", "dr"):
            estimates = [getattr(one, name) for one in found]
            values = column(estimates)
            width = np.mean(column(estimates, "high") - column(estimates, "low"))
            share = np.mean([covers(one, true) for one in estimates])
            print(
                f"{case} | {size:.0f} | {name} | {share:.1%} | {values.mean() - true:+.4f} "
                f"± {values.std() / logs**0.5:.4f} | {width:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]))
