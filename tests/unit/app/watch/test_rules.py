"""When each alert is due, and when it is not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from app.watch import rules, version_rules
from app.watch.alerts import Observation
from app.watch.memory import Guard
from pipelines.export import export
from pipelines.lake import (
    Check,
    Condition,
    ConditionState,
    Manifest,
    Prepared,
    Report,
    Status,
)
from pipelines.refresh.findings import check
from pipelines.universe import SWEDEN
from tests.factories import database, dataset, integrity, manifest, stock, trading_year

TODAY = datetime(2026, 11, 24, 17, tzinfo=UTC)


# ------------------------------------------------------------------------------------ memory


def guard(size: Callable[[int], float], seconds: int = 0, child: float | None = None) -> Guard:
    """A guard of 1,000 MB that has sampled a service of a size by the second."""
    clock = iter(range(seconds + 1))
    now = [0]
    made = Guard(
        1000, 75, 90, 0, child=lambda: None if child is None else 77, root=Path("nowhere"),
        read=lambda pid: child if pid else size(now[0]), elapsed=lambda: now[0],
    )  # fmt: skip
    for now[0] in clock:
        made.sample()
    return made


def test_memory_is_high_at_a_level() -> None:
    assert rules.memory_high(guard(lambda _: 700)) == Observation("memory_high", "warning", None)
    warning = rules.memory_high(guard(lambda _: 800))
    critical = rules.memory_high(guard(lambda _: 950))
    assert (warning.severity, critical.severity) == ("warning", "critical")
    assert warning.message
    assert critical.message
    assert warning.message.startswith("memory is at 80.0%, 800 of 1,000 MB (service 800 MB); raise")
    assert "refused" in critical.message


def test_memory_that_grows_towards_the_limit() -> None:
    seen = rules.memory_growing(guard(lambda s: 500 + s / 36, seconds=900))
    assert (seen.key, seen.severity, seen.hold_seconds) == ("memory_growing", "warning", 300)
    assert seen.message
    assert seen.message.startswith(
        "the service uses 525 MB and grows by 100 MB an hour; it meets its limit of 1,000 MB in "
        "4.8 hours"
    )


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(lambda s: 300 + s / 36, id="far from the limit"),
        pytest.param(lambda s: 970 + s / 450, id="slowly"),
        pytest.param(lambda s: 900 - s / 36, id="shrinks"),
        pytest.param(lambda _: 999, id="stays"),
        pytest.param(lambda s: 100 + 800 * (s > 450), id="one step"),
    ],
)
def test_memory_that_does_not_grow_to_its_limit(size: Callable[[int], float]) -> None:
    assert rules.memory_growing(guard(size, seconds=900)).message is None


def test_growth_needs_a_trend_and_beyond_the_limit_there_are_no_hours() -> None:
    assert rules.memory_growing(guard(lambda s: 500 + s, seconds=300)).message is None
    beyond = rules.memory_growing(guard(lambda s: 1000 + s, seconds=900)).message
    assert beyond
    assert "in 0.0 hours" in beyond


def test_both_keys_of_memory() -> None:
    seen = rules.of_memory(guard(lambda _: 100))
    assert [o.key for o in seen] == ["memory_high", "memory_growing"]


# ----------------------------------------------------------------------------------- refresh


@dataclass(frozen=True)
class Job:
    status: str
    error: str | None = None
    error_type: str | None = None
    finished_at: datetime | None = TODAY
    other_database: str | None = None


GOOD = Job("succeeded")
RUNNING = Job("running", finished_at=None)
BAD = Job("failed", "the database is locked", "SourceError")
REJECTED = Job("failed", "not published: prices has 5 rows", "ChecksFailed")


def refreshes(*jobs: Job, published_at: datetime | None = None) -> dict[str, Observation]:
    return {seen.key: seen for seen in rules.of_jobs(jobs, published_at)}


@pytest.mark.parametrize("jobs", [(), (GOOD,), (GOOD, BAD), (RUNNING, GOOD, REJECTED), (RUNNING,)])
def test_nothing_is_wrong_after_a_success(jobs: tuple[Job, ...]) -> None:
    seen = refreshes(*jobs)
    assert seen.keys() == {"refresh_failed", "version_rejected"}
    assert [o.message for o in seen.values()] == [None, None]


def test_a_refresh_failed() -> None:
    seen = refreshes(RUNNING, BAD, GOOD, BAD)
    assert seen["refresh_failed"] == Observation(
        "refresh_failed", "warning",
        "the last refresh failed, the old version stays: the database is locked",
    )  # fmt: skip
    assert seen["version_rejected"].message is None


def test_several_refreshes_in_a_row_failed() -> None:
    assert refreshes(BAD, BAD)["refresh_failed"].severity == "warning"
    seen = refreshes(BAD, REJECTED, BAD, GOOD, BAD)["refresh_failed"]
    assert seen.severity == "critical"
    assert seen.message
    assert seen.message.startswith("each of the last 3 refreshes failed")


def test_failures_with_another_database_are_not_the_services() -> None:
    typo = Job("failed", "no database at nosuch.db", "SourceError", other_database="nosuch.db")
    assert refreshes(typo, typo, typo)["refresh_failed"].message is None
    seen = refreshes(typo, BAD, typo, GOOD)["refresh_failed"].message
    assert seen == "the last refresh failed, the old version stays: the database is locked"
    rejected = Job("failed", "few rows", "ChecksFailed", other_database="try.db")
    assert refreshes(rejected, GOOD)["version_rejected"].message is None


def test_a_version_was_rejected() -> None:
    seen = refreshes(REJECTED, BAD, BAD, BAD)
    assert seen["version_rejected"] == Observation(
        "version_rejected", "critical", "not published: prices has 5 rows"
    )
    assert seen["refresh_failed"].message is None
    nameless = refreshes(Job("failed", None, "ChecksFailed"))["version_rejected"]
    assert nameless.message == "a new version did not pass its checks"


@pytest.mark.parametrize("job", [BAD, REJECTED])
def test_a_failure_before_the_current_version_was_made_does_not_count(job: Job) -> None:
    later, earlier = (TODAY + timedelta(seconds=s) for s in (1, -1))
    assert not any(o.message for o in refreshes(job, published_at=later).values())
    assert any(o.message for o in refreshes(job, published_at=earlier).values())
    assert any(o.message for o in refreshes(job, published_at=TODAY).values())


# ----------------------------------------------------------------------------------- version


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The manifest of a real version, with a row that is rejected."""
    folder = tmp_path_factory.mktemp("rules")
    prices = trading_year("A B", date(2024, 5, 31), growth=0.1)
    prices[-10]["close"] = -1.0
    source = database(folder / "app.db", stocks=[stock("A B")], daily_prices=prices)
    return export(source, folder / "lake", SWEDEN)


