"""A real S3-compatible server, of moto, and an archive in a bucket of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def served(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where an archive may be: a URL. Clients find the server by their usual variables."""
    server_module = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in (
            ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
            ("AWS_ACCESS_KEY_ID", "any"),
            ("AWS_SECRET_ACCESS_KEY", "any"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()  # each server has a port of its own
        bucket = f"b{uuid.uuid4().hex}"
        s3fs.S3FileSystem().mkdir(bucket)
        yield f"s3://{bucket}/zeta"
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()
