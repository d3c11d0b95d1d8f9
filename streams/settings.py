"""``zeta.toml``: everything that can be set, checked as a whole before anything starts.

Later sources win: the file, then ``ZETA_<SECTION>_<KEY>`` variables (``KAFKA_BOOTSTRAP`` also
names the broker), then ``--set section.key=value`` flags. In variable names a model's or task's
name is upper case with ``_`` for every other character: ``ZETA_MODELS_CODE_7B_ENDPOINT``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from schemas.control import RoutingConfiguration
from streams.archive.redactable import problem
from streams.grading_sections import Feedback, Grading, Judge
from streams.kafka_check import check_kafka, refuse_literals
from streams.model_check import check_models
from streams.overrides import apply_overrides, read_toml
from streams.secret_source import has_credentials, source_problem
from streams.sections import (
    Archive,
    Breaker,
    Kafka,
    Model,
    Name,
    ObjectiveName,
    PolicyName,
    Protocol,
    Routing,
    Section,
    Task,
    Windows,
)
from streams.serving_sections import Dashboard, Gateway, Metrics
from streams.table_check import SettingsError, Where, as_struct, check_sections

__all__ = [
    "Archive",
    "Breaker",
    "Dashboard",
    "Feedback",
    "Gateway",
    "Grading",
    "Judge",
    "Kafka",
    "Metrics",
    "Model",
    "Name",
    "ObjectiveName",
    "PolicyName",
    "Protocol",
    "Routing",
    "Section",
    "Settings",
    "SettingsError",
    "Task",
    "Windows",
    "load",
]


class Settings(Section, frozen=True, kw_only=True):
    """The whole configuration. ``load`` is the way to get one."""

    kafka: Kafka = msgspec.field(default_factory=Kafka)
    models: dict[Name, Model] = msgspec.field(default_factory=dict)
    tasks: dict[Name, Task] = msgspec.field(default_factory=dict)
    routing: Routing = msgspec.field(default_factory=Routing)
    breaker: Breaker = msgspec.field(default_factory=Breaker)
    windows: Windows = msgspec.field(default_factory=Windows)
    grading: Grading = msgspec.field(default_factory=Grading)
    feedback: Feedback = msgspec.field(default_factory=Feedback)
    judge: Judge = msgspec.field(default_factory=Judge)
    archive: Archive = msgspec.field(default_factory=Archive)
    gateway: Gateway = msgspec.field(default_factory=Gateway)
    dashboard: Dashboard = msgspec.field(default_factory=Dashboard)
    metrics: Metrics = msgspec.field(default_factory=Metrics)

    def candidates(self, task: str) -> tuple[str, ...]:
        """The models that may serve the task, in the order of the file."""
        row = self.tasks[task]
        return tuple(
            name
            for name, model in self.models.items()
            if row.needs in model.serves and (not row.candidates or name in row.candidates)
        )

    def prior(self, task: str) -> dict[str, float]:
        """The task's starting weights, which sum to 1: its prior, else equal shares."""
        names = self.candidates(task)
        given = self.tasks[task].prior
        if not given:
            return {name: 1 / len(names) for name in names}
        return {name: given.get(name, 0.0) for name in names}

    def routing_configuration(self, task: str) -> RoutingConfiguration:
        """All that a rule for this task depends on besides the scores."""
        routing = self.routing
        return RoutingConfiguration(
            task=task,
            candidates=sorted(self.candidates(task)),
            prior=self.prior(task),
            policy=routing.policy,
            objective=routing.objective,
            prior_mass=routing.prior_mass,
            exploration=routing.exploration,
            largest_step=routing.largest_step,
            min_samples=routing.min_samples,
            dwell_windows=routing.dwell_windows,
            margin=routing.margin,
            discount=routing.discount,
            sharpness=routing.sharpness,
            seed_threshold=routing.seed_threshold,
            epoch_windows=routing.epoch_windows,
            panes=self.windows.panes,
            detection=routing.detection,
            probe=routing.probe,
            epsilon=routing.epsilon,
            largest_share=routing.largest_share,
            cold_share=routing.cold_share,
            quality_weight=routing.quality_weight,
            latency_weight=routing.latency_weight,
            price_weight=routing.price_weight,
            latency_target_s=self.tasks[task].latency_target_s,
            service_discount=routing.service_discount,
            feedback_per_window=self.feedback.per_source_per_window,
        )


