"""What of a streamed answer the client has been told, and what comes next. Pure.

Chunks come numbered within an attempt. A worker that dies in mid-stream leaves its query to the
next one, which streams the answer again from its beginning, in pieces of its own: so what counts is
not a piece's number but its place in the text. The final response holds the whole text, so that a
piece that was lost costs only time.
"""

from __future__ import annotations

from schemas.chunk import Chunk


class DivergedError(ValueError):
    """The final answer doesn't begin with what the client was told."""


class Telling:
    """One answer's text as far as it is told."""

    def __init__(self) -> None:
        self.length = 0
        self._pieces: list[str] = []
        self._attempt = 0
        self._next = 0
        self._position = 0
        self._fits = False

    @property
    def text(self) -> str:
        """All that was told."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def take(self, chunk: Chunk) -> str:
        """What is new in a chunk; nothing when it repeats, comes out of turn, or differs.

        A chunk 0 of the same or a later attempt begins the answer again: what it repeats is not
        told twice, and a run that differs from what was told tells nothing.
        """
        if chunk.number == 0 and chunk.attempt >= self._attempt:
            self._attempt, self._next, self._position, self._fits = chunk.attempt, 0, 0, True
        if not self._fits or (chunk.attempt, chunk.number) != (self._attempt, self._next):
            return ""
        start, self._position = self._position, self._position + len(chunk.text)
        self._next += 1
        if start < self.length:
            told = self.text[start : self._position]
            if not chunk.text.startswith(told):
                self._fits = False
                return ""
            return self._told(chunk.text[len(told) :])
        return self._told(chunk.text)

    def rest(self, text: str) -> str:
        """What the whole ``text`` has beyond what was told.

        Raises:
            DivergedError: it begins otherwise.
        """
        if not text.startswith(self.text):
            raise DivergedError
        return self._told(text[self.length :])

    def _told(self, text: str) -> str:
        if text:
            self._pieces.append(text)
            self.length += len(text)
        return text
