"""Signs that a part of the history is in another unit for all stocks: percent before a year, ….

A version of which one half is a hundred times the other passes every check of one date, and of two
versions, but rankings of old dates, and what is tested on them, are wrong.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from pipelines.lake import Check, Lake
from pipelines.ranking import RATIO_COLUMNS
from pipelines.refresh.findings import check
from pipelines.refresh.unit_checks import FEWEST, HUNDRED, SHARE

FARTHEST: Final = 20.0
"""How many times the medians of two near years may differ; those of a market move less.

Less than a hundred, for in the year of the change a part of the rows is in the old unit."""
NEAR: Final = (1, 2)
"""How many years with a median two years are apart at most: the year of a change may be between.

Over decades a market grows more than any border."""
FEWEST_A_YEAR: Final = 10
"""The stocks with a ratio from which on a year has a median."""


def unit_breaks_check(lake: Lake) -> Check:
    """Return the check of units over all years; a warning that names the years of a change."""
    found = [*_of_ratios(lake), *_of_closes(lake)]
    message = "; ".join(found) or "no year of the history is in another unit"
    return check("unit_breaks", "warning" if found else "ok", message, {"count": len(found)})


def _of_ratios(lake: Lake) -> Iterator[str]:
    """Yield a sentence for each ratio whose medians by year are far from each other."""
    medians = _medians(lake).sort("year").rows(named=True)
    for ratio in RATIO_COLUMNS:
        enough = (of for of in medians if of[f"{ratio}_stocks"] >= FEWEST_A_YEAR)
        known = [(of["year"], of[ratio]) for of in enough if of[ratio] > 0]
        if len(known) < 2:
            continue
        (year, value), (other_year, other) = _farthest(known)
        if max(value / other, other / value) > FARTHEST:
            yield (
                f"the median of {ratio} is {value:.3g} in {year} and {other:.3g} in {other_year}: "
                "its unit has changed, as from percent to fractions; bring all years to one unit"
            )


def _farthest(medians: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], tuple[int, float]]:
    """Return the two near years, of at least two, whose medians differ most."""
    pairs = [pair for apart in NEAR for pair in zip(medians, medians[apart:], strict=False)]
    return max(pairs, key=lambda pair: abs(math.log(pair[0][1] / pair[1][1])))


def _medians(lake: Lake) -> pl.DataFrame:
    """Return the median of each ratio by year, over the means of its stocks, and their number."""
    size = (pl.when(pl.col(c) != 0).then(pl.col(c).abs()).mean().alias(c) for c in RATIO_COLUMNS)
    year = pl.col("known_from").dt.year().alias("year")
    by_stock = lake.fundamentals().group_by(year, "ticker").agg(*size)
    medians = (pl.col(c).median() for c in RATIO_COLUMNS)
    stocks = (pl.col(c).count().alias(f"{c}_stocks") for c in RATIO_COLUMNS)
    return by_stock.group_by("year").agg(*medians, *stocks).collect(engine="streaming")


def _of_closes(lake: Lake) -> Iterator[str]:
    """Yield a sentence for each day on which many closes become a hundred times the one before."""
    least, most = HUNDRED
    times = pl.max_horizontal(pl.col("ratio"), 1 / pl.col("ratio"))
    days = (
        lake.jumps()
        .filter(times.is_between(least, most))
        .group_by("date")
        .agg(pl.col("ticker").n_unique().alias("stocks"), pl.col("ticker").min())
        .sort("date")
        .collect(engine="streaming")
    )
    if days.is_empty():
        return
    stocks = lake.stocks().select(pl.len()).collect().item()
    for day, many, ticker in days.filter(pl.col("stocks") >= max(FEWEST, SHARE * stocks)).rows():
        yield (
            f"the closes of {many} stocks, such as {ticker}, move a hundred times on {day}: the "
            "unit has changed, as from pounds to pence; bring all days to one unit"
        )
