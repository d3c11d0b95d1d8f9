"""``rules-log`` and ``rules``: one rule for each whole window, and the table as the log has it."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.routing_rule import RoutingRule
from schemas.wire import WireError, decode
from tests.chaos.reading import Record


@dataclass
class Rules:
    """What the tuner has published."""

    count: int = 0
    versions: dict[tuple[str, int], bytes] = field(default_factory=dict)
    differing: int = 0
    windows: set[tuple[str, int]] = field(default_factory=set)
    newest: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    table: dict[str, bytes] = field(default_factory=dict)

    def take_logged(self, record: Record) -> None:
        """Notes a version; a copy must be the same."""
        try:
            rule = decode(RoutingRule, record.value)
        except WireError:
            return
        value = record.value or b""
        self.count += 1
        before = self.versions.setdefault((rule.task, rule.version), value)
        self.differing += before != value
        self.windows.add((rule.task, rule.window_end_at))
        self.newest[rule.task] = max(self.newest.get(rule.task, (0, b"")), (rule.version, value))

    def take_current(self, record: Record) -> None:
        """Notes the rule in force."""
        try:
            rule = decode(RoutingRule, record.value)
        except WireError:
            return
        self.table[rule.task] = record.value or b""

    def without_rule(self, whole: set[tuple[str, int]]) -> list[tuple[str, int]]:
        """Windows with data that have led to no rule."""
        return sorted(whole - self.windows)

    def stale(self) -> list[str]:
        """Tasks whose rule in force isn't the newest of the log."""
        newest = {task: value for task, (_, value) in self.newest.items()}
        return sorted(task for task, value in newest.items() if self.table.get(task) != value)
