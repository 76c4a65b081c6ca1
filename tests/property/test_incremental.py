"""A refresh that takes what did not change gives the same files as one that reads everything."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any, Self

import polars as pl
import pytest

from pipelines.errors import ContractError, LakeError
from pipelines.export import export
from pipelines.lake.version import Lake
from pipelines.refresh import splits, verify_against_source
from pipelines.universe import SWEDEN
from tests import edits
from tests.bare import bare
from tests.factories import database, stock

YEARS = range(2019, 2026)


def market(path: Path) -> Path:
    """Forty tickers with ten prices a year, on pages so small that a year spans several."""
    tickers = [f"T{n:02}-B" for n in range(40)]
    prices = [
        {"ticker": t, "date": f"{y}-{m:02}-{15 - len(t)}", "close": 10.0 + y % 7 + m, "open": 11.0,
         "high": 99.0, "low": 5.0, "volume": 100.0}
        for t in tickers for y in YEARS for m in range(1, 11)
    ]  # fmt: skip
    filed = [
        {"ticker": t, "fiscal_date": f"{y}-12-31", "fetched_date": f"{y + 1}-03-01", "pe": 10.0}
        for t in tickers for y in YEARS
    ]  # fmt: skip
    listed = [stock(t, last_updated="2025-01-01 10:00:00") for t in tickers]
    database(path, stocks=listed, daily_prices=prices, fundamentals=filed)
    con = sqlite3.connect(path)
    con.executescript("PRAGMA page_size = 1024; VACUUM")
    con.close()
    return path


def change(source: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(source)) as con, con:
        con.execute(sql, values)


@pytest.fixture(scope="module")
def exported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the market that is edited, and its first version."""
    folder = tmp_path_factory.mktemp("once")
    export(edits.market(folder / "app.db"), folder / "lake", SWEDEN)
    return folder


