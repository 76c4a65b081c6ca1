"""`python -m pipelines.history`: the rankings of many dates, as one partitioned dataset.

All dates of a block are ranked by one lazy plan, with the rules and the code of a single date: each
row of prices and fundamentals is put beside the dates on which it counts, and every grouping and
window is by date too. A block bounds the memory.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer

from pipelines import console
from pipelines.console import Progress, silent
from pipelines.errors import LakeError, StockRankError
from pipelines.lake import Lake
from pipelines.ranking import (
    ANCHORS,
    LONGEST_WINDOW,
    MAX_PRICE_AGE,
    RATIOS,
    STRATEGIES,
    closes,
    days_before,
    facts,
    has_any,
    months_before,
    ranked,
    ratios,
    statements,
)
from pipelines.settings import Settings
from pipelines.universe import Universe

TOGETHER: Final = 36_000
"""Stocks times dates that are ranked by one plan."""
BY: Final = ("as_of", "ticker")
COLUMNS: Final = (
    "as_of", "strategy", "rank", "ticker", "excluded_by", "score", "composite", "primary_rank",
    "close", "market_cap_msek",
)  # fmt: skip
"""What is kept of each ranking; `pipelines.ranking.rankings` describes it."""
STATEMENT_MONTHS: Final = 18 + 14 + 14
"""Months before a date in which the fiscal years t, t-1 and t-2 end."""


class Every(StrEnum):
    """How often: on the first day with prices of each period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


def history(lake: Lake, *, dates: Sequence[date], universe: Universe) -> Iterator[pl.LazyFrame]:
    """The rankings of dates in order, a plan for each block of them.

    Rows and values are those of `rankings` on each date, with `COLUMNS`, in the order of date,
    strategy, rank and ticker.
    """
    for block in _blocks(lake, dates):
        tables = ranked(cross_sections(lake, block), universe, STRATEGIES.values())
        yield pl.concat([table.select(COLUMNS) for table in tables]).sort(
            "as_of", "strategy", "rank", "ticker", nulls_last=True
        )


