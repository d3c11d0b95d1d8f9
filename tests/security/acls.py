"""Giving and taking rights on the test's broker, and what it says who used which."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from aiokafka.conn import create_conn
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

from streams.access import Grant

ANY, ALLOW, LITERAL = 1, 3, 3
RESOURCES = {"topic": 2, "group": 3}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
POLL_S = 0.02
WITHIN_S = 10.0

_AUDIT = re.compile(
    r"Principal = (\S+) is (Allowed|Denied) operation = (\w+) from host = \S+ "
    r"on resource = (\w+):LITERAL:(\S+) for request = (\w+)"
)

Row: TypeAlias = tuple[int, str, int, str, str, int, int]


def _rows(grant: Grant, principal: str) -> list[Row]:
    kind = RESOURCES[grant.resource]
    return [
        (kind, grant.name, LITERAL, principal, "*", OPERATIONS[operation], ALLOW)
        for operation in grant.operations
    ]


class Acls:
    """The authorizer's rows, as the super user on the plain listener changes them."""

    def __init__(self, bootstrap: str) -> None:
        self._host, _, self._port = bootstrap.rpartition(":")

    async def give(self, grants: Iterable[tuple[Grant, str]]) -> None:
        """Adds rows, each with its principal; returns when the broker goes by them."""
        rows = [row for grant, principal in grants for row in _rows(grant, principal)]
        await self._change(CreateAclsRequest, rows, there=True)

    async def take(self, grant: Grant, principal: str) -> None:
        """Removes the operations of one row."""
        await self._change(DeleteAclsRequest, _rows(grant, principal), there=False)

    async def has(self, grant: Grant, principal: str) -> bool:
        """Whether each operation of the row is allowed to the principal."""
        conn = await create_conn(self._host, int(self._port))
        try:
            return all([await _is_there(conn, row) for row in _rows(grant, principal)])
        finally:
            await conn.close()

    async def _change(self, request: Any, rows: list[Row], *, there: bool) -> None:
        conn = await create_conn(self._host, int(self._port))
        try:
            for row in rows:
                await conn.send(request(*row))
            deadline = time.monotonic() + WITHIN_S
            for row in rows:
                while await _is_there(conn, row) != there:
                    assert time.monotonic() < deadline, f"the broker doesn't take {row}"
                    await asyncio.sleep(POLL_S)
        finally:
            await conn.close()


async def _is_there(conn: Any, row: Row) -> bool:
    kind, name, pattern, principal, host, operation, permission = row
    found = await conn.send(
        DescribeAclsRequest(kind, name, pattern, principal, host, operation, permission)
    )
    return bool(found.resources)


@dataclass(frozen=True)
class Use:
    """A right that somebody used, or was refused: ``READ`` of ``topic`` so and so."""

    principal: str
    operation: str
    resource: str
    name: str


def audit(log: Path, outcome: str) -> set[Use]:
    """What the authorizer has ``Allowed`` or ``Denied`` until now."""
    return {
        Use(principal, operation, resource.lower(), name)
        for principal, what, operation, resource, name, _ in _AUDIT.findall(log.read_text())
        if what == outcome
    }
