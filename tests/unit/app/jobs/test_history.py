"""Jobs and logs that outlive the service."""

import json
import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.jobs.history import KEPT_JOBS, KEPT_LOGS, JobHistory
from app.jobs.job import RefreshResult
from tests.unit.app.jobs.past import NOW, job

RESULT = RefreshResult(
    version="v", rows=7, rejected=1, seconds=4.1, peak_memory_mb=300.5, strategies={"value": 3}
)


def test_jobs_outlive_the_service_with_all_that_is_known(tmp_path: Path) -> None:
    jobs = [
        job(0, status="failed", error="no disk", error_type="LakeError", phase="prices"),
        job(1, rows=7, rejected=1, datasets={"prices": 7}, version="v", unchanged=True,
            low_memory=True, peak_memory_mb=300.5, progress=1.0, result=RESULT),
    ]  # fmt: skip
    history = JobHistory(tmp_path)
    for each in jobs:
        history.record(each)
    again = JobHistory(tmp_path)
    assert again.ended() == history.ended() == jobs[::-1]
    assert again.job("job0001") == jobs[1]
    assert again.job("job0002") is None


def test_jobs_of_some_days_are_those_that_started_in_them(tmp_path: Path) -> None:
    history = JobHistory(tmp_path)
    for number in range(5):
        history.record(job(number))
    since = NOW + timedelta(hours=2)
    assert [j.job_id for j in history.ended(since)] == ["job0004", "job0003", "job0002"]


def test_the_job_that_ended_last_comes_first_whenever_it_was_recorded(tmp_path: Path) -> None:
    history = JobHistory(tmp_path)
    for number in (3, 1, 2):
        history.record(job(number))
    assert [j.job_id for j in history.ended()] == ["job0003", "job0002", "job0001"]
    assert history.ids() == {"job0001", "job0002", "job0003"}


def test_a_job_that_runs_is_not_of_the_past_until_it_has_ended(tmp_path: Path) -> None:
    history = JobHistory(tmp_path)
    history.record(job(1, status="running", finished_at=None))
    assert history.ended() == []
    history.record(job(1))
    assert history.ended() == [job(1)]


@pytest.mark.parametrize("logged", [True, False])
def test_a_job_that_ran_when_the_service_ended_has_failed(tmp_path: Path, logged: bool) -> None:
    history = JobHistory(tmp_path)
    history.record(job(1, status="running", finished_at=None, phase="prices", progress=0.4))
    last = NOW + timedelta(hours=1, minutes=3)
    if logged:
        log = history.new_log("job0001")
        log.touch()
        os.utime(log, (last.timestamp(), last.timestamp()))
    for _ in range(2):  # it is written down, and stays as it is
        (ended,) = JobHistory(tmp_path).ended()
        assert (ended.status, ended.phase, ended.error_type) == ("failed", "prices", "Stopped")
        assert ended.error == "the service ended while the refresh ran; start it again"
        assert ended.finished_at == (last if logged else NOW + timedelta(hours=1))
        (tmp_path / "logs" / "job0001.log").unlink(missing_ok=True)


def test_only_the_newest_jobs_and_logs_are_kept(tmp_path: Path) -> None:
    history = JobHistory(tmp_path)
    for number in range(KEPT_JOBS + 3):
        history.record(job(number))
    assert len(history.ended()) == len(JobHistory(tmp_path).ended()) == KEPT_JOBS
    assert history.ended()[-1].job_id == JobHistory(tmp_path).ended()[-1].job_id == "job0003"
    for number in range(KEPT_LOGS + 3):
        history.new_log(f"job{number:04}").touch()
    kept = sorted(log.stem for log in (tmp_path / "logs").iterdir())
    assert kept == [f"job{number:04}" for number in range(3, KEPT_LOGS + 3)]


@pytest.mark.parametrize(
    "entry",
    [{"started_at": "yesterday"}, {"started_at": None}, {}, {"started_at": NOW.isoformat()}],
    ids=["no time", "null", "nothing", "no trigger"],
)
def test_a_job_that_cannot_be_read_is_passed_over(
    tmp_path: Path, entry: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    JobHistory(tmp_path).record(job(1))
    with (tmp_path / "jobs.jsonl").open("a") as file:
        file.write(json.dumps({"job_id": "odd", **entry}) + "\n")
    with caplog.at_level(logging.WARNING):
        assert JobHistory(tmp_path).ended() == [job(1)]
    assert "refresh odd is passed over" in caplog.text


def test_a_job_of_a_later_release_is_read_without_what_is_not_known(tmp_path: Path) -> None:
    entry = job(1).as_dict() | {"mood": "good"}
    (tmp_path / "jobs.jsonl").write_text(json.dumps(entry) + "\n")
    assert JobHistory(tmp_path).ended() == [job(1)]


def test_a_job_as_earlier_releases_wrote_it_is_read(tmp_path: Path) -> None:
    line = (
        '{"job_id": "20261124T170500Z-3fa1c2", "trigger": "scheduled", '
        '"started_at": "2026-11-24T17:05:00.000000+00:00", '
        '"finished_at": "2026-11-24T17:05:04.100000+00:00", "status": "succeeded", '
        '"phase": null, "progress": 1.0, "rows": 7, "rejected": 1, "datasets": {"prices": 7}, '
        '"version": "v", "unchanged": false, "low_memory": false, "peak_memory_mb": 300.5, '
        '"error": null, "error_type": null, "result": {"version": "v", "rows": 7, "rejected": 1, '
        '"seconds": 4.1, "peak_memory_mb": 300.5, "strategies": {"value": 3}}}\n'
    )
    (tmp_path / "jobs.jsonl").write_text(line)
    (read,) = JobHistory(tmp_path).ended()
    assert read.result == RESULT
    written = read.as_dict()
    assert written.pop("estimated_seconds") is None
    assert written.pop("other_database") is None
    assert isinstance(written["result"], dict)
    assert written["result"].pop("unchanged") is False
    assert json.dumps(written) + "\n" == line
