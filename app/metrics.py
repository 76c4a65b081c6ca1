"""The metrics that Prometheus reads, taken from the services on each request."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    UntypedMetricFamily,
)

from app.jobs import Job
from app.services import Services
from app.serving import Version
from app.watch import LEVELS, Alert, DiskUsage, MemoryUsage, memory_usage
from pipelines.lake import Condition, Prepared, freshness
from pipelines.runtime import MB


def registry(
    services: Services, version: Version | None, condition: Condition, disk: DiskUsage
) -> CollectorRegistry:
    """A registry with the metrics of this moment; no file is looked at."""
    found = CollectorRegistry()
    found.register(_Collector(services, version, condition, disk))
    return found


class _Collector:
    def __init__(
        self,
        services: Services,
        version: Version | None,
        condition: Condition,
        disk: DiskUsage,
    ) -> None:
        self._services: Final = services
        self._version: Final = version
        self._condition: Final = condition
        self._disk: Final = disk

    def collect(self) -> Iterator[Metric]:
        """All metrics; those of a version only where one is published."""
        services, refresher = self._services, self._services.refresher
        yield from _memory(memory_usage(services.guard))
        yield from _disk(self._disk)
        yield from _requests(services)
        yield from _alerts(services.alerts.active(), services.alerts.undelivered())
        yield from _refreshes(refresher.history(), running=refresher.current is not None)
        yield from _lake(self._condition)
        failing = services.remote.trouble is not None
        yield _gauge("stockrank_remote_failing", "1 if the object store fails.", failing)
        if self._version:
            yield from _data(self._version, self._services.today, self._condition.trouble)
            yield from _phases(self._version, services.research.prepared)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _labelled(
    family: GaugeMetricFamily | CounterMetricFamily,
    samples: Iterable[tuple[Iterable[str], float]],
) -> Metric:
    for labels, value in samples:
        family.add_metric(list(labels), value)
    return family


def _memory(usage: MemoryUsage) -> Iterator[Metric]:
    yield _gauge("stockrank_memory_bytes", "What counts against the limit.", usage.usage_mb * MB)
    yield _gauge("stockrank_memory_limit_bytes", "The limit.", usage.limit_mb * MB)
    yield _gauge("stockrank_memory_peak_bytes", "Most since the start.", usage.peak_mb * MB)
    level = LEVELS.index(usage.status)
    yield _gauge("stockrank_memory_level", "0 OK, 1 warning, 2 critical.", level)
    processes = GaugeMetricFamily(
        "stockrank_process_resident_bytes", "Resident size.", labels=["process"]
    )
    yield _labelled(processes, (((p.name,), p.resident_mb * MB) for p in usage.processes))
    # The names that existing dashboards read.
    yield _gauge("borslabbet_memory_usage_mb", "Memory in use, MB.", usage.usage_mb)
    yield _gauge("borslabbet_memory_percent", "Memory in use, percent.", usage.percent)


def _disk(usage: DiskUsage) -> Iterator[Metric]:
    free = GaugeMetricFamily("stockrank_disk_free_bytes", "Free room.", labels=["folder"])
    yield _labelled(free, (((f.name,), f.free_mb * MB) for f in usage.folders))
    total = GaugeMetricFamily("stockrank_disk_bytes", "Size of the disk.", labels=["folder"])
    yield _labelled(total, (((f.name,), f.total_mb * MB) for f in usage.folders))
    if usage.needed_mb is not None:
        needed = usage.needed_mb * MB
        yield _gauge("stockrank_disk_needed_bytes", "Room that a refresh needs.", needed)


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


def _alerts(active: Iterable[Alert], undelivered: Mapping[str, int]) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "stockrank_alert_firing", "1 for each alert that fires.", labels=["key", "severity"]
    )
    firing = (a for a in active if a.state == "firing")
    yield _labelled(family, (((a.key, a.severity), 1) for a in firing))
    missing = GaugeMetricFamily(
        "stockrank_alerts_undelivered",
        "Notices that have not arrived, since the last that did.",
        labels=["channel"],
    )
    yield _labelled(missing, (((channel,), many) for channel, many in undelivered.items()))


def _refreshes(ended: Sequence[Job], *, running: bool) -> Iterator[Metric]:
    yield _gauge("stockrank_refresh_running", "1 while a refresh runs.", int(running))
    own = (job for job in ended if not job.other_database)
    if last := next(own, None):
        yield from _last_refresh(last)


def _last_refresh(last: Job) -> Iterator[Metric]:
    if last.finished_at is None:
        return
    yield _gauge(
        "stockrank_refresh_success", "1 if the last one succeeded.", last.status == "succeeded"
    )
    end = last.finished_at
    yield _gauge(
        "stockrank_refresh_end_timestamp_seconds", "When the last one ended.", end.timestamp()
    )
    duration = (end - last.started_at).total_seconds()
    yield _gauge("stockrank_refresh_duration_seconds", "How long it took.", duration)
    if last.peak_memory_mb:
        peak = last.peak_memory_mb * MB
        yield _gauge("stockrank_refresh_peak_bytes", "Its largest resident size.", peak)


def _lake(condition: Condition) -> Iterator[Metric]:
    readable, damaged = condition.state != "unreadable", condition.state == "damaged"
    yield _gauge("stockrank_lake_readable", "0 while the lake cannot be read.", readable)
    yield _gauge("stockrank_version_damaged", "1 while the version is damaged.", damaged)
    back = condition.rolled_back is not None
    yield _gauge("stockrank_version_rolled_back", "1 while a newer one is rolled back.", back)


def _data(version: Version, today: date, trouble: str | None) -> Iterator[Metric]:
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
    safe = freshness.verdict(version.report, today, trouble).safe_to_trade
    yield _gauge("stockrank_safe_to_trade", "0 where a check is critical.", int(safe))
    # The names that existing dashboards read.
    signals = version.rankings["rank"].count()
    for name, value in {
        "stocks": datasets["stocks"].rows,
        "prices": datasets["prices"].rows,
        "signals": signals,
    }.items():
        yield UntypedMetricFamily(f"borslabbet_{name}_total", f"Published {name}.", value)


def _phases(version: Version, prepared: Prepared | None) -> Iterator[Metric]:
    """Yield the phases of the refresh; one that was repeated counts as one."""
    spent, peak = defaultdict[str, float](float), defaultdict[str, float](float)
    for phase in version.manifest.phases:
        spent[phase.phase] += phase.seconds
        peak[phase.phase] = max(peak[phase.phase], phase.peak_mb)
    if prepared and prepared.version == version.id:
        spent["backtests"], peak["backtests"] = prepared.seconds, prepared.peak_mb
    seconds = GaugeMetricFamily(
        "stockrank_export_phase_seconds", "Duration of a phase.", labels=["phase"]
    )
    yield _labelled(seconds, (((name,), took) for name, took in spent.items()))
    peaks = GaugeMetricFamily(
        "stockrank_export_phase_peak_bytes", "Peak by the end of it.", labels=["phase"]
    )
    yield _labelled(peaks, (((name,), mb * MB) for name, mb in peak.items()))