def report(priced_to: date | None) -> Report:
    days = tuple(date(2026, 11, day) for day in (16, 17, 18, 19, 20, 23, 24, 25, 26, 27, 30))
    return integrity(priced_to=priced_to, calendar=days)


@pytest.mark.parametrize(
    ("now", "severity"),
    [(20, None), (21, None), (23, None), (24, "warning"), (25, "warning"), (26, "critical")],
)
def test_a_refresh_is_overdue_in_trading_days(now: int, severity: str | None) -> None:
    seen = rules.refresh_overdue(report(date(2026, 11, 20)), date(2026, 11, now))
    assert (seen.key, seen.hold_seconds) == ("refresh_overdue", 0)
    if severity is None:
        assert seen.message is None
        return
    assert seen.severity == severity
    assert seen.message
    assert seen.message.startswith("closes are of 2026-11-20, ")
    assert "refresh" in seen.message


def test_prices_from_after_today_are_not_overdue() -> None:
    assert rules.refresh_overdue(report(date(2026, 11, 24)), date(2026, 11, 20)).message is None


def test_no_day_with_most_closes_is_critical() -> None:
    seen = rules.refresh_overdue(report(None), date(2026, 11, 24))
    assert seen.severity == "critical"
    assert seen.message
    assert "no day on which most stocks have a close" in seen.message


def test_nothing_published_is_overdue_after_a_while() -> None:
    seen = rules.refresh_overdue(None, date(2026, 11, 24))
    assert seen.hold_seconds == 900
    assert seen.message
    assert "POST /data/sync-now" in seen.message


def version(
    prices: tuple[float, Status] = (0.98, "ok"),
    fundamentals: tuple[float, Status] = (1.0, "ok"),
    rejected: int = 0,
    rows_in: int = 1000,
) -> Manifest:
    """What the rules read of a manifest."""
    shares = {
        "price_coverage": prices, "fundamentals_coverage": fundamentals,
        "newest_day": (0.1, "warning"),
    }  # fmt: skip
    checks = (
        check(name, status, f"{name} is {share:.1%}", {"share": share})
        for name, (share, status) in shares.items()
    )
    reasons = {"bad_close": rejected} if rejected else {}
    datasets = {
        "prices": dataset(rows_in=rows_in, rejected=reasons),
        "rankings": dataset(rows=7),
    }
    return manifest(integrity=integrity(*checks), datasets=datasets)


