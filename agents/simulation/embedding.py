"""Simulated embeddings: texts that share words have vectors that point the same way.

A bag of words, randomly projected: each word of a vector space has its own fixed Gaussian vector,
a text is the sum of its words' vectors. Two texts' cosine is then near the share of the words that
they have in common. Another space, or another dimension, gives unrelated vectors.
"""

import math
import re
from collections import Counter
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from agents.simulation.draw import TASK, Draw

Vector = NDArray[np.float32]
WORD = re.compile(r"\w+")


def embed(space: str, dimension: int, text: str) -> Vector:
    """The right vector of `text`: shape (dimension,), not normalised, never zero."""
    words = Counter(WORD.findall(TASK.sub("", text).casefold())) or Counter([repr(text)])
    total = np.zeros(dimension, dtype=np.float32)
    for word, count in words.items():
        total += np.float32(1 + math.log(count)) * _word(space, dimension, word)
    return total


def unrelated(dimension: int, draw: Draw) -> Vector:
    """A vector that has nothing to do with the text: shape (dimension,), not normalised."""
    return _gaussian(repr(draw("unrelated")), dimension)


def normalised(vector: Vector) -> Vector:
    """The vector of length 1 that points where `vector` does."""
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@lru_cache(maxsize=8192)
def _word(space: str, dimension: int, word: str) -> Vector:
    return _gaussian(f"{space}\0{word}", dimension)


def _gaussian(name: str, dimension: int) -> Vector:
    seed = int.from_bytes(blake2b(name.encode(), digest_size=16).digest())
    return np.random.default_rng(seed).standard_normal(dimension, dtype=np.float32)
