"""Finds what the topics still hold of a query: where it is known to be, or by a bounded search."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from agents.board.decisions import Entry, Spot
from agents.board.searching import WITHIN_S, Near, Search, decoded, searching
from agents.board.story import Found
from schemas.assignment import Assignment
from schemas.dead_letter import DeadLetter
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.query import Query
from schemas.response import Response
from streams.denials import denied
from streams.redrive.mark import Place
from streams.settings import Kafka
from streams.topics import model_topic

_NUMBER = re.compile(r"[0-9]{1,9}")


class Finder:
    """Finds queries' stories, a few at a time."""

    def __init__(self, kafka: Kafka, models: Sequence[str], at_once: int = 2) -> None:
        self._kafka = kafka
        self._models = models
        self._slots = asyncio.Semaphore(at_once)

    async def find(self, query_id: str, entry: Entry | None) -> Found:
        """All that is found of the query within ``WITHIN_S``; what isn't is said in ``missing``."""
        found = Found(query_id)
        async with self._slots:
            try:
                async with searching(self._kafka) as search:
                    await self._fill(search, found, entry)
                    if search.cut:
                        found.missing.append(
                            f"the search was ended after {WITHIN_S:g} s; there may be more"
                        )
            except KafkaError as error:
                found.missing.append(denied(error) or "the broker doesn't answer; try again")
        return found

    async def _fill(self, search: Search, found: Found, entry: Entry | None) -> None:
        if entry is None:
            await _search_all(search, found)
        else:
            await _read_known(search, found, entry)
        await self._find_query(search, found)
        if found.query is None and found.anything:
            found.missing.append("the query's text: its topics don't hold it any more")
        if found.response is None and found.anything:
            found.missing.append("an answer: there is none yet, or retention has taken it")

    async def _find_query(self, search: Search, found: Found) -> None:
        """The query travels with each assignment; else it is on ``queries`` as it was sent."""
        if found.reroutes:
            _assigned(found, found.reroutes[0])
            return
        decisions = found.decisions()
        if decisions and decisions[0].model in self._models:
            topic, near = model_topic(decisions[0].model), Near(decisions[0].decided_at)
            sent = await search.events(topic, found.query_id, Assignment, near)
            if sent:
                _assigned(found, sent[0])
                return
        if found.response is not None and found.response.query is not None:
            found.query = found.response.query
            return
        await _search_queries(search, found)


def _assigned(found: Found, assignment: Assignment) -> None:
    found.query = assignment.query
    found.asked_at, found.deadline_at = assignment.asked_at, assignment.deadline_at


async def _read_known(search: Search, found: Found, entry: Entry) -> None:
    found.metrics, found.opinions = list(entry.metrics), list(entry.opinions)
    if entry.answer is not None:
        found.response = await search.at(entry.answer, Response)
    for spot in entry.reroutes:
        rerouted = await search.at(spot, Assignment)
        if rerouted is not None:
            found.reroutes.append(rerouted)
    if entry.error == "invalid":
        await _search_letters(search, found, Near(entry.at))


async def _search_all(search: Search, found: Found) -> None:
    key = found.query_id
    responses = await search.events("responses", key, Response)
    found.response = responses[-1] if responses else None
    near = Near()
    if found.response is not None and found.response.decision is not None:
        # Failed attempts came before the answer, at most as long ago as the client has waited.
        waited_ms = round(found.response.timings.total_s * 1000)
        near = Near(max(0, found.response.answered_at - waited_ms))
    found.reroutes = await search.events("reroutes", key, Assignment, near)
    metrics = await search.events("metrics", key, Metric, near)
    found.metrics = list({one.identity: one for one in metrics}.values())
    opinions = await search.events("feedback", key, Feedback, near)
    found.opinions = list({one.source: one for one in opinions}.values())
    await _search_letters(search, found, Near())


async def _search_letters(search: Search, found: Found, near: Near) -> None:
    for record in await search.by_key("dead-letters", found.query_id, near):
        letter = decoded(DeadLetter, record)
        if letter is not None:
            found.letters.append((Place(record.partition, record.offset), letter))


async def _search_queries(search: Search, found: Found) -> None:
    """As the client sent it; a query without an id has its place for one."""
    topic, _, place = found.query_id.partition("-")
    numbers = place.split("-")
    if topic == "queries" and len(numbers) == 2 and all(map(_NUMBER.fullmatch, numbers)):
        found.query = await search.at(Spot(topic, int(numbers[0]), int(numbers[1])), Query)
        return
    sent = await search.events("queries", found.query_id, Query)
    own = [one for one in sent if one.query_id == found.query_id]
    found.query = own[0] if own else None
