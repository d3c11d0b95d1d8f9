"""What a judge model is asked, when, and how its reply is read: pure."""

from __future__ import annotations

import hashlib
import re

from schemas.query import Parameters, Query, Reference
from schemas.response import Response
from streams.settings import Judge, Settings

HOUR_S = 3600.0
BEST = 10.0
"""The score that means an accuracy of 1."""

_NUMBER = re.compile(r"(?<![\w.-])(\d+(?:\.\d+)?)(?:\s*/\s*10\b)?(?![\w%])")


def is_sampled(
    settings: Settings, *, query_id: str, attempt: int, task: str, reference: Reference | None
) -> bool:
    """Whether this answer may be shown to the judge; alike at each redelivery.

    Of the tasks that ``judge.tasks`` lists, or, where it is empty, of the answers without a
    reference of their own or of their task.
    """
    judge = settings.judge
    if not judge.model or not _is_concerned(settings, task, reference):
        return False
    digest = hashlib.blake2b(f"{attempt} {query_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < judge.share * 2**64


def _is_concerned(settings: Settings, task: str, reference: Reference | None) -> bool:
    if settings.judge.tasks:
        return task in settings.judge.tasks
    declared = settings.tasks.get(task)
    return reference is None and (declared is None or declared.reference is None)


def can_judge(judge: Judge, response: Response) -> bool:
    """Whether there is a text to be judged, by another than the model that wrote it."""
    return (
        response.query is not None
        and response.error is None
        and bool(response.text)
        and response.model != judge.model
    )


def judge_query(judge: Judge, response: Response) -> Query:
    """What the judge is asked: its prompt, with {question} and {answer} filled in."""
    question = response.query.text if response.query else ""
    filled = {"{question}": question, "{answer}": response.text or ""}
    prompt = re.sub(r"\{(?:question|answer)\}", lambda found: filled[found[0]], judge.prompt)
    return Query(
        query_id=response.query_id,
        prompt=prompt,
        parameters=Parameters(temperature=0.0, max_tokens=judge.max_tokens),
    )


def score_in(reply: str) -> float | None:
    """The accuracy (0..1) that the reply gives; None where it isn't one number from 0 to 10."""
    found = {float(number) for number in _NUMBER.findall(reply)}
    if len(found) != 1 or (score := found.pop()) > BEST:
        return None
    return score / BEST


class Budget:
    """A token bucket: within any hour at most ``calls_per_hour``, a tenth of them at once.

    Args:
        calls_per_hour: of all processes together; this one has ``share`` of them, 0..1. A share
            of fewer than two calls is kept to in the mean over hours.
        now_s: seconds of a clock that never goes back.
    """

    def __init__(self, calls_per_hour: float, now_s: float, share: float = 1.0) -> None:
        self._calls_per_hour = calls_per_hour
        self._filled_s = now_s
        self._tokens = self._most = self._per_s = 0.0
        self.set_share(share, now_s)
        self._tokens = self._most

    def set_share(self, share: float, now_s: float) -> None:
        """From now on this process has this part of the budget."""
        self._fill(now_s)
        calls = self._calls_per_hour * share
        self._most = max(1.0, calls // 10) if calls > 0 else 0.0
        # An hour may begin with a full bucket, so only the rest of it comes in that hour.
        self._per_s = (calls - self._most if calls >= 2 else calls) / HOUR_S
        self._tokens = min(self._tokens, self._most)

    def take(self, now_s: float) -> bool:
        """Whether one more call is within the budget; if so, it is taken."""
        self._fill(now_s)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _fill(self, now_s: float) -> None:
        elapsed_s = max(0.0, now_s - self._filled_s)
        self._tokens = min(self._most, self._tokens + elapsed_s * self._per_s)
        self._filled_s = now_s
