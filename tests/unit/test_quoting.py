"""Texts from outside in the lines of a log: no text makes a line or a field of its own."""

import json
import logging

import pytest

from pipelines.console import Lines, LogFormat
from pipelines.quoting import one_line, quoted


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("VOLV B, Ängsvik 你好 €", "VOLV B, Ängsvik 你好 €"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31m\x00\x7f\x9b", r"\x1b[31m\x00\x7f\x9b"),
        ("a\u2028b\u2029c\u0085d", r"a\u2028b\u2029c\x85d"),
        ("a\u202eb\ud800", r"a\u202eb\ud800"),
        ("", ""),
    ],
)
def test_a_line_has_no_character_that_cannot_be_shown(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("/v1/stocks/ABB", "/v1/stocks/ABB"),
        ("/v1/stocks/ÅÄÖ", "/v1/stocks/ÅÄÖ"),
        (200, "200"),
        (1.5, "1.5"),
        ("", '""'),
        ("/VOLV B", '"/VOLV B"'),
        ("/x status=200", '"/x status=200"'),
        ('a"b\\n', r'"a\"b\\n"'),
        ("a\nb", r'"a\nb"'),
        ("a\u00a0b", r'"a\xa0b"'),
    ],
)
def test_a_value_is_one_word(value: object, word: str) -> None:
    assert quoted(value) == word


def written(style: LogFormat, message: str, **more: object) -> str:
    """A record as it is written, without its time."""
    record = logging.makeLogRecord({"msg": message, "created": 0.0, **more})
    text = Lines(style).format(record)
    assert text.count("1970-01-01T00:00:00Z") == 1
    return text.replace("1970-01-01T00:00:00Z", "T")


FORGED = "x\n2026-01-01T00:00:00Z method=POST status=200"


def test_no_path_forges_a_line_or_a_field() -> None:
    fields = {"method": "GET", "path": FORGED, "client": None}
    assert written(LogFormat.TEXT, "", fields=fields) == (
        r'T method=GET path="x\n2026-01-01T00:00:00Z method=POST status=200"'
    )
    assert written(LogFormat.TEXT, FORGED) == (r"T x\n2026-01-01T00:00:00Z method=POST status=200")
    assert json.loads(written(LogFormat.JSON, "", fields=fields))["path"] == FORGED


def test_an_exception_follows_indented() -> None:
    caught = (ValueError, ValueError(FORGED), None)
    first, *rest = written(LogFormat.TEXT, "it failed\n", exc_info=caught).split("\n")
    assert first == "T it failed"
    assert all(line.startswith("    ") for line in rest)
    assert rest[-2:] == [
        "    ValueError: x",
        "    2026-01-01T00:00:00Z method=POST status=200",
    ]
    entry = json.loads(written(LogFormat.JSON, "it failed", exc_info=caught))
    assert entry["message"] == "it failed"
    assert entry["exception"].endswith("method=POST status=200")
