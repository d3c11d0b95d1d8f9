r"""What a simulated model answers, how long it takes, and which fault strikes: all reproducible.

Every random choice is a pure function of (seed, model, prompt, how often that prompt came before,
what is being chosen), so a run gives the same answers whatever the order of arrival, and a model
whose accuracy falls only loses answers: none that was wrong becomes right.

The prompt itself says what is right, so that the product's own graders judge the answer:

- a line `sim-answer: <text>`: `<text>` is the right answer (the last such line counts). A JSON
  string in double quotes is decoded first, so that `"a\nb"` can be an answer of two lines;
- a line `sim-task: <task>`: selects the accuracy when that is given per task;
- otherwise arithmetic as in `12 + 30` (also `-`, `*`) is really done;
- anything else gets a filler text that depends on the prompt alone, and is neither right nor wrong.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from statistics import NormalDist
from typing import Literal

import msgspec

from agents.simulation.profile import FAULT_RATES, Behaviour, Latency, accuracy_of

Fault = Literal["error", "hang", "garbage", "truncate"]
Verdict = Literal["right", "wrong", "filler"]
FAULTS: tuple[Fault, ...] = ("error", "hang", "garbage", "truncate")

ANSWER = re.compile(r"^[ \t]*sim-answer:(.*)$", re.MULTILINE)
TASK = re.compile(r"^[ \t]*sim-task:[ \t]*(\S+)[ \t\r]*$", re.MULTILINE)
# A bare minus without spaces would make sums of dates and ranges.
SUM = re.compile(r"(?<![\w.-])(-?\d{1,9})(?:\s*([+*])\s*|\s+(-)\s+)(-?\d{1,9})(?![\w.])")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
WORDS = (
    *("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "juniper"),
    *("kelp", "lagoon", "meadow", "north", "otter", "pebble", "quarry", "ridge", "spruce"),
    *("tundra", "umber", "valley", "willow", "yarrow", "zephyr"),
)
P95_Z = NormalDist().inv_cdf(0.95)

Draw = Callable[[str], float]
"""Gives the uniform number in (0, 1) that belongs to a choice's name; the same each time."""


class Answer(msgspec.Struct, frozen=True):
    """The text that the model means to give, and whether it is right."""

    text: str
    verdict: Verdict


def draw_for(seed: int, model: str, prompt: str, attempt: int) -> Draw:
    """The random source of one call: `attempt` counts earlier calls with the same prompt."""
    key = blake2b(repr((seed, model, prompt, attempt)).encode(), digest_size=32).digest()

    def uniform(what: str) -> float:
        digest = blake2b(what.encode(), key=key, digest_size=8).digest()
        return ((int.from_bytes(digest) >> 12) + 0.5) / 2**52

    return uniform


def fault_for(behaviour: Behaviour, draw: Draw) -> Fault | None:
    """The fault that strikes this call, or none."""
    below = 0.0
    for fault, rate in zip(FAULTS, FAULT_RATES, strict=True):
        below += getattr(behaviour, rate)
        if draw("fault") < below:
            return fault
    return None


def status_for(behaviour: Behaviour, draw: Draw) -> int:
    """The HTTP status of an injected error."""
    statuses = behaviour.error_statuses
    return statuses[int(draw("status") * len(statuses))]


def latency_for(latency: Latency, draw: Draw) -> float:
    """Seconds of service on an idle model."""
    if latency.p95_s is None:
        return latency.median_s
    sigma = math.log(latency.p95_s / latency.median_s) / P95_Z
    return latency.median_s * math.exp(sigma * NormalDist().inv_cdf(draw("latency")))


def is_right(behaviour: Behaviour, task: str, draw: Draw) -> bool:
    """Whether the model gets this call right."""
    return draw("right") < accuracy_of(behaviour, task)


def answer_for(behaviour: Behaviour, prompt: str, draw: Draw) -> Answer:
    """What the model says to `prompt`, by the convention in this module's description."""
    right = right_text(prompt)
    if right is None:
        return Answer(filler_text(prompt), "filler")
    if is_right(behaviour, task_of(prompt), draw):
        return Answer(right, "right")
    return Answer(wrong_text(right, draw), "wrong")


def task_of(prompt: str) -> str:
    """The task that the prompt names, or an empty text."""
    return last[-1] if (last := TASK.findall(prompt)) else ""


def right_text(prompt: str) -> str | None:
    """The right answer to `prompt`, or None when it has none."""
    if lines := ANSWER.findall(prompt):
        return _unquoted(lines[-1].strip(" \t\r"))
    if found := SUM.search(prompt):
        a, b = int(found[1]), int(found[4])
        return str({"+": a + b, "-": a - b, "*": a * b}[found[2] or found[3]])
    return None


def wrong_text(right: str, draw: Draw) -> str:
    """A text that no sensible grader takes for `right`.

    It shares no word with it and neither contains the other; a number stays a number and a letter
    a letter, so that the answer is wrong and not merely malformed.
    """
    for candidate in itertools.islice(_candidates(right, draw), 200):
        if _differs(right, candidate):
            return candidate
    return ""


def filler_text(prompt: str) -> str:
    """Eight to twenty words that depend on the prompt alone."""
    draw = draw_for(0, "filler", prompt, 0)
    count = 8 + int(draw("count") * 13)
    words = (WORDS[int(draw(f"word {i}") * len(WORDS))] for i in range(count))
    return " ".join(words).capitalize() + "."


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return msgspec.json.decode(text, type=str)
        except msgspec.DecodeError:
            return text
    return text


def _candidates(right: str, draw: Draw) -> Iterator[str]:
    if NUMBER.fullmatch(right) and len(right) < 300:
        number = abs(int(float(right))) if "." in right else abs(int(right))
        for i in itertools.count():
            yield str(2 * number + 3 + i + int(draw("wrong") * 90))
    if len(right) == 1:
        yield from (chr(65 + (int(draw("wrong") * 4) + i) % 4) for i in range(4))
    for i in itertools.count():
        picks = (WORDS[int(draw(f"wrong {i}.{j}") * len(WORDS))] for j in range(3))
        yield " ".join(picks)


def _differs(right: str, candidate: str) -> bool:
    a, b = right.casefold(), candidate.casefold()
    if a in b or b in a:
        return False
    return not set(re.findall(r"\w+", a)) & set(re.findall(r"\w+", b))
