"""What the log of an export, its end, and the file of jobs say of a refresh."""

import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.jobs.child import Ended
from app.jobs.follow import PHASES, Follower
from app.jobs.history import KEPT_JOBS, KEPT_LOGS, History, Job, new_job
from app.jobs.outcome import Attempt, kernel_kills, published, without_paths
from pipelines.lake import text
from tests.factories import dataset, manifest

NOW: Final = datetime(2026, 11, 24, 17, 5, tzinfo=UTC)
HEAVY: Final = {"pandas", "pyarrow", "connectorx", "dataframely", "exchange_calendars"}


def follow(*entries: dict[str, Any], floor: float = 0.0) -> Follower:
    follower = Follower(floor)
    for entry in entries:
        follower.see(json.dumps({"time": "2026-11-24T17:05:00Z", **entry}))
    return follower


# ---------------------------------------------------------------------------------- the log


def test_the_usual_shares_of_the_phases_are_the_whole() -> None:
    assert sum(PHASES.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("entries", "progress"),
    [
        ([], 0.0),
        ([{"begins": "copy"}], 0.0),
        ([{"begins": "copy"}, {"phase": "copy", "peak_mb": 1.0}], 0.08),
        ([{"begins": "prices"}], 0.12),
        ([{"begins": "prices"}, {"table": "daily_prices", "done": 1, "total": 2}], 0.404),
        ([{"begins": "prices"}, {"table": "daily_prices", "done": 2, "total": 2}], 0.688),
        ([{"begins": "stocks"}, {"table": "stocks", "done": 0, "total": 0}], 0.89),
        # Without a table of indices its phase never begins.
        ([{"begins": "stocks"}, {"begins": "rankings"}], 0.92),
        ([{"begins": "publish"}], 0.99),
        ([{"begins": "copy"}, {"begins": "changes"}, {"begins": "something new"},
          {"table": "new", "done": 1, "total": 1}], 0.08),
    ],
)  # fmt: skip
def test_progress_counts_phases_and_rows(entries: list[dict[str, Any]], progress: float) -> None:
    assert follow(*entries).progress == pytest.approx(progress)
    assert follow(*entries, floor=0.5).progress == pytest.approx(0.5 + progress / 2)


lines = st.one_of(
    st.builds(lambda name: {"begins": name}, st.sampled_from([*PHASES, "new"])),
    st.builds(
        lambda name, done, more: {"table": name, "done": done, "total": done + more},
        st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 9),
    ),
    st.builds(lambda name: {"phase": name, "peak_mb": 1.0}, st.sampled_from([*PHASES, "new"])),
)  # fmt: skip


@given(st.lists(lines), st.floats(0, 1))
def test_progress_never_goes_back_nor_past_the_end(
    entries: list[dict[str, Any]], floor: float
) -> None:
    follower, last = Follower(floor), floor
    for entry in entries:
        follower.see(json.dumps(entry))
        assert last <= follower.progress <= 1 + 1e-9
        last = follower.progress


def test_rows_of_all_tables_count_and_a_table_that_is_read_again_counts_once() -> None:
    follower = follow(
        {"table": "fundamentals", "done": 7, "total": 7},
        {"table": "stocks", "done": 5, "total": 9},
        {"table": "stocks", "done": 2, "total": 9},
    )
    assert follower.rows == 9
    assert follow({"begins": "copy"}).rows is None


def test_the_largest_peak_of_the_phases_counts() -> None:
    phases = [{"phase": "copy", "peak_mb": mb} for mb in (150.0, 310.5, 200.0)]
    assert follow(*phases).peak_mb == 310.5


def test_the_error_is_the_one_that_was_logged_and_other_text_is_kept_apart() -> None:
    follower = follow({"error": "no database", "type": "SourceError"}, {"message": "a warning"})
    for line in ("Traceback:", "ValueError: x", "", "  "):
        follower.see(line)
    assert (follower.error, follower.error_type) == ("no database", "SourceError")
    assert follower.said == "ValueError: x"


@pytest.mark.parametrize("line", ["", "7", "null", "[1]", '"begins"', "{", '{"other": 1}'])
def test_other_lines_say_nothing(line: str) -> None:
    follower = Follower()
    follower.see(line)
    assert (follower.progress, follower.phase, follower.error) == (0.0, None, None)


# ---------------------------------------------------------------------------------- the end


