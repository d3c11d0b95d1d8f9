"""An answer that wants a pass it hasn't earned. Each cheat is really run."""

from __future__ import annotations

import pytest

from tests.agents.graders.attack import passed
from tests.agents.graders.cheats import CHEATS

pytestmark = pytest.mark.usefixtures("nothing_survives")


@pytest.mark.parametrize("answer", CHEATS.values(), ids=CHEATS.keys())
def test_no_simple_cheat_passes(answer: str) -> None:
    tests = (
        "assert f(2) == 4",
        "assert 4 == f(2)",
        "assert abs(f(2) - 4) < 1e-6",
        "import math\nassert math.isclose(f(2), 4)",
        "assert f(2) in [4]",
        "try:\n    f(-1)\nexcept Exception:\n    pass\nassert f(2) == 4",
    )
    assert not any(passed(answer, *tests))


def test_a_passed_function_gives_no_way_into_the_tests() -> None:
    answer = (
        "def f(g):\n    for name in ('__globals__', '__code__', '__closure__', 'gi_frame'):\n"
        "        try: getattr(g, name)\n        except (AttributeError, RuntimeError): continue\n"
        "        return name\n"
        "    try: return g._peer.request('getattr', g, '__globals__')\n"
        "    except RuntimeError as error: return str(error)[:15]\n"
    )
    assert passed(answer, "assert f(lambda: 0) == 'PermissionError'") == [True]


def test_an_answer_that_dies_does_not_hide_in_a_tests_except() -> None:
    answer = "import os\ndef f(): os._exit(0)"
    assert passed(answer, "try:\n    f()\nexcept BaseException:\n    pass") == [False]
