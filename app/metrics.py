"""What Prometheus reads: taken from the services when it asks."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    UntypedMetricFamily,
)

from app.services import Services
from app.serving import Version
from app.watch import LEVELS, report
from pipelines.lake import freshness

MB: Final = 1e6


def registry(services: Services, version: Version | None) -> CollectorRegistry:
    """A registry that holds the metrics of this moment."""
    found = CollectorRegistry()
    found.register(_Collector(services, version))
    return found


class _Collector:
    def __init__(self, services: Services, version: Version | None) -> None:
        self._services: Final = services
        self._version: Final = version

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        yield from _memory(self._services)
        yield from _requests(self._services)
        yield from _alerts(self._services)
        yield from _refreshes(self._services)
        if self._version:
            yield from _data(self._version, self._services.today)
            yield from _phases(self._version)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _labelled(
    family: GaugeMetricFamily | CounterMetricFamily,
    samples: Iterable[tuple[Iterable[str], float]],
) -> Metric:
    for labels, value in samples:
        family.add_metric(list(labels), value)
    return family


def _memory(services: Services) -> Iterator[Metric]:
    known = report(services.guard)
    yield _gauge("stockrank_memory_bytes", "What counts against the limit.", known["usage_mb"] * MB)
    yield _gauge("stockrank_memory_limit_bytes", "The limit.", known["limit_mb"] * MB)
    yield _gauge("stockrank_memory_peak_bytes", "Most since the start.", known["peak_mb"] * MB)
    level = LEVELS.index(services.guard.level)
    yield _gauge("stockrank_memory_level", "0 OK, 1 warning, 2 critical.", level)
    processes = GaugeMetricFamily(
        "stockrank_process_resident_bytes", "Resident size.", labels=["process"]
    )
    yield _labelled(processes, (((p["name"],), p["resident_mb"] * MB) for p in known["processes"]))
    # The names that existing dashboards read.
    yield _gauge("borslabbet_memory_usage_mb", "Memory in use, MB.", known["usage_mb"])
    yield _gauge("borslabbet_memory_percent", "Memory in use, percent.", known["percent"])


def _requests(services: Services) -> Iterator[Metric]:
    family = CounterMetricFamily(
        "stockrank_requests", "Answered requests.", labels=["method", "route", "status"]
    )
    counts = sorted(services.requests.items())
    yield _labelled(family, (((m, route, str(status)), n) for (m, route, status), n in counts))
    stats = services.cache.stats()
    yield CounterMetricFamily("stockrank_cache_hits", "Found in the cache.", stats["hits"])
    yield CounterMetricFamily("stockrank_cache_misses", "Not found in it.", stats["misses"])
    yield _gauge("stockrank_cache_bytes", "Size of the cache.", stats["bytes"])
    yield _gauge("stockrank_stream_clients", "Open live streams.", len(services.events))


def _alerts(services: Services) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "stockrank_alert_firing", "1 for each alert that fires.", labels=["key", "severity"]
    )
    firing = (a for a in services.alerts.active() if a.state == "firing")
    yield _labelled(family, (((a.key, a.severity), 1) for a in firing))


def _refreshes(services: Services) -> Iterator[Metric]:
    running = services.refresher.current is not None
    yield _gauge("stockrank_refresh_running", "1 while a refresh runs.", int(running))
    jobs = services.refresher.history()
    if not jobs or not jobs[0].finished_at:
        return
    last, ended = jobs[0], jobs[0].finished_at
    yield _gauge(
        "stockrank_refresh_success", "1 if the last one succeeded.", last.status == "succeeded"
    )
    yield _gauge(
        "stockrank_refresh_end_timestamp_seconds", "When the last one ended.", ended.timestamp()
    )
    duration = (ended - last.started_at).total_seconds()
    yield _gauge("stockrank_refresh_duration_seconds", "How long it took.", duration)
    if last.peak_memory_mb:
        peak = last.peak_memory_mb * MB
        yield _gauge("stockrank_refresh_peak_bytes", "Its largest resident size.", peak)


def _data(version: Version, today: date) -> Iterator[Metric]:
    datasets = version.manifest.datasets
    rows = GaugeMetricFamily("stockrank_rows", "Published rows.", labels=["dataset"])
    yield _labelled(rows, (((name,), entry.rows) for name, entry in datasets.items()))
    rejected = GaugeMetricFamily("stockrank_rejected_rows", "Rejected rows.", labels=["dataset"])
    yield _labelled(
        rejected,
        (((n,), entry.rejected_rows) for n, entry in datasets.items()),
    )
    age = freshness.freshness(version.report, today).trading_days
    if age is not None:
        yield _gauge("stockrank_data_age_sessions", "Age of the prices.", age)
    created = version.manifest.created_at.timestamp()
    yield _gauge("stockrank_version_created_timestamp_seconds", "When it was made.", created)
    safe = freshness.verdict(version.report, today).safe_to_trade
    yield _gauge("stockrank_safe_to_trade", "0 where a check is critical.", int(safe))
    # The names that existing dashboards read.
    signals = version.rankings["rank"].count()
    for name, value in {
        "stocks": datasets["stocks"].rows,
        "prices": datasets["prices"].rows,
        "signals": signals,
    }.items():
        yield UntypedMetricFamily(f"borslabbet_{name}_total", f"Published {name}.", value)


def _phases(version: Version) -> Iterator[Metric]:
    phases = version.manifest.phases
    seconds = GaugeMetricFamily(
        "stockrank_export_phase_seconds", "Duration of a phase.", labels=["phase"]
    )
    yield _labelled(seconds, (((p.phase,), p.seconds) for p in phases))
    peaks = GaugeMetricFamily(
        "stockrank_export_phase_peak_bytes", "Peak by the end of it.", labels=["phase"]
    )
    yield _labelled(peaks, (((p.phase,), p.peak_mb * MB) for p in phases))
