"""One secured broker for all tests of this directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.broker import Secured, secured_broker


@pytest.fixture(scope="session")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """It, with its authority and its users."""
    with secured_broker(tmp_path_factory.mktemp("certificates")) as made:
        yield made
