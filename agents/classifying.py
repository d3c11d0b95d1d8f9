"""The task of a query that names none: a simple classifier by what the query holds.

1. ``input`` given: the first task, in the order of the configuration, that needs an embedding.
2. A text with signs of code, when there is a task ``code``: ``code``.
3. Otherwise ``routing.default_task``.
"""

from __future__ import annotations

import re

from schemas.query import Query
from streams.settings import Settings

CODE_TASK = "code"

_SIGNS_OF_CODE = re.compile(
    r"```"
    r"|\b(python|javascript|typescript|java|rust|golang|sql|bash|regex|html|css)\b"
    r"|\bc(\+\+|#)(?!\w)"
    r"|\b(code|function|method|class|compile|debug|refactor|unit test|stack trace|traceback)\b"
    r"|\b(def|return|import|lambda|const|async|await|public|static|void)\b.{0,80}[(){};:]"
    r"|[\w\])]\s{0,4}(==|!=|\+=|->|=>|::)\s{0,4}\w"
    r"|\w\([^)]{0,80}\)\s{0,4}[;{:]",
    re.IGNORECASE,
)
_READ_AT_MOST = 4000
"""Characters. Every repetition in the pattern is bounded: no text may hold up the router."""


def classify(settings: Settings, query: Query) -> str:
    """The query's own task, else the classifier's; the task need not exist."""
    if query.task is not None:
        return query.task
    if query.input is not None:
        for name, task in settings.tasks.items():
            if task.needs == "embedding":
                return name
    if CODE_TASK in settings.tasks and _SIGNS_OF_CODE.search(query.text[:_READ_AT_MOST]):
        return CODE_TASK
    return settings.routing.default_task
