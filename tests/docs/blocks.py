"""The shell commands of a page: those in its blocks, and those in its table of what to do."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELL = frozenset({"sh", "bash", "shell", "console"})
PROGRAMS = frozenset({"zeta", "echo", "kcat", "curl", "docker", "python"})
_FENCE = re.compile(r"^(\s*)```(\w*)")
_SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Command:
    """One command as a shell reads it, which may be several lines."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        """Where it is, and its beginning."""
        return f"{self.page}:{self.line}: {self.text.splitlines()[0]}"


def commands(page: Path) -> list[Command]:
    """The page's commands, in their order."""
    lines = page.read_text("utf-8").splitlines()
    return [each for first, text in _pieces(lines) for each in _split(page.name, first, text)]


def fenced(page: Path, language: str) -> Iterator[tuple[str, str]]:
    """Blocks of a language: what stands after the language (a title), and the text."""
    pattern = rf"^```{language}([^\n]*)\n(.*?)^```$"
    found = re.findall(pattern, page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for title, text in found:
        yield str(title).strip(), str(text)


def _pieces(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Runs of shell lines, with the number of the first."""
    number, table = 0, False
    while number < len(lines):
        line = lines[number]
        head = _FENCE.match(line)
        if head:
            end = next(i for i in range(number + 1, len(lines)) if lines[i].strip() == "```")
            if head[2] in SHELL:
                yield number + 2, [_unprompted(one) for one in lines[number + 1 : end]]
            number = end + 1
            continue
        if line.startswith("    ") and not (number and lines[number - 1].strip()):
            end = number
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            yield number + 1, [one.removeprefix("    ") for one in lines[number:end]]
            number = end
            continue
        table = line.startswith("|") and (table or "| do |" in line)
        if table:
            for text in _of_row(line):
                yield number + 1, [text]
        number += 1


def _unprompted(line: str) -> str:
    return line.removeprefix("$ ")


def _of_row(line: str) -> Iterator[str]:
    """Commands in the table's last cell; a span that is part of one isn't."""
    cell = re.split(r"(?<!\\)\|", line)[-2]
    for span in _SPAN.findall(cell):
        text = span.replace("\\|", "|").strip()
        word = text.split()[0]
        if word in PROGRAMS or word.startswith("scripts/"):
            yield text


def _split(page: str, first: int, lines: list[str]) -> Iterator[Command]:
    """Whole commands: lines are taken together until bash finds them complete."""
    held: list[str] = []
    for number, line in enumerate(lines, first):
        held.append(line)
        text = "\n".join(held).strip()
        if not text or (text.startswith("#") and len(held) == 1):
            held.clear()
        elif _is_whole(text):
            yield Command(page, number - len(held) + 1, text)
            held.clear()
    assert not held, f"{page}:{first}: bash can't read this block to its end: {held}"


def _is_whole(text: str) -> bool:
    if text.endswith("\\"):
        return False
    done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False)
    return done.returncode == 0 and not done.stderr
