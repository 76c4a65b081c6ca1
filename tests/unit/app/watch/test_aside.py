"""Looks at a disk by a thread of their own: what they find, and what is said of one that hangs."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from app.watch import journal
from app.watch.aside import Aside, NoAnswer
from app.watch.journal import Journal

Asked = Callable[[float, Aside, Callable[[], str]], str]


def waits(seconds: float, aside: Aside, look: Callable[[], str]) -> str:
    return aside.within(seconds, look)


def awaits(seconds: float, aside: Aside, look: Callable[[], str]) -> str:
    return asyncio.run(aside.ask(seconds, look))


BOTH = pytest.mark.parametrize("asked", [waits, awaits])


def until(look: Callable[[], bool]) -> None:
    for _ in range(1000):
        if look():
            return
        Event().wait(0.01)
    raise AssertionError("it did not happen")


@BOTH
def test_a_look_is_answered_or_fails_as_it_does(asked: Asked) -> None:
    def fails() -> str:
        raise TimeoutError("of the look itself")

    aside = Aside("disk")
    assert asked(30, aside, lambda: "found") == "found"
    with pytest.raises(TimeoutError, match="of the look itself"):
        asked(30, aside, fails)
    assert not aside.hangs
    aside.close()


@BOTH
def test_a_look_that_hangs_is_given_up_and_none_is_made_until_it_ends(asked: Asked) -> None:
    aside, answers, looks = Aside("disk"), Event(), list[None]()
    with pytest.raises(NoAnswer, match=r"the disk of the lake gives no answer for 0\.05 s"):
        asked(0.05, aside, lambda: str(answers.wait()))
    with pytest.raises(NoAnswer):
        asked(0.05, aside, lambda: str(looks.append(None)))
    assert (aside.hangs, looks) == (True, [])
    answers.set()
    until(lambda: not aside.hangs)
    assert asked(30, aside, lambda: "found") == "found"
    aside.close()


def test_a_journal_on_a_disk_that_hangs_holds_nobody_up_and_writes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "WRITE_SECONDS", 0.05)
    answers, write = Event(), Journal._write  # noqa: SLF001 - it hangs here

    def hangs(book: Journal, line: str) -> None:
        answers.wait()
        write(book, line)

    monkeypatch.setattr(Journal, "_write", hangs)
    path = tmp_path / "book.jsonl"
    book = Journal(path, key="id")
    for name in "abc":
        book.record({"id": name})
    assert ([entry["id"] for entry in book.entries()], path.exists()) == (["a", "b", "c"], False)
    answers.set()
    book.record({"id": "d"})
    until(lambda: path.exists() and path.read_text().count("\n") == 4)
    assert Journal(path, key="id").entries() == book.entries()
