"""Builders of small inputs: literal rows, a lake of frames, a source database."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.fingerprint import Fingerprint
from pipelines.lake.contracts import lake_schema
from pipelines.lake.manifest import SCHEMA_VERSION, Check, DataFile, Dataset, Manifest, Report
from pipelines.lake.version import Lake
from pipelines.ranking.rank import rankings
from pipelines.ranking.strategies import STRATEGIES
from pipelines.ranking.timely import priced_on
from pipelines.refresh.jumps import NO_SPLITS, Closes, judged
from pipelines.refresh.splits import decide
from pipelines.universe import SWEDEN, Universe

Row = dict[str, Any]

STOCKS = pl.Schema({**lake_schema("stocks"), "newest_close": pl.Float32, "newest_date": pl.Date})


def fingerprint(**known: Any) -> Fingerprint:
    """The state of some database file."""
    same = Fingerprint(path="/app.db", bytes=4096, times=(1, 2), inode=3, header="00" * 8,
                       wal=None, wal_header=None, shm_header=None)  # fmt: skip
    return replace(same, **known)


def data_file(path: str, **known: Any) -> DataFile:
    """An entry of a file, as the manifest holds it."""
    one = DataFile(path=path, year=None, rows=1, bytes=3, sha256="00" * 32, nulls={})
    return replace(one, **known)


def dataset(*files: DataFile, **known: Any) -> Dataset:
    """An entry of a dataset with the rows of its files, unless others are named."""
    one = Dataset(schema={}, rows=sum(file.rows for file in files), files=files)
    return replace(one, **known)


def integrity(*checks: Check, **known: Any) -> Report:
    """A report as of 2026-11-20 with some checks."""
    day = date(2026, 11, 20)
    one = Report(as_of=day, priced_to=day, exchange="XSTO", calendar=(day,), checks=checks)
    return replace(one, **known)


def manifest(version: str = "20261120T170000Z-abcdef", **known: Any) -> Manifest:
    """A manifest of this layout without datasets, unless some are named."""
    one = Manifest(
        schema_version=SCHEMA_VERSION, created_at=datetime(2026, 11, 20, 17, tzinfo=UTC),
        version=version, as_of=date(2026, 11, 20), universe=SWEDEN, strategies=tuple(STRATEGIES),
        source=fingerprint(), datasets={}, phases=(), libraries={}, python="3.11.0",
        integrity=integrity(),
    )  # fmt: skip
    return replace(one, **known)


class FrameLake(Lake):
    """A lake whose datasets are frames."""

    observed_until = None
    observed_since = None
    path = Path("versions/frames")

    def __init__(self, **datasets: pl.DataFrame) -> None:
        self.datasets = datasets

    def marked_by(self, dataset: str) -> str:  # noqa: ARG002 - frames of tests have no such days
        return ""

    def _scan(
        self,
        dataset: str,
        first: date | None = None,  # noqa: ARG002 - frames are whole
        last: date | None = None,  # noqa: ARG002
    ) -> pl.LazyFrame:
        return self.datasets[dataset].lazy()

    def ratio_prices_for(
        self,
        *,
        known_since: date,  # noqa: ARG002 - frames are whole
        known_by: date,  # noqa: ARG002
    ) -> pl.LazyFrame:
        return self.ratio_prices()


def frame_lake(
    stocks: Sequence[Row],
    prices: Sequence[Row] = (),
    fundamentals: Sequence[Row] = (),
    splits: Sequence[Row] | None = None,
) -> FrameLake:
    """A lake of literal rows; columns that are left out are null.

    Splits are decided by the prices; without them the lake has no such dataset.
    """
    quotes = pl.DataFrame(list(prices), schema=lake_schema("prices"))
    newest = (
        quotes.sort("date")
        .group_by("ticker")
        .agg(newest_close=pl.col("close").last(), newest_date=pl.col("date").last())
    )
    listed = pl.DataFrame(list(stocks), schema=lake_schema("stocks"))
    filed = pl.DataFrame(list(fundamentals), schema=lake_schema("fundamentals"))
    known = pl.DataFrame(list(splits or ()), schema=lake_schema("splits"))
    decided = decide(known, quotes.lazy())
    made = FrameLake(
        prices=quotes,
        jumps=jumps_of(quotes, decided.filter(decision="applied")),
        ratio_prices=ratio_prices_of(quotes, filed),
        fundamentals=filed,
        stocks=listed.join(newest, on="ticker", how="left").select(*STOCKS),
    )
    if splits is not None:
        made.datasets |= {"splits": decided}
    return made


def jumps_of(prices: pl.DataFrame, applied: pl.DataFrame = NO_SPLITS) -> pl.DataFrame:
    """The jumps of prices with some splits that are applied, as a refresh finds them."""
    pairs = Closes.of(prices.sort("ticker", "date")).pairs
    return judged(pairs, applied.select(*NO_SPLITS.columns)).select(*lake_schema("jumps"))


def ratio_prices_of(prices: pl.DataFrame, fundamentals: pl.DataFrame) -> pl.DataFrame:
    """All closes that may stand for the day of a ratio's price, and nulls where there is none."""
    days = fundamentals.select("ticker", priced_on=priced_on()).unique()
    first = pl.col("priced_on").dt.offset_by("-10d")
    closes = days.join(prices.select("ticker", "close", close_date="date"), on="ticker")
    near = closes.filter(pl.col("close_date").is_between(first, "priced_on"))
    return days.join(near, on=("ticker", "priced_on"), how="left").select(
        *lake_schema("ratio_prices")
    )


