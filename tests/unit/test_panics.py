"""What connectorx prints as it panics stays out of the terminal; what others print does not."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from pipelines.panics import quietly, stderr_held_back
from pipelines.source.unreadable import UnreadableRow
from tests import commands
from tests.unit.source.tables import prices, whole


class PanicException(BaseException):
    pass


def printing(*texts: bytes, panic: bool = False) -> Iterator[bytes]:
    for text in texts:
        os.write(2, text)
        yield text
    if panic:
        os.write(2, b"stack backtrace")
        raise PanicException


def test_a_panic_prints_nothing_and_is_in_the_debug_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    table = prices(tmp_path, {}, {"close": "x"}, {})
    with caplog.at_level(logging.DEBUG, "pipelines"), pytest.raises(UnreadableRow):
        whole(table)
    os.write(2, b"stderr is back")
    assert capfd.readouterr().err == "stderr is back"
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert 'InvalidColumnType(5, "close", Text)' in record.getMessage()


def test_what_others_print_while_a_batch_is_taken_is_printed_afterwards(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert list(quietly(printing(b"one ", b"two"))) == [b"one ", b"two"]
    assert capfd.readouterr().err == "one two"


def test_stderr_is_free_while_a_batch_is_used(capfd: pytest.CaptureFixture[str]) -> None:
    for batch in quietly(printing(b"taken ")):
        os.write(2, b"used ")
        assert capfd.readouterr().err == f"{batch.decode()}used "


def test_streams_may_end_in_any_order(capfd: pytest.CaptureFixture[str]) -> None:
    first, second = quietly(printing(b"1", b"1")), quietly(printing(b"2", b"2"))
    next(first)
    next(second)
    assert (list(first), list(second)) == ([b"1"], [b"2"])
    os.write(2, b" stderr is back")
    assert capfd.readouterr().err == "1212 stderr is back"


def test_only_the_batch_that_panics_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PanicException):
        list(quietly(printing(b"before", panic=True)))
    assert capfd.readouterr().err == "before"


def test_threads_hold_stderr_back_together(capfd: pytest.CaptureFixture[str]) -> None:
    begun, ended = Event(), Event()

    def other() -> None:
        with stderr_held_back():
            os.write(2, b"of the other")
            begun.set()
            ended.wait(10)

    thread = Thread(target=other)
    with stderr_held_back():
        thread.start()
        assert begun.wait(10)
        os.write(2, b" and mine;")
    assert capfd.readouterr().err == ""
    ended.set()
    thread.join()
    os.write(2, b" stderr is back")
    assert capfd.readouterr().err == "of the other and mine; stderr is back"


def test_the_log_is_written_while_stderr_is_held_back(tmp_path: Path) -> None:
    code = """
import logging, os
from pipelines import console
from pipelines.panics import stderr_held_back
console.log_to_stderr(console.LogFormat.TEXT)
with stderr_held_back():
    os.write(2, b"held back")
    logging.getLogger("app").warning("at once")
"""
    done = commands.run(tmp_path, "-c", code, env={})
    assert done.stderr.decode().split("Z ")[1] == "at once\nheld back"
