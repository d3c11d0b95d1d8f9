"""``reference/metrics.md``: what each role counts for Prometheus, from the meters themselves."""

from __future__ import annotations

from agents.documenting.markdown import code, page, table
from agents.metering.listing import catalogue

_ABOUT = """Each role serves these at `/metrics` of `[metrics] host:port` ([Observability](
../observability.md)). A histogram has `_bucket`, `_sum` and `_count`. Labels are from bounded sets:
the settings' models and tasks, topics, partitions, roles, and the kinds that the code has."""


def metrics_page() -> str:
    """The page, by name."""
    rows = (
        (
            code(meter.name),
            meter.type,
            ", ".join(map(code, meter.labels)) or "-",
            meter.help,
            ", ".join(meter.roles),
        )
        for meter in catalogue()
    )
    about = " ".join(_ABOUT.split()).replace("( ..", "(..")
    return page("Metrics", about, table(("metric", "type", "labels", "", "of"), rows))
