"""Checks of splits, dividends and rates: how many there are, and which have no stock or no rate."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl
from pydantic import JsonValue

from pipelines.lake import Check, Lake
from pipelines.ranking import MAX_PRICE_AGE
from pipelines.refresh.findings import cases, check, some
from pipelines.universe import Universe

DECISIONS: Final = {
    "applied": "applied",
    "in_prices": "in the prices already",
    "no_closes": "without closes around",
}
OWN_CURRENCY: Final = "SEK"
"""The currency in which rates are told, which needs none itself."""


def event_checks(lake: Lake, stocks: pl.DataFrame, as_of: date) -> Iterator[Check]:
    """Return a check for each of these datasets that the version has.

    `stocks` has the tickers of the stocks to check; rates are looked for in their currencies.
    """
    if "splits" in lake.datasets:
        yield _of_tickers(lake, "known_splits", lake.splits(), _decided(lake))
    if "dividends" in lake.datasets:
        yield _of_tickers(lake, "dividends", lake.dividends(), "dividends are known")
    if "fx_rates" in lake.datasets:
        yield _rates(lake, stocks, as_of)


def _decided(lake: Lake) -> str:
    """Return how many splits there are of each decision, in words."""
    made = lake.splits().group_by("decision").len("splits").collect()
    counts = Counter(dict(made.iter_rows()))
    told = (f"{counts[decision]:,} {words}" for decision, words in DECISIONS.items())
    return f"splits are known ({', '.join(told)})"


def _of_tickers(lake: Lake, name: str, rows: pl.LazyFrame, what: str) -> Check:
    """Return the check of rows by ticker, with the tickers that are not in stocks."""
    listed = lake.stocks().select("ticker", listed=True)
    found = rows.group_by("ticker").len("rows").join(listed, on="ticker", how="left")
    counts = found.collect(engine="streaming")
    unknown = counts.filter(pl.col("listed").is_null()).drop("listed").sort("ticker")
    count = int(counts["rows"].sum())
    value: JsonValue = {"count": count, "unknown": unknown.height, "cases": cases(unknown)}
    of = f", that is {some(unknown['ticker'].to_list())}" if unknown.height else ""
    message = f"{count:,} {what}; tickers of theirs that are not in stocks: {unknown.height}{of}"
    return check(name, "ok", message, value)


def _rates(lake: Lake, stocks: pl.DataFrame, as_of: date) -> Check:
    """Return the check of currencies in which stocks are listed, but for which no rate is known."""
    since = as_of - timedelta(days=MAX_PRICE_AGE)
    rated = lake.fx_rates(since=since, until=as_of).select("currency").unique()
    needed = (
        lake.stocks()
        .join(stocks.lazy().select("ticker"), on="ticker", how="semi")
        .filter(pl.col("currency") != OWN_CURRENCY)
        .group_by("currency")
        .len("stocks")
    )
    lacks = needed.join(rated, on="currency", how="anti").sort("currency")
    count = lake.fx_rates().select(pl.len())
    missing, counted = pl.collect_all([lacks, count], engine="streaming")
    rows: int = counted.item()
    value: JsonValue = {"count": rows, "missing": missing.height, "cases": cases(missing)}
    of = f", that is {some(missing['currency'].to_list())}" if missing.height else ""
    message = (
        f"{rows:,} rates are known; currencies of stocks without one in the {MAX_PRICE_AGE} days "
        f"to {as_of}: {missing.height}{of}"
    )
    return check("fx_rates", "ok", message, value)


def converted_check(
    lake: Lake, universe: Universe, others: Sequence[Universe] = ()
) -> Iterator[Check]:
    """Return the check of stocks without a rank for want of a rate, if returns are converted.

    It looks at the rankings of all universes of the version that convert returns; a stock that
    lacks a rate in two of them is one.
    """
    ranked = [(universe, lake.rankings()), *((o, lake.other_rankings(o.name)) for o in others)]
    converted = [(one, rows) for one, rows in ranked if one.returns_in != "local"]
    if not converted:
        return
    lacking = (
        pl.concat(
            rows.filter(pl.col("excluded_by") == "no_rate").select("currency", "ticker")
            for _, rows in converted
        )
        .group_by("currency")
        .agg(stocks=pl.col("ticker").n_unique())
        .sort("currency")
        .collect(engine="streaming")
    )
    currencies = lacking["currency"].fill_null("no currency").to_list()
    count = int(lacking["stocks"].sum())
    remedy = "add rates to the table fx_rates, or the currency to stocks"
    of = f", that is of {some(currencies)}; {remedy}" if count else ""
    currency = converted[0][0].returns_in
    message = f"{count} stocks have no returns in {currency} for want of a rate{of}"
    value: JsonValue = {"count": count, "cases": cases(lacking)}
    yield check("converted_returns", "warning" if count else "ok", message, value)
