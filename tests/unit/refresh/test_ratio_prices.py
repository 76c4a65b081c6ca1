"""The closes on the days on which ratios were priced, and what a refresh takes of them."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from functools import partial
from operator import itemgetter
from pathlib import Path

import polars as pl
import pytest

from pipelines.export import export
from pipelines.lake.version import Lake
from pipelines.ranking import rules_version
from pipelines.refresh import ratio_prices
from pipelines.universe import SWEDEN
from tests.bare import bare
from tests.factories import Row, change, closes, database, stock

Found = list[tuple[str, str, float | None, str | None]]

slow = partial(pytest.param, marks=pytest.mark.slow)


def made(folder: Path, prices: list[Row], *known: str) -> Path:
    """A database with prices, and a snapshot of A on each of some days."""
    rows = [{"ticker": "A", "snapshot_date": day, "pe": 10.0} for day in known]
    return database(
        folder / "app.db", stocks=[stock("A")], daily_prices=prices, fundamentals=[],
        fundamentals_snapshots=rows,
    )  # fmt: skip


def exported(source: Path, **how: bool) -> Lake:
    with bare():
        export(source, source.parent / "lake", SWEDEN, **how)
    return Lake(source.parent / "lake")


def found(lake: Lake) -> Found:
    rows = lake.ratio_prices().collect().rows()
    return [(t, str(day), close, str(of) if of else None) for t, day, close, of in rows]


def test_a_close_is_at_most_ten_days_older_than_the_day(tmp_path: Path) -> None:
    prices = closes("A", {"2024-01-02": 7.0, "2024-01-12": 8.0}) + closes("B", {"2024-02-01": 1.0})
    source = made(tmp_path, prices, "2024-01-11", "2024-01-12", "2024-01-22", "2024-01-23")
    assert found(exported(source)) == [
        ("A", "2024-01-11", 7.0, "2024-01-02"),
        ("A", "2024-01-12", 8.0, "2024-01-12"),
        ("A", "2024-01-22", 8.0, "2024-01-12"),
        ("A", "2024-01-23", None, None),
    ]


def test_a_close_may_be_of_the_year_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratio_prices, "ROWS_AT_ONCE", 1)
    prices = closes("A", {"2023-12-27": 6.0, "2023-12-29": 7.0, "2024-01-03": 8.0})
    source = made(tmp_path, prices, "2024-01-02", "2024-01-03", "2023-12-28")
    assert found(exported(source)) == [
        ("A", "2023-12-28", 6.0, "2023-12-27"),
        ("A", "2024-01-02", 7.0, "2023-12-29"),
        ("A", "2024-01-03", 8.0, "2024-01-03"),
    ]


def test_a_day_before_the_first_close_has_none(tmp_path: Path) -> None:
    """Not the newest close of all, nor the last one of the ticker before in the alphabet."""
    prices = closes("A", {"2024-01-15": 7.0}) + closes("0", {"2024-01-08": 6.0})
    source = made(tmp_path, prices, "2024-01-09", "2024-01-14", "2024-01-15")
    assert found(exported(source)) == [
        ("A", "2024-01-09", None, None),
        ("A", "2024-01-14", None, None),
        ("A", "2024-01-15", 7.0, "2024-01-15"),
    ]


def test_rows_without_ratios_have_no_price(tmp_path: Path) -> None:
    source = made(tmp_path, closes("A", {"2024-01-02": 7.0}))
    row = "(ticker, fiscal_date, fetched_date, net_income) VALUES ('A', '2024-01-02', NULL, 1)"
    change(source, f"INSERT INTO fundamentals {row}")
    assert found(exported(source)) == []


RUN = {"2023-12-20": 100.0, "2023-12-21": 10.0, "2023-12-22": 10.0, "2024-01-04": 99.0}


def test_a_day_in_a_run_has_all_closes_that_may_stand_for_it(tmp_path: Path) -> None:
    source = made(tmp_path, closes("A", RUN), "2023-12-22", "2024-01-03", "2024-01-04")
    assert found(exported(source)) == [
        ("A", "2023-12-22", 100.0, "2023-12-20"),
        ("A", "2023-12-22", 10.0, "2023-12-21"),
        ("A", "2023-12-22", 10.0, "2023-12-22"),
        ("A", "2024-01-03", None, None),
        ("A", "2024-01-04", 99.0, "2024-01-04"),
    ]


@pytest.fixture(scope="module")
def exported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of which a refresh takes 2023 and 2021, and reads 2024; and its first version."""
    folder = tmp_path_factory.mktemp("old")
    days = [date(year, month, day) for year in (2021, 2023, 2024) for month in (2, 4, 9)
            for day in range(1, 25)]  # fmt: skip
    prices = closes("A", {"2021-06-01": 5.0, **RUN, "2024-03-01": 98.0})
    prices += closes("B", {str(day): 1.0 for day in days})
    prices.sort(key=itemgetter("date"))
    source = made(folder, prices, "2021-06-02", "2023-12-22", "2024-01-02", "2024-03-01")
    with closing(sqlite3.connect(source)) as con:
        con.executescript("PRAGMA page_size = 512; VACUUM")
    exported(source)
    return folder


