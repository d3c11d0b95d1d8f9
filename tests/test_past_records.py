"""Records and schemas of earlier versions: what was written once must be read for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.contracts.files import read_schemas
from schemas.arrow import EVENTS
from schemas.contract import event_schema
from schemas.contract_changes import changes
from tests.schemas.examples import Example

PAST = Path(__file__).parent / "examples_past"


def _past() -> list[Any]:
    return [
        pytest.param(Example(path.parent.name, path.stem, path.read_bytes()), id=path.parent.name)
        for path in sorted(PAST.glob("*/*.json"))
        if path.parent.name != "schemas"
    ]


@pytest.mark.parametrize("example", _past())
def test_records_of_the_past_still_decode(example: Example) -> None:
    assert type(example.decoded()) in example.types


def test_nothing_since_the_kept_schemas_breaks() -> None:
    """They are those of the last release; replace them when one is made."""
    today = {event.__name__: event_schema(event) for event in EVENTS}
    found = [str(one) for one in changes(read_schemas(PAST / "schemas"), today) if one.breaks]
    assert not found