def _blocks(lake: Lake, dates: Sequence[date]) -> Iterator[Sequence[date]]:
    """The dates, some at a time: the fewer, the more stocks there are."""
    stocks = lake.stocks().select(pl.len()).collect().item()
    size = max(1, TOGETHER // max(1, stocks))
    yield from (dates[start : start + size] for start in range(0, len(dates), size))


def cross_sections(lake: Lake, dates: Sequence[date]) -> pl.LazyFrame:
    """What is known of every stock on each date: a row a stock and date."""
    days = pl.LazyFrame({"as_of": dates}, schema={"as_of": pl.Date})
    known = lake.fundamentals(known_by=dates[-1])
    day = pl.col("as_of")
    return facts(
        lake.stocks().join(days, how="cross"),
        closes(_in_windows(lake, dates), {n: pl.col("months") == n for n in ANCHORS}, BY),
        ratios(_beside(_recent_ratios(known, dates[0]), dates), day, BY),
        statements(_beside(_recent_statements(known, dates[0]), dates), day, BY),
        by=BY,
    )


def _in_windows(lake: Lake, dates: Sequence[date]) -> pl.LazyFrame:
    """Prices beside the dates, and the months before them, in whose windows they are."""
    days = pl.DataFrame({"as_of": dates}, schema={"as_of": pl.Date})
    ends = pl.concat(
        days.select("as_of", end=months_before(pl.col("as_of"), n), months=pl.lit(n))
        for n in ANCHORS
    )
    windows = ends.select(
        "as_of", "months", date=pl.date_ranges(pl.col("end").dt.offset_by(MAX_PRICE_AGE), "end")
    ).explode("date")
    prices = lake.prices(since=days_before(dates[0], LONGEST_WINDOW), until=dates[-1])
    return prices.select("ticker", "date", "close").join(windows.lazy(), on="date")


def _beside(known: pl.LazyFrame, dates: Sequence[date]) -> pl.LazyFrame:
    """Rows beside each of the dates by which they were known, as `as_of`."""
    first = pl.DataFrame(
        {"from_": [days_before(dates[0], 1), *dates[:-1]], "first_": dates},
        schema={"from_": pl.Date, "first_": pl.Date},
    )
    known_on = first.select(
        "first_", known_=pl.date_ranges(pl.col("from_").dt.offset_by("1d"), "first_")
    ).explode("known_")
    later = first.select("first_").join(first.select(as_of="first_"), how="cross")
    pairs = known_on.join(later.filter(pl.col("as_of") >= pl.col("first_")), on="first_")
    return (
        known.with_columns(known_=pl.max_horizontal("known_from", pl.lit(dates[0])))
        .join(pairs.select("known_", "as_of").lazy(), on="known_")
        .drop("known_")
    )


def _recent_ratios(known: pl.LazyFrame, first: date) -> pl.LazyFrame:
    """Rows with ratios that count on a date or later.

    Of those that are older than twelve months on the first, which can only supersede others, one
    a ticker is enough: that with the newest fiscal date.
    """
    with_any = known.filter(has_any(RATIOS))
    recent = pl.col("known_from") >= months_before(pl.lit(first), 12)
    old = with_any.filter(~recent, pl.col("fiscal_date").is_not_null())
    newest = old.filter(pl.col("fiscal_date") == pl.col("fiscal_date").max().over("ticker"))
    return pl.concat([with_any.filter(recent), newest])


def _recent_statements(known: pl.LazyFrame, first: date) -> pl.LazyFrame:
    """Rows whose items count on a date or later: the vendor's score of any age."""
    recent = pl.col("fiscal_date") >= months_before(pl.lit(first), STATEMENT_MONTHS)
    return known.filter(recent | pl.col("piotroski_f_score").is_not_null())


def trading_days(lake: Lake, *, since: date, every: Every) -> list[date]:
    """The first day with a price in each period, from `since` to the newest date."""
    days = lake.prices(since=since).select("date").unique().sort("date").collect()["date"]
    periods = days.dt.truncate(PERIODS[every])
    firsts = pl.DataFrame({"date": days, "period": periods}).unique("period", keep="first")
    return firsts["date"].sort().to_list()


PERIODS: Final = {
    Every.DAY: "1d",
    Every.WEEK: "1w",
    Every.MONTH: "1mo",
    Every.QUARTER: "1q",
    Every.YEAR: "1y",
}


# ----------------------------------------------------------------------------------- command


def write(
    lake: Lake,
    out: Path,
    *,
    dates: Sequence[date],
    universe: Universe,
    progress: Progress = silent,
) -> int:
    """Write the rankings of dates below `out`, in files by year, replacing what is there; rows."""
    partial = out.with_name(f".partial-{out.name}")
    shutil.rmtree(partial, ignore_errors=True)
    rows = done = 0
    try:
        for number, plan in enumerate(history(lake, dates=dates, universe=universe)):
            block = plan.collect(engine="streaming")
            rows += block.height
            _write_years(partial, block, number)
            done += block["as_of"].n_unique()
            progress("dates", done, len(dates))
        _replace(partial, out)
    except OSError as error:
        raise LakeError(f"cannot write {out}: {error.strerror}; name another with --out") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return rows


def _write_years(folder: Path, block: pl.DataFrame, number: int) -> None:
    for (year,), rows in block.group_by(pl.col("as_of").dt.year(), maintain_order=True):
        path = folder / f"year={year}"
        path.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(path / f"{number}.parquet", compression_level=1)


def _replace(new: Path, out: Path) -> None:
    """Put a finished folder in the place of an older one."""
    old = out.with_name(f".old-{out.name}")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def main(  # noqa: PLR0913 - one parameter an option
    *,
    since: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First date.")
    ] = datetime(1990, 1, 1),
    every: Annotated[Every, typer.Option(help="One date in each.")] = Every.MONTH,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("data/history"),
    universe: Annotated[str | None, typer.Option(help="Universe to rank.")] = None,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Rank the universe on the first trading day of each period, by all strategies.

    Example: python -m pipelines.history --from 2010-01-01 --every quarter --out data/history
    """
    if out.exists() and not force:
        raise StockRankError(f"{out} exists; replace it with --force, or name another with --out")
    settings, started = Settings.load(config), time.monotonic()
    opened = Lake(lake or settings.lake)
    dates = trading_days(opened, since=since.date(), every=every)
    if not dates:
        raise StockRankError(f"there is no price from {since:%Y-%m-%d} on; name an earlier day")
    with console.progress() as progress:
        rows = write(
            opened, out, dates=dates, universe=settings.chosen_universe(universe),
            progress=progress,
        )  # fmt: skip
    console.write(
        f"{rows:,} rows of {len(dates)} dates from {dates[0]} to {dates[-1]} in {out}, "
        f"{time.monotonic() - started:.1f} s"
    )


if __name__ == "__main__":
    console.run(main)
