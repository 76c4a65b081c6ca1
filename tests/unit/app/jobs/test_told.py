"""The lines of the log about a refresh."""

import logging
from pathlib import Path
from typing import Any

import pytest

from app.jobs.told import tell_begin, tell_end, tell_phase
from tests.unit.app.jobs.past import job


def fields(caplog: pytest.LogCaptureFixture) -> list[tuple[int, dict[str, Any]]]:
    return [(record.levelno, record.__dict__["fields"]) for record in caplog.records]


def test_a_beginning_is_told_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "app.jobs"):
        tell_begin(job(1))
        tell_begin(job(2), "due daily at 17:00 UTC")
        tell_phase(job(3, phase="prices"))  # at debug level, which is not asked for
    why = "asked for by POST /data/sync-now"
    assert fields(caplog) == [
        (logging.INFO, {"refresh": "job0001", "state": "began", "why": why}),
        (logging.INFO, {"refresh": "job0002", "state": "began", "why": "due daily at 17:00 UTC"}),
    ]
    assert caplog.messages[0] == f"refresh job0001 began: {why}"


def test_a_phase_is_told_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "app.jobs"):
        tell_phase(job(3, phase="prices"))
    assert fields(caplog) == [(logging.DEBUG, {"refresh": "job0003", "phase": "prices"})]


def test_a_published_version_is_told_with_its_figures(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    known = {"version": "v", "rows": 7, "rejected": 1, "peak_memory_mb": 300.5}
    with caplog.at_level(logging.INFO, "app.jobs"):
        tell_end(job(1, **known), tmp_path / "1.log")
    told = {
        "refresh": "job0001", "trigger": "manual", "state": "published", "version": "v",
        "rows": 7, "rejected": 1, "seconds": 60.0, "peak_mb": 300.5,
    }  # fmt: skip
    assert fields(caplog) == [(logging.INFO, told)]


def test_a_refresh_that_found_nothing_new_says_so(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level(logging.INFO, "app.jobs"):
        tell_end(job(1, version="v", unchanged=True, rows=7), tmp_path / "1.log")
    told = {
        "refresh": "job0001", "trigger": "manual", "state": "checked, nothing new",
        "version": "v", "seconds": 60.0,
    }  # fmt: skip
    assert fields(caplog) == [(logging.INFO, told)]


def test_a_failure_is_told_with_its_reason_and_the_full_path_of_its_log(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = job(1, status="failed", error="no database", error_type="SourceError")
    Path("1.log").touch()
    with caplog.at_level(logging.INFO, "app.jobs"):
        tell_end(failed, Path("1.log"))
        tell_end(failed, Path("2.log"))  # it was never written
    (level, told), (_, without) = fields(caplog)
    assert level == logging.WARNING
    assert told == {
        "refresh": "job0001", "trigger": "manual", "state": "failed", "error": "no database",
        "type": "SourceError", "seconds": 60.0, "log": str(tmp_path / "1.log"),
    }  # fmt: skip
    assert without["log"] is None
