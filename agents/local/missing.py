"""What is missing of the local models; apart, since they are large to import."""

from __future__ import annotations


class MissingWheelError(RuntimeError):
    """A local model's wheel is not installed."""
