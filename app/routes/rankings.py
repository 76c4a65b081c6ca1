"""Rankings of past dates and versions, and the portfolio that is made of them."""

import asyncio
from datetime import date
from typing import Annotated

import polars as pl
from fastapi import APIRouter, Depends, Query

from app.deps import Asked, AskedDep, Day, RankingsDep, ServicesDep, StrategyDep, VersionDep, past
from app.services import Services
from app.serving import Version, queries, views
from app.web import models
from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES, Strategy, strategy_named

router = APIRouter(tags=["rankings"])


# ---------------------------------------------------------------------------------- portfolio


@router.get("/portfolio/sverige")
def portfolio(asked: AskedDep, rankings: RankingsDep) -> models.Portfolio:
    """Ten stocks of each strategy, equally weighted; a stock in two strategies is there twice."""
    places = [(s, row) for s in STRATEGIES.values() for row in views.top(rankings, s).to_dicts()]
    dates = [d for s in STRATEGIES.values() if (d := _next(asked.services, asked.version, s))]
    return models.Portfolio(
        holdings=[
            models.Holding(
                ticker=row["ticker"], name=row["name"], weight=1 / len(places), strategy=s.name
            )
            for s, row in places
        ],
        as_of_date=asked.as_of,
        next_rebalance_date=min(dates, default=None),
    )


@router.get("/portfolio/rebalance-dates")
async def rebalance_dates(services: ServicesDep, version: VersionDep) -> list[models.Rebalance]:
    """When each strategy is rebalanced next: on the first trading day of its months."""
    return [
        models.Rebalance(strategy_name=s.name, next_date=_next(services, version, s))
        for s in STRATEGIES.values()
    ]


def _next(services: Services, version: Version, strategy: Strategy) -> date | None:
    return views.next_rebalance(strategy, version.calendar, services.today)


# ------------------------------------------------------------------------------------- dates


@router.get("/rankings/on-date")
@router.get("/rankings/compute-historical")
async def on_date(
    services: ServicesDep,
    version: VersionDep,
    strategy: Annotated[str, Query(description="name of a strategy", examples=["trendande_varde"])],
    target_date: Annotated[Day, Query(description="a date up to today", examples=["2026-03-02"])],
) -> models.Computed:
    """The ranking of a strategy as of a date, from what was known on it."""
    chosen = strategy_named(strategy)
    day = past(services, version, target_date, "target_date")
    rankings = await Asked(services, version, version.universe, day).rankings()
    return await asyncio.to_thread(_computed, rankings, chosen, day)


def _computed(rankings: pl.DataFrame, strategy: Strategy, day: date) -> models.Computed:
    newest = rankings["close_date"].max()
    return models.Computed(
        strategy=strategy.name,
        date=newest if isinstance(newest, date) else day,
        target_date=day,
        rankings=_scored(rankings, strategy),
    )


def _scored(rankings: pl.DataFrame, strategy: Strategy) -> list[models.Scored]:
    rows = views.finite(views.ranked(rankings, strategy).select("ticker", "rank", "score"))
    return [models.Scored(**row) for row in rows.to_dicts()]


@router.get("/rankings/history/{name}")
async def history(
    services: ServicesDep,
    version: VersionDep,
    strategy: StrategyDep,
    limit: Annotated[int, Query(ge=1, le=100, description="at most so many", examples=[12])] = 12,
) -> list[models.Past]:
    """The ranking of a strategy in the kept versions, one a date, newest first.

    Of versions with one date the last that was not rolled back counts.
    """
    found: dict[date, models.Past] = {}
    for old in await services.kept_versions(version):
        if len(found) < limit and old.as_of not in found:
            then = await _published(services, old)
            places = await asyncio.to_thread(_scored, then, strategy)
            found[old.as_of] = models.Past(date=old.as_of, rankings=places)
    return sorted(found.values(), key=lambda entry: entry.date, reverse=True)


async def _published(services: Services, old: Lake) -> pl.DataFrame:
    """`strategy, ticker, rank, score` of a kept version."""
    plan = old.rankings().select("strategy", "ticker", "rank", "score")
    return await services.computing.frame((old.version, "history"), plan)


async def copies(services: ServicesDep, version: VersionDep) -> pl.DataFrame:
    """`date, stocks` of the weekly copies of the ratios."""
    plan = queries.snapshots(version.lake)
    return await services.computing.frame((version.id, "snapshots"), plan)


@router.get("/fundamentals/snapshots")
def snapshots(found: Annotated[pl.DataFrame, Depends(copies)]) -> models.Snapshots:
    """The weekly copies of the ratios that are kept."""
    rows = found.to_dicts()
    return models.Snapshots(
        snapshots=[models.Snapshot(**row) for row in rows], total_snapshots=len(rows)
    )


# --------------------------------------------------------------------------------- dashboard


@router.get("/dashboard/top")
async def top(services: ServicesDep, version: VersionDep) -> models.Top:
    """The first ten of each strategy with what moved them, as the dashboard shows them."""
    older = [v for v in await services.kept_versions(version) if v.version < version.id]
    before = older[0] if older else None
    then = await _published(services, before) if before else None
    return models.Top(
        version=version.id,
        as_of=version.lake.as_of,
        previous_version=before.version if before else None,
        strategies=await asyncio.to_thread(_tens, version.rankings, then),
    )


def _tens(now: pl.DataFrame, then: pl.DataFrame | None) -> list[models.TopTen]:
    return [
        models.TopTen(name=s.name, display_name=s.title, rankings=_places(now, then, s))
        for s in STRATEGIES.values()
    ]


def _places(
    now: pl.DataFrame, then: pl.DataFrame | None, strategy: Strategy
) -> list[models.TopPlace]:
    ranks = {}
    if then is not None:
        ranks = dict(views.ranked(then, strategy).select("ticker", "rank").iter_rows())
    rows = views.finite(views.top(now, strategy)).to_dicts()
    fields = models.TopPlace.model_fields.keys()
    return [
        models.TopPlace(
            **{k: row.get(k) for k in fields} | {"rank_before": ranks.get(row["ticker"])}
        )
        for row in rows
    ]