def attempt(ended: Ended, follower: Follower | None = None, **known: Any) -> Attempt:
    return Attempt(ended, follower or Follower(), 300.0, Path("service/logs/7.log"), **known)


def test_an_export_that_succeeded_lacked_no_memory() -> None:
    made = manifest("7")
    ended = Ended(0, text(made).encode(), "memory", (310.0, 300.0))
    assert attempt(ended, kernel_killed=True).lack is None
    assert attempt(ended).manifest == made


@pytest.mark.parametrize(
    ("ended", "kernel_killed", "lack"),
    [
        (Ended(-9, b"", "memory", (310.0, 300.4)), False,
         "the export used 310 MB of the 300 MB that are left to it"),
        (Ended(-9, b""), True,
         "the kernel ended the export, which used 300 MB, for lack of memory"),
        (Ended(-9, b""), False, None),
        (Ended(-9, b"", "stopped"), True, None),
        (Ended(-9, b"", "stopped", (310.0, 300.0)), False, None),
        (Ended(-15, b""), True, None),
        (Ended(1, b""), True, None),
    ],
)  # fmt: skip
def test_memory_was_short_where_the_service_or_the_kernel_said_so(
    ended: Ended, kernel_killed: bool, lack: str | None
) -> None:
    assert attempt(ended, kernel_killed=kernel_killed).lack == lack


def test_what_was_printed_by_an_export_that_failed_is_no_manifest() -> None:
    assert attempt(Ended(1, text(manifest("7")).encode())).manifest is None


def test_what_is_no_manifest_is_none() -> None:
    assert attempt(Ended(0, b'{"version": "7"}')).manifest is None


def test_the_remedy_for_a_lack_of_memory_names_the_limit() -> None:
    failure = attempt(Ended(-9, b"", "memory", (310.0, 300.0))).failure(1024.0)
    assert failure.error == (
        "the export used 310 MB of the 300 MB that are left to it, also in low-memory mode; "
        "raise the memory limit of 1,024 MB, or run python -m pipelines.export on a larger machine"
    )


def test_an_error_of_the_export_is_told_as_it_is() -> None:
    failure = attempt(Ended(1, b""), follow({"error": "busy", "type": "Locked"})).failure(1024.0)
    assert (failure.error, failure.type) == ("busy", "Locked")


def test_a_version_is_summed_over_its_datasets() -> None:
    made = manifest("7", datasets={
        "prices": dataset(rows=100, rejected={"bad_date": 2, "no_close": 3}),
        "stocks": dataset(rows=10, rejected={"duplicate_key": 1}),
        "rankings": dataset(rows=40),
    })  # fmt: skip
    assert published(made, "6") == {
        "version": "7", "unchanged": False, "rows": 150, "rejected": 6,
        "datasets": {"prices": 100, "stocks": 10, "rankings": 40},
    }  # fmt: skip
    assert published(made, "7")["unchanged"] is True
    assert published(made, None)["unchanged"] is False


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no database at /srv/a b/app.db; write one", "no database at app.db; write one"),
        ("cannot read file:/srv/a b/app.db-wal?mode=ro", "cannot read file:app.db-wal?mode=ro"),
        ("'/srv/a b/lake/versions/7/x.parquet' is damaged",
         "'lake/versions/7/x.parquet' is damaged"),
        ("data/market.db: no table", "market.db: no table"),
        ("olddata/market.db is another", "olddata/market.db is another"),
        ('File "/usr/lib/python3/json.py", line 3', 'File "json.py", line 3'),
        ("[Errno 2] No such file: '/etc/ssl/cert.pem'", "[Errno 2] No such file: 'cert.pem'"),
        ("see logs/7.log, https://host/a/b and 3/4 of it",
         "see logs/7.log, https://host/a/b and 3/4 of it"),
        ("/home/x/,/var/y/z", "x/,z"),
        ("stocks has 30 rows, 30 fewer", "stocks has 30 rows, 30 fewer"),
    ],
)  # fmt: skip
def test_an_error_names_files_without_their_folders(text: str, told: str) -> None:
    places = [Path("/srv/a b/app.db"), Path("/srv/a b/lake"), Path("data/market.db"), Path("/")]
    assert without_paths(text, places) == told
    assert without_paths(told, places) == told


def test_a_relative_place_is_also_known_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = tmp_path / "my data" / "lake" / "current"
    assert without_paths(f"cannot write {whole}", [Path("my data/lake"), Path()]) == (
        "cannot write lake/current"
    )


