"""Checks of a new version before it is published, most of them against the version before.

A refresh that lost a part of the market is worse than none: people trade on the rankings. A small
lake may change freely, so a check fails only above both a share and a number of rows or stocks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import polars as pl

from pipelines.definition import Definition
from pipelines.lake import Lake, Report
from pipelines.ranking import STRATEGIES, published_or_computed
from pipelines.refresh.rejected import mostly_rejected
from pipelines.refresh.unit_checks import changed_units, implausible
from pipelines.source import TABLES

LARGEST_DROP: Final = 0.02
FEWEST_ROWS: Final = {table.dataset: table.fewest_rows for table in TABLES.values()}
"""A dataset may lose two per cent of its rows, or this many, between two versions."""

LARGEST_COVERAGE_DROP: Final = 0.10
FEWEST_STOCKS: Final = 20
"""A tenth of the stocks, or twenty, may lose a recent price, ratios or any one metric."""

COVERED: Final = (
    "close", "return_12m", "market_cap_msek", "ratios_known_from", "fiscal_date", "pe", "pb", "ps",
    "p_fcf", "ev_ebitda", "dividend_yield", "roe", "roa", "roic", "fcfroe",
)  # fmt: skip


def failures(new: Lake, before: Lake | None, own: Sequence[Definition] = ()) -> list[str]:
    """Return the reasons not to publish a version with these own strategies, a sentence each.

    Where the version before has rankings by other rules, it is ranked by those of today: a rule
    that changed is no loss of data.
    """
    now = new.rankings().collect()
    found = [*_unexplained(now), *mostly_rejected(new, before), *implausible(now)]
    if before is not None:
        universe = before.manifest.universe
        was = published_or_computed(before, universe=universe).collect(engine="streaming")
        found += [*_backwards(new, before), *_fewer_rows(new, before)]
        kept = [*STRATEGIES, *(one.name for one in own if one in universe.strategies)]
        found += [*_emptied(now, was, kept), *_less_covered(now, was)]
        found += changed_units(*(_of_one_strategy(frame) for frame in (now, was)))
    return found


def first_failures(report: Report) -> list[str]:
    """Return more reasons not to publish a first version, which nobody relies on yet.

    Later ones are published with the warning, or a lake of before could never be refreshed.
    """
    return [c.message for c in report.checks if c.name == "unit_breaks" and c.status != "ok"]


def _unexplained(now: pl.DataFrame) -> Iterator[str]:
    """Find stocks with more than one row of a strategy, or without either a rank or a reason."""
    odd = now.filter(pl.col("rank").is_null() == pl.col("excluded_by").is_null())
    if odd.height:
        yield f"{odd.height} stocks have neither a rank nor a reason, such as {odd['ticker'][0]}"
    if now.select(pl.struct("strategy", "ticker").is_duplicated().any()).item():
        yield "a stock is ranked twice by one strategy"


def _backwards(new: Lake, before: Lake) -> Iterator[str]:
    if new.as_of < before.as_of:
        yield f"the newest price is of {new.as_of}, before that of the last version {before.as_of}"


def _fewer_rows(new: Lake, before: Lake) -> Iterator[str]:
    for dataset, fewest in FEWEST_ROWS.items():
        was, now = (_rows(version, dataset) for version in (before, new))
        if was - now > max(fewest, LARGEST_DROP * was):
            yield f"{dataset} has {now:,} rows, {was - now:,} fewer than the last version"


def _rows(version: Lake, dataset: str) -> int:
    entry = version.datasets.get(dataset)
    return entry.rows if entry else 0


def _emptied(now: pl.DataFrame, was: pl.DataFrame, kept: Iterable[str]) -> Iterator[str]:
    """Find strategies that rank nobody any more, of those whose definition is the same."""
    before, after = (_ranked(frame) for frame in (was, now))
    for strategy in kept:
        if before[strategy] > FEWEST_STOCKS and after[strategy] == 0:
            yield f"{strategy} ranks no stock, the last version ranked {before[strategy]}"


def _ranked(rankings: pl.DataFrame) -> Counter[str]:
    """Return the number of stocks that each strategy ranks."""
    return Counter(rankings.drop_nulls("rank")["strategy"])


def _of_one_strategy(rankings: pl.DataFrame) -> pl.DataFrame:
    return rankings.filter(strategy=next(iter(STRATEGIES)))


def _less_covered(now: pl.DataFrame, was: pl.DataFrame) -> Iterator[str]:
    """Compare the number of stocks with each fact, in one strategy: all have the same facts."""
    counts = [_of_one_strategy(frame).select(pl.col(COVERED).count()) for frame in (was, now)]
    for column in COVERED:
        before, after = (frame[column][0] for frame in counts)
        if before - after > max(FEWEST_STOCKS, LARGEST_COVERAGE_DROP * before):
            yield f"{after} stocks have a {column}, {before - after} fewer than in the last version"
