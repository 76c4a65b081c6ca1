"""The metrics of memory, alerts, requests and refreshes, from services as values."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import generate_latest

from app.jobs.job import Job
from app.metrics import _phases, registry
from app.watch.alerts import Alert, AlertState
from app.watch.disk import DiskUsage, FolderRoom
from pipelines.lake import Condition, Phase, Prepared
from tests.factories import manifest
from tests.unit.app.jobs.past import NOW, job
from tests.unit.app.watch.machine import START, Machine

READABLE = Condition("readable", "v")


def alert(key: str, state: AlertState) -> Alert:
    return Alert("1", key, "critical", "it is", state, START)


DISK = DiskUsage(
    folders=(FolderRoom("lake", 5.0, 1000.0), FolderRoom("work", 7.5, 2000.0)),
    copy_mb=80.0, files_mb=20.0, needed_mb=100.0, enough=False,
)  # fmt: skip


def services(
    machine: Machine, jobs: Sequence[Job] = (), *, current: Job | None = None,
    alerts: Sequence[Alert] = (), hold: float = 0,
) -> Any:  # fmt: skip
    """The parts of a service that the metrics look at."""
    return SimpleNamespace(
        guard=machine.guard(hold=hold),
        requests={("GET", "/v1/health", 200): 3},
        cache=SimpleNamespace(stats=lambda: {"hits": 5, "misses": 2, "bytes": 700}),
        events=[1, 2],
        alerts=SimpleNamespace(active=lambda: alerts, undelivered=lambda: {"log": 0, "webhook": 2}),
        refresher=SimpleNamespace(current=current, history=lambda: list(jobs)),
        remote=SimpleNamespace(trouble=None),
    )


def metrics(parts: Any, condition: Condition = READABLE) -> dict[str, float]:
    lines = generate_latest(registry(parts, None, condition, DISK)).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_memory_is_in_bytes_and_in_the_units_of_existing_dashboards() -> None:
    found = metrics(services(Machine(process=800.0)))
    assert found["stockrank_memory_bytes"] == 800e6
    assert found["stockrank_memory_limit_bytes"] == 1000e6
    assert found["stockrank_memory_peak_bytes"] == 800e6
    assert found["stockrank_memory_level"] == 1
    assert found["borslabbet_memory_usage_mb"] == 800
    assert found["borslabbet_memory_percent"] == 80
    assert found['stockrank_process_resident_bytes{process="service"}'] > 1e6


def test_free_room_and_the_need_of_a_refresh_are_in_bytes() -> None:
    found = metrics(services(Machine()))
    assert found['stockrank_disk_free_bytes{folder="lake"}'] == 5e6
    assert found['stockrank_disk_free_bytes{folder="work"}'] == 7.5e6
    assert found['stockrank_disk_bytes{folder="work"}'] == 2e9
    assert found["stockrank_disk_needed_bytes"] == 100e6


@pytest.mark.parametrize(("size", "level"), [(100.0, 0), (750.0, 1), (900.0, 2)])
def test_the_level_is_a_number_in_rising_order(size: float, level: int) -> None:
    assert metrics(services(Machine(process=size)))["stockrank_memory_level"] == level


def test_requests_the_cache_and_the_streams_are_counted() -> None:
    found = metrics(services(Machine()))
    labels = '{method="GET",route="/v1/health",status="200"}'
    assert found[f"stockrank_requests_total{labels}"] == 3
    assert found["stockrank_cache_hits_total"] == 5
    assert found["stockrank_cache_misses_total"] == 2
    assert found["stockrank_cache_bytes"] == 700
    assert found["stockrank_stream_clients"] == 2


def test_only_alerts_that_fire_are_there() -> None:
    alerts = (alert("memory_high", "firing"), alert("memory_growing", "pending"))
    found = metrics(services(Machine(), alerts=alerts))
    firing = {name: value for name, value in found.items() if name.startswith("stockrank_alert_")}
    assert firing == {'stockrank_alert_firing{key="memory_high",severity="critical"}': 1}


def test_notices_that_have_not_arrived_are_counted_by_channel() -> None:
    found = metrics(services(Machine()))
    assert found['stockrank_alerts_undelivered{channel="log"}'] == 0
    assert found['stockrank_alerts_undelivered{channel="webhook"}'] == 2


def test_the_last_refresh_is_told() -> None:
    jobs = [job(2, status="failed", peak_memory_mb=300.5), job(1)]
    found = metrics(services(Machine(), jobs))
    end = NOW + timedelta(hours=2, minutes=1)
    assert found["stockrank_refresh_running"] == 0
    assert found["stockrank_refresh_success"] == 0
    assert found["stockrank_refresh_end_timestamp_seconds"] == end.timestamp()
    assert found["stockrank_refresh_duration_seconds"] == 60
    assert found["stockrank_refresh_peak_bytes"] == 300.5e6
    assert metrics(services(Machine(), [job(1)]))["stockrank_refresh_success"] == 1


def test_without_a_refresh_only_is_said_that_none_or_one_runs() -> None:
    names = {name for name in metrics(services(Machine())) if "refresh" in name}
    assert names == {"stockrank_refresh_running"}
    running = metrics(services(Machine(), current=job(1, status="running", finished_at=None)))
    assert running["stockrank_refresh_running"] == 1


def test_nothing_of_a_version_without_one() -> None:
    assert not any("rows" in name or "phase" in name for name in metrics(services(Machine())))


def test_a_phase_that_was_repeated_is_one_sample() -> None:
    once = Phase(phase="changes", rows=None, seconds=0.5, before_mb=1.0, peak_mb=90.0)
    again = replace(once, seconds=0.25, peak_mb=80.0)
    version: Any = SimpleNamespace(manifest=manifest(phases=(once, again)), id="7")
    seconds, peaks = _phases(version, None)
    assert [(s.labels, s.value) for s in seconds.samples] == [({"phase": "changes"}, 0.75)]
    assert [(s.labels, s.value) for s in peaks.samples] == [({"phase": "changes"}, 90e6)]


def test_the_backtests_of_a_version_are_a_phase_of_it() -> None:
    version: Any = SimpleNamespace(manifest=manifest(phases=()), id="7")
    found = Prepared(
        version="7", universe="sweden", rules="r", release="0.1.0", seconds=2.5, peak_mb=280.0
    )
    seconds, peaks = _phases(version, found)
    assert [(s.labels, s.value) for s in seconds.samples] == [({"phase": "backtests"}, 2.5)]
    assert [(s.labels, s.value) for s in peaks.samples] == [({"phase": "backtests"}, 280e6)]
    for family in _phases(version, replace(found, version="6")):
        assert not family.samples


@pytest.mark.parametrize(
    ("condition", "readable", "damaged"),
    [
        (READABLE, 1, 0),
        (Condition("empty"), 1, 0),
        (Condition("damaged", "v", "it is"), 1, 1),
        (Condition("unreadable", None, "it is"), 0, 0),
    ],
    ids=lambda value: getattr(value, "state", ""),
)
def test_the_condition_of_the_lake_is_two_gauges(
    condition: Condition, readable: int, damaged: int
) -> None:
    found = metrics(services(Machine()), condition)
    assert found["stockrank_lake_readable"] == readable
    assert found["stockrank_version_damaged"] == damaged