def test_coverage_that_stays_is_well() -> None:
    assert version_rules.coverage_drop(version(), None).message is None
    assert version_rules.coverage_drop(version(), version()).message is None
    assert (
        version_rules.coverage_drop(version((0.97, "ok")), version((0.985, "ok"))).message is None
    )
    assert (
        version_rules.coverage_drop(version((0.99, "ok")), version((0.80, "warning"))).message
        is None
    )


def test_coverage_that_fell_since_the_version_before() -> None:
    seen = version_rules.coverage_drop(version((0.95, "ok")), version((0.98, "ok")))
    assert (seen.key, seen.severity) == ("coverage_drop", "warning")
    assert seen.message == (
        "price_coverage is 95.0%, 98.0% in the version before; "
        "check that the feed of the database is complete"
    )


def test_coverage_below_its_floor_is_told_in_any_case() -> None:
    warning = version_rules.coverage_drop(version(fundamentals=(0.7, "warning")), None)
    assert warning.severity == "warning"
    assert warning.message
    assert warning.message.startswith("fundamentals_coverage is 70.0%; check")
    critical = version_rules.coverage_drop(version((0.5, "critical"), (0.7, "warning")), version())
    assert critical.severity == "critical"
    assert critical.message
    assert "price_coverage is 50.0%, 98.0%" in critical.message
    assert "fundamentals_coverage is 70.0%, 100.0%" in critical.message


def test_rejected_rows_are_told_where_there_are_more_than_before() -> None:
    assert version_rules.rows_rejected(version(), None).message is None
    assert version_rules.rows_rejected(version(rejected=3), version(rejected=3)).message is None
    assert version_rules.rows_rejected(version(rejected=2), version(rejected=3)).message is None
    seen = version_rules.rows_rejected(version(rejected=4), version(rejected=3))
    assert seen == Observation(
        "rows_rejected", "warning",
        "4 of 1,000 rows of prices are rejected, 3 in the version before (bad_close 4); "
        "they are in rejects/ of the version",
    )  # fmt: skip
    assert version_rules.rows_rejected(version(rejected=1), None).message


def test_many_rejected_rows_are_told_though_they_are_not_new() -> None:
    assert version_rules.rows_rejected(version(rejected=9), version(rejected=9)).message is None
    warning, critical = (
        version_rules.rows_rejected(version(rejected=n), version(rejected=n)) for n in (10, 50)
    )
    assert warning.message
    assert critical.message
    assert (warning.severity, critical.severity) == ("warning", "critical")


def test_a_table_without_rows_has_no_share() -> None:
    assert version_rules.rows_rejected(version(rows_in=0), None).message is None


def test_the_rules_read_a_real_manifest(made: Manifest) -> None:
    seen = {o.key: o for o in version_rules.of_version(made, made, {}, {})}
    assert seen.keys() == {
        "days_missing",
        "coverage_drop",
        "rows_rejected",
        "rank_churn",
        "version_forced",
    }
    assert version_rules.rows_rejected(made, None).message
    assert seen["coverage_drop"].message
    assert "fundamentals" in seen["coverage_drop"].message
    assert rules.refresh_overdue(made.integrity, date(2026, 11, 24)).message


def test_a_forced_version_says_what_was_lost_and_how_it_ends() -> None:
    lost = ("fundamentals has 50 rows, 50 fewer than the last version", "q ranks no stock")
    seen = version_rules.version_forced(replace(version(), version="v", failed_checks=lost))
    assert (seen.key, seen.severity) == ("version_forced", "warning")
    assert seen.message == (
        f"version v was published with --force though {lost[0]}; {lost[1]}; this ends with the "
        "next version that passes its checks; if it was not intended, mend the database and "
        "refresh, or roll back with python -m pipelines.versions rollback"
    )
    assert version_rules.version_forced(version()).message is None


def test_churn_is_the_share_of_first_ranks_that_changed_hands() -> None:
    ten = list("ABCDEFGHIJ")
    assert version_rules.churn(ten, ten[::-1]) == 0
    assert version_rules.churn(["X", *ten[1:]], ten) == pytest.approx(0.1)
    assert version_rules.churn(list("KLMNO") + ten[5:], ten) == 0.5
    assert version_rules.churn([], ten) == 1
    assert version_rules.churn(ten, []) == 0
    assert version_rules.churn(ten[:5], ten) == 0.5
    assert version_rules.churn(ten, ten[:5]) == 0.5


