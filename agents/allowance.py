"""What feedback may weigh: a bound on each source's part of a window. Pure.

Whoever may write to ``feedback`` can send as many scores as there are answers, under as many
names as they like. So each source that the settings list has an allowance, and all others share
one: ``feedback_per_window`` for one task and window, a pane's part of it in one rule. What is above
it isn't dropped, it is all scaled down: the mean of what a source says stays, its weight doesn't.

The bound: the feedback of one pool, however much there is, changes the state by at most ``limit``
grades in each pane, of all models of the task together. With ``n`` grades known of a model, so
many perfect ones raise its rate (r + 1) / (n + 2) by less than limit / (n + limit + 2); and a rule
moves no further than for that many honest ones.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from schemas.window_score import ModelSummary, PoolSummary


def bounded(models: Mapping[str, ModelSummary], limit_micro: int) -> Mapping[str, ModelSummary]:
    """The summaries of one task and pane, in which no pool weighs more than ``limit_micro``.

    A pool within the limit stays as it is; so does what isn't feedback.
    """
    weights: dict[str, int] = {}
    for summary in models.values():
        for name, pool in summary.pools.items():
            weights[name] = weights.get(name, 0) + pool.trust_micro
    over = {name: weight for name, weight in weights.items() if weight > limit_micro}
    if not over:
        return models
    return {name: _scaled(summary, over, limit_micro) for name, summary in models.items()}


def _scaled(summary: ModelSummary, over: Mapping[str, int], limit_micro: int) -> ModelSummary:
    pools = {
        name: _part(pool, limit_micro, over[name]) if name in over else pool
        for name, pool in summary.pools.items()
    }
    before, after = summary.pools.values(), pools.values()
    trust = sum(pool.trust_micro for pool in before) - sum(pool.trust_micro for pool in after)
    reward = sum(pool.accuracy_micro for pool in before) - sum(
        pool.accuracy_micro for pool in after
    )
    return msgspec.structs.replace(
        summary,
        trust_micro=max(0, summary.trust_micro - trust),
        accuracy_micro=max(0, summary.accuracy_micro - reward),
        pools=pools,
    )


def _part(pool: PoolSummary, limit_micro: int, weight_micro: int) -> PoolSummary:
    return PoolSummary(
        trust_micro=pool.trust_micro * limit_micro // weight_micro,
        accuracy_micro=pool.accuracy_micro * limit_micro // weight_micro,
    )
