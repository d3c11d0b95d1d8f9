"""``choice``: of several options, the answer's last statement names the right one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agents.graders.exact import normalise
from agents.graders.grade import GradeError, text_value
from schemas.query import Reference
from schemas.response import Response

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Every repetition is bounded, so that no text can hold up the grader.
_OPEN, _CLOSE = r"[*_`(\[{\"'$]{0,6}", r"[*_`)\]}\"'$]{0,6}"
_LETTER = rf"{_OPEN}\b([A-Za-z])\b{_CLOSE}"
_SAID = re.compile(
    r"\b(?:answer|choice|option|choose|chose|pick|select|letter)\b[*_`]{0,6}"
    r"(?:\s{1,4}(?:is|was|would\s+be|should\s+be|must\s+be|option|choice|letter)){0,3}"
    rf"\s{{0,4}}[:=]?[*_`\s]{{0,8}}(?:(?:option|choice|letter)\s{{1,4}})?{_LETTER}(?![\w'’])",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\\boxed\{\s{0,4}(?:\\text\{)?\s{0,4}\(?([A-Za-z])\)?\s{0,4}\}")
_MARKED = re.compile(r"\(([A-Za-z])\)|\*\*\(?([A-Za-z])[).:]?\*\*")
_BEGINS_LINE = re.compile(rf"^[^\S\n]{{0,40}}{_LETTER}\s{{0,4}}(?:[.):,]|$)", re.MULTILINE)
_LONE = re.compile(rf"^\s*{_LETTER}[.):\s]*\Z")
_CAPITAL = re.compile(r"(?<![\w'’])([B-HJ-Z]|A(?=\s*(?:[.,;:!?]|$)))(?![\w'’])")
_ARTICLE = re.compile(r"\s{1,40}[a-z]")


def _said(text: str, letters: str) -> Iterator[tuple[int, str]]:
    """Where the text says outright which letter is its answer; an article "a" isn't one."""
    for found in _SAID.finditer(text):
        begin = found.start(1)
        plain = found[0].endswith(found[1]) and text[begin - 1 : begin].isspace()
        article = found[1] in "aAI" and plain and _ARTICLE.match(text, found.end())
        if found[1].upper() in letters and not article:
            yield begin, found[1].upper()
    for found in _BOXED.finditer(text):
        yield found.start(), found[1].upper()


def _shown(text: str, letters: str) -> Iterator[tuple[int, str]]:
    """Where a letter is marked ("(B)", "**B**", "B." at a line's start), or alone in capitals."""
    for pattern in (_MARKED, _BEGINS_LINE, _CAPITAL):
        for found in pattern.finditer(text):
            letter = next(group for group in found.groups() if group).upper()
            if letter in letters:
                yield found.start(), letter


def _texts(text: str, options: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Where an option's own words stand; of two at one place, the longer last."""
    said = normalise(text)
    ordered = sorted(zip(LETTERS, map(normalise, options), strict=False), key=lambda o: len(o[1]))
    for letter, option in ordered:
        for found in re.finditer(rf"(?<!\w){re.escape(option)}(?!\w)", said) if option else ():
            yield found.end(), letter


def chosen(text: str, options: Sequence[str] = (), letters: str = LETTERS) -> str | None:
    """The letter that a text settles on, or None.

    What is stated outright ("the answer is B") counts before a letter that is only shown, and
    that before an option's words; among equals the last one wins.
    """
    if lone := _LONE.match(text):
        return lone[1].upper() if lone[1].upper() in letters else None
    for found in (_said(text, letters), _shown(text, letters), _texts(text, options)):
        if places := list(found):
            return sorted(places, key=lambda place: place[0])[-1][1]
    return None


def _expected(reference: Reference) -> tuple[str, list[str]]:
    """The right letter, and the options' texts where the reference gives them."""
    value = reference.value
    if not isinstance(value, dict):
        return text_value(reference).strip(), []
    answer, options = value.get("answer"), value.get("options")
    given = options if isinstance(options, list) else []
    strings = all(isinstance(option, str) for option in (answer, *given))
    if not strings or not 2 <= len(given) <= len(LETTERS):
        raise GradeError(
            "reference.value of kind 'choice' must be a letter, or have 'answer' (a text) and "
            f"'options' (2 to {len(LETTERS)} texts), got {value!r}"
        )
    return str(answer).strip(), given


def _letter(answer: str, options: list[str]) -> str:
    letters = LETTERS[: len(options) or None]
    words = [normalise(option) for option in options]
    if normalise(answer) in words:
        return letters[words.index(normalise(answer))]
    if len(answer) == 1 and answer.upper() in letters:
        return answer.upper()
    raise GradeError(
        f"reference.value of kind 'choice': {answer!r} is none of {options or letters}"
    )


def grade(response: Response, reference: Reference) -> float:
    """1 when the answer settles on the right option, by its letter or its words; else 0.

    ``reference.value`` is a letter, or ``{"answer": letter or text, "options": [texts]}``.
    """
    answer, options = _expected(reference)
    right = _letter(answer, options)
    letters = LETTERS[: len(options) or None]
    return float(chosen(response.text or "", options, letters) == right)
