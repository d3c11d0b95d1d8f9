"""Where this product keeps files of its own on a machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def home(environment: Mapping[str, str]) -> Path:
    """``$ZETA_HOME``, else ``~/.zeta``."""
    return Path(environment.get("ZETA_HOME") or Path.home() / ".zeta")
