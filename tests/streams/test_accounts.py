"""How far a member is behind, and what it holds."""

from __future__ import annotations

import pytest
from aiokafka.structs import TopicPartition

from streams.accounts import Accounts
from streams.progress import Progress

FIRST, SECOND = TopicPartition("p-queries", 0), TopicPartition("p-queries", 1)
OTHER = TopicPartition("p-reroutes", 0)


@pytest.fixture
def accounts() -> Accounts:
    made = Accounts("p-")
    made |= {partition: Progress() for partition in (FIRST, SECOND, OTHER)}
    return made


def test_lag_is_what_is_not_done(accounts: Accounts) -> None:
    accounts[FIRST].hand_out(range(10, 20), 500)
    accounts[FIRST].begin(10)
    ends = {FIRST: 100, SECOND: 7, OTHER: 3}
    positions = {FIRST: 20, SECOND: 5}
    assert accounts.lag(ends, positions) == {("queries", "0"): 90, ("queries", "1"): 2}
    accounts[FIRST].finish([10, 11, 13])  # 12 holds the rest back
    assert accounts.lag(ends, positions)["queries", "0"] == 88
    accounts[FIRST].finish(range(10, 20))
    assert accounts.lag(ends, positions)["queries", "0"] == 80
    accounts[FIRST].anchor(11, "")  # where a restart would begin: that is not behind
    assert accounts.lag(ends, positions)["queries", "0"] == 80


def test_an_end_that_is_known_late_is_no_negative_lag(accounts: Accounts) -> None:
    accounts[OTHER].hand_out(range(5))
    accounts[OTHER].finish(range(5))
    assert accounts.lag({OTHER: 3}, {}) == {("reroutes", "0"): 0}


def test_a_partition_of_somebody_else_has_none(accounts: Accounts) -> None:
    del accounts[FIRST]
    assert accounts.lag({FIRST: 100}, {FIRST: 1}) == {}


def test_in_flight_is_by_topic(accounts: Accounts) -> None:
    accounts[FIRST].hand_out(range(3), 30)
    accounts[SECOND].hand_out(range(4), 40)
    assert accounts.in_flight() == {("queries",): 7, ("reroutes",): 0}
    assert accounts.bytes == 70
    assert accounts.with_less_than(4) == [FIRST, OTHER]
