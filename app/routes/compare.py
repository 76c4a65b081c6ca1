"""Rankings of two dates beside each other, and the ranks of a stock over time."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Annotated, Final

import polars as pl
from fastapi import APIRouter, HTTPException, Query

from app.deps import (
    IsoDay,
    ObservedTickerDep,
    Selection,
    ServicesDep,
    UniverseName,
    VersionDep,
    day_until_today,
    named_strategy,
    universe_named,
)
from app.serving import views
from app.web import compare_models
from pipelines.ranking import (
    Change,
    Every,
    Strategy,
    changes_between,
    first_days,
    history,
    ticker_named,
)

router = APIRouter(tags=["rankings"])

MOST_DATES: Final = 60
"""The most dates of the ranks of a stock."""
BACK: Final = timedelta(days=2 * 365)
"""How far back the ranks of a stock begin, unless a day is named."""
RANKS: Final = ("as_of", "ticker", "rank", "score", "excluded_by")

StrategyName = Annotated[str, Query(description="name of a strategy", examples=["trendande_varde"])]


@router.get("/rankings/compare")
async def compare(  # noqa: PLR0913, PLR0917 - one parameter each
    services: ServicesDep,
    version: VersionDep,
    strategy: StrategyName,
    since: Annotated[IsoDay, Query(alias="from", description="a day", examples=["2026-10-20"])],
    until: Annotated[
        IsoDay | None,
        Query(alias="to", description="a later day; default the newest", examples=["2026-11-20"]),
    ] = None,
    top: Annotated[
        int | None, Query(ge=1, le=100_000, description="last rank to compare", examples=[10])
    ] = None,
    universe: UniverseName = None,
) -> compare_models.Comparison:
    """Stocks that came, went and moved between two dates, with the reasons."""
    named = named_strategy(services, strategy)
    last = day_until_today(services, version, until, "to")
    first = day_until_today(services, version, since, "from")
    if first > last:
        raise HTTPException(422, f"from {first} is after to {last}; exchange them")
    selection = Selection(services, version, universe_named(services, universe), last)
    before, after = await selection.on(first).rankings(), await selection.rankings()
    return await asyncio.to_thread(_comparison, selection, named, first, before, after, top)


def _comparison(
    selection: Selection, strategy: Strategy, first: date, before: pl.DataFrame,
    after: pl.DataFrame, top: int | None,
) -> compare_models.Comparison:  # fmt: skip
    old, new = (views.finite(frame.filter(strategy=strategy.name)) for frame in (before, after))
    found = changes_between(old, new, top)
    return compare_models.Comparison(
        strategy=strategy.name,
        universe=selection.universe.name,
        from_=first,
        to=selection.as_of,
        top=top,
        came=_changes(found.came, strategy),
        went=_changes(found.went, strategy),
        moved=_changes(found.moved, strategy),
    )


def _changes(found: Iterable[Change], strategy: Strategy) -> list[compare_models.RankChange]:
    return [
        compare_models.RankChange(
            ticker=one.ticker,
            name=one.name,
            rank_before=one.rank_before,
            rank=one.rank,
            score_before=one.score_before,
            score=one.score,
            reason=one.reason,
            meaning=_meaning(one, strategy),
        )
        for one in found
    ]


def _meaning(one: Change, strategy: Strategy) -> str | None:
    if one.reason is None or one.reason in strategy.reasons:
        return strategy.reasons.get(one.reason or "")
    if one.reason == "not_listed":
        return "it is not among the stocks of that day"
    return "its rank is beyond those that are compared"


# A ticker may hold a slash, so that this path is looked for before that of a stock.


@router.get("/stocks/{ticker:path}/ranks", tags=["stocks"])
async def ranks(  # noqa: PLR0913, PLR0917 - one parameter each
    services: ServicesDep,
    version: VersionDep,
    ticker: ObservedTickerDep,
    strategy: StrategyName,
    every: Annotated[Every, Query(description="period", examples=["month"])] = Every.MONTH,
    since: Annotated[
        IsoDay | None,
        Query(
            alias="from", description="first day; default two years back", examples=["2025-01-01"]
        ),
    ] = None,
    until: Annotated[
        IsoDay | None,
        Query(alias="to", description="last day; default the newest", examples=["2026-11-20"]),
    ] = None,
    universe: UniverseName = None,
) -> compare_models.RanksOverTime:
    """Rank and score of a stock on the first trading day of each period, oldest first."""
    named = named_strategy(services, strategy)
    last = day_until_today(services, version, until, "to")
    selection = Selection(services, version, universe_named(services, universe), last)
    rows = await _history(selection, named, since or last - BACK, every)
    if not (rows["ticker"] == ticker).any():
        ticker_named(ticker, version.newest)
    return await asyncio.to_thread(_ranks, selection, named, every, ticker, rows)


async def _history(
    selection: Selection, strategy: Strategy, since: date, every: Every
) -> pl.DataFrame:
    """Return the ranks of all stocks on the first day of each period, a part after another."""
    lake, computing = selection.version.lake, selection.services.computing
    key = (*selection.version.key, selection.universe, strategy.name, "ranks")
    until = selection.as_of
    dates = await asyncio.to_thread(first_days, lake, since=since, until=until, every=every)
    if len(dates) > MOST_DATES:
        raise HTTPException(
            422,
            f"from {since} to {until} there are {len(dates)} dates; at most {MOST_DATES} are "
            "ranked, so name a later from, or a longer period with every",
        )
    plans = await asyncio.to_thread(_plans, selection, strategy, dates)
    parts = [
        await computing.frame((*key, every, since, until, n), plan, sheds=True)
        for n, plan in enumerate(plans)
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)


SCHEMA: Final = pl.Schema(
    {"as_of": pl.Date, "ticker": pl.String, "rank": pl.Int32, "score": pl.Float64,
     "excluded_by": pl.String}
)  # fmt: skip


def _plans(selection: Selection, strategy: Strategy, dates: Sequence[date]) -> list[pl.LazyFrame]:
    lake, universe = selection.version.lake, selection.universe
    if not dates:
        return []
    plans = history(lake, dates=dates, universe=universe, strategies=[strategy])
    return [plan.select(RANKS) for plan in plans]


def _ranks(
    selection: Selection, strategy: Strategy, every: Every, ticker: str, rows: pl.DataFrame
) -> compare_models.RanksOverTime:
    counts = dict(rows.group_by("as_of").agg(pl.col("rank").count()).iter_rows())
    mine = views.finite(rows.filter(ticker=ticker)).sort("as_of")
    return compare_models.RanksOverTime(
        ticker=ticker,
        strategy=strategy.name,
        universe=selection.universe.name,
        every=every,
        ranks=[
            compare_models.RankOn(
                date=row["as_of"],
                rank=row["rank"],
                score=row["score"],
                excluded_by=row["excluded_by"],
                ranked=counts[row["as_of"]],
            )
            for row in mine.iter_rows(named=True)
        ],
    )
