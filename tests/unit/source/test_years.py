"""The year that a row belongs to, in SQL."""

import sqlite3
from collections.abc import Set
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.source.years import SOURCE_YEAR, outside, wide_years, years_between, years_of
from tests.unit.source.tables import prices

DATES = ["2021-01-03", "20", "2022-01-03", "2022+", None, "19A0", "", 2021, b"2021-01-03"]


def test_the_source_year_is_what_a_text_begins_with(tmp_path: Path) -> None:
    dates = ["2024-01-03", "24-1-3", "x", "", 20240103, b"2024-01-03"]
    table = prices(tmp_path, *[{"date": date} for date in dates])
    assert years_of(table.copy, table.name, range(1, 8)) == ["2024", "24-1", "x", "", "", "", ""]


def test_years_of_ranges_of_rowids(tmp_path: Path) -> None:
    table = prices(tmp_path, *[{"date": f"{year}-01-03"} for year in range(2019, 2025)])
    assert years_between(table.copy, [(1, 2), (4, 4), (9, 2**63 - 1)]) == {"2019", "2020", "2022"}
    assert years_between(table.copy, []) == frozenset()


def test_texts_are_measured_in_bytes_all_columns_together(tmp_path: Path) -> None:
    table = prices(tmp_path, {"ticker": "å" * 40}, {"date": "2023-01-02", "ticker": "A" * 40})
    # Ten bytes of the date, three of the close as the text 1.0, and 80 or 40 of the ticker.
    assert wide_years(table.copy, 92) == {"2024"}
    assert wide_years(table.copy, 52) == {"2023", "2024"}
    assert wide_years(table.copy, 93) == frozenset()


@pytest.mark.parametrize(
    ("years", "known", "left"),
    [
        ({"2021"}, {"2021", "2022"}, DATES[1:]),
        ({"2021", "2022"}, {"2021", "2022"}, ["20", *DATES[4:]]),
        ({"2021", "2022"}, {"2021", "2021x", "2022"}, ["20", *DATES[4:]]),
        ({"2022"}, {"2021", "2022"}, [*DATES[:2], *DATES[4:]]),
    ],
)
def test_rows_outside_of_years_are_those_that_begin_otherwise(
    years: Set[str], known: Set[str], left: list[object]
) -> None:
    with closing(sqlite3.connect(":memory:")) as con:
        con.execute("CREATE TABLE u (date)")
        con.executemany("INSERT INTO u VALUES (?)", [(date,) for date in DATES])
        found = con.execute(f"SELECT date FROM u WHERE {outside(years, known)}").fetchall()
    assert [date for (date,) in found] == left


ODD_DATES = (
    "2019-01-02", "2020-12-31", "20/11/2021", "2020", "2020 1", "2020+", "2021-1-3", "20", "", "x",
    "2019\x00", "202\u0661-01", "19A0-01-01", "202:", 2020, 2020.5, 20200102, b"2020-01-02", b"",
)  # fmt: skip


@pytest.mark.parametrize("years", [{"2020"}, {"2019", "2020"}, {"1999", "2019", "2021"}])
def test_the_rows_that_are_not_read_are_those_of_the_years_that_are_counted(
    tmp_path: Path, years: set[str]
) -> None:
    table = prices(tmp_path, *[{"date": d} for d in (*ODD_DATES, "1999-05-05", "2021-02-02")])
    with closing(sqlite3.connect(table.copy)) as con:
        rows = dict(con.execute(f"SELECT rowid, {SOURCE_YEAR} FROM daily_prices"))
        where = outside(years, rows.values())
        read = {n for (n,) in con.execute(f"SELECT rowid FROM daily_prices WHERE {where}")}
    assert read == {rowid for rowid, year in rows.items() if year not in years}
