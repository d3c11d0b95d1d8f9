"""No two processes share an index; whoever comes after one finds its directory."""

from __future__ import annotations

from pathlib import Path

from agents.index_home import IndexHome, index_directory
from streams.settings import load


def test_two_at_once_have_one_each_and_the_next_has_what_was_left(tmp_path: Path) -> None:
    first, second = IndexHome(tmp_path), IndexHome(tmp_path)
    assert {first.path, second.path} == {tmp_path / "0", tmp_path / "1"}
    first.close()
    third = IndexHome(tmp_path)
    assert third.path == tmp_path / "0"
    second.close()
    third.close()


def test_where_nothing_can_be_written_it_is_temporary(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    home = IndexHome(tmp_path / "file")
    assert home.path.is_dir()
    home.close()
    assert not home.path.exists()


def test_where_it_is(tmp_path: Path) -> None:
    plain = load(None, {}, {"kafka.prefix": "t-"})
    assert index_directory(plain, "grader", {"ZETA_HOME": "/z"}) == Path("/z/index/t-grader")
    assert index_directory(plain, "grader", {}) == Path.home() / ".zeta/index/t-grader"
    named = load(None, {}, {"feedback.index_dir": str(tmp_path)})
    assert index_directory(named, "grader", {"ZETA_HOME": "/z"}) == tmp_path / "grader"
