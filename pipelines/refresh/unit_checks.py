"""Signs that a column has changed its unit, or has more than one: percent, pence, millions.

A ratio is a fraction, a price is in the listing currency, and a market cap in units of it. A
source that delivers percent or pence instead moves a value a hundred times.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

import polars as pl

from pipelines.lake import Check, Lake
from pipelines.refresh.findings import check, counted, some

HUNDRED: Final = (50.0, 200.0)
"""How many times a value is larger or smaller where its unit changed by a hundred."""
SHARE: Final = 0.10
FEWEST: Final = 5
"""From a tenth of the stocks on, and five of them, it is the unit; of fewer it may be true."""
CHANGING: Final = (
    "close", "market_cap_msek", "pe", "pb", "ps", "p_fcf", "ev_ebitda", "dividend_yield", "roe",
    "roa", "roic", "fcfroe",
)  # fmt: skip
BOUNDS: Final[Mapping[str, float]] = {
    "roe": 5.0, "roa": 5.0, "roic": 5.0, "fcfroe": 5.0, "dividend_yield": 0.5,
}  # fmt: skip
"""The largest fraction, up or down, that is plausible for a stock that is ranked."""
FARTHEST_CAP: Final = 50.0
"""How many times the market caps of two tables of the source may differ."""


def changed_units(now: pl.DataFrame, was: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for each column that moved a hundred times for a tenth of the stocks.

    Both frames have a row a stock.
    """
    both = was.select("ticker", *CHANGING).join(now.select("ticker", *CHANGING), on="ticker")
    known = both.select(_times(c).is_finite().sum().alias(c) for c in CHANGING).row(0, named=True)
    least, most = HUNDRED
    rules = {"larger": (least, most), "smaller": (1 / most, 1 / least)}
    moved = {word: _moved(both, *rule) for word, rule in rules.items()}
    for column, (word, rule) in product(CHANGING, rules.items()):
        count = moved[word][column]
        if _is_the_unit(count, known[column]):
            rows = both.filter(_times(column).is_between(*rule)).sort("ticker")
            ticker, before, after = rows.select("ticker", column, f"{column}_right").row(0)
            yield (
                f"{column} is about a hundred times {word} for {count} of "
                f"{known[column]} stocks, such as {ticker} ({before:g}, now {after:g}): "
                "its unit has changed, as from percent to fractions or from pounds to pence"
            )


def _moved(both: pl.DataFrame, least: float, most: float) -> dict[str, int]:
    """Return the number of stocks of which each column moved so many times."""
    counts = (_times(c).is_between(least, most).sum().alias(c) for c in CHANGING)
    return both.select(counts).row(0, named=True)


def _times(column: str) -> pl.Expr:
    """Return how many times as large a value is as it was, without its sign."""
    return (pl.col(f"{column}_right") / pl.col(column)).abs()


def implausible(now: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for each ratio that is beyond its bound for a tenth of the ranked stocks."""
    ranked = now.drop_nulls("rank").unique("ticker", maintain_order=True)
    for column, bound in BOUNDS.items():
        known, odd = ranked.drop_nulls(column), _beyond(ranked, column, bound)
        if _is_the_unit(odd.height, known.height):
            ticker, value = odd.sort("ticker").select("ticker", column).row(0)
            yield (
                f"{column} is beyond {bound:g} for {odd.height} of {known.height} ranked stocks, "
                f"such as {ticker} ({value:g}): the source must deliver fractions, and percent "
                "only where data_source is tradingview"
            )


def units_check(lake: Lake, stocks: pl.DataFrame) -> Check:
    """Return the check of single values that look like another unit; a warning of ranked stocks."""
    facts = lake.rankings().select("ticker", *BOUNDS, "market_cap_msek", "market_cap_source")
    ranked = stocks.drop_nulls("rank").select("ticker", "rank")
    one = facts.unique("ticker", keep="any").collect(engine="streaming")
    rows = one.join(ranked, on="ticker").sort("rank", "ticker")
    odd = [_beyond(rows, c, bound).select("ticker", "rank", column=pl.lit(c), value=c)
           for c, bound in BOUNDS.items()]  # fmt: skip
    found = pl.concat([*odd, _far_caps(lake, rows)]).sort("rank", "column")
    names = found["ticker"].unique(maintain_order=True).to_list()
    message = f"values of ranked stocks that look like another unit: {found.height}"
    message += f", of {some(names)}" if names else ""
    return check("units", "warning" if names else "ok", message, counted(found))


def _beyond(rows: pl.DataFrame, column: str, bound: float) -> pl.DataFrame:
    return rows.filter(pl.col(column).abs() > bound)


def _far_caps(lake: Lake, rows: pl.DataFrame) -> pl.DataFrame:
    """Return reported market caps that are far from those of `stocks`."""
    listed = lake.stocks().select("ticker", listed="market_cap_msek").collect()
    times = pl.col("market_cap_msek") / pl.col("listed")
    far = (times > FARTHEST_CAP) | (times < 1 / FARTHEST_CAP)
    reported = rows.filter(market_cap_source="reported").join(listed, on="ticker")
    found = reported.filter(far, pl.col("listed") > 0)
    return found.select("ticker", "rank", column=pl.lit("market_cap_msek"), value="market_cap_msek")


def _is_the_unit(odd: int, known: int) -> bool:
    return odd >= max(FEWEST, SHARE * known)