def test_rank_churn_names_the_strategies_that_changed_much() -> None:
    before = {"a": list("ABCD"), "b": list("ABCD"), "gone": list("AB")}
    tops = {"a": list("ABCX"), "b": list("ABXY"), "new": list("AB")}
    seen = version_rules.rank_churn(tops, before)
    assert (seen.key, seen.severity) == ("rank_churn", "warning")
    assert seen.message
    assert seen.message.startswith("the top ten changed since the version before: b 50%; compare")
    assert version_rules.rank_churn(tops | {"b": list("ABCX")}, before).message is None
    assert version_rules.rank_churn(tops, {}).message is None


@pytest.mark.parametrize(
    ("state", "key"), [("damaged", "version_damaged"), ("unreadable", "lake_unreadable")]
)
def test_a_lake_in_trouble_is_critical_and_the_alert_says_what_is_served(
    state: ConditionState, key: str
) -> None:
    condition = Condition(state, "v", "it is broken; start a refresh")
    told = {seen.key: seen for seen in rules.of_lake(condition, "u")}
    assert {seen.severity for seen in told.values()} == {"critical"}
    assert {k: seen.message for k, seen in told.items() if seen.message} == {
        key: "it is broken; start a refresh; until then version u is served from memory"
    }
    told = {seen.key: seen for seen in rules.of_lake(condition, None)}
    assert str(told[key].message).endswith("; until then nothing is served")


@pytest.mark.parametrize("state", ["readable", "empty"])
def test_a_lake_without_trouble_is_no_alert(state: ConditionState) -> None:
    told = rules.of_lake(Condition(state, None, "nothing is published"), None)
    assert [(seen.key, seen.message) for seen in told] == [
        ("lake_unreadable", None), ("version_damaged", None)
    ]  # fmt: skip


def test_days_without_closes_are_a_warning_in_the_words_of_the_check() -> None:
    def of(*checks: Check) -> Observation:
        return version_rules.days_missing(manifest(integrity=integrity(*checks)))

    told = of(check("missing_days", "warning", "1 trading day of late", None))
    assert told == Observation("days_missing", "warning", "1 trading day of late")
    assert of(check("missing_days", "ok", "none", None)).message is None
    assert of().message is None  # a version of a release without the check


def test_damage_of_a_kept_version_names_the_version() -> None:
    assert rules.kept_version_damaged({}).message is None
    assert rules.kept_version_damaged({"v": "prices/0.parquet is missing"}) == Observation(
        "kept_version_damaged", "warning",
        "a version that is kept to roll back to is damaged: version v: prices/0.parquet is missing;"
        " restore its files and run python -m pipelines.versions verify, or delete its folder and "
        "run python -m pipelines.versions prune",
    )  # fmt: skip


def test_notices_that_do_not_arrive_are_counted_by_channel() -> None:
    assert rules.alerts_undelivered({"log": 0, "webhook": 0}).message is None
    assert rules.alerts_undelivered({"log": 0, "webhook": 2, "e-mail": 1}) == Observation(
        "alerts_undelivered", "warning",
        "notices of alerts have not arrived: 2 by webhook, 1 by e-mail; see the log of the service "
        "for the reason, and try the channels with python -m app.alerts test; this ends with the "
        "next notice that arrives", 3.0,
    )  # fmt: skip


def test_records_that_are_damaged_are_named() -> None:
    assert rules.records_damaged([]).message is None
    assert rules.records_damaged(["a is damaged", "b is damaged"]) == Observation(
        "records_damaged", "warning",
        "the history of the service has holes: a is damaged; b is damaged; put the file back from "
        "a backup, or delete what is damaged, and restart the service",
    )  # fmt: skip


def test_backtests_that_a_refresh_could_not_compute_are_told() -> None:
    found = Prepared(
        version="7", universe="sweden", rules="r", release="0.1.0", seconds=2.0, peak_mb=800.0,
        error="they take 800 MB, and 768 are allowed",
    )  # fmt: skip
    assert rules.backtests_failed(found) == Observation(
        "backtests_failed", "warning",
        "the refresh published version 7, but has no backtests of it: they take 800 MB, and 768 "
        "are allowed; each is computed when it is asked for",
    )  # fmt: skip
    for fine in (None, replace(found, error=None)):
        assert rules.backtests_failed(fine).message is None
