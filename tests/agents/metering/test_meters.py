"""What roles count: what it means, and that nobody's records can make it grow."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from agents.breaker import Breaker
from agents.metering.aggregator import AggregatorMeters
from agents.metering.archiver import ArchiverMeters
from agents.metering.grader import GraderMeters
from agents.metering.listing import catalogue
from agents.metering.router import RouterMeters
from agents.metering.tuner import TunerMeters
from agents.metering.worker import ModelMeters
from agents.roles import role_names
from schemas.assignment import Decision
from schemas.metric import Metric
from schemas.response import AnswerError, Response, Timings, Usage
from schemas.routing_rule import PolicyState
from schemas.window_score import ModelSummary, WindowScore
from tests.agents.routing_parts import SETTINGS, rule

MODELS = list(SETTINGS.models)
TASKS = list(SETTINGS.tasks)
NAME = re.compile(r"zeta_[a-z0-9_]+|process_[a-z_]+|python_[a-z_]+")
UNITS = ("_seconds", "_bytes", "_ratio", "_total", "_records", "_usd_total")
PLAIN = {
    "zeta_build_info",
    "zeta_gateway_waiting",
    "zeta_model_breaker_state",
    "zeta_open_windows",
    "zeta_propensity",
    "zeta_ready",
    "zeta_rule_version",
    "zeta_tuner_active",
}
"""Counts, states and probabilities have no unit."""

LABELS = {"model", "task", "topic", "partition", "role", "kind", "outcome", "reason", "state"}
LABELS |= {"route", "status", "version"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def sets_of(registry: CollectorRegistry) -> int:
    """How many combinations of labels there are, of all metrics."""
    return sum(len(family.samples) for family in registry.collect())


def decision(task: str, model: str, version: int = 1, kind: str = "policy") -> Decision:
    return Decision(
        model=model,
        task=task,
        kind=kind,  # type: ignore[arg-type]
        eligible=[model],
        propensities={model: 0.25},
        rule_version=version,
        reason="",
        decided_at=0,
    )


def response(task: str | None, model: str | None, **fields: object) -> Response:
    made = Response(query_id="q", task=task, model=model, answered_at=0)
    return msgspec.structs.replace(made, **fields)


def judgement(task: str, model: str, grader: str) -> Metric:
    return Metric(
        query_id="q",
        attempt=1,
        model=model,
        task=task,
        kind="judgement",
        grader=grader,
        accuracy=0.75,
        decided_at=0,
        observed_at=0,
    )


def test_the_catalogue_follows_the_conventions() -> None:
    rows = catalogue()
    assert [row.name for row in rows] == sorted({row.name for row in rows})
    for row in rows:
        assert NAME.fullmatch(row.name), row.name
        assert row.help
        assert row.roles
        if not row.name.startswith("zeta_"):
            continue
        assert row.type in ("counter", "gauge", "histogram")
        assert set(row.labels) <= LABELS, row
        assert (row.type == "counter") == row.name.endswith("_total"), row
        assert row.name.endswith(UNITS) or row.name in PLAIN, row.name
        assert row.help.endswith("."), row


def test_the_catalogue_has_every_role() -> None:
    named = {role for row in catalogue() for role in row.roles}
    running = {name.partition("-")[0] for name in role_names(SETTINGS)} | {"archiver"}
    assert running <= named


def test_a_thousand_unknown_names_are_one(registry: CollectorRegistry) -> None:
    grader = GraderMeters(registry, SETTINGS)
    aggregator = AggregatorMeters(registry, SETTINGS, lambda: 0)
    counted: list[int] = []
    for number in range(1000):
        name = f"unknown-{number}"
        grader.answered(response(name, name))
        grader.graded(judgement(name, name, f"{name}:{name}"))
        grader.graded(judgement(name, name, f"feedback:{name}"))
        aggregator.closed(part(name))
        counted.append(sets_of(registry))
    assert counted[-1] == counted[0]
    labels = {"task": "other", "kind": "feedback"}
    assert registry.get_sample_value("zeta_grades_total", labels) == 1000


def test_rules_of_unknown_tasks_are_not_counted_apart(registry: CollectorRegistry) -> None:
    tuner = TunerMeters(registry, SETTINGS, lambda: True)
    routers = CollectorRegistry()
    router = RouterMeters(routers, SETTINGS, lambda: 0)
    before = sets_of(routers)
    for number in range(1000):
        made = msgspec.structs.replace(rule(TASKS[0]), task=f"unknown-{number}")
        tuner.published(made)
        router.ruled(made, 0)
    assert sets_of(routers) == before
    assert sets_of(registry) == 2
    labels = {"task": "other", "kind": "policy"}
    assert registry.get_sample_value("zeta_rules_published_total", labels) == 1000


def part(task: str, **fields: object) -> WindowScore:
    made = WindowScore(
        task=task,
        partition=0,
        partitions=1,
        window_start_at=0,
        window_end_at=1,
        next_offset=9,
        models={"m": ModelSummary(outcomes=3, judgements=2)},
        late=1,
        duplicates=4,
    )
    return msgspec.structs.replace(made, **fields)


def test_an_aggregator_counts_what_became_of_metrics(registry: CollectorRegistry) -> None:
    meters = AggregatorMeters(registry, SETTINGS, lambda: 7)
    meters.closed(part(TASKS[0]))
    meters.closed(part(TASKS[0], next_offset=0, models={}))
    meters.refused()
    found = {
        kind: registry.get_sample_value("zeta_metrics_total", {"outcome": kind})
        for kind in ("folded", "late", "duplicate", "refused")
    }
    assert found == {"folded": 5, "late": 1, "duplicate": 4, "refused": 1}
    assert registry.get_sample_value("zeta_windows_closed_total", {"task": TASKS[0]}) == 1
    assert registry.get_sample_value("zeta_open_windows") == 7


def loop_delays(registry: CollectorRegistry, task: str) -> tuple[float | None, float | None]:
    name = "zeta_control_loop_delay_seconds"
    labels = {"task": task}
    return (
        registry.get_sample_value(f"{name}_count", labels),
        registry.get_sample_value(f"{name}_sum", labels),
    )


def test_the_loop_is_closed_by_the_first_query_of_a_windows_rule(
    registry: CollectorRegistry,
) -> None:
    task, model = TASKS[0], MODELS[0]
    meters = RouterMeters(registry, SETTINGS, lambda: 9000)

    def ruled(version: int, window_end_at: int) -> None:
        made = msgspec.structs.replace(rule(task), version=version, window_end_at=window_end_at)
        meters.ruled(made, 8000)

    ruled(1, 1000)
    ruled(2, 2000)
    meters.decided(decision(task, model, 2), 0.0, 2500)
    assert loop_delays(registry, task) == (None, None), "what it found at its start is no news"
    ruled(3, 3000)
    meters.decided(decision(task, model, 2), 0.0, 3100)  # it was decided by the rule before
    meters.decided(decision(task, model, 3), 0.0, 4500)
    meters.decided(decision(task, model, 3), 0.0, 9500)
    assert loop_delays(registry, task) == (1, 1.5)
    ruled(4, 3000)  # an order's: no window is behind it
    meters.decided(decision(task, model, 4), 0.0, 9900)
    assert loop_delays(registry, task) == (1, 1.5)
    assert registry.get_sample_value("zeta_rule_version", {"task": task}) == 4
    assert registry.get_sample_value("zeta_rule_age_seconds", {"task": task}) == 1.0


def test_a_router_counts_all_decisions_and_times_one_a_millisecond(
    registry: CollectorRegistry,
) -> None:
    meters = RouterMeters(registry, SETTINGS, lambda: 0)
    task, model = TASKS[0], MODELS[0]
    for now in (5, 5, 5, 6):
        meters.decided(decision(task, model), 0.0, now)
    meters.decided(decision(task, model, kind="pin"), 0.0, 7)
    labels = {"task": task, "model": model, "kind": "policy"}
    assert registry.get_sample_value("zeta_decisions_total", labels) == 4
    assert registry.get_sample_value("zeta_decision_seconds_count") == 3
    assert registry.get_sample_value("zeta_propensity_count", {"task": task}) == 2
    within = registry.get_sample_value("zeta_propensity_bucket", {"task": task, "le": "0.25"})
    assert within == 2


@pytest.mark.parametrize(
    ("alarms", "counted"),
    [
        ([(1, 0), (2, 0)], None),
        ([(5, 5)], 1),
        ([(5, 5), (5, 5), (6, 5), (7, 7)], 2),
        ([(9, 5)], None),  # of before this process
    ],
)
def test_a_tuner_counts_an_alarm_once(
    registry: CollectorRegistry, alarms: Sequence[tuple[int, int]], counted: float | None
) -> None:
    meters = TunerMeters(registry, SETTINGS, lambda: True)
    for windows, alarm in alarms:
        state = PolicyState(windows=windows, alarm_window=alarm)
        meters.published(msgspec.structs.replace(rule(TASKS[0]), state=state))
    assert registry.get_sample_value("zeta_change_alarms_total", {"task": TASKS[0]}) == counted


def test_a_worker_counts_its_answers(registry: CollectorRegistry) -> None:
    meters = ModelMeters(registry, "m", Breaker(SETTINGS.breaker, "m"))
    timings = Timings(queue_s=0.2, inference_s=1.5, first_token_s=0.3, total_s=2.0)
    usage = Usage(prompt_tokens=10, completion_tokens=20)
    meters.answered(response("code", "m", timings=timings, usage=usage, cost_usd=0.5))
    meters.answered(response("code", "m"))
    meters.rerouted("timeout")
    model = {"model": "m"}
    value = registry.get_sample_value
    assert value("zeta_queue_seconds_count", model) == 2
    assert value("zeta_inference_seconds_sum", model) == 1.5
    assert value("zeta_first_token_seconds_count", model) == 1
    assert value("zeta_tokens_total", {**model, "kind": "completion"}) == 20
    assert value("zeta_cost_usd_total", model) == 0.5
    assert value("zeta_reroutes_total", {**model, "reason": "timeout"}) == 1
    assert value("zeta_model_handed_on_total", model) == 0
    assert value("zeta_model_breaker_state", {**model, "state": "healthy"}) == 1


def test_a_grader_counts_errors_by_kind(registry: CollectorRegistry) -> None:
    meters = GraderMeters(registry, SETTINGS)
    task, model = TASKS[0], MODELS[0]
    error = AnswerError(kind="deadline", message="")
    meters.answered(response(task, model, timings=Timings(total_s=2.0)))
    meters.answered(response(task, None, error=error))
    meters.graded(judgement(task, model, "exact"))
    value = registry.get_sample_value
    assert value("zeta_answers_total", {"task": task, "model": model, "outcome": "ok"}) == 1
    missed = {"task": task, "model": "none", "outcome": "deadline"}
    assert value("zeta_answers_total", missed) == 1
    assert value("zeta_end_to_end_seconds_sum", {"task": task}) == 2.0
    assert value("zeta_grades_total", {"task": task, "kind": "exact"}) == 1
    assert value("zeta_accuracy_ratio_sum", {"task": task, "model": model}) == 0.75


def test_an_archiver_counts_files(registry: CollectorRegistry) -> None:
    meters = ArchiverMeters(registry, lambda: 12.5)
    meters.published("queries", 100, 4096)
    meters.published("queries", 50, 1024)
    topic = {"topic": "queries"}
    names = ("files", "rows", "bytes")
    found = [registry.get_sample_value(f"zeta_archived_{name}_total", topic) for name in names]
    assert found == [2, 150, 5120]
    assert registry.get_sample_value("zeta_unarchived_seconds") == 12.5
