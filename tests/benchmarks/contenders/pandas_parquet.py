"""Pandas on the files of the lake: the columns and days that are needed, filtered by pyarrow."""

import pandas as pd
import pandas.io.parquet
import pyarrow.dataset
import pyarrow.parquet  # noqa: F401 - before the clock starts

from tests.benchmarks.contenders.pyarrow_read import FUNDAMENTALS, PRICES
from tests.benchmarks.contenders.rules import last_closes, newest_ratios, rank, save
from tests.benchmarks.contenders.task import Task
from tests.oracle import months_back

__all__ = ["run", "save"]

STOCKS = ["ticker", "market_cap_msek", "sector", "market", "stock_type"]
DAYS = {"date_as_object": False}


def run(task: Task) -> pd.DataFrame:
    """All rankings, from the files."""
    windows = [[("date", ">=", a), ("date", "<=", b)] for a, b in task.windows().values()]
    year = months_back(task.as_of, 12)
    known = [[("source", "=", "fundamentals")], [("known_from", ">=", year)]]
    stocks = pd.read_parquet(task.files("stocks"), columns=STOCKS)
    prices = pd.read_parquet(
        task.price_files(), columns=PRICES, filters=windows, partitioning=None,
        to_pandas_kwargs=DAYS,
    )  # fmt: skip
    filings = pd.read_parquet(
        task.files("fundamentals"), columns=FUNDAMENTALS, filters=known, partitioning=None,
        to_pandas_kwargs=DAYS,
    )  # fmt: skip
    then = pd.read_parquet(task.files("ratio_prices"), to_pandas_kwargs=DAYS)
    ratios = newest_ratios(filings, task)
    ratios = ratios.reset_index().merge(then, on=["ticker", "priced_on"], how="left")
    ratios = ratios.rename(columns={"close": "then"}).set_index("ticker")
    return rank(stocks, last_closes(prices, task), ratios, filings, task)