def load(
    path: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[str, str] | None = None,
) -> Settings:
    """The settings in ``path`` (None: the defaults), overridden by variables, then flags.

    Raises:
        SettingsError: one sentence that names the source, the key and what is allowed.
    """
    file = str(path) if path is not None else "settings"
    raw = read_toml(path) if path is not None else {}
    check_sections(raw, Settings, Where(file))
    where = Where(file, apply_overrides(raw, environment, flags or {}, Settings))
    refuse_literals(raw.get("kafka", {}), where)
    settings = as_struct(raw, Settings, where)
    check_kafka(settings.kafka, where)
    check_models(settings.models, where)
    for name in settings.tasks:
        _check_task(settings, name, where)
    _check_default_task(settings, where)
    _check_judge(settings, where)
    _check_archive(settings.archive, where)
    _check_keys(settings, where)
    return settings


def _check_task(settings: Settings, name: str, where: Where) -> None:
    task, key = settings.tasks[name], f"tasks.{name}"
    _check_candidates(task, key, settings.models, where)
    candidates = settings.candidates(name)
    if not candidates:
        problem = f"no capable model: declare one whose serves has {task.needs!r}"
        raise where.error(key, problem)
    for model in task.prior:
        if model not in candidates:
            problem = f"is no candidate; candidates are {', '.join(candidates)}"
            raise where.error(f"{key}.prior.{model}", problem)
    total = sum(task.prior.values())
    if task.prior and abs(total - 1) > 1e-6:
        raise where.error(f"{key}.prior", f"weights must sum to 1; they sum to {total:g}")


def _check_candidates(task: Task, key: str, models: Mapping[str, Model], where: Where) -> None:
    key = f"{key}.candidates"
    for model in task.candidates:
        if model not in models:
            known = ", ".join(models) or "none"
            raise where.error(key, f"no model is named {model!r}; models are: {known}")
        if task.needs not in models[model].serves:
            raise where.error(key, f"{model} does not serve {task.needs}, which the task needs")
    if len(set(task.candidates)) < len(task.candidates):
        twice = next(name for name in task.candidates if task.candidates.count(name) > 1)
        raise where.error(key, f"must name each model once; got {twice} twice")


def _check_default_task(settings: Settings, where: Where) -> None:
    default = settings.routing.default_task
    if settings.tasks and default not in settings.tasks:
        known = ", ".join(settings.tasks)
        raise where.error("routing.default_task", f"must be one of {known}; got {default!r}")


def _check_judge(settings: Settings, where: Where) -> None:
    judge = settings.judge
    if judge.model and judge.model not in settings.models:
        known = ", ".join(settings.models) or "none"
        problem = f"no model is named {judge.model!r}; models are: {known}"
        raise where.error("judge.model", problem)
    if judge.model and "chat" not in settings.models[judge.model].serves:
        raise where.error("judge.model", f"{judge.model} does not serve chat, which a judge needs")
    for task in judge.tasks:
        if task not in settings.tasks:
            known = ", ".join(settings.tasks) or "none"
            raise where.error("judge.tasks", f"no task is named {task!r}; tasks are: {known}")
    for place in ("{question}", "{answer}"):
        if place not in judge.prompt:
            raise where.error("judge.prompt", f"must have {place} in it")


def _check_keys(settings: Settings, where: Where) -> None:
    gateway = settings.gateway
    if source := source_problem(gateway.keys_variable, gateway.keys_file):
        raise where.error(f"gateway.keys_{source[0]}", source[1])
    dashboard = settings.dashboard
    if source := source_problem(dashboard.key_variable, dashboard.key_file):
        raise where.error(f"dashboard.key_{source[0]}", source[1])


def _check_archive(archive: Archive, where: Where) -> None:
    if has_credentials(archive.directory):
        wrong = "must hold no user or password: the store's own variables or files hold those"
        raise where.error("archive.directory", wrong)
    if source := source_problem(archive.redact_key_variable, archive.redact_key_file):
        raise where.error(f"archive.redact_key_{source[0]}", source[1])
    found = problem(archive.redact, archive.redact_key_variable or archive.redact_key_file)
    if found is not None:
        key, wrong = found
        raise where.error(f"archive.{key}", wrong)
