"""From ``archive.directory`` to a store."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from streams.archive.local import LocalStore
from streams.archive.store import ArchiveError, Store
from streams.secret_source import has_credentials


def open_store(directory: str, *, writing: bool = False) -> Store:
    """The store at a directory or an fsspec URL (``s3://bucket/archive``).

    With ``writing`` it is checked first that claims can be made there.

    Raises:
        ArchiveError: no such kind of URL, its library isn't installed, or not fit for writing.
    """
    if has_credentials(directory):
        raise ArchiveError(
            "an archive's URL must hold no user or password: the store's own variables or files do"
        )
    store: Store
    if "://" not in directory:
        store = LocalStore(Path(directory).expanduser())
    elif directory.startswith("file://"):
        store = LocalStore(Path(url2pathname(urlsplit(directory).path)))
    else:
        from streams.archive.remote import RemoteStore  # fsspec takes 4 MB, which few need

        store = RemoteStore(directory)
    if writing:
        store.check()
    return store
