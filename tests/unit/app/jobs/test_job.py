"""A refresh as values, and as JSON tells it."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from app.jobs.job import Failure, Job, RefreshResult, new_job, usual_seconds
from tests.factories import dataset, manifest
from tests.unit.app.jobs.past import NOW, job

END = NOW + timedelta(seconds=4.1234)


def test_a_job_is_told_as_json_with_times_in_utc() -> None:
    known = job(1, progress=0.123456, peak_memory_mb=300.5).as_dict()
    assert json.loads(json.dumps(known)) == known
    assert known["started_at"] == "2026-11-24T18:05:00.000000+00:00"
    assert known["finished_at"] == "2026-11-24T18:06:00.000000+00:00"
    assert known["progress"] == 0.1235
    assert new_job("scheduled", NOW).as_dict()["finished_at"] is None


def test_ids_sort_by_time_and_differ() -> None:
    first, again = new_job("manual", NOW), new_job("manual", NOW)
    assert first.job_id != again.job_id
    assert first.job_id.startswith("20261124T170500Z-")
    assert first.job_id < new_job("manual", NOW + timedelta(seconds=1)).job_id


def test_a_job_that_succeeded_knows_its_version_summed_over_the_datasets() -> None:
    made = manifest("7", datasets={
        "prices": dataset(rows=100, rejected={"bad_date": 2, "no_close": 3}),
        "stocks": dataset(rows=10, rejected={"duplicate_key": 1}),
        "rankings": dataset(rows=40),
    })  # fmt: skip
    ended = new_job("manual", NOW).succeeded(made, "6", {"value": 3}, END)
    assert (ended.status, ended.phase, ended.progress) == ("succeeded", None, 1.0)
    assert (ended.version, ended.unchanged, ended.finished_at) == ("7", False, END)
    assert (ended.rows, ended.rejected) == (150, 6)
    assert ended.datasets == {"prices": 100, "stocks": 10, "rankings": 40}
    assert ended.result == RefreshResult(
        version="7", rows=150, rejected=6, seconds=4.123, peak_memory_mb=None,
        strategies={"value": 3},
    )  # fmt: skip


def test_a_version_that_was_current_before_is_unchanged() -> None:
    running = new_job("manual", NOW)
    same = running.succeeded(manifest("7"), "7", {}, END)
    assert (same.unchanged, same.outcome) == (True, "checked, nothing new")
    assert (same.rows, same.rejected, same.datasets) == (0, 0, None)
    assert same.result
    assert same.result.unchanged is True
    other = running.succeeded(manifest("7"), None, {}, END)
    assert (other.unchanged, other.outcome) == (False, "published")


def test_a_job_that_runs_has_no_outcome() -> None:
    assert new_job("manual", NOW).outcome is None
    assert job(1, status="failed").outcome == "failed"


def test_a_refresh_usually_takes_as_long_as_the_median_of_the_last_five_that_published() -> None:
    def lasting(seconds: float, **known: Any) -> Job:
        return job(1, finished_at=job(1).started_at + timedelta(seconds=seconds), **known)

    assert usual_seconds([]) is None
    others = [lasting(900, unchanged=True), lasting(900, status="failed")]
    assert usual_seconds(others) is None
    took = [lasting(seconds) for seconds in (9, 4, 7, 5, 6, 1, 1, 1)]
    assert usual_seconds([*others, *took]) == 6.0


def test_a_job_that_failed_keeps_how_far_it_was() -> None:
    ended = job(1, status="running", phase="prices", progress=0.4).failed(
        Failure("busy", "Locked"), END
    )
    assert (ended.status, ended.error, ended.error_type) == ("failed", "busy", "Locked")
    assert (ended.phase, ended.progress, ended.finished_at) == ("prices", 0.4, END)
    assert ended.result is None


def test_the_result_as_json_has_the_names_that_sync_now_answers() -> None:
    result = new_job("manual", NOW).succeeded(manifest("7"), None, {"value": 3}, END).result
    assert result
    assert asdict(result) == {
        "version": "7", "rows": 0, "rejected": 0, "seconds": 4.123, "peak_memory_mb": None,
        "strategies": {"value": 3}, "unchanged": False,
    }  # fmt: skip
