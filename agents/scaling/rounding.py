"""Figures as the page tells them."""

from __future__ import annotations


def about(value: float) -> str:
    """Two digits that matter, thousands apart."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"
