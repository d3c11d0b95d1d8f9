"""The rows of ``streams.access`` as commands for Kafka's own tool."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from streams.access import PRINCIPAL, Grant, role_names
from streams.settings import Settings

TOOL = "kafka-acls.sh"


class UnknownRoleError(ValueError):
    """``--role`` names no role; the message says which there are."""


def principals(settings: Settings, given: Iterable[str]) -> dict[str, str]:
    """The principal of each role that is asked for, all where none is.

    ``given`` are ``ROLE`` or ``ROLE=User:principal``.

    Raises:
        UnknownRoleError: there is no such role, or a principal isn't ``User:…``.
    """
    known = role_names(settings)
    found = {}
    for text in given or known:
        role, _, principal = text.partition("=")
        if role not in known:
            raise UnknownRoleError(f"--role {text!r}: roles are {', '.join(known)}")
        principal = principal or f"{PRINCIPAL}{role}"
        if not principal.removeprefix("User:") or not principal.startswith("User:"):
            raise UnknownRoleError(f"--role {text!r}: write it as {role}=User:name")
        found[role] = principal
    return found


def line(grant: Grant, principal: str, bootstrap: str, command_config: str) -> str:
    """One row as a command line that a shell takes as it is."""
    words = [TOOL, "--bootstrap-server", bootstrap, "--command-config", command_config]
    words += ["--add", "--allow-principal", principal]
    for operation in grant.operations:
        words += ["--operation", operation]
    return shlex.join([*words, f"--{grant.resource}", grant.name])


def row(grant: Grant, principal: str) -> Mapping[str, Any]:
    """One row as JSON."""
    return {
        "role": grant.role,
        "principal": principal,
        "resource": grant.resource,
        "name": grant.name,
        "pattern": "literal",
        "operations": list(grant.operations),
    }