@pytest.fixture
def old(exported_once: Path, tmp_path: Path) -> Path:
    """A copy of that database, with its lake beside it."""
    shutil.copytree(exported_once, tmp_path / "old", symlinks=True)
    return tmp_path / "old" / "app.db"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE daily_prices SET close = 97 WHERE date = '2024-03-01'",
        # The run does not revert any more, so that of a day in 2023 one close is left.
        "UPDATE daily_prices SET close = 10 WHERE date >= '2024-01-04'",
        slow("UPDATE daily_prices SET close = 9.5 WHERE date = '2023-12-22'"),
        slow("DELETE FROM daily_prices WHERE date = '2021-06-01'"),
        slow("DELETE FROM fundamentals_snapshots WHERE snapshot_date = '2021-06-02'"),
        "UPDATE fundamentals_snapshots SET snapshot_date = '2023-12-20' "
        "WHERE snapshot_date = '2021-06-02'",
    ],
)
def test_an_incremental_refresh_has_the_rows_of_a_full_one(old: Path, statement: str) -> None:
    change(old, statement)
    lake = exported(old)
    assert found(lake) == found(exported(old, full=True, force=True))


def test_years_share_a_file_until_it_is_full(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Lake(old.parent / "lake")
    assert years_of(first) == [(2021, 2024, 6)]
    monkeypatch.setattr(ratio_prices, "STRETCH_ROWS", 2)
    change(old, "UPDATE daily_prices SET close = 97 WHERE date = '2024-03-01'")
    lake = exported(old)
    assert years_of(lake) == [(2021, 2023, 4), (None, 2024, 2)]
    assert found(lake) == [*found(first)[:5], ("A", "2024-03-01", 97.0, "2024-03-01")]


def years_of(lake: Lake) -> list[tuple[int | None, int | None, int]]:
    return [(f.first_year, f.year, f.rows) for f in lake.datasets["ratio_prices"].files]


def test_a_file_of_years_that_did_not_change_is_linked(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratio_prices, "STRETCH_ROWS", 1)
    was = exported(old, full=True)
    assert [year for _, year, _ in years_of(was)] == [2021, 2023, 2024]
    change(old, "UPDATE fundamentals_snapshots SET pe = 11 WHERE snapshot_date = '2024-03-01'")
    change(old, "UPDATE daily_prices SET close = 97 WHERE date = '2024-03-01'")
    lake = exported(old)
    entries = [version.datasets["ratio_prices"].files for version in (was, lake)]
    same = [(was.path / f.path).samefile(lake.path / f.path) for f in entries[0]]
    # The day in 2023 is in a run of jumps, and is looked up again.
    assert same == [True, False, False]
    assert entries[1][:2] == entries[0][:2]
    assert found(lake) == found(exported(old, full=True, force=True))


def test_only_days_of_years_that_changed_are_looked_up(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[date] = []
    up = ratio_prices._looked_up  # noqa: SLF001

    def counted(lake: Lake, days: pl.DataFrame, *rest: object) -> object:
        looked.extend(days["priced_on"].sort())
        return up(lake, days, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ratio_prices, "_looked_up", counted)
    change(old, "UPDATE daily_prices SET close = 97 WHERE date = '2024-03-01'")
    exported(old)
    in_run, of_2024 = date(2023, 12, 22), [date(2024, 1, 2), date(2024, 3, 1)]
    assert looked == [in_run, *of_2024]


def test_other_rules_look_all_days_up_anew(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Lake(old.parent / "lake")
    monkeypatch.setattr(rules_version, "RULES_VERSION", 0)
    second = exported(old)
    assert second.version != first.version
    assert found(second) == found(first)
    monkeypatch.setattr(ratio_prices, "IS_RECENT", pl.col("close_date") == pl.col("priced_on"))
    monkeypatch.setattr(rules_version, "RULES_VERSION", -1)
    assert ("A", "2021-06-02", None, None) in found(exported(old))


def test_days_of_ratios_known_long_after_are_in_a_file_of_all_years(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratio_prices, "STRETCH_ROWS", 1)
    prices = closes("A", {"2020-12-30": 6.0, "2022-03-01": 7.0, "2024-03-01": 8.0})
    source = made(tmp_path, prices, "2022-03-02", "2024-03-02")
    change(
        source,
        "INSERT INTO fundamentals (ticker, fiscal_date, fetched_date, pe, data_source) VALUES "
        "('A', '2020-12-31', '2024-03-05', 9, 'statements'), "
        "('A', NULL, '2024-03-01', 9, 'avanza')",
    )
    lake = exported(source)
    assert [(file.year, file.rows) for file in lake.datasets["ratio_prices"].files] == [
        (None, 1), (2022, 1), (2024, 2),
    ]  # fmt: skip
    known = lake.ratio_prices_for(known_since=date(2024, 2, 1), known_by=date(2024, 3, 5))
    assert sorted(known.select("priced_on", "close").collect().rows()) == [
        (date(2020, 12, 31), 6.0), (date(2024, 3, 1), 8.0), (date(2024, 3, 2), 8.0),
    ]  # fmt: skip
    whole = [file for file in lake.datasets["ratio_prices"].files if file.year]
    old = Lake.unfinished(
        lake.path,
        {"ratio_prices": replace(lake.datasets["ratio_prices"], files=tuple(whole))},
        lake.as_of,
    )
    assert (
        old.ratio_prices_for(known_since=date(2024, 2, 1), known_by=date(2024, 3, 5))
        .collect()
        .height
        == 3
    )
