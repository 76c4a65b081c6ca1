"""Rankings of past dates and versions, and the combined portfolio."""

import asyncio
from collections.abc import Iterable
from datetime import date
from typing import Annotated

import polars as pl
from fastapi import APIRouter, Depends, Query

from app.deps import (
    IsoDay,
    RankingsDep,
    Selection,
    SelectionDep,
    ServicesDep,
    StrategyDep,
    VersionDep,
    day_until_today,
    named_strategy,
)
from app.services import Services
from app.serving import Version, queries, views
from app.web import portfolio_models, ranking_models
from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES, Strategy, next_rebalance

router = APIRouter(tags=["rankings"])


# ---------------------------------------------------------------------------------- portfolio


@router.get("/portfolio/sverige")
def portfolio(selection: SelectionDep, rankings: RankingsDep) -> portfolio_models.Portfolio:
    """Ten stocks of each of the four, equally weighted; one in two strategies is listed twice."""
    places = [
        (s, row)
        for s in STRATEGIES.values()
        for row in views.portfolio_rows(rankings, s).to_dicts()
    ]
    dates = [
        d
        for s in STRATEGIES.values()
        if (d := _next_rebalance(selection.services, selection.version, s))
    ]
    return portfolio_models.Portfolio(
        holdings=[
            portfolio_models.Holding(
                ticker=row["ticker"], name=row["name"], weight=1 / len(places), strategy=s.name
            )
            for s, row in places
        ],
        as_of_date=selection.as_of,
        next_rebalance_date=min(dates, default=None),
    )


@router.get("/portfolio/rebalance-dates")
async def rebalance_dates(
    services: ServicesDep, version: VersionDep
) -> list[portfolio_models.Rebalance]:
    """Next rebalancing of each strategy: the first trading day of one of its months."""
    return [
        portfolio_models.Rebalance(
            strategy_name=s.name, next_date=_next_rebalance(services, version, s)
        )
        for s in services.strategies.values()
    ]


def _next_rebalance(services: Services, version: Version, strategy: Strategy) -> date | None:
    return next_rebalance(strategy, version.calendar, services.today)


# ------------------------------------------------------------------------------------- dates


@router.get("/rankings/on-date")
@router.get("/rankings/compute-historical")
async def on_date(
    services: ServicesDep,
    version: VersionDep,
    strategy: Annotated[str, Query(description="name of a strategy", examples=["trendande_varde"])],
    target_date: Annotated[IsoDay, Query(description="a day up to today", examples=["2026-03-02"])],
) -> ranking_models.Computed:
    """Ranking of a strategy on a date, from the data that was known then."""
    named = named_strategy(services, strategy)
    day = day_until_today(services, version, target_date, "target_date")
    rankings = await Selection(services, version, version.universe, day).rankings()
    return await asyncio.to_thread(_computed, rankings, named, day)


def _computed(rankings: pl.DataFrame, strategy: Strategy, day: date) -> ranking_models.Computed:
    newest = rankings["close_date"].max()
    return ranking_models.Computed(
        strategy=strategy.name,
        date=newest if isinstance(newest, date) else day,
        target_date=day,
        rankings=_scored(rankings, strategy),
    )


def _scored(rankings: pl.DataFrame, strategy: Strategy) -> list[ranking_models.Scored]:
    rows = views.finite(views.ranked(rankings, strategy).select("ticker", "rank", "score"))
    return [ranking_models.Scored(**row) for row in rows.to_dicts()]


@router.get("/rankings/history/{name}")
async def history(
    services: ServicesDep,
    version: VersionDep,
    strategy: StrategyDep,
    limit: Annotated[
        int, Query(ge=1, le=100, description="maximum number of dates", examples=[12])
    ] = 12,
) -> list[ranking_models.Past]:
    """Rankings of a strategy in the kept versions, newest first.

    Where several versions have the same date, only the newest that was not rolled back counts.
    """
    found: dict[date, ranking_models.Past] = {}
    for old in await services.kept_versions(version):
        if len(found) < limit and old.as_of not in found:
            rows = await _published(services, old)
            places = await asyncio.to_thread(_scored, rows, strategy)
            found[old.as_of] = ranking_models.Past(date=old.as_of, rankings=places)
    return sorted(found.values(), key=lambda entry: entry.date, reverse=True)


async def _published(services: Services, old: Lake) -> pl.DataFrame:
    """Return `strategy, ticker, rank, score` of a kept version."""
    plan = old.rankings().select("strategy", "ticker", "rank", "score")
    return await services.computing.frame((old.version, "history"), plan)


async def weekly_copies(services: ServicesDep, version: VersionDep) -> pl.DataFrame:
    """Return `date, stocks` of the weekly copies of the ratios."""
    plan = queries.snapshots(version.lake)
    return await services.computing.frame((version.id, "snapshots"), plan)


@router.get("/fundamentals/snapshots")
def snapshots(found: Annotated[pl.DataFrame, Depends(weekly_copies)]) -> ranking_models.Snapshots:
    """Weekly copies of the ratios, newest first."""
    rows = found.to_dicts()
    return ranking_models.Snapshots(
        snapshots=[ranking_models.Snapshot(**row) for row in rows], total_snapshots=len(rows)
    )


# --------------------------------------------------------------------------------- dashboard


@router.get("/dashboard/top")
async def top(services: ServicesDep, version: VersionDep) -> ranking_models.Top:
    """Portfolio of each strategy with returns, F-scores and the ranks before, for the dashboard."""
    older = [v for v in await services.kept_versions(version) if v.version < version.id]
    before = older[0] if older else None
    then = await _published(services, before) if before else None
    return ranking_models.Top(
        version=version.id,
        as_of=version.lake.as_of,
        previous_version=before.version if before else None,
        strategies=await asyncio.to_thread(
            _tens, version.rankings, then, services.strategies.values()
        ),
    )


def _tens(
    now: pl.DataFrame, then: pl.DataFrame | None, strategies: Iterable[Strategy]
) -> list[ranking_models.TopTen]:
    return [
        ranking_models.TopTen(
            name=s.name,
            display_name=s.title,
            score_name=s.score.name,
            score_is_fraction=s.score.is_fraction,
            rankings=_top_places(now, then, s),
        )
        for s in strategies
    ]


def _top_places(
    now: pl.DataFrame, then: pl.DataFrame | None, strategy: Strategy
) -> list[ranking_models.TopPlace]:
    ranks = {}
    if then is not None:
        ranks = dict(views.ranked(then, strategy).select("ticker", "rank").iter_rows())
    rows = views.finite(views.portfolio_rows(now, strategy)).to_dicts()
    fields = ranking_models.TopPlace.model_fields.keys()
    return [
        ranking_models.TopPlace(
            **{k: row.get(k) for k in fields} | {"rank_before": ranks.get(row["ticker"])}
        )
        for row in rows
    ]
