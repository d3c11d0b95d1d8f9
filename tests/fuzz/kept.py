"""The committed corpus: small inputs that reach different code, by target."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
MOST_KEPT = 40
MOST_KEPT_BYTES = 24_000
LONGEST_KEPT = 2000
"""Of one target, so that all of them stay well below a megabyte."""


def inputs(target: str, folder: Path = CORPUS) -> list[Path]:
    """The inputs that are kept for a target, sorted."""
    return sorted(path for path in (folder / target).glob("*") if path.is_file())


def keep(target: str, candidates: Iterable[bytes], folder: Path = CORPUS) -> int:
    """Adds the smallest of these inputs, as long as there is room; how many."""
    own = folder / target
    own.mkdir(parents=True, exist_ok=True)
    sizes = [path.stat().st_size for path in inputs(target, folder)]
    count, size, added = len(sizes), sum(sizes), 0
    for data in sorted(set(candidates), key=lambda data: (len(data), data)):
        path = own / hashlib.sha256(data).hexdigest()[:16]
        if len(data) > LONGEST_KEPT or path.exists():
            continue
        if count >= MOST_KEPT or size + len(data) > MOST_KEPT_BYTES:
            break
        path.write_bytes(data)
        count, size, added = count + 1, size + len(data), added + 1
    return added
