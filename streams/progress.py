"""Which records of one partition are done, and how far a commit may go. Pure; no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Progress:
    """The offsets handed out from one partition under one assignment.

    A commit never passes an offset that isn't done, in whatever order they finish. Offsets need
    not be contiguous (compaction and transactions leave holes): what counts is what was handed
    out. Once closed (the partition was revoked) nothing can be begun any more.
    """

    def __init__(self) -> None:
        self._position: int | None = None
        self._open: deque[int] = deque()
        self._unfinished: set[int] = set()
        self._sizes: deque[tuple[int, int]] = deque()
        self._anchor: tuple[int, str] | None = None
        self._committed: tuple[int, str] | None = None
        self.begun = 0
        self.bytes = 0
        self.closed = False

    def __len__(self) -> int:
        """How many records were handed out and hold the commit back."""
        return len(self._open)

    @property
    def reached(self) -> int | None:
        """The first offset that isn't done, whatever the anchor; None: nothing was handed out."""
        return self._open[0] if self._open else self._position

    def hand_out(self, offsets: Iterable[int], size: int = 0) -> None:
        """Notes records, in offset order, as given to the agent.

        Their ``size`` in bytes counts in ``bytes`` until the last of them is passed: they are
        held together.
        """
        given = list(offsets)
        if not given:
            return
        if self._position is None:
            self._committed = (given[0], "")
        self._open.extend(given)
        self._unfinished.update(given)
        self._position = given[-1] + 1
        self._sizes.append((given[-1], size))
        self.bytes += size

    def begin(self, count: int) -> bool:
        """Claims ``count`` records for work; False when the partition was taken away."""
        if self.closed:
            return False
        self.begun += count
        return True

    def finish(self, offsets: Iterable[int]) -> None:
        """Marks begun records as done; their effects are sent, if not yet acknowledged.

        A record that is done already, or was never handed out, changes nothing.
        """
        finished = self._unfinished.intersection(offsets)
        self._unfinished -= finished
        self.begun = max(0, self.begun - len(finished))
        while self._open and self._open[0] not in self._unfinished:
            self._open.popleft()
        bound = self._open[0] if self._open else self._position
        while self._sizes and bound is not None and self._sizes[0][0] < bound:
            self.bytes -= self._sizes.popleft()[1]

    def anchor(self, offset: int, metadata: str) -> None:
        """Sets the commit by hand, for a role whose open state reaches further back.

        An anchor past a record that isn't done waits until that record is done.
        """
        self._anchor = (offset, metadata)

    def committable(self) -> tuple[int, str] | None:
        """Where to read from after a restart, and the commit's metadata; None: nothing read."""
        if self._position is None:
            return self._anchor
        bound = self._open[0] if self._open else self._position
        if self._anchor is None:
            return (bound, "")
        return self._anchor if self._anchor[0] <= bound else self._committed

    def moved(self) -> tuple[int, str] | None:
        """What to commit, or None when it is committed already."""
        now = self.committable()
        return None if now == self._committed else now

    def committed(self, offset: int, metadata: str) -> None:
        """Notes a commit that the broker has acknowledged."""
        self._committed = (offset, metadata)
