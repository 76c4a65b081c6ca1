"""Tables on terminals of several widths, and texts that are not to be trusted."""

from io import StringIO

import pytest
from rich.console import Console

from pipelines.terminal_table import Column, Table, plain, wrapped

ID = "20261120T170000Z-abcdef"


def shown(table: Table, width: int) -> list[str]:
    """The lines of a table, without blanks at their ends."""
    stream = StringIO()
    Console(file=stream, width=width).print(table.fitted(width), crop=False)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nord [publ] :cat:", "Nord [publ] :cat:"),
        ("red \x1b[31mAB", "red [31mAB"),
        ("one\ntwo\r\nthree\tfour", "one two three four"),
        ("bell\x07 null\x00 delete\x7f csi\x9b31m", "bell null delete csi31m"),
        ("turned \u202eBA\u2066", "turned BA"),
        ("lines\u2028and\x85and\x1cmore", "lines and and more"),
        ("Ångström 株式", "Ångström 株式"),
    ],
)
def test_a_text_is_one_line_without_control_characters(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_a_sentence_is_wrapped_between_words() -> None:
    assert wrapped(f"current was {ID}, is x", 20) == f"current was\n{ID},\nis x"
    assert wrapped("a sentence of some words", None) == "a sentence of some words"
    assert wrapped("well-known words", 7) == "well-known\nwords"


def test_names_are_shown_as_they_are() -> None:
    rows = [("[b]Nord[/b] [/x]", ":cat:"), ("red \x1b[31mAB", "[link=x]y")]
    assert shown(Table("", ("name", "other"), rows), 80) == [
        "name              other",
        "─" * 27,
        "[b]Nord[/b] [/x]  :cat:",
        "red [31mAB        [link=x]y",
    ]


def test_columns_that_do_not_fit_are_left_out_the_highest_extra_first() -> None:
    columns = ("ticker", Column("b", extra=1), Column("c", extra=2))
    table = Table("", columns, [("SHB-A", "bbbbbbbb", "cccccccc")])
    assert shown(table, 26)[2] == "SHB-A   bbbbbbbb  cccccccc"
    assert shown(table, 25)[0] == "ticker  b         …"
    assert shown(table, 25)[2] == "SHB-A   bbbbbbbb"
    assert shown(table, 18)[0] == "ticker  …"
    assert [table.left_out(width) for width in (26, 25, 18)] == [[], ["c"], ["b", "c"]]


def test_an_empty_column_is_left_out_and_not_told() -> None:
    table = Table("", ("ticker", "primary rank", "F"), [("A", "", "5/9"), ("B", "", "4/9")])
    assert shown(table, 80) == ["ticker  F", "───────────", "A       5/9", "B       4/9"]


def test_a_name_is_cut_with_an_ellipsis() -> None:
    table = Table("", (Column("name", cut_to=8), "score"), [("Furunäs Spelstudio SDB", "+1.0%")])
    assert shown(table, 22)[2] == "Furunäs Spelst…  +1.0%"


def test_an_id_is_never_broken() -> None:
    table = Table("", ("version", Column("changed", wraps=True)), [(ID, "prices +5 rows in 3")])
    for width in (10, 30, 40):
        assert any(line.startswith(ID) for line in shown(table, width))
    assert shown(table, 33)[2:] == [f"{ID}  prices", " " * 25 + "+5 rows", " " * 25 + "in 3"]


def test_words_are_cut_only_where_nothing_else_is_left() -> None:
    table = Table("", ("a", Column("plan", wraps=True)), [("x", "USING stockrank_daily_prices")])
    assert shown(table, 25)[2:] == ["x  USING", "   stockrank_daily_prices"]
    assert shown(table, 15)[2:] == ["x  USING", "   stockrank_d…"]


def test_a_long_title_goes_on_in_the_next_line() -> None:
    table = Table("", ("ticker", "values that differ"), [("A", "1,000")])
    assert shown(table, 14)[:3] == ["        values", "          that", "ticker  differ"]


def test_numbers_are_aligned_to_the_right() -> None:
    table = Table("", ("n", "text"), [("1,000", "a"), ("+5.0%", "b"), ("", "c")])
    assert shown(table, 80) == [
        "    n  text", "───────────", "1,000  a", "+5.0%  b", "       c",
    ]  # fmt: skip
