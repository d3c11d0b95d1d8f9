"""What so many queries a second need."""

from __future__ import annotations

from math import inf

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.scaling.assumed import Assumed, changed
from agents.scaling.measured import Measured, measured
from agents.scaling.needs import MONTH_S, Needs, needs
from agents.scaling.processes import gateways, workers_of
from agents.scaling.sizes import record_sizes
from agents.scaling.source import bundled
from agents.scaling.traffic import kept_s

KNOWN: Measured = measured(bundled())
AS_IT_IS = Assumed()
CHANGED = changed(AS_IT_IS)
RATES = st.floats(1, 1e8)
WORLDS = st.sampled_from([AS_IT_IS, CHANGED, Assumed(models=1), Assumed(models=20, tasks=50)])


def _growing(one: Needs) -> list[float]:
    counts = [inf if count is None else float(count) for count in one.processes.values()]
    return [*counts, *one.partitions.values(), one.replicas, one.in_bytes_per_s, one.disk_gb]


@given(RATES, RATES, WORLDS)
def test_more_queries_never_need_less(first: float, second: float, assumed: Assumed) -> None:
    few, many = (needs(KNOWN, assumed, rate) for rate in sorted((first, second)))
    assert all(a <= b for a, b in zip(_growing(few), _growing(many), strict=True))


@given(RATES, WORLDS)
def test_no_process_is_busier_than_it_may_be(rate: float, assumed: Assumed) -> None:
    found = needs(KNOWN, assumed, rate)
    assert all(share <= assumed.busy + 1e-6 for share in found.used.values())
    assert found.used.keys() == {role for role, count in found.processes.items() if count}


@given(RATES, WORLDS)
def test_every_member_of_a_group_has_a_partition(rate: float, assumed: Assumed) -> None:
    found = needs(KNOWN, assumed, rate)
    groups = {"queries": "router", "responses": "grader", "metrics": "aggregator"}
    for topic, role in groups.items():
        assert found.partitions[topic] >= (found.processes[role] or 0)
    for number, count in enumerate(workers_of(KNOWN, assumed, rate)):
        assert found.partitions[f"models.model-{number:04}"] >= count


@given(RATES, WORLDS)
def test_bytes_add_up(rate: float, assumed: Assumed) -> None:
    found = needs(KNOWN, assumed, rate)
    sizes = record_sizes(assumed.models, assumed.prompt_bytes, assumed.answer_bytes)
    for name in ("queries", "models.<name>", "responses", "metrics"):
        topic = found.topics[name]
        each = 2 if name == "metrics" else 1
        assert topic.in_bytes_per_s == pytest.approx(rate * each * sizes[name])
        assert topic.out_bytes_per_s == pytest.approx(topic.in_bytes_per_s * topic.readers)
        kept = topic.in_bytes_per_s * kept_s(name) * assumed.kept
        assert topic.disk_bytes == pytest.approx(3 * kept)
    assert found.in_bytes_per_s == sum(one.in_bytes_per_s for one in found.topics.values())
    assert found.brokers >= assumed.replication


@given(RATES)
def test_money_is_cores_and_disk_at_their_prices(rate: float) -> None:
    priced = msgspec.structs.replace(AS_IT_IS, usd_per_core_hour=2.0, usd_per_gb_month=3.0)
    found = needs(KNOWN, priced, rate)
    month_usd = found.cores * 2.0 * MONTH_S / 3600 + found.disk_gb * 3.0
    assert found.usd_per_million == pytest.approx(month_usd / (rate * MONTH_S) * 1e6)


def test_a_gateway_reads_the_others_answers_too() -> None:
    plain = msgspec.structs.replace(KNOWN, reader_per_s=100_000.0, gateway_cpu_ms=1.0)
    patient = msgspec.structs.replace(AS_IT_IS, gateway_waiting=10**9)
    # Of 0.6 of a core, 30,000 answers a second take 0.3. Of 30 s of work, 0.3 are the reading of
    # one's own answers, which are among the 30,000: the rest is for 99.
    assert gateways(plain, patient, 30_000) == 99
    assert gateways(plain, patient, 60_000) is None
    own = msgspec.structs.replace(patient, own_answers=True)
    assert gateways(plain, own, 60_000) == 100


def test_a_gateways_work_is_its_own_requests_and_the_others_answers() -> None:
    plain = msgspec.structs.replace(KNOWN, reader_per_s=100_000.0, gateway_cpu_ms=1.0)
    patient = msgspec.structs.replace(AS_IT_IS, gateway_waiting=10**9)
    found = needs(plain, patient, 1_000)
    assert found.processes["gateway"] == 2  # 500 requests of 1 ms, 500 answers of 10 us
    assert found.used["gateway"] == pytest.approx(0.505)
    own = msgspec.structs.replace(patient, own_answers=True)
    assert needs(plain, own, 1_000).used["gateway"] == pytest.approx(0.5)
    half = msgspec.structs.replace(own, gateway_share=0.5)
    assert needs(plain, half, 2_000).used["gateway"] == pytest.approx(0.5)


def test_workers_are_counted_model_by_model() -> None:
    found = workers_of(KNOWN, AS_IT_IS, 1_000)
    each = min(KNOWN.worker_per_s, 256 / 2.0) * 0.6
    assert len(found) == 3
    assert (found[0] - 1) * each < 500 <= found[0] * each
    assert (found[1] - 1) * each < 250 <= found[1] * each


def test_a_decision_grows_with_the_models() -> None:
    few, many = (record_sizes(count, 1000, 400) for count in (3, 200))
    assert few["queries"] == many["queries"] > 1000
    for topic in ("models.<name>", "responses"):
        assert many[topic] - few[topic] > 197 * 25
