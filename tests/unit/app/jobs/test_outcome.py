"""The outcome of an export, and errors without paths."""

from pathlib import Path
from typing import Any

import pytest

from app.jobs import outcome
from app.jobs.child import Ended
from app.jobs.follow import Follower
from app.jobs.outcome import Attempt, kernel_kills, without_paths
from pipelines.lake import Room, text
from tests.factories import manifest


def attempt(ended: Ended, follower: Follower | None = None, **known: Any) -> Attempt:
    return Attempt(ended, follower or Follower(), 300.0, Path("service/logs/7.log"), **known)


def logged(*lines: str) -> Follower:
    follower = Follower()
    for line in lines:
        follower.see(line)
    return follower


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


@pytest.mark.parametrize("ended", [
    Ended(-9, text(manifest("7")).encode(), "memory", (310.0, 300.0)),
    Ended(-9, text(manifest("7")).encode(), "stopped"),
])  # fmt: skip
def test_an_export_that_is_ended_among_its_backtests_has_published(ended: Ended) -> None:
    among = attempt(ended, logged('{"begins": "publish"}', '{"begins": "backtests"}'))
    assert (among.manifest, among.lack) == (manifest("7"), None)
    before = attempt(ended, logged('{"begins": "publish"}'))
    assert before.manifest is None


def test_what_is_no_manifest_is_none() -> None:
    assert attempt(Ended(0, b'{"version": "7"}')).manifest is None


def test_the_remedy_for_a_lack_of_memory_names_the_limit() -> None:
    failure = attempt(Ended(-9, b"", "memory", (310.0, 300.0))).failure(1024.0)
    assert failure.error == (
        "the export used 310 MB of the 300 MB that are left to it, also in low-memory mode; "
        "raise the memory limit of 1,024 MB, or run python -m pipelines.export on a larger machine"
    )


def test_an_error_of_the_export_is_told_as_it_is() -> None:
    failure = attempt(Ended(1, b""), logged('{"error": "busy", "type": "Locked"}')).failure(1024.0)
    assert (failure.error, failure.type) == ("busy", "Locked")


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


@pytest.mark.parametrize(
    ("ended", "told", "kind"),
    [
        (Ended(-9, b"", "stopped"),
         "the service was stopped while the refresh ran; start it again", "Stopped"),
        (Ended(-9, b"", "silent", silent=3600.0),
         "the export made no progress for 60 minutes and was ended in prices: half a line; "
         "see logs/7.log, and try again", "Hung"),
        (Ended(-15, b""),
         "the export was ended by signal 15 (Terminated) in prices: half a line; "
         "see logs/7.log, and try again", "Killed"),
        (Ended(3, b""),
         "the export ended with exit code 3 in prices: half a line; see logs/7.log, and try again",
         "Crashed"),
    ],
)  # fmt: skip
def test_an_end_without_an_error_is_told_with_the_phase_and_the_last_words(
    ended: Ended, told: str, kind: str
) -> None:
    failure = attempt(ended, logged('{"begins": "prices"}', "half a line")).failure(1024.0)
    assert (failure.error, failure.type) == (told, kind)


FULL = "the disk of service/logs is full; nothing was published, make room there, then try again"


def test_an_export_that_could_not_write_its_error_met_a_full_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outcome, "room_of", lambda _: Room(free=4096, total=10**9))
    failure = attempt(Ended(1, b"")).failure(1024.0)
    assert (failure.error, failure.type) == (FULL, "DiskFull")
    told = attempt(Ended(1, b""), logged('{"error": "busy", "type": "Locked"}')).failure(1024.0)
    assert told.error == "busy"


def test_an_export_whose_last_words_are_of_a_full_disk_met_one() -> None:
    last = logged("OSError: [Errno 28] No space left on device")
    failure = attempt(Ended(1, b""), last).failure(1024.0)
    assert (failure.error, failure.type) == (FULL, "DiskFull")


def test_an_end_that_left_no_trace_names_the_log_alone() -> None:
    failure = attempt(Ended(3, b"")).failure(1024.0)
    assert failure.error == "the export ended with exit code 3; see logs/7.log, and try again"