@pytest.fixture
def exported(exported_once: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of that database and of its lake."""
    shutil.copytree(exported_once, tmp_path / "once", symlinks=True)
    return tmp_path / "once" / "app.db", tmp_path / "once" / "lake"


def published(source: Path, root: Path, **how: Any) -> Lake:
    """The version after an export that makes the datasets only."""
    with bare():
        export(source, root, SWEDEN, **how)
    return Lake(root)


def taken(lake: Lake) -> list[int]:
    """The years of prices whose files are of an older version, too."""
    files = lake.datasets["prices"].files
    return [f.year for f in files if f.year and (lake.path / f.path).stat().st_nlink > 1]


ODD = "INSERT INTO daily_prices (ticker, date, close) VALUES ('ODD', ?, 1)"


def slow(*values: Any) -> list[Any]:
    """Values that are tried in the slow part."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def reason_of(odd: Any) -> str:
    """SQLite makes a number of a text like one, in a column that is declared DATE."""
    return "bad_date" if odd in ("20/11/2021", "2021 01 03", b"2021") else "number_in_date"


@pytest.mark.parametrize(
    "odd", ["20/11/2021", *slow(20210103, b"2021", "2021 01 03", "2021", 2021.5)]
)
def test_a_row_that_is_gone_is_missed_whatever_date_is_beside(tmp_path: Path, odd: Any) -> None:
    source = edits.market(tmp_path / "app.db")
    change(source, ODD, "2020-06-01")
    change(source, ODD, odd)
    published(source, tmp_path / "lake")
    change(source, "DELETE FROM daily_prices WHERE date = '2020-06-01'")
    lake = published(source, tmp_path / "lake")
    assert lake.prices().filter(ticker="ODD").collect().rows() == []
    assert lake.datasets["prices"].rejected == {reason_of(odd): 1}


@pytest.mark.parametrize("odd", [20210103, *slow("20/11/2021", "2021 01 03", "2021", b"2021")])
def test_a_malformed_date_costs_no_year_beside_its_own(tmp_path: Path, odd: Any) -> None:
    source = edits.market(tmp_path / "app.db")
    change(source, ODD, odd)
    published(source, tmp_path / "lake")
    change(source, "UPDATE daily_prices SET close = 1.5 WHERE date LIKE '2024%'")
    lake = published(source, tmp_path / "lake")
    assert {2020, 2022} <= set(taken(lake))
    assert lake.datasets["prices"].rejected == {reason_of(odd): 1}


@pytest.mark.slow
def test_a_number_for_a_date_that_is_gone_leaves_no_reject(tmp_path: Path) -> None:
    source = edits.market(tmp_path / "app.db")
    change(source, ODD, 20210103)
    published(source, tmp_path / "lake")
    change(source, "DELETE FROM daily_prices WHERE ticker = 'ODD'")
    lake = published(source, tmp_path / "lake")
    assert lake.datasets["prices"].rejected == {}
    assert taken(lake)


def test_a_year_of_rejected_rows_only_may_be_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = edits.market(tmp_path / "app.db")
    with closing(sqlite3.connect(source)) as con, con:
        rows = [(f"X{n}", "1899-12-30") for n in range(400)]
        con.executemany("INSERT INTO daily_prices (ticker, date, close) VALUES (?, ?, 1)", rows)
    published(source, tmp_path / "lake")
    caplog.clear()  # the first export says that nobody is ranked
    change(source, "UPDATE daily_prices SET volume = 7 WHERE date > '1900' AND rowid < 600")
    with caplog.at_level("WARNING"):
        lake = published(source, tmp_path / "lake")
    assert not caplog.messages
    entry = lake.datasets["prices"]
    assert (entry.rows, entry.rejected) == (400, {"date_out_of_range": 400})


# ------------------------------------------------------------------------------------ jumps


def far(lake: Lake) -> list[tuple[str, date, date]]:
    """The jumps, each with both of its days."""
    rows = lake.jumps().select("ticker", "date_before", "date").collect().rows()
    return [(ticker, before, day) for ticker, before, day in rows]


def test_a_year_that_changed_renews_the_jumps_at_its_borders(exported: tuple[Path, Path]) -> None:
    source, root = exported
    assert far(Lake(root)) == []
    last = "ticker = 'T3-B' AND date = '2021-08-10'"
    change(source, f"UPDATE daily_prices SET close = 90 WHERE {last}")
    lake = published(source, root)
    assert {2020, 2022} <= set(taken(lake))
    before, day, after = date(2021, 7, 10), date(2021, 8, 10), date(2022, 1, 10)
    assert far(lake) == [("T3 B", before, day), ("T3 B", day, after)]
    change(source, f"DELETE FROM daily_prices WHERE {last}")
    change(source, "UPDATE daily_prices SET volume = 7 WHERE date LIKE '2021%'")
    assert far(published(source, root)) == []


@pytest.mark.slow
def test_jumps_of_years_that_are_taken_stay(tmp_path: Path) -> None:
    source = edits.market(tmp_path / "app.db")
    change(source, "UPDATE daily_prices SET close = 90 WHERE rowid = 300")
    first = published(source, tmp_path / "lake")
    change(source, "UPDATE daily_prices SET volume = 7 WHERE date LIKE '2024%'")
    lake = published(source, tmp_path / "lake")
    assert len(taken(lake)) >= 3
    assert lake.datasets["jumps"] == first.datasets["jumps"]
    assert len(far(lake)) == 2


# -------------------------------------------------------------------- reading all once more


@pytest.mark.parametrize("error", [ContractError("odd"), *slow(IndexError("odd"))])
def test_an_error_of_what_is_taken_reads_everything_once_more(
    exported: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    source, lake = exported
    shutil.copytree(lake, tmp_path / "full", symlinks=True)
    break_reuse(source, monkeypatch, error)
    with caplog.at_level("WARNING"):
        new = published(source, lake)
    (said,) = caplog.messages
    assert f"{type(error).__name__}: odd" in said
    assert "everything is read again" in said
    whole = published(source, tmp_path / "full", full=True)
    assert new.datasets == whole.datasets
    assert not taken(new)


def break_reuse(source: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Change the database, and let the next refresh fail at what it takes."""

    def fail(*_: object) -> None:
        raise error

    change(source, "UPDATE daily_prices SET close = 1.5 WHERE date LIKE '2024%'")
    monkeypatch.setattr("pipelines.refresh.reuse.Reused.closes", fail)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), *slow(MemoryError())])
def test_a_full_disk_is_no_reason_to_read_everything(
    exported: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    source, lake = exported
    break_reuse(source, monkeypatch, error)
    monkeypatch.setattr("pipelines.refresh.build.start_over", lambda _: pytest.fail("read again"))
    with pytest.raises((LakeError, MemoryError)):
        published(source, lake)


def test_an_error_of_a_full_read_stays_an_error(
    exported: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source, lake = exported
    break_reuse(source, monkeypatch, IndexError("odd"))
    monkeypatch.setattr("pipelines.refresh.datasets.stocks", lambda *_: {}["always"])
    with pytest.raises(KeyError, match="always"):
        published(source, lake)
    assert sum("read again" in m for m in caplog.messages) == 1


def test_rows_that_are_gone_are_no_reason_to_warn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = edits.market(tmp_path / "app.db")
    change(source, ODD, "2020-06-01")
    published(source, tmp_path / "lake")
    caplog.clear()  # the first export says that nobody is ranked
    change(source, "DELETE FROM daily_prices WHERE ticker = 'ODD'")
    with caplog.at_level("WARNING"):
        lake = published(source, tmp_path / "lake")
    assert not lake.prices().filter(ticker="ODD").collect().height
    assert not caplog.messages


# ---------------------------------------------------------------------- what a reject costs


@pytest.mark.parametrize("table", ["daily_prices", *slow("index_prices")])
def test_a_date_to_come_is_no_change_until_its_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:  # noqa: ARG003
            return cls(2026, 1, day, tzinfo=UTC)

    monkeypatch.setattr("pipelines.refresh.run.datetime", Clock)
    source, lake, day = edits.market(tmp_path / "app.db"), tmp_path / "lake", 1
    column = "index_id" if table == "index_prices" else "ticker"
    sql = f"INSERT INTO {table} ({column}, date, close) VALUES ('SOON', '2026-01-09', 7)"
    change(source, sql)
    dataset = {"daily_prices": "prices"}.get(table, table)
    first = published(source, lake)
    assert first.datasets[dataset].rejected == {"future_date": 1}
    day = 7
    assert published(source, lake).version == first.version
    day = 8
    entry = published(source, lake).datasets[dataset]
    assert entry.rejected == {}
    assert entry.rows == first.datasets[dataset].rows + 1


def test_a_rejected_row_that_does_not_fit_on_a_page_costs_its_own_year_only(
    tmp_path: Path,
) -> None:
    source = edits.market(tmp_path / "app.db")
    sql = "INSERT INTO daily_prices (ticker, date, close) VALUES (?, '2022-13-01', 1)"
    change(source, sql, "W" * 3000)
    published(source, tmp_path / "lake")
    change(source, "UPDATE daily_prices SET close = 1.5 WHERE date LIKE '2024%'")
    lake = published(source, tmp_path / "lake")
    assert set(taken(lake)) >= {2020, 2021}
    assert 2022 not in taken(lake)
    change(source, "UPDATE daily_prices SET date = '2023-13-01' WHERE length(ticker) = 3000")
    lake = published(source, tmp_path / "lake")
    path = lake.path / "rejects" / "prices.parquet"
    assert pl.read_parquet(path)["date"].to_list() == ["2023-13-01"]


def test_nothing_written_means_no_new_version(tmp_path: Path) -> None:
    source = market(tmp_path / "app.db")
    first = published(source, tmp_path / "lake")
    assert published(source, tmp_path / "lake").version == first.version
    with sqlite3.connect(source) as con:
        con.execute("UPDATE stocks SET name = 'x' WHERE rowid = 1")
    con.close()
    assert published(source, tmp_path / "lake").version > first.version


@pytest.mark.slow
def test_a_small_edit_reads_one_year_only(tmp_path: Path) -> None:
    source = market(tmp_path / "app.db")
    published(source, tmp_path / "lake")
    with sqlite3.connect(source) as con:
        con.execute(
            "UPDATE daily_prices SET close = 1.5 WHERE ticker = 'T07-B' AND date LIKE '2022-05%'"
        )
    con.close()
    lake = published(source, tmp_path / "lake")
    linked = {f.year: (lake.path / f.path).stat().st_nlink > 1
              for f in lake.datasets["prices"].files}  # fmt: skip
    assert not linked[2022]
    assert sum(linked.values()) >= 3


EVENTS = {
    "splits": "INSERT INTO splits VALUES ('T5-B', '2022-06-10', 2)",
    "dividends": "UPDATE dividend_events SET amount = 2 WHERE id = 3",
    "fx_rates": "UPDATE fx_rates SET rate = 11 WHERE date LIKE '2022%'",
}


@pytest.mark.parametrize("changed", EVENTS)
def test_an_event_costs_no_more_than_its_own_table(
    exported: tuple[Path, Path], changed: str
) -> None:
    source, root = exported
    before = Lake(root)
    change(source, EVENTS[changed])
    lake = published(source, root)
    assert taken(lake) == [file.year for file in before.datasets["prices"].files]
    for dataset in ("index_prices", "fundamentals", *EVENTS):
        links = {(lake.path / file.path).stat().st_nlink for file in lake.datasets[dataset].files}
        assert (links == {1}) == (dataset == changed), dataset
        assert (lake.datasets[dataset] == before.datasets[dataset]) == (dataset != changed)


def test_events_are_compared_with_the_database(exported: tuple[Path, Path]) -> None:
    source, root = exported
    lake = Lake(root)
    assert verify_against_source(lake, source).problems == []
    change(source, "UPDATE fx_rates SET rate = 11 WHERE date LIKE '2022%'")
    change(source, "DROP TABLE splits")
    assert verify_against_source(lake, source).problems == [
        "the database was written to since the version was made",
        "the dataset splits is in the version, but not in the database",
        "fx_rates.rate differs from the database",
    ]


def test_a_column_that_is_not_read_hides_no_change(tmp_path: Path) -> None:
    source = market(tmp_path / "app.db")
    con = sqlite3.connect(source)
    (sql,) = con.execute("SELECT sql FROM sqlite_master WHERE name = 'fundamentals'").fetchone()
    rows = con.execute("SELECT * FROM fundamentals").fetchall()
    con.execute("DROP TABLE fundamentals")
    con.execute(sql.replace("ticker VARCHAR,", "ticker VARCHAR, raw TEXT,", 1))
    marks = ", ".join("?" * (len(rows[0]) + 1))
    wide = [(*row[:2], "x" * 6000, *row[2:]) for row in rows]
    con.executemany(f"INSERT INTO fundamentals VALUES ({marks})", wide)
    con.execute("UPDATE fundamentals SET pe = 10.25 + id")
    con.commit()
    published(source, tmp_path / "lake")
    con.execute("UPDATE fundamentals SET pe = 77.5")
    con.commit()
    con.close()
    published(source, tmp_path / "lake")
    assert set(Lake(tmp_path / "lake").source_fundamentals().collect()["pe"]) == {77.5}


@pytest.mark.slow
def test_wide_characters_are_read_again(tmp_path: Path) -> None:
    source = tmp_path / "app.db"
    con = sqlite3.connect(source)
    con.execute("PRAGMA encoding = 'UTF-16'")
    con.execute("CREATE TABLE made (x)")
    con.commit()
    con.close()
    market(source)
    published(source, tmp_path / "lake")
    with sqlite3.connect(source) as con:
        con.execute("UPDATE stocks SET name = 'x' WHERE rowid = 1")
    con.close()
    lake = published(source, tmp_path / "lake")
    files = [lake.path / f.path for f in lake.datasets["prices"].files]
    assert {path.stat().st_nlink for path in files} == {1}


def test_a_split_that_is_known_explains_its_jump(tmp_path: Path) -> None:
    source = edits.market(tmp_path / "app.db")
    change(source, "DELETE FROM splits")
    change(source, "UPDATE daily_prices SET close = close * 4 WHERE ticker = 'T3-B'"
                   " AND date < '2022-03-10'")  # fmt: skip
    first = published(source, tmp_path / "lake").jumps().filter(ticker="T3 B").collect()
    assert first.select("date", "split_known").rows() == [(date(2022, 3, 10), False)]
    change(source, "INSERT INTO splits VALUES ('T3-B', '2022-03-08', 4)")
    lake = published(source, tmp_path / "lake")
    then = lake.jumps().filter(ticker="T3 B").collect()
    assert then.select("date", "split_known").rows() == [(date(2022, 3, 10), True)]
    assert taken(lake) == [file.year for file in lake.datasets["prices"].files]


def test_closes_are_read_only_for_splits_whose_years_changed(
    exported: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    closest = splits.closest

    def recorded(rows: pl.DataFrame, closes: pl.LazyFrame) -> pl.DataFrame:
        asked.extend(f"{ticker} {day}" for ticker, day, *_ in rows.iter_rows())
        return closest(rows, closes)

    source, root = exported
    monkeypatch.setattr(splits, "closest", recorded)
    change(source, "UPDATE daily_prices SET close = 1.5 WHERE date LIKE '2024%'")
    published(source, root)
    assert asked == []
    change(source, "INSERT INTO splits VALUES ('T5-B', '2022-06-10', 2)")
    published(source, root)
    assert asked == ["T5 B 2022-06-10"]
    change(source, "UPDATE daily_prices SET close = 1.5 WHERE date LIKE '2022%'")
    published(source, root)
    assert "T5 B 2022-06-10" in asked[1:]