def ranked(
    strategy: str,
    as_of: date,
    stocks: Sequence[Row],
    prices: Sequence[Row] = (),
    fundamentals: Sequence[Row] = (),
    *,
    universe: Universe = SWEDEN,
) -> pl.DataFrame:
    """One ranking of literal rows, by ticker."""
    plan = rankings(
        frame_lake(stocks, prices, fundamentals),
        as_of=as_of,
        universe=universe,
        strategies=[STRATEGIES[strategy]],
    )
    return plan.collect(engine="streaming").sort("ticker")


def stock(ticker: str, **values: Any) -> Row:
    """A stock that is eligible for `sweden` if it has prices."""
    return {
        "ticker": ticker,
        "name": ticker.title(),
        "market_cap_msek": 5000.0,
        "sector": "Industri",
        "market": "stockholmsborsen",
        "currency": "SEK",
        "stock_type": "stock",
    } | values


def closes(ticker: str, by_day: dict[str, float]) -> list[Row]:
    """Price rows from ISO dates and closes."""
    return [
        {"ticker": ticker, "date": date.fromisoformat(d), "close": c} for d, c in by_day.items()
    ]


def statement(ticker: str, fiscal: str, known: str, *, number: int = 1, **values: Any) -> Row:
    """A row of the source table `fundamentals`."""
    return {
        "ticker": ticker,
        "id": number,
        "source": "fundamentals",
        "fiscal_date": date.fromisoformat(fiscal),
        "known_from": date.fromisoformat(known),
    } | values


def snapshot(ticker: str, known: str, *, number: int = 1, **values: Any) -> Row:
    """A row of the source table `fundamentals_snapshots`."""
    return {
        "ticker": ticker,
        "id": number,
        "source": "snapshots",
        "known_from": date.fromisoformat(known),
    } | values


def database(path: Path, **tables: Iterable[Row]) -> Path:
    """A source database with the given rows; other columns are null or the schema's default.

    The tables of splits, dividends and rates are there if they are named, be it without rows.
    """
    from pipelines.demo_market import EVENT_TABLES, SCHEMA  # noqa: PLC0415

    con = sqlite3.connect(path)
    events = "".join(EVENT_TABLES[name] for name in tables if name in EVENT_TABLES)
    con.executescript(f"PRAGMA synchronous = OFF; BEGIN; {SCHEMA}{events}")
    for table, rows in tables.items():
        for row in rows:
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            con.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
    con.commit()
    con.close()
    return path


def change(path: Path, *statements: str) -> None:
    """Run statements on a database, all or none of them."""
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("PRAGMA synchronous = OFF")
        for statement in statements:
            con.execute(statement)


def trading_year(ticker: str, end: date, *, start: float = 100.0, growth: float = 0.0) -> list[Row]:
    """Source price rows of the weekdays of thirteen months up to a day, in a straight line."""
    days = [end - timedelta(days=n) for n in range(400, -1, -1)]
    days = [d for d in days if d.weekday() < 5]
    return [
        {"ticker": ticker, "date": d.isoformat(), "close": round(start + growth * n, 4),
         "open": start, "high": start + 5 + abs(growth) * n, "low": start - 5, "volume": 1000.0}
        for n, d in enumerate(days)
    ]  # fmt: skip
