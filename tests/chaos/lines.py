"""The counts of a run that has drained: what was asked against what is on the topics."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.chaos.archived import compare
from tests.chaos.census import Census
from tests.chaos.checking import zeta
from tests.chaos.load import Load
from tests.chaos.report import Line, count, none_of


def answer_lines(load: Load, census: Census) -> list[Line]:
    """Whether each query that was asked was answered, and none that wasn't."""
    asked, answers = load.asked, census.answers
    short = [name for name, sort in asked.ids.items() if sort == "short"]
    served = [name for name in short if name in answers.count and name not in answers.errors]
    return [
        count("queries asked", len(asked.ids)),
        count("sends that failed", asked.failed_sends),
        count("answered", sum(name in answers.count for name in asked.ids)),
        none_of("unanswered", answers.unanswered(asked)),
        none_of("answers to ids never asked", answers.unasked(asked)),
        count("duplicate answers", answers.duplicates),
        count("error answers", len(answers.errors)),
        none_of("answered after their time limit", served),
        count("attempts handed on", answers.reroutes),
    ]


def metric_lines(load: Load, census: Census) -> list[Line]:
    """Whether each attempt was noted, folded once, and led to a rule."""
    asked, measures, letters = load.asked, census.measures, census.dead_letters
    rated = asked.opinions & census.answers.served
    whole = measures.whole_windows()
    return [
        count("metrics", len(measures.identities)),
        count("metrics sent again", measures.repeated),
        count("metrics in no window", measures.missing(), 0),
        count("metrics folded twice", measures.folded_twice(), 0),
        count("parts of windows", len(measures.parts)),
        count("parts sent again", measures.copies),
        count("parts sent again that differ", measures.differing, 0),
        none_of(
            "attempts without an outcome metric", measures.without_outcome(census.answers.attempts)
        ),
        count("feedback given", len(rated)),
        none_of("feedback without a judgement", measures.without_judgement(rated)),
        count("bad records sent", len(asked.poison)),
        none_of("bad records not in dead-letters", letters.lost(asked.poison)),
        none_of("good records in dead-letters", letters.surplus(asked.poison, measures.refused)),
        count("windows with data", len(whole)),
        none_of("windows without a rule", census.rules.without_rule(whole)),
        count("rule versions that have two contents", census.rules.differing, 0),
        none_of("rules in force older than the log's", census.rules.stale()),
    ]


async def product_lines(config: Path, archive: Path, census: Census) -> list[Line]:
    """Whether the rules can be rebuilt, and the archive holds each record once."""
    rebuilt = await zeta(config, "rebuild")
    verified = await zeta(config, "archive", "verify", str(archive), "--broker")
    kept = await asyncio.to_thread(compare, archive, census.offsets)
    findings = [row for row in verified.data.get("findings", []) if row["damage"]]
    wrong = [rebuilt.data.get("difference") or rebuilt.messages] if rebuilt.code else []
    return [
        count("rules compared byte for byte", rebuilt.data.get("rules", 0)),
        none_of("rules that differ", wrong),
        count("records on the broker", census.offsets.count),
        count("records archived", kept.rows),
        count("files of the archive", kept.files),
        count("records not archived", kept.missing, 0),
        count("records archived twice", kept.twice, 0),
        count("records archived that the broker lacks", kept.foreign, 0),
        none_of(
            "findings of archive verify", findings or ([verified.messages] if verified.code else [])
        ),
    ]
