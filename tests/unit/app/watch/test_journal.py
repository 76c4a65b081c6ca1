"""The journal: what is written is there after a restart, a kill or a full disk."""

import json
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.watch.journal import Journal

WRITER = """
import sys
from pathlib import Path
from app.watch.journal import Journal
journal = Journal(Path(sys.argv[1]), key="id", keep=50)
number = 0
while True:
    journal.record({"id": f"{number}", "text": "x" * 200})
    print(number, flush=True)
    number += 1
"""


def journal(path: Path, keep: int = 500) -> Journal:
    return Journal(path, key="id", keep=keep, lasts=lambda entry: bool(entry.get("lasts")))


def ids(book: Journal) -> list[str]:
    return [entry["id"] for entry in book.entries()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "service" / "book.jsonl"


def test_what_was_written_is_there_after_a_restart(path: Path) -> None:
    first = journal(path)
    first.record({"id": "a", "state": "new"})
    first.record({"id": "b", "state": "Ängsvik"})
    first.record({"id": "a", "state": "old"})
    expected = [{"id": "a", "state": "old"}, {"id": "b", "state": "Ängsvik"}]
    assert first.entries() == expected
    assert journal(path).entries() == expected


def test_there_is_nothing_without_a_file(path: Path) -> None:
    assert journal(path).entries() == []
    assert not path.parent.exists()


@pytest.mark.parametrize("cut", [1, 2, 10])
def test_a_torn_last_line_is_passed_over_and_swallows_no_other(
    path: Path, caplog: pytest.LogCaptureFixture, cut: int
) -> None:
    first = journal(path)
    for name in "abc":
        first.record({"id": name})
    path.write_bytes(path.read_bytes()[:-cut])
    again = journal(path)
    whole = ["a", "b", "c"] if cut == 1 else ["a", "b"]
    assert ids(again) == whole
    again.record({"id": "d"})
    assert ids(journal(path)) == [*whole, "d"]
    told = "1 of 3 lines of book.jsonl are damaged and are passed over"
    assert (told in caplog.messages) == (cut > 1)


@pytest.mark.parametrize("line", [b"\xff\xfe", b"\0\0\0\0", b"[1]", b'"a"', b'{"id": 1}', b"{}"])
def test_a_line_of_another_kind_is_passed_over(path: Path, line: bytes) -> None:
    first = journal(path)
    first.record({"id": "a"})
    path.write_bytes(line + b"\n" + path.read_bytes())
    assert ids(journal(path)) == ["a"]


def test_only_the_newest_are_kept_in_memory_and_in_the_file(path: Path) -> None:
    book = journal(path, keep=10)
    for number in range(95):
        book.record({"id": str(number)})
        assert len(path.read_text().splitlines()) < 20
    expected = [str(number) for number in range(85, 95)]
    assert ids(book) == ids(journal(path, keep=10)) == expected
    assert list(path.parent.iterdir()) == [path]


def test_a_long_file_of_few_things_is_shortened(path: Path) -> None:
    book = journal(path, keep=10)
    for number in range(20):
        book.record({"id": "a", "number": number})
    assert path.read_text() == '{"id": "a", "number": 19}\n'


def test_what_lasts_outlives_newer_things(path: Path) -> None:
    book = journal(path, keep=10)
    book.record({"id": "first", "lasts": True})
    for number in range(40):
        book.record({"id": str(number)})
    assert ids(book)[:2] == ["first", "31"]
    assert ids(journal(path, keep=10)) == ids(book)
    book.record({"id": "first", "lasts": False})
    book.record({"id": "40"})
    assert ids(book)[0] == "31"


def test_a_disk_that_cannot_be_written_is_told_and_costs_only_the_file(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = journal(path)
    path.parent.write_text("a file where the folder should be")
    book.record({"id": "a"})
    assert ids(book) == ["a"]
    told = "book.jsonl cannot be written: File exists; free the disk, or mend its permissions"
    assert (logging.ERROR, told) in [(r.levelno, r.message) for r in caplog.records]
    path.parent.unlink()
    book.record({"id": "b"})
    assert ids(journal(path)) == ["b"]


def test_a_line_that_a_full_disk_cut_swallows_no_other(path: Path) -> None:
    book = journal(path)
    book.record({"id": "a"})
    whole = path.read_bytes()
    path.unlink()
    path.mkdir()
    book.record({"id": "b"})
    path.rmdir()
    path.write_bytes(whole + b'{"id": "b')
    book.record({"id": "c"})
    assert ids(journal(path)) == ["a", "c"]


def test_a_file_that_cannot_be_read_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.mkdir(parents=True)
    assert journal(path).entries() == []
    (told,) = caplog.messages
    assert told.startswith("book.jsonl cannot be read: Is a directory")


@pytest.mark.parametrize("written", [3, 60, 130])
def test_a_kill_at_any_time_loses_nothing_that_was_told_written(path: Path, written: int) -> None:
    root = Path(__file__).parents[4]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=root
    ) as writer:
        assert writer.stdout
        for _ in range(written):
            writer.stdout.readline()
        writer.kill()
        rest = writer.stdout.read()
    assert writer.returncode == -signal.SIGKILL
    last = int(rest.split()[-1]) if rest.split() else written - 1
    found = [int(name) for name in ids(journal(path, keep=50))]
    assert found[-1] in {last, last + 1}
    assert found == list(range(max(0, found[-1] - 49), found[-1] + 1))
    assert all(json.loads(line) for line in path.read_text().splitlines()[:-1])


def test_damage_is_told_while_it_is_in_the_file(path: Path) -> None:
    book = journal(path)
    assert book.trouble() is None  # there is no file
    book.record({"id": "a"})
    assert book.trouble() is None
    whole = path.read_bytes()
    path.write_bytes(whole + b"\xff\xfe no JSON\n[1]\n")
    assert book.trouble() == book.trouble() == "2 of 3 lines of book.jsonl are damaged"
    path.write_bytes(whole)
    assert book.trouble() is None


def test_a_file_that_cannot_be_written_is_told_until_it_can(path: Path) -> None:
    path.mkdir(parents=True)
    book = journal(path)
    assert book.trouble() == (
        "book.jsonl cannot be read: Is a directory; free the disk, or mend its permissions"
    )
    book.record({"id": "a"})
    assert str(book.trouble()).startswith("book.jsonl cannot be written: Is a directory")
    path.rmdir()
    book.record({"id": "b"})
    assert book.trouble() is None
