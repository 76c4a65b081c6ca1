"""The records of refreshes that no service started: what they tell, also of one that was killed."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.errors import Locked, SourceError
from pipelines.lake import MANIFEST, Phase, layout, text
from pipelines.lake.publishing import point_current_to
from pipelines.lake.runs import CUT_SHORT, KEPT, Record, Run, damaged_runs, ended_runs, recorded
from tests.factories import dataset, manifest

MADE = "20261124T170500Z-3fa1c2"
PARTS = {
    "prices": dataset(rows=70, rows_in=71, rejected={"bad_date": 1}),
    "stocks": dataset(rows=4, rows_in=4),
}
PHASES = (
    Phase(phase="copy", rows=None, seconds=1.0, before_mb=80.0, peak_mb=90.0),
    Phase(phase="prices", rows=70, seconds=2.0, before_mb=90.0, peak_mb=231.5),
)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    layout.versions(tmp_path).mkdir()
    return tmp_path


def publish(lake: Path) -> None:
    folder = layout.version(lake, MADE)
    folder.mkdir()
    (folder / MANIFEST).write_text(text(manifest(MADE, datasets=PARTS, phases=PHASES)))
    point_current_to(lake, MADE)


def only(lake: Path) -> Run:
    (run,) = ended_runs(lake)
    return run


def test_a_refresh_that_published_is_told_with_its_figures(lake: Path) -> None:
    before = datetime.now(UTC)
    with recorded(lake) as record:
        assert ended_runs(lake) == damaged_runs(lake) == []  # it runs
        record.makes(MADE)
        record.succeeded(manifest(MADE, datasets=PARTS), 231.46)
    run = only(lake)
    assert (run.outcome, run.version, run.rejected, run.peak_mb) == ("published", MADE, 1, 231.5)
    assert run.datasets == {"prices": 70, "stocks": 4}
    assert run.ended_at
    assert before <= run.began_at <= run.ended_at <= before + timedelta(minutes=1)


def test_a_refresh_that_made_no_version_found_nothing_new(lake: Path) -> None:
    with recorded(lake) as record:
        record.succeeded(manifest(MADE, datasets=PARTS), 83.0)
    run = only(lake)
    assert (run.outcome, run.version, run.datasets) == ("unchanged", MADE, {})


def test_a_refresh_that_failed_is_told_with_its_error(lake: Path) -> None:
    with pytest.raises(SourceError), recorded(lake, lake / "x"):
        raise SourceError("no database\nat x")
    run = only(lake)
    assert (run.outcome, run.error, run.error_type) == (
        "failed", "no database at x", "SourceError",
    )  # fmt: skip
    assert run.database == str((lake / "x").resolve())


def test_a_refresh_that_was_interrupted_has_failed(lake: Path) -> None:
    with pytest.raises(KeyboardInterrupt), recorded(lake):
        raise KeyboardInterrupt
    assert (only(lake).outcome, only(lake).error) == ("failed", CUT_SHORT)


def test_a_refresh_that_another_writer_kept_out_leaves_no_record(lake: Path) -> None:
    with pytest.raises(Locked), recorded(lake):
        raise Locked(lake, "process 7")
    assert list(layout.runs(lake).iterdir()) == []


def test_a_lake_that_is_not_there_is_not_made_for_a_record(tmp_path: Path) -> None:
    with pytest.raises(SourceError), recorded(tmp_path / "lake"):
        raise SourceError("no database")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_record_does_not_end_the_refresh(
    lake: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layout.runs(lake).write_text("no folder")
    with recorded(lake) as record:
        record.makes(MADE)
        record.succeeded(manifest(MADE), 83.0)
    assert caplog.text.count("this refresh leaves no record") == 1
    assert ended_runs(lake) == []


KILLED = """
import os, sys
from pathlib import Path
from pipelines.lake.runs import Record
record = Record(Path(sys.argv[1]))
record.makes(sys.argv[2])
os.kill(os.getpid(), 9)
"""


def kill_while_it_runs(lake: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(lake), MADE]
    assert subprocess.run(command, check=False).returncode == -9


def test_a_refresh_that_was_killed_has_failed(lake: Path) -> None:
    kill_while_it_runs(lake)
    run = only(lake)
    assert (run.outcome, run.version, run.error, run.error_type) == (
        "failed", None, CUT_SHORT, "Killed",
    )  # fmt: skip
    assert run.ended_at
    assert run.ended_at - datetime.now(UTC) < timedelta(minutes=1)


def test_a_refresh_that_was_killed_after_it_published_has_published(lake: Path) -> None:
    kill_while_it_runs(lake)
    publish(lake)
    run = only(lake)
    assert (run.outcome, run.version, run.error) == ("published", MADE, None)
    assert (run.datasets, run.rejected, run.peak_mb) == ({"prices": 70, "stocks": 4}, 1, 231.5)
    assert run.ended_at == manifest().created_at


def test_a_version_that_never_became_current_was_not_published(lake: Path) -> None:
    kill_while_it_runs(lake)
    publish(lake)
    layout.current(lake).unlink()
    assert only(lake).outcome == "failed"


def test_known_and_torn_records_are_passed_over(lake: Path) -> None:
    layout.runs(lake).mkdir()
    layout.run(lake, "torn").write_text('{"id": "torn", "began_')
    layout.run(lake, "local").write_text('{"id": "local", "began_at": "2026-11-24T17:05:00"}\n')
    layout.run(lake, "odd").write_text('{"id": "odd", "began_at": 7}\n[1]\n')
    line = json.dumps({"id": "whole", "began_at": "2026-11-24T17:05:00+00:00"})
    layout.run(lake, "whole").write_text(f"{line}\nhalf a li")
    layout.run(lake, "empty").touch()
    assert damaged_runs(lake) == ["local.jsonl", "odd.jsonl", "torn.jsonl"]
    assert damaged_runs(lake, {"odd", "torn"}) == ["local.jsonl"]
    assert [run.id for run in ended_runs(lake)] == ["whole"]
    assert ended_runs(lake, {"whole"}) == []


def test_a_disk_that_does_not_list_its_records_has_none(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[Path]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "glob", broken)
    assert ended_runs(lake) == damaged_runs(lake) == []


def test_only_the_newest_records_are_kept(lake: Path) -> None:
    layout.runs(lake).mkdir()
    for number in range(KEPT + 3):
        layout.run(lake, f"2020{number:04}").touch()
    record = Record(lake)
    record.begin()
    record.close()
    names = sorted(path.stem for path in layout.runs(lake).iterdir())
    assert len(names) == KEPT
    assert names[0] == "20200004"
