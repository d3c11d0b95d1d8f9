"""Every metric of every role, from the code that counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from agents.breaker import Breaker
from agents.metering.aggregator import AggregatorMeters
from agents.metering.archiver import ArchiverMeters
from agents.metering.grader import GraderMeters
from agents.metering.process import describe_process
from agents.metering.router import RouterMeters
from agents.metering.tuner import TunerMeters
from agents.metering.worker import ModelMeters
from agents.serving.meters import GatewayMeters
from streams.instruments import Instrument
from streams.metering import RoleMeters
from streams.settings import Settings


class Meter(NamedTuple):
    """One metric: its name as queries have it (a histogram without ``_bucket``), and whose."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str
    roles: tuple[str, ...]


class _Remembering(CollectorRegistry):
    """A registry that tells its collectors."""

    def __init__(self) -> None:
        super().__init__()
        self.collectors: list[Collector] = []

    def register(self, collector: Collector) -> None:
        super().register(collector)
        self.collectors.append(collector)


def _worker(registry: CollectorRegistry, settings: Settings) -> None:
    ModelMeters(registry, "", Breaker(settings.breaker, ""))


_ROLES: Mapping[str, Callable[[CollectorRegistry, Settings], object]] = {
    "gateway": lambda registry, _: GatewayMeters(registry, lambda: 0),
    "router": lambda registry, settings: RouterMeters(registry, settings, lambda: 0),
    "worker": _worker,
    "grader": GraderMeters,
    "aggregator": lambda registry, settings: AggregatorMeters(registry, settings, lambda: 0),
    "tuner": lambda registry, settings: TunerMeters(registry, settings, lambda: False),
    "archiver": lambda registry, _: ArchiverMeters(registry, lambda: 0.0),
    "dashboard": lambda _registry, _settings: None,
}


def catalogue() -> list[Meter]:
    """Every metric, by name; the roles in the order of the loop."""
    found: dict[str, Meter] = {}
    for role in _ROLES:
        for row in _meters_of(role):
            known = found.get(row.name, row)
            found[row.name] = known._replace(roles=tuple(dict.fromkeys((*known.roles, role))))
    return [found[name] for name in sorted(found)]


def _meters_of(role: str) -> Iterator[Meter]:
    registry = _Remembering()
    RoleMeters(registry)
    describe_process(registry, role, list)
    _ROLES[role](registry, Settings())
    for collector in registry.collectors:
        if isinstance(collector, Instrument):
            yield Meter(collector.name, collector.kind, collector.labels, collector.help, (role,))
        else:
            yield from _others(collector, role)


def _others(collector: Collector, role: str) -> Iterator[Meter]:
    """Metrics of prometheus-client's own collectors."""
    for family in collector.collect():
        ending = "_total" if family.type == "counter" else ""
        labels = tuple(family.samples[0].labels) if family.samples else ()
        yield Meter(family.name + ending, family.type, labels, family.documentation, (role,))
