"""The Python API: what the commands do, for notebooks and scripts.

Pass a lake as a `Lake` or its folder, a universe or strategy as a value or its name, and a date as
a `date` or text such as `2026-03-02`. The default universe is the one in the settings.
"""

from pathlib import Path
from typing import Final

import polars as pl

from pipelines.dates import Day, day, day_or_none
from pipelines.errors import Unknown
from pipelines.lake import Lake
from pipelines.ranking import (
    Every,
    Strategy,
    all_listed,
    first_days,
    history,
    no_price,
    published_or_computed,
    strategies_of,
    strategy_named,
    ticker_named,
)
from pipelines.ranking import rankings as compute
from pipelines.refresh import recorded_export
from pipelines.settings import Settings
from pipelines.universe import Universe

_HELD: Final[dict[Path, Lake]] = {}
"""The version that was opened last of each folder. Its frames are read after the function has
returned, so it is kept from pruning until then."""


def rankings(
    lake: Lake | Path | str,
    *,
    as_of: Day | None = None,
    universe: Universe | str | None = None,
    strategy: Strategy | str | None = None,
    ticker: str | None = None,
) -> pl.LazyFrame:
    """Return the rankings on a date, the newest by default, of one strategy or all.

    There is one row for each stock and strategy: the ranked stocks first, then the excluded ones
    with their reason; `ticker` selects the rows of one stock. The columns are those of
    `pipelines.ranking.rankings`. Nothing is computed before `.collect()`, so that a filter or
    `.head(10)` costs no more than it must.

    For example:
        >>> import pipelines as sr
        >>> ranked = sr.rankings("data/lake", as_of="2026-03-02", strategy="trendande_varde")
        >>> ranked.head(10).select("rank", "ticker", "score").collect()
    """
    opened = _opened(lake)
    chosen = _universe(universe)
    if isinstance(strategy, Strategy) and strategies_of(chosen).get(strategy.name) is not strategy:
        day_ = day_or_none(as_of) or opened.as_of
        plan = compute(opened, as_of=day_, universe=chosen, strategies=[strategy])
    else:
        plan = published_or_computed(opened, as_of=day_or_none(as_of), universe=chosen)
    if ticker is not None:
        plan = plan.filter(ticker=ticker_named(ticker, _tickers(opened)))
    return plan if strategy is None else plan.filter(strategy=_strategy(strategy, chosen).name)


def ranking_history(
    lake: Lake | Path | str,
    *,
    since: Day,
    until: Day | None = None,
    every: Every | str = "month",
    universe: Universe | str | None = None,
    strategy: Strategy | str | None = None,
) -> pl.LazyFrame:
    """Return the rankings on the first trading day of each period, from `since` to `until`.

    There is one row for each date, strategy and stock, as of `rankings` with fewer columns. `every`
    is day, week, month, quarter or year. For decades of days use the command `pipelines.history`,
    which writes one part after the other instead of holding all rows.

    For example:
        >>> import pipelines as sr
        >>> past = sr.ranking_history("data/lake", since="2020-01-01", every="quarter")
        >>> past.filter(rank=1, strategy="trendande_varde").select("as_of", "ticker").collect()
    """
    opened, chosen = _opened(lake), _universe(universe)
    first, last = day(since), day_or_none(until)
    dates = first_days(opened, since=first, until=last, every=_period(every))
    if not dates:
        raise no_price(opened, first, last)
    wanted = None if strategy is None else [_strategy(strategy, chosen)]
    return pl.concat(history(opened, dates=dates, universe=chosen, strategies=wanted))


def export_database(
    database: Path | str,
    lake: Path | str,
    *,
    universe: Universe | str | None = None,
    full: bool = False,
) -> Lake:
    """Publish a new version of a lake from a SQLite database, and return it.

    If the database has not changed, the current version is returned. The settings say how many of
    the newest versions stay. `full` reads everything again.

    For example:
        >>> import pipelines as sr
        >>> sr.export_database("data/demo.db", "data/lake")
    """
    settings, root = Settings.load(), Path(lake)
    chosen = _universe(universe)
    recorded_export(
        Path(database),
        root,
        chosen,
        others=settings.other_universes(chosen),
        full=full,
        keep=settings.keep_versions,
    )
    return Lake(root)


def _opened(lake: Lake | Path | str) -> Lake:
    if isinstance(lake, Lake):
        return lake
    _HELD[Path(lake).resolve()] = opened = Lake(lake)
    return opened


def _universe(universe: Universe | str | None) -> Universe:
    return universe if isinstance(universe, Universe) else Settings.load().chosen_universe(universe)


def _strategy(strategy: Strategy | str, universe: Universe) -> Strategy:
    return strategy if isinstance(strategy, Strategy) else strategy_named(strategy, universe)


def _period(every: Every | str) -> Every:
    if every not in list(Every):
        raise Unknown("period", every, Every)
    return Every(every)


def _tickers(lake: Lake) -> list[str]:
    """Return the tickers that a version knows of, also those that are gone from the source."""
    return all_listed(lake).collect()["ticker"].to_list()
