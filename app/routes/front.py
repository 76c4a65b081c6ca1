"""What the investors' pages are made of: portfolios with their moves and curves, whole tables."""

import asyncio
import gzip
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final

import msgspec
import polars as pl
from fastapi import APIRouter, Depends, Request, Response

from app.deps import RankingsDep, Selection, SelectionDep, ServicesDep, StrategyDep, VersionDep
from app.jobs import known_curve
from app.serving import queries, views
from app.web import Responses, page_models, takes_gzip
from pipelines.lake import DEMO_NOTICE, freshness
from pipelines.ranking import Strategy, last_rebalance, next_rebalance
from pipelines.universe import BUILT_IN

router = APIRouter(tags=["pages"])

TABLE: Final = Responses({200: {"model": page_models.Table, "description": "All stocks by column"}})
BUILT_IN_NAMES: Final = tuple(universe.name for universe in BUILT_IN)
PLACE: Final = tuple(page_models.FrontPlace.model_fields)


@router.get("/front")
def front(selection: SelectionDep, rankings: RankingsDep) -> page_models.Front:
    """Portfolio of each strategy with sectors, closes and the next rebalancing."""
    version, services = selection.version, selection.services
    settings, newest = services.settings, version.lake.as_of
    # A past date looks ahead from itself; the newest one from today.
    day = selection.today if selection.as_of >= newest else selection.as_of
    return page_models.Front(
        version=version.id,
        as_of=selection.as_of,
        newest=newest,
        age_days=freshness.age(newest, version.calendar, selection.today).trading_days,
        universe=selection.universe.name,
        universes=list(dict.fromkeys((settings.universe, *BUILT_IN_NAMES, *settings.universes))),
        notice=DEMO_NOTICE if version.manifest.demo else None,
        strategies=[
            _strategy(strategy, rankings, selection, day)
            for strategy in services.strategies.values()
        ],
    )


def _strategy(
    strategy: Strategy, rankings: pl.DataFrame, selection: Selection, day: date
) -> page_models.FrontStrategy:
    ranked = views.ranked(rankings, strategy)
    rows = views.finite(ranked.head(strategy.portfolio_size)).with_columns(queries.quoted("close"))
    following = next_rebalance(strategy, selection.version.calendar, day)
    between = [one for one in selection.version.calendar if following and day < one <= following]
    return page_models.FrontStrategy(
        name=strategy.name,
        display_name=strategy.title,
        description=strategy.description,
        type=strategy.type,
        score_is_fraction=strategy.score.is_fraction,
        ranked=ranked.height,
        next_rebalance=following,
        trading_days=len(between) if following else None,
        rankings=[page_models.FrontPlace(**row) for row in rows.select(PLACE).to_dicts()],
    )


@router.get("/front/moves")
async def moves(
    services: ServicesDep, selection: SelectionDep, rankings: RankingsDep
) -> page_models.Moves:
    """Where the stocks of each portfolio were when it was rebalanced last."""
    found = await services.computing.frame(
        (selection.version.id, selection.as_of, "first days"),
        queries.first_days(selection.version.lake, selection.as_of),
    )
    days = found["date"].to_list()
    before = {}
    for strategy in services.strategies.values():
        since = last_rebalance(strategy, days, selection.as_of)
        then = await selection.on(since).rankings() if since else rankings.clear()
        before[strategy.name] = page_models.Before(
            since=since, ranks=_ranks(then, rankings, strategy)
        )
    return page_models.Moves(as_of=selection.as_of, strategies=before)


def _ranks(then: pl.DataFrame, now: pl.DataFrame, strategy: Strategy) -> dict[str, int]:
    held = views.portfolio_rows(now, strategy).select("ticker")
    rows = views.ranked(then, strategy).join(held, on="ticker", how="semi")
    return dict(rows.select("ticker", "rank").iter_rows())


async def known_curves(
    services: ServicesDep, version: VersionDep
) -> Mapping[str, page_models.Curve]:
    """Return the curve of each strategy whose backtest is computed."""
    found = {name: known_curve(services.research, version.id, name) for name in services.strategies}
    return {name: curve for name, curve in found.items() if curve is not None}


@router.get("/front/curves")
async def front_curves(
    found: Annotated[Mapping[str, page_models.Curve], Depends(known_curves)],
) -> page_models.Curves:
    """Backtests that are computed already, by month."""
    return page_models.Curves(curves=dict(found))


@router.get("/strategies/{name}/table", response_class=Response, responses=TABLE)
async def table(request: Request, selection: SelectionDep, strategy: StrategyDep) -> Response:
    """All stocks of a ranking by column: ranked ones best first, then the excluded ones."""
    rankings = await selection.rankings()
    turnover = await selection.services.computing.frame(
        (selection.version.id, selection.as_of, "turnover"),
        queries.turnover(selection.version, selection.as_of),
    )
    body = await asyncio.to_thread(_table, selection, strategy, rankings, turnover)
    return await _small(request, body)


async def _small(request: Request, body: bytes) -> Response:
    """Return JSON, compressed for a client that takes it so."""
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if takes_gzip(request.headers):
        body = await asyncio.to_thread(gzip.compress, body, 5, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)


def _table(
    selection: Selection, strategy: Strategy, rankings: pl.DataFrame, turnover: pl.DataFrame
) -> bytes:
    rows = views.whole_table(rankings.filter(strategy=strategy.name), turnover)
    return msgspec.json.encode(
        {
            "strategy": strategy.name,
            "as_of": selection.as_of,
            "universe": selection.universe.name,
            "columns": rows.to_dict(as_series=False),
        }
    )
