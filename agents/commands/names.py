"""Options that name policies and objectives."""

from __future__ import annotations

from typing import get_args

import typer

from agents.policies import POLICIES
from streams.settings import ObjectiveName


def policy_names(given: list[str] | None) -> list[str]:
    """Each once, in their order; several may have commas between.

    Raises:
        typer.BadParameter: there is no such policy; names those that there are.
    """
    names = [name.strip() for one in given or () for name in one.split(",")]
    for name in names:
        if name not in POLICIES:
            raise typer.BadParameter(f"no policy {name!r}; one of {', '.join(POLICIES)}")
    return list(dict.fromkeys(names))


def objective_name(given: str | None) -> str | None:
    """The same.

    Raises:
        typer.BadParameter: there is no such objective; names those that there are.
    """
    if given is not None and given not in get_args(ObjectiveName):
        known = ", ".join(get_args(ObjectiveName))
        raise typer.BadParameter(f"no objective {given!r}; one of {known}")
    return given
