"""Which fault comes when: a pure function of the plan and a seed.

Faults of one sort (of processes, models, brokers, the disk) follow each other with pauses; those
of different sorts overlap freely, but only one broker is down at a time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.plan import BROKER_KINDS, MODEL_KINDS, SINGLE_KINDS, Plan

PAUSED_S = (7.0, 10.0)
"""Longer than the session timeout of 6 s, so that the group goes on without it."""
FULL_S = (11.0, 16.0)
"""Longer than a file of the archive may wait to be published (``archive.roll_s``)."""


@dataclass(frozen=True, order=True)
class Fault:
    """One fault: ``at_s`` after the load began, for ``for_s`` seconds (0: at once over).

    ``target`` is a role's process (``router-0``), a model, or empty. ``renamed``: what was killed
    comes back as another member of its group (with a replica name if it had none, without one if
    it had).
    """

    at_s: float
    kind: str
    target: str = ""
    for_s: float = 0.0
    renamed: bool = False


Make = Callable[[random.Random, float, str], Fault]


def schedule(plan: Plan, seed: int) -> list[Fault]:
    """The faults in order of time; the same plan and seed give the same."""
    draw = random.Random(f"chaos {seed}")
    faults = [
        *_lane(plan, draw, plan.process_every_s, SINGLE_KINDS, _killer(plan)),
        *_lane(plan, draw, plan.model_every_s, MODEL_KINDS, _model_fault(plan)),
        *_lane(plan, draw, plan.broker_every_s, BROKER_KINDS, _broker_fault),
        *_lane(plan, draw, plan.pause_every_s, ("pause",), _pauser(plan)),
        *_disk(plan, draw),
    ]
    return sorted(faults)


def _lane(
    plan: Plan, draw: random.Random, every_s: float, kinds: Sequence[str], make: Make
) -> Iterator[Fault]:
    """One fault in each slot of ``every_s``, somewhere in its first third; kinds in turns."""
    first = plan.load_s * 0.06
    slots = int((plan.load_s * 0.94 - first) / every_s)
    bag: list[str] = []
    for slot in range(slots):
        if not bag:
            bag = draw.sample(list(kinds), len(kinds))
        at_s = first + every_s * (slot + draw.random() / 3)
        yield make(draw, round(at_s, 2), bag.pop())


def _killer(plan: Plan) -> Make:
    def make(draw: random.Random, at_s: float, kind: str) -> Fault:
        role = kind.removeprefix("kill-")
        target = draw.choice([name for name in _seats(plan) if name.startswith(role)])
        return Fault(at_s, kind, target, renamed=draw.random() < 0.3)

    return make


def _pauser(plan: Plan) -> Make:
    def make(draw: random.Random, at_s: float, kind: str) -> Fault:
        role = draw.choice(list(plan.roles))
        target = draw.choice([name for name in _seats(plan) if name.startswith(role)])
        return Fault(at_s, kind, target, round(draw.uniform(*PAUSED_S), 2))

    return make


def _model_fault(plan: Plan) -> Make:
    def make(draw: random.Random, at_s: float, kind: str) -> Fault:
        for_s = draw.uniform(0.3, 0.6) * plan.model_every_s
        return Fault(at_s, kind, draw.choice(plan.models), round(for_s, 2))

    return make


def _broker_fault(draw: random.Random, at_s: float, kind: str) -> Fault:
    target = f"broker-{draw.randint(1, 3)}" if kind == "kill-broker" else ""
    return Fault(at_s, kind, target, round(draw.uniform(2.0, 9.0), 2))


def _disk(plan: Plan, draw: random.Random) -> Iterator[Fault]:
    for number in range(plan.disk_fills):
        share = (number + draw.uniform(0.2, 0.7)) / plan.disk_fills
        yield Fault(round(plan.load_s * share, 2), "disk-full", "", round(draw.uniform(*FULL_S), 2))


def _seats(plan: Plan) -> list[str]:
    return [f"{role}-{number}" for role, number in plan.seats()]
