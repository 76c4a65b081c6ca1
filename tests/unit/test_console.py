"""What commands write, on a terminal and elsewhere."""

import sys

import pytest

from pipelines import console
from pipelines.errors import LakeError
from pipelines.terminal_table import Table

FORGED = "data/lake\n2026-01-01T00:00:00Z status=200 \x1b[31mred"


def test_a_title_and_a_note_hold_no_control_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    console.show(Table(f"versions of {FORGED}", ("a",), [("b",)], note=":cat: [/b] \x07"))
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "versions of data/lake", "2026-01-01T00:00:00Z status=200 [31mred", "a", "─", "b",
        ":cat: [/b]", "",
    ]  # fmt: skip


def test_data_on_a_terminal_holds_no_control_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    console.write_data("ticker,name\nA,red \x1b[31mAB")
    assert capsys.readouterr().out == "ticker,name\nA,red [31mAB\n"


def test_data_elsewhere_is_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.write_data("ticker,name\nA,red \x1b[31mAB")
    assert capsys.readouterr().out == "ticker,name\nA,red \x1b[31mAB\n"


def test_a_sentence_elsewhere_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    console.write("word " * 100)
    assert capsys.readouterr().out == "word " * 100 + "\n"


def test_an_error_is_one_line_without_control_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise LakeError(f"nothing is published in {FORGED}")

    monkeypatch.setattr(sys, "argv", ["fail"])
    with pytest.raises(SystemExit) as ended:
        console.run(fail)
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "error: nothing is published in data/lake 2026-01-01T00:00:00Z status=200 [31mred\n"
    )
