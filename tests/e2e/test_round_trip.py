"""Every row of a database is in the files, normalised as the oracle does."""

import math
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pipelines.export import export
from pipelines.lake import Lake
from pipelines.universe import SWEDEN
from tests import oracle_export
from tests.bare import bare
from tests.examples import drawn
from tests.factories import Row, database, trading_year

END = date(2026, 11, 20)
GOOD = trading_year("GOOD", END)


@pytest.fixture(scope="module")
def demo(demo_market: Path) -> tuple[Path, Lake]:
    return demo_market / "demo.db", Lake(demo_market / "lake")


def test_every_row_of_the_source_is_in_the_files(demo: tuple[Path, Lake]) -> None:
    source, lake = demo
    con = sqlite3.connect(source)
    rows = con.execute("SELECT ticker, date, close, volume FROM daily_prices ORDER BY 1, 2")
    ours = lake.prices().select("ticker", pl.col("date").cast(pl.String), "close", "volume")
    for (t, d, c, v), (ticker, day, close, volume) in zip(
        rows, ours.sort("ticker", "date").collect().iter_rows(), strict=True
    ):
        assert (t, d, v) == (ticker, day, volume)
        assert math.isclose(c, close, rel_tol=2**-24)
    con.close()


def source_tables(path: Path) -> dict[str, list[Row]]:
    con = sqlite3.connect(path)
    con.row_factory = sqlite3.Row
    names = ("stocks", "daily_prices", "fundamentals", "fundamentals_snapshots")
    tables = {
        n: [dict(r) for r in con.execute(f"SELECT rowid AS rowid, * FROM {n}")] for n in names
    }
    con.close()
    return tables


def same(ours: list[Row], theirs: list[Row], keys: tuple[str, ...]) -> None:
    """Rows are equal in the columns that the oracle knows, by key."""

    def order(row: Row) -> tuple[Any, ...]:
        return tuple(row[k] for k in keys)

    ours, theirs = sorted(ours, key=order), sorted(theirs, key=order)
    assert [order(r) for r in ours] == [order(r) for r in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        shared = mine.keys() & other.keys() - {"last_updated", "is_active", "last_validated"}
        assert {k: mine[k] for k in shared} == {k: other[k] for k in shared}


def agree_with_the_oracle(source: Path, lake: Lake) -> None:
    stocks, prices, filed = oracle_export.normalise(source_tables(source))
    same(lake.stocks().collect().to_dicts(), stocks, ("ticker",))
    ours = lake.prices().select("ticker", "date", "close").collect().to_dicts()
    same(ours, prices, ("ticker", "date"))
    same(lake.fundamentals().collect().to_dicts(), filed, ("source", "id"))


def test_the_demo_market_is_normalised_as_the_oracle_does(demo: tuple[Path, Lake]) -> None:
    agree_with_the_oracle(*demo)


tickers = st.sampled_from(["A-B", "A_B", "A B", "C", "D.A", " E ", "F--G"])
days = st.dates(date(2020, 1, 1), date(2026, 6, 1)).map(date.isoformat)
numbers = st.none() | st.sampled_from([0.0, 57.0, -3.5, 1e12, math.inf, 0.57])
updates = st.none() | st.sampled_from(["2026-01-01 10:00:00", "2026-02-01 10:00:00.5"])


def rows_of(**columns: Any) -> Any:
    return st.lists(st.fixed_dictionaries(columns), max_size=12)


@given(
    stocks=rows_of(ticker=tickers, last_updated=updates, market_cap_msek=numbers),
    prices=rows_of(ticker=tickers, date=days, close=st.sampled_from([None, 0.0, -1.0, 7.3, 1e39])),
    filed=rows_of(
        ticker=tickers, fiscal_date=st.none() | days, fetched_date=st.none() | days, roe=numbers,
        pe=numbers, dividend_yield=numbers, gross_margin=numbers,
        data_source=st.sampled_from(["avanza", "tradingview"]),
    ),
    copies=rows_of(ticker=tickers, snapshot_date=days, roe=numbers, pe=numbers),
)  # fmt: skip
@drawn(5, 40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_tables_are_normalised_as_the_oracle_does(
    tmp_path_factory: pytest.TempPathFactory, stocks: Any, prices: Any, filed: Any, copies: Any
) -> None:
    top = tmp_path_factory.mktemp("random")
    listed = list({row["ticker"]: row for row in stocks}.values())
    daily = list({(row["ticker"], row["date"]): row for row in prices}.values())
    source = database(top / "x.db", stocks=listed, daily_prices=[*GOOD[-5:], *daily],
                      fundamentals=filed, fundamentals_snapshots=copies)  # fmt: skip
    with bare():
        export(source, top / "lake", SWEDEN, force=True)  # more than half may be rejected
    agree_with_the_oracle(source, Lake(top / "lake"))


@pytest.mark.parametrize("values", [1, 800_000])
def test_the_unit_of_a_snapshot_is_of_the_newest_row_whatever_batch_that_was_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: int
) -> None:
    monkeypatch.setattr("pipelines.source.batches.BATCH_VALUES", values)
    filed = [
        {"ticker": ticker, "fetched_date": fetched, "data_source": vendor, "pe": 1.0}
        for ticker, fetched, vendor in (
            ("A", "2026-02-01", "tradingview"), ("A", "2026-01-01", "avanza"),
            ("B", "2026-02-01", "avanza"), ("B", "2026-01-01", "tradingview"),
            ("C", "2026-01-01", "tradingview"), ("C", "2026-02-01", "avanza"),
            ("D", "2026-01-01", "avanza"), ("D", "2026-02-01", "tradingview"),
        )
    ]  # fmt: skip
    copies = [{"ticker": t, "snapshot_date": "2026-03-01", "roe": 57.0} for t in "ABCD"]
    source = database(tmp_path / "app.db", daily_prices=GOOD[-5:], fundamentals=filed,
                      fundamentals_snapshots=copies)  # fmt: skip
    export(source, tmp_path / "lake", SWEDEN)
    rows = Lake(tmp_path / "lake").fundamentals().filter(pl.col("source") == "snapshots")
    found = rows.select("ticker", "roe").sort("ticker").collect()
    assert dict(found.iter_rows()) == {"A": 0.57, "B": 57.0, "C": 57.0, "D": 0.57}
