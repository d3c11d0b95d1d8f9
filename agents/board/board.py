"""All that the page shows, folded from records as they come. Pure: no I/O, and time is handed in.

Memory is bounded whatever is on the topics: models are those of the settings, tasks those and a
few others, lists have a length, texts are cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from agents.board.decisions import Decisions, Spot
from agents.board.flow import Flow, Lags
from agents.board.last_windows import LastWindows
from agents.board.letters import Letters
from agents.board.model_states import ModelStates
from agents.board.serving_figures import ServingFigures
from agents.board.task_rules import TaskRules
from schemas.assignment import Assignment
from schemas.dead_letter import DeadLetter
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.model_status import ModelStatus
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.window_score import WindowScore
from schemas.wire import Event
from streams.clock import NowMs
from streams.redrive.mark import Place
from streams.settings import Settings

MOST_OTHER_TASKS = 20
MOST_AT_ONCE = 200
"""So many decisions go out in one update; of more, the newest."""


class Board:
    """The state behind the page.

    ``seq`` grows with each change, so that a client can be told what is new since its last.
    """

    def __init__(self, settings: Settings, now_ms: NowMs) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._count = count(1)
        self.seq = 0
        self.unreadable = 0
        self.decisions = Decisions(self._tick)
        self._flow, self._flow_seq = Flow(), 0
        self._letters, self._letters_seq = Letters(), 0
        self._states = ModelStates(settings.models, settings.breaker.report_s)
        self._figures = {name: ServingFigures() for name in settings.models}
        self._tasks = {name: TaskRules(name, self._tick) for name in settings.tasks}
        self._windows = {name: LastWindows() for name in settings.tasks}

    def _tick(self) -> int:
        self.seq = next(self._count)
        return self.seq

    def put(self, topic: str, event: Event, place: Place, timestamp_at: int) -> None:
        """Takes a record of a topic (without prefix); one that says it is of tomorrow is of now."""
        at = max(0, min(timestamp_at, self._now_ms()))
        match event:
            case RoutingRule():
                self._put_rule(topic, event, at)
            case WindowScore():
                self._put_window(event)
            case ModelStatus():
                self._states.put(event, at)
            case Metric():
                self._put_metric(event, at)
            case DeadLetter():
                self._letters.put(event, place, at)
                self._letters_seq = self._tick()
            case _:
                self._put_query(event, Spot(topic, *place), at)

    def _put_query(self, event: Event, spot: Spot, at: int) -> None:
        match event:
            case Response():
                self.decisions.put_response(event, spot, at)
            case Assignment():
                self.decisions.put_reroute(event, spot, at)
            case Feedback():
                self.decisions.put_feedback(event)

    def _put_metric(self, metric: Metric, at: int) -> None:
        self.decisions.put_metric(metric, at)
        figures = self._figures.get(metric.model)
        if metric.kind == "outcome" and metric.replay is None and figures is not None:
            figures.put(metric, at)

    def _put_rule(self, topic: str, rule: RoutingRule, at: int) -> None:
        if rule.task not in self._tasks:
            if len(self._tasks) >= len(self._settings.tasks) + MOST_OTHER_TASKS:
                return
            self._tasks[rule.task] = TaskRules(rule.task, self._tick)
        task = self._tasks[rule.task]
        if topic == "rules-log":
            task.put_logged(rule, at)
        else:
            task.put(rule, at)

    def _put_window(self, part: WindowScore) -> None:
        windows = self._windows.get(part.task)
        if windows is not None:
            windows.put(part)
            self._tasks[part.task].seq = self._tick()

    def put_unreadable(self) -> None:
        """Counts a record that is no event of its topic."""
        self.unreadable += 1

    def put_flow(self, at_s: float, ends: Mapping[str, int], lags: Lags | None) -> None:
        """Takes the topics' ends, in sums, and the groups' lags where they were asked for."""
        self._flow.put_ends(at_s, ends)
        if lags is not None:
            self._flow.put_lags(lags)
        self._flow_seq = self._tick()

    def beat(self) -> dict[str, Any]:
        """That nothing has changed."""
        return {"seq": self.seq, "at": self._now_ms()}

    def snapshot(self) -> dict[str, Any]:
        """Everything."""
        return {"system": self._system(), **self.since(0, most=len(self.decisions))}

    def since(self, seq: int, most: int = MOST_AT_ONCE) -> dict[str, Any]:
        """What has changed after ``seq``: of what is a list only what is new or has changed."""
        decisions, skipped = self.decisions.since(seq, most)
        found: dict[str, Any] = {"seq": self.seq, "at": self._now_ms()}
        if self._flow_seq > seq:  # once a second: figures of the last minutes change with it
            found["flow"] = self._flow.view()
            found["models"] = self._models()
        if tasks := [self._task(task, seq) for task in self._tasks.values() if task.seq > seq]:
            found["tasks"] = tasks
        if self._letters_seq > seq:
            found["letters"] = self._letters.view()
        if decisions:
            found["decisions"], found["skipped"] = decisions, skipped
        return found

    def _task(self, task: TaskRules, seq: int) -> dict[str, Any]:
        windows = self._windows.get(task.task)
        return {
            **task.view(),
            "points": task.points_since(seq),
            "last_window": windows.view() if windows else None,
        }

    def _models(self) -> list[dict[str, Any]]:
        now = self._now_ms()
        return [
            {"name": name, **self._states.view(name, now), **figures.view(now)}
            for name, figures in self._figures.items()
        ]

    def _system(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "prefix": settings.kafka.prefix,
            "models": [
                {"name": name, "size": model.size, "serves": list(model.serves)}
                for name, model in settings.models.items()
            ],
            "tasks": list(settings.tasks),
            "archive": bool(settings.archive.directory),
            "window_s": settings.windows.size_s,
        }