def test_the_kernel_counts_what_it_ended(tmp_path: Path) -> None:
    file = tmp_path / "vmstat"
    assert kernel_kills(file) == 0
    file.write_text("oom_kill_other 3\noom_kill 17\nnr_free 5\n")
    assert kernel_kills(file) == 17
    file.write_text("nr_free 5\n")
    assert kernel_kills(file) == 0


# ------------------------------------------------------------------------------- the past


def job(number: int, **known: Any) -> Job:
    started = NOW + timedelta(hours=number)
    ended = {"status": "succeeded", "finished_at": started + timedelta(minutes=1)}
    return Job(job_id=f"job{number:04}", trigger="manual", started_at=started, **ended | known)


def test_jobs_outlive_the_service_with_all_that_is_known(tmp_path: Path) -> None:
    jobs = [
        job(0, status="failed", error="no disk", error_type="LakeError", phase="prices"),
        job(1, rows=7, rejected=1, datasets={"prices": 7}, version="v", unchanged=True,
            low_memory=True, peak_memory_mb=300.5, progress=1.0, result={"rows": 7}),
    ]  # fmt: skip
    history = History(tmp_path)
    for each in jobs:
        history.note(each)
    again = History(tmp_path)
    assert again.ended() == history.ended() == jobs[::-1]
    assert again.job("job0001") == jobs[1]
    assert again.job("job0002") is None


def test_jobs_of_some_days_are_those_that_started_in_them(tmp_path: Path) -> None:
    history = History(tmp_path)
    for number in range(5):
        history.note(job(number))
    since = NOW + timedelta(hours=2)
    assert [j.job_id for j in history.ended(since)] == ["job0004", "job0003", "job0002"]


def test_a_job_that_runs_is_not_of_the_past_until_it_has_ended(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.note(job(1, status="running", finished_at=None))
    assert history.ended() == []
    history.note(job(1))
    assert history.ended() == [job(1)]


@pytest.mark.parametrize("logged", [True, False])
def test_a_job_that_ran_when_the_service_ended_has_failed(tmp_path: Path, logged: bool) -> None:
    history = History(tmp_path)
    history.note(job(1, status="running", finished_at=None, phase="prices", progress=0.4))
    last = NOW + timedelta(hours=1, minutes=3)
    if logged:
        log = history.new_log("job0001")
        log.touch()
        os.utime(log, (last.timestamp(), last.timestamp()))
    for _ in range(2):  # it is written down, and stays as it is
        (ended,) = History(tmp_path).ended()
        assert (ended.status, ended.phase, ended.error_type) == ("failed", "prices", "Stopped")
        assert ended.error == "the service ended while the refresh ran; start it again"
        assert ended.finished_at == (last if logged else NOW + timedelta(hours=1))
        (tmp_path / "logs" / "job0001.log").unlink(missing_ok=True)


def test_only_the_newest_jobs_and_logs_are_kept(tmp_path: Path) -> None:
    history = History(tmp_path)
    for number in range(KEPT_JOBS + 3):
        history.note(job(number))
    assert len(history.ended()) == len(History(tmp_path).ended()) == KEPT_JOBS
    assert history.ended()[-1].job_id == History(tmp_path).ended()[-1].job_id == "job0003"
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
    History(tmp_path).note(job(1))
    with (tmp_path / "jobs.jsonl").open("a") as file:
        file.write(json.dumps({"job_id": "odd", **entry}) + "\n")
    with caplog.at_level(logging.WARNING):
        assert History(tmp_path).ended() == [job(1)]
    assert "refresh odd is passed over" in caplog.text


def test_a_job_of_a_later_release_is_read_without_what_is_not_known(tmp_path: Path) -> None:
    entry = job(1).as_dict() | {"mood": "good"}
    (tmp_path / "jobs.jsonl").write_text(json.dumps(entry) + "\n")
    assert History(tmp_path).ended() == [job(1)]


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


def test_the_refresh_loads_nothing_that_only_the_export_needs() -> None:
    modules = "app.jobs.schedule, app.jobs.refresh"
    code = f"import sys, {modules}; print(sorted(set(sys.modules) & {HEAVY!r}))"
    command = [sys.executable, "-c", code]
    root = Path(__file__).parents[4]
    printed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert printed.stdout == "[]\n"
