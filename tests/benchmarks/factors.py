"""The catalogue of factors over 7,300 stocks on one date, beside the same in DuckDB and pandas.

    python -m tests.benchmarks.factors [STOCKS]

Each contender runs in a process of its own, three times: the shortest time counts, with the time of
the processor, and the peak memory of the first run. The answers are compared first. DuckDB and
pandas have the price windows only, which are nearly all of the work.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import polars.testing

from pipelines.lake import Lake
from pipelines.lake.contracts import lake_schema
from pipelines.lake.version import schema_text
from pipelines.ranking.catalogue import FACTORS, PRICE_WINDOWS
from pipelines.ranking.known import cross_section
from pipelines.ranking.price_windows import PriceWindows
from pipelines.ranking.with_factors import with_factors
from tests.factories import STOCKS, data_file, dataset

D: Final = date(2026, 5, 29)
DAYS: Final = [day for n in range(400, -1, -1) if (day := D - timedelta(n)).weekday() < 5]
NAMES: Final = sorted(window.name for window in PRICE_WINDOWS)
ITEMS: Final = (
    "net_income_ccy", "operating_cf_ccy", "total_assets_ccy", "long_term_debt_ccy", "current_ratio",
    "shares_outstanding", "gross_margin", "asset_turnover", "pe", "pb", "ps", "p_fcf", "ev_ebitda",
    "roe", "roa", "roic", "fcfroe", "dividend_yield", "payout_ratio",
)  # fmt: skip


def write(folder: Path, stocks: int) -> None:
    """Write the files of a market: two years of prices, an index, two statements a stock."""
    chance = np.random.default_rng(1)
    tickers = [f"T{n:05}" for n in range(stocks)]
    walks = np.exp(np.cumsum(chance.normal(0, 0.02, (stocks, len(DAYS))), axis=1)) * 100
    prices = pl.DataFrame({
        "ticker": np.repeat(tickers, len(DAYS)), "date": DAYS * stocks, "close": walks.ravel(),
        "volume": chance.integers(1, 10**6, walks.size),
    }, schema_overrides={"close": pl.Float32, "volume": pl.UInt32})  # fmt: skip
    index = np.exp(np.cumsum(chance.normal(0, 0.01, len(DAYS)))) * 1000
    tables = {
        "prices": _shaped(prices, "prices"),
        "index_prices": _shaped(
            pl.DataFrame({"index_id": "OMXS30", "date": DAYS, "close": index}), "index_prices"
        ),
        "stocks": pl.DataFrame({"ticker": tickers}).with_columns(
            *(pl.lit(None, dtype=t).alias(c) for c, t in STOCKS.items() if c != "ticker")
        ).select(*STOCKS),
        "fundamentals": _shaped(_statements(tickers, chance), "fundamentals"),
    }  # fmt: skip
    for name in ("jumps", "ratio_prices"):
        tables[name] = pl.DataFrame(schema=lake_schema(name))
    for name, rows in tables.items():
        rows.write_parquet(folder / f"{name}.parquet")


def _statements(tickers: list[str], chance: np.random.Generator) -> pl.DataFrame:
    years = [
        pl.DataFrame({"ticker": tickers, "id": range(n * len(tickers), (n + 1) * len(tickers)),
                      **{item: chance.uniform(1, 9, len(tickers)) for item in ITEMS}})
        .with_columns(source=pl.lit("fundamentals"), known_from=date(2025 + n, 3, 30),
                      fiscal_date=date(2024 + n, 12, 31))
        for n in range(2)
    ]  # fmt: skip
    return pl.concat(years)


def _shaped(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    schema = lake_schema(name)
    there = [c for c in schema if c in rows.columns]
    missing = (pl.lit(None, dtype=schema[c]).alias(c) for c in schema if c not in there)
    return rows.with_columns(missing).select(pl.col(c).cast(t) for c, t in schema.items())


def ours(folder: Path) -> pl.DataFrame:
    """Every factor, from the files as a version of the lake."""
    return _ours(folder, list(FACTORS))


def our_windows(folder: Path) -> pl.DataFrame:
    """The price windows alone."""
    return _ours(folder, NAMES)


def _ours(folder: Path, names: list[str]) -> pl.DataFrame:
    datasets = {
        path.stem: dataset(
            data_file(path.name, rows=1), schema=schema_text(pl.read_parquet_schema(path))
        )
        for path in folder.glob("*.parquet")
    }
    lake = Lake.unfinished(folder, datasets, D)
    read = PriceWindows(names=frozenset(NAMES), index="OMXS30")
    known = with_factors(cross_section(lake, as_of=D, read=read), frozenset(names))
    return known.select("ticker", *names).collect(engine="streaming")


def in_duckdb(folder: Path) -> pl.DataFrame:
    """The price windows in SQL."""
    import duckdb  # noqa: PLC0415

    con = duckdb.connect()
    con.execute("SET threads = 2")
    return pl.from_arrow(con.sql(SQL.format(folder=folder, day=D)).to_arrow_table())


SQL: Final = """
WITH p AS (
  SELECT ticker, p.date, p.close::DOUBLE c, p.close::DOUBLE * volume v, ln(i.close::DOUBLE) i
  FROM '{folder}/prices.parquet' p LEFT JOIN '{folder}/index_prices.parquet' i USING (date)
  WHERE date BETWEEN DATE '{day}' - 377 AND DATE '{day}'),
