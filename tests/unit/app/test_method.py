"""The methodology on the page: both languages have the same parts, codes and anchors."""

import re
from itertools import groupby
from pathlib import Path
from typing import Final

APP: Final = Path(__file__).parents[3] / "app"
ENGLISH: Final = (APP / "templates" / "methodology.md").read_text()
SWEDISH: Final = (APP / "templates" / "methodology.sv.md").read_text()
FENCED: Final = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBERS: Final = r"(?<![\w.])\d+(?:[.,]\d+)?"


def headings(text: str) -> list[tuple[int, str]]:
    """The level and the anchor of each heading."""
    found = re.findall(r"^(#+) (.*?)(?: \{#([\w-]+)\})?$", FENCED.sub("", text), re.MULTILINE)
    return [(len(marks), anchor or slug(words)) for marks, words, anchor in found]


def slug(words: str) -> str:
    """The anchor that a heading has if it names none."""
    return re.sub(r"[^\w -]", "", words.lower()).strip().replace(" ", "-")


def tables(text: str) -> list[list[str]]:
    """The codes in the first column of each table."""
    groups = groupby(text.splitlines(), key=lambda line: line.startswith("|"))
    return [[code(line.split("|")[1]) for line in lines] for is_table, lines in groups if is_table]


def code(cell: str) -> str:
    """The code that a cell holds, else nothing: its words are translated."""
    return " ".join(re.findall(r"`[^`]+`", cell))


def items(text: str) -> list[int]:
    """How many items each list has."""
    body = FENCED.sub("", text)
    parts = re.split(r"^#+ ", body, flags=re.MULTILINE)
    return [len(re.findall(r"^(?:- |\d\. )", part, re.MULTILINE)) for part in parts]


def test_both_languages_have_the_same_parts() -> None:
    assert headings(ENGLISH) == headings(SWEDISH)
    assert len(headings(ENGLISH)) > 15
    assert items(ENGLISH) == items(SWEDISH)


def test_both_have_the_same_tables_and_formulas() -> None:
    assert tables(ENGLISH) == tables(SWEDISH)
    assert FENCED.findall(ENGLISH) == FENCED.findall(SWEDISH)


def test_both_name_the_same_columns_and_settings() -> None:
    names = r"`([a-z_]+_[a-z_]+)`"
    assert set(re.findall(names, ENGLISH)) - set(re.findall(names, SWEDISH)) == set()


def test_both_have_the_same_numbers_in_each_part() -> None:
    def numbers(text: str) -> list[list[str]]:
        plain = text.replace("2 000 miljoner", "2000").replace("2,000 million", "2000")
        plain = re.sub(r"\{#[\w-]+\}|\(operations[^)]*\)|```text.*?```", "", plain, flags=re.DOTALL)
        parts = re.split(r"^#+ ", plain, flags=re.MULTILINE)
        return [sorted(set(re.findall(NUMBERS, part.replace(",", ".")))) for part in parts]

    assert numbers(SWEDISH) == numbers(ENGLISH)


def test_every_link_leads_to_a_part() -> None:
    scripts = "".join(path.read_text() for path in (APP / "static" / "pages").rglob("*.js"))
    anchors = {anchor for _, anchor in headings(ENGLISH)}
    for text in (ENGLISH, SWEDISH):
        assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors
    led_to = set(re.findall(r"/method#([\w-]+)", scripts))
    columns = (APP / "static" / "pages" / "columns.js").read_text()
    led_to |= set(re.findall(r'anchor: "([\w-]+)"', columns))
    assert len(led_to) > 4
    assert led_to <= anchors
