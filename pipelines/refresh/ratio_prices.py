"""The closes on the days on which ratios were priced, put beside them when a version is made.

A ranking brings multiples from such a close to that of its own date. With these rows it need not
look for prices that are older than its own windows.
"""

from collections.abc import Iterator
from typing import Final

import polars as pl

from pipelines.lake import CONTRACTS, Dataset, Lake, lake_schema, schema_text
from pipelines.ranking import MAX_PRICE_AGE, RATIO_COLUMNS, has_any, priced_on, rules_hash
from pipelines.refresh import files
from pipelines.refresh.reuse import ROWS_AT_ONCE, Reused
from pipelines.refresh.task import Task

KEY: Final = ("ticker", "priced_on")
AGE: Final = f"{MAX_PRICE_AGE}d"
FIRST: Final = pl.col("priced_on").dt.offset_by(f"-{AGE}")
"""The oldest day whose close may stand for the day of a ratio's price."""


def ratio_prices(task: Task, lake: Lake, reused: Reused | None) -> Dataset:
    """Write the last close on each day on which a ratio was priced, or at most ten days before.

    Of a day in a run of jumps that reverted, all closes of these ten days are written, for a
    ranking that knows of the return passes over the bad ones. `lake` has the prices, jumps and
    fundamentals of the new version. Rows that rest on years of prices that are taken from the
    version before are taken, too, if that has the same rules.
    """
    close = lake.prices().collect_schema()["close"]
    schema = pl.Schema({**lake_schema("ratio_prices"), "close": close})
    days = _priced_days(lake)
    is_alike = reused and reused.before.manifest.rules == rules_hash()
    taken = _taken(days, lake, reused) if reused and is_alike else schema.to_frame()
    missing = days.join(taken, on=KEY, how="anti")
    rows = pl.concat([taken, _looked_up(lake, missing, schema)]).sort(*KEY, "close_date")
    CONTRACTS["ratio_prices"].validate(rows, cast=True)
    file = files.write_file(task.staged, "ratio_prices", schema, [rows])
    return Dataset(schema=schema_text(schema), rows=rows.height, files=(file,))


def _priced_days(lake: Lake) -> pl.DataFrame:
    """Return `ticker, priced_on` of all rows with ratios, each pair once."""
    rows = lake.fundamentals().filter(has_any(RATIO_COLUMNS))
    return rows.select("ticker", priced_on=priced_on()).unique().collect(engine="streaming")


def _taken(days: pl.DataFrame, lake: Lake, reused: Reused) -> pl.DataFrame:
    """Return the rows of the version before whose prices and runs cannot have changed."""
    years = [int(year) for year in reused.years]
    unchanged = FIRST.dt.year().is_in(years) & pl.col("priced_on").dt.year().is_in(years)
    rows = reused.before.ratio_prices().filter(unchanged).collect()
    for version in (lake, reused.before):
        rows = rows.join(_in_runs(rows, version), on=KEY, how="anti")
    return rows.join(days, on=KEY, how="semi")


def _in_runs(days: pl.DataFrame, lake: Lake) -> pl.DataFrame:
    """Return `ticker, priced_on` of the days for which a close of a run may stand."""
    runs = lake.jumps().drop_nulls("reverted_on").select("ticker", "date", "reverted_on").collect()
    touched = days.join(runs, on="ticker").filter(
        pl.col("priced_on") >= pl.col("date"), pl.col("reverted_on") > FIRST
    )
    return touched.select(KEY).unique()


def _looked_up(lake: Lake, days: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return the days with their closes, null where there is none."""
    found = pl.concat([schema.to_frame(), *_by_year(lake, days, schema)])
    in_runs = _in_runs(days, lake)
    newest = found.sort("close_date").unique(KEY, keep="last")
    closes = pl.concat(
        [newest.join(in_runs, on=KEY, how="anti"), found.join(in_runs, on=KEY, how="semi")]
    )
    return days.join(closes, on=KEY, how="left").select(*schema)


def _by_year(lake: Lake, days: pl.DataFrame, schema: pl.Schema) -> Iterator[pl.DataFrame]:
    """Yield the days with their closes, of one part of the prices after the other."""
    in_runs = _in_runs(days, lake)
    usual = days.join(in_runs, on=KEY, how="anti").sort("ticker", "priced_on")
    for prices, year in _parts(lake, days):
        yield _newest(usual.filter(_is_near(year)), prices).drop_nulls("close").select(*schema)
        near = in_runs.filter(_is_near(year)).join(prices, on="ticker")
        yield near.filter(pl.col("close_date").is_between(FIRST, "priced_on")).select(*schema)


def _parts(lake: Lake, days: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, int]]:
    """Yield the closes of each year that may stand for one of the days, in parts, and the year."""
    for file in lake.datasets["prices"].files:
        if file.year is None or days.filter(_is_near(file.year)).is_empty():
            continue
        rows = lake.year("prices", file.year).select("ticker", "close", close_date="date")
        for start in range(0, file.rows, ROWS_AT_ONCE):
            yield rows.slice(start, ROWS_AT_ONCE).collect(engine="streaming"), file.year


def _is_near(year: int) -> pl.Expr:
    """Return true for the days for which a close of a year may stand."""
    return (pl.col("priced_on").dt.year() == year) | (FIRST.dt.year() == year)


def _newest(days: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Return the days with the newest close of ten days; both frames are by ticker and date."""
    return days.join_asof(
        prices, left_on="priced_on", right_on="close_date", by="ticker", tolerance=AGE,
        coalesce=False, check_sortedness=False,
    )  # fmt: skip
