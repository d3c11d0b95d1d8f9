"""A model server that says what a test wrote, byte for byte, and notes what it was told."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

HEAD = "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"


class Scripted:
    """Answers every request with ``body``, in pieces; the connection stays open after it."""

    def __init__(
        self,
        body: Sequence[bytes],
        *,
        kind: str,
        whole: bool = True,
        endless: bool = False,
        only: str = "",
        hangs_up: bool = False,
    ) -> None:
        self._only = only
        self._hangs_up = hangs_up
        self.body = body
        self.heads: list[str] = []
        self.open = 0
        self.connections = 0
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._kind = kind
        self._whole = whole
        self._endless = endless

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        self.open += 1
        self.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._answer(reader, writer)
                while not self._hangs_up:
                    await self._answer(reader, writer)
                await reader.readuntil(b"\r\n\r\n")
        finally:
            self.open -= 1
            writer.close()

    async def stop(self) -> None:
        """Hangs up on whoever is still connected."""
        tasks = {task for task in self._tasks if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        sizes = [
            line.split(":")[1] for line in head.lower().splitlines() if "content-length" in line
        ]
        await reader.readexactly(int(sizes[0]) if sizes else 0)
        if self._only not in head.partition("\r\n")[0]:
            writer.write(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(HEAD.format(status=200, kind=self._kind).encode())
        for piece in itertools.cycle(self.body) if self._endless else self.body:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        if not self._whole:
            raise ConnectionError
        writer.write(b"0\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def scripted(
    *body: bytes,
    kind: str = "text/event-stream",
    whole: bool = True,
    tls: ssl.SSLContext | None = None,
    endless: bool = False,
    only: str = "",
    hangs_up: bool = False,
) -> AsyncIterator[tuple[str, Scripted]]:
    """The endpoint and the server; without ``whole`` the connection breaks after the body.

    ``endless``: the body comes again and again; ``only``: other paths than this are not found;
    ``hangs_up``: at the second request of a connection.
    """
    script = Scripted(body, kind=kind, whole=whole, endless=endless, only=only, hangs_up=hangs_up)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}", script
    finally:
        server.close()
        await script.stop()