w AS (
  SELECT *, date >= DATE '{day}' - INTERVAL 12 MONTH y, date >= DATE '{day}' - INTERVAL 3 MONTH q,
    row_number() OVER (PARTITION BY ticker ORDER BY date DESC) n FROM p),
r AS (
  SELECT *, ln(c) - lag(ln(c)) OVER o r, i - lag(i) OVER o m,
    lag(q) OVER o q0, c / max(c) OVER (PARTITION BY ticker, y ORDER BY date) - 1 f
  FROM w WINDOW o AS (PARTITION BY ticker, y ORDER BY date))
SELECT ticker,
  max_by(c, date) / max_by(c, date) FILTER (date <= DATE '{day}' - INTERVAL 1 MONTH) - 1 return_1m,
  stddev_samp(r) FILTER (y) * sqrt(252) volatility_12m,
  stddev_samp(r) FILTER (q AND q0) * sqrt(252) volatility_3m,
  min(f) FILTER (y) max_drawdown_12m,
  max_by(c, date) / max(c) FILTER (y) high_52w,
  max_by(c, date) / avg(c) FILTER (n <= 200) above_200d,
  median(v) FILTER (q) turnover_3m,
  regr_slope(r, m) FILTER (y) beta_12m
FROM r GROUP BY ticker
"""


def in_pandas(folder: Path) -> pl.DataFrame:
    """The price windows with grouped frames."""
    import pandas as pd  # noqa: PLC0415

    rows = pd.read_parquet(folder / "prices.parquet", columns=["ticker", "date", "close", "volume"])
    index = pd.read_parquet(folder / "index_prices.parquet", columns=["date", "close"])
    index["close"] = index["close"].astype("float64")
    rows = rows[rows["date"] >= D - timedelta(377)].merge(
        index.rename(columns={"close": "i"}), on="date", how="left"
    )
    rows = rows.sort_values(["ticker", "date"])
    rows["c"] = rows["close"].astype("float64")
    day = pd.Timestamp(D)
    dates = pd.to_datetime(rows["date"])
    year = rows[dates >= day - pd.DateOffset(months=12)].copy()
    groups = year.groupby("ticker")
    year["r"] = np.log(year["c"]) - np.log(groups["c"].shift())
    year["m"] = np.log(year["i"]) - np.log(groups["i"].shift())
    year["f"] = year["c"] / groups["c"].cummax() - 1
    quarter = rows[dates >= day - pd.DateOffset(months=3)].copy()
    quarter["r"] = np.log(quarter["c"]) - np.log(quarter.groupby("ticker")["c"].shift())
    quarter["v"] = quarter["c"] * quarter["volume"]
    then = rows[dates <= day - pd.DateOffset(months=1)].groupby("ticker")["c"].last()
    last, years = rows.groupby("ticker")["c"].last(), year.groupby("ticker")
    year["mm"] = year["m"] - years["m"].transform("mean")
    year["rm"], year["m2"] = year["r"] * year["mm"], year["mm"] ** 2
    found = pd.DataFrame({
        "return_1m": last / then - 1,
        "volatility_12m": years["r"].std() * np.sqrt(252),
        "volatility_3m": quarter.groupby("ticker")["r"].std() * np.sqrt(252),
        "max_drawdown_12m": years["f"].min(),
        "high_52w": last / years["c"].max(),
        "above_200d": last / rows.groupby("ticker").tail(200).groupby("ticker")["c"].mean(),
        "turnover_3m": quarter.groupby("ticker")["v"].median(),
        "beta_12m": years["rm"].sum() / years["m2"].sum(),
    })  # fmt: skip
    return pl.from_pandas(found.reset_index())


CONTENDERS: Final[dict[str, Callable[[Path], pl.DataFrame]]] = {
    "StockRank, every factor": ours,
    "StockRank, price windows": our_windows,
    "DuckDB, price windows": in_duckdb,
    "pandas, price windows": in_pandas,
}


def measure(name: str, folder: Path) -> None:
    """Run a contender three times, and write what it took and its answer."""
    found, best, peaks = pl.DataFrame(), (float("inf"), float("inf")), []
    for _ in range(3):
        before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        found = CONTENDERS[name](folder)
        after, seconds = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - begin
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, (seconds, used))
        peaks.append(_peak_mb())
    found.sort("ticker").select("ticker", *NAMES).write_parquet(folder / "found.answer")
    sys.stdout.write(json.dumps([*best, peaks[0]]))


def _peak_mb() -> float:
    """The peak memory of this process alone; `ru_maxrss` begins with that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(stocks: int) -> None:
    """Compare the answers, then print a table with a line for each contender."""
    lines = [
        f"{len(FACTORS)} factors of {stocks:,} stocks on one date, {len(NAMES)} of them price "
        f"windows; load before {os.getloadavg()[0]:.1f}. The shortest of three runs counts.\n",
        "|  | s | CPU s | peak MB |\n| :--- | ---: | ---: | ---: |",
    ]
    with tempfile.TemporaryDirectory() as place:
        folder, first = Path(place), None
        write(folder, stocks)
        for name in CONTENDERS:
            command = [sys.executable, "-m", "tests.benchmarks.factors", name, place]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = pl.read_parquet(folder / "found.answer")
            first = found if first is None else first
            pl.testing.assert_frame_equal(found, first, rel_tol=1e-7)
            seconds, used, peak = json.loads(told)
            lines.append(f"| {name} | {seconds:.2f} | {used:.2f} | {peak:.0f} |")
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in CONTENDERS:
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 7_300)
