"""What ``zeta archive verify`` finds: where, what, and what to do about it."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal[
    "gap",
    "overlap",
    "torn",
    "foreign",
    "misnamed",
    "rows",
    "missing",
    "other topic",
    "covered",
    "leftover",
    "claim",
    "behind",
    "absent",
]

NOTES: frozenset[Kind] = frozenset({"covered", "leftover", "claim", "behind", "absent"})
"""These belong to an archive that is in use; the others are damage."""


class Finding(msgspec.Struct, kw_only=True, frozen=True):
    """One thing; ``where`` is a path in the archive, or a topic and partition."""

    kind: Kind
    where: str
    problem: str
    advice: str = ""

    @property
    def is_damage(self) -> bool:
        return self.kind not in NOTES


class PartitionState(msgspec.Struct, kw_only=True):
    """What an archive has of a partition, from offset ``first`` to ``last``.

    ``pruned_before``: offsets before were deleted by ``zeta archive prune``. ``behind``: how many
    offsets of the broker aren't archived yet (None: not asked). ``holes``: offsets that no row
    has (compaction on the broker, transactions).
    """

    topic: str
    partition: int
    first: int
    last: int
    files: int
    rows: int
    bytes: int
    holes: int = 0
    pruned_before: int | None = None
    behind: int | None = None


class Verification(msgspec.Struct, kw_only=True):
    """A whole archive; ``ok``: there is no damage."""

    root: str
    partitions: list[PartitionState] = msgspec.field(default_factory=list)
    findings: list[Finding] = msgspec.field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not any(finding.is_damage for finding in self.findings)
