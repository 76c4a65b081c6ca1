"""Strategies and their rankings."""

import asyncio
from collections.abc import Callable, Collection
from typing import Annotated, Any, Final

import polars as pl
from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response

from app.deps import (
    Asked,
    AskedDep,
    RankingsDep,
    ServicesDep,
    StrategyDep,
    TickerDep,
    VersionDep,
)
from app.serving import queries, views
from app.web import MEDIA, Answer, Format, chosen, models
from pipelines.lake import freshness
from pipelines.ranking import STRATEGIES, Strategy, canonical_ticker, explanations, strategy_named

router = APIRouter(tags=["strategies"])

Part = tuple[int, int | None]
"""How many of a ranking are left out, and at most how many are answered."""
WHOLE: Final[Part] = (0, None)

RANKING: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": list[models.Ranked],
        "content": {media: {} for media in MEDIA.values() if media != MEDIA[Format.JSON]},
        "description": "The ranking, best first",
        "headers": {"ETag": {"schema": {"type": "string"}, "description": "names the answer"}},
    },
    304: {"description": "The client has it"},
    406: {"model": models.Problem, "description": "None of the accepted types is offered"},
}


async def part(
    limit: Annotated[
        int | None, Query(ge=1, le=100_000, description="at most so many", examples=[50])
    ] = None,
    offset: Annotated[
        int, Query(ge=0, le=100_000, description="so many are left out", examples=[0])
    ] = 0,
) -> Part:
    """How many of a ranking are left out, and at most how many are answered."""
    return offset, limit


async def form(
    named: Annotated[
        Format | None, Query(alias="format", description="wins over Accept", examples=["csv"])
    ] = None,
    accept: Annotated[
        str | None,
        Header(max_length=500, description="type of the answer", examples=["text/csv"]),
    ] = None,
) -> Format:
    """The format of the answer."""
    return chosen(accept, named)


PartDep = Annotated[Part, Depends(part)]
FormDep = Annotated[Format, Depends(form)]


@router.get("/strategies")
async def strategies() -> list[models.StrategyInfo]:
    """The strategies."""
    return [
        models.StrategyInfo(
            name=s.name,
            display_name=s.title,
            description=s.description,
            type=s.type,
            portfolio_size=s.portfolio_size,
            rebalance_frequency=s.rebalance_frequency,
        )
        for s in STRATEGIES.values()
    ]


@router.get("/strategies/compare")
def compare(rankings: RankingsDep) -> dict[str, list[models.Short]]:
    """The first ten of each strategy."""
    tops = {s.name: views.short(views.top(rankings, s)) for s in STRATEGIES.values()}
    return {name: [models.Short(**row) for row in top.to_dicts()] for name, top in tops.items()}


async def year_to_date(services: ServicesDep, version: VersionDep) -> pl.DataFrame:
    """`ticker, return` since the last closes of the year before."""
    plan = queries.year_to_date(version)
    return await services.computing.frame((version.id, "year to date"), plan)


@router.get("/strategies/performance")
def performance(
    version: VersionDep, returns: Annotated[pl.DataFrame, Depends(year_to_date)]
) -> models.Performances:
    """How the ten stocks of each strategy did since the last closes of the year before."""
    return models.Performances(
        strategies=[_performance(s, version.rankings, returns) for s in STRATEGIES.values()],
        as_of=version.lake.as_of,
    )


def _performance(
    strategy: Strategy, rankings: pl.DataFrame, returns: pl.DataFrame
) -> models.Performance:
    ten = views.top(rankings, strategy).join(returns, on="ticker", how="inner")["return"]
    mean = ten.drop_nulls().mean()
    return models.Performance(
        strategy=strategy.name,
        display_name=strategy.title,
        ytd_return=100 * mean if isinstance(mean, float) else None,
        stocks_counted=ten.count(),
    )


@router.get("/strategies/{name}", response_class=Response, responses=RANKING)
async def ranking(
    request: Request,
    asked: AskedDep,
    strategy: StrategyDep,
    part: PartDep,
    form: FormDep,
) -> Response:
    """The whole ranking of a strategy, best first."""
    return await _ranking(request, asked, strategy, part, form)


@router.get("/strategies/{name}/top10", response_class=Response, responses=RANKING)
async def top10(
    request: Request,
    asked: AskedDep,
    strategy: StrategyDep,
    form: FormDep,
) -> Response:
    """The first ten of a strategy."""
    return await _ranking(request, asked, strategy, (0, 10), form)


async def _ranking(
    request: Request, asked: Asked, strategy: Strategy, part: Part, form: Format
) -> Response:
    key = (*asked.key, strategy.name, part, form)
    return await _kept(request, asked, key, lambda rows: _part(asked, strategy, rows, part), form)


def _part(
    asked: Asked, strategy: Strategy, rankings: pl.DataFrame, part: Part = WHOLE
) -> pl.DataFrame:
    """A part of a ranking as it is told."""
    rows = views.ranked(rankings, strategy).slice(*part)
    return views.finite(views.with_age(rows, asked.version, asked.as_of, asked.today))


async def _kept(
    request: Request,
    asked: Asked,
    key: tuple[object, ...],
    rows: Callable[[pl.DataFrame], pl.DataFrame],
    form: Format,
    **headers: str,
) -> Response:
    """The answer of a key: the one that was written before, or a new one."""
    cache = asked.services.cache
    answer: Answer | None = cache.get(key)
    if answer is None:
        rankings = await asked.rankings()
        answer = await asyncio.to_thread(lambda: Answer.of(rows(rankings), form, key, **headers))
        cache.put(key, answer, answer.size)
    asked.services.questions.learn(request.scope, asked.version.id, asked.today, key)
    return answer.to(request.headers)


@router.get("/strategies/{name}/validate")
def validate(
    services: ServicesDep, version: VersionDep, strategy: StrategyDep
) -> models.Validation:
    """Whether to trade on a strategy's ranking today."""
    verdict = freshness.verdict(version.report, services.today)
    issues = [issue.message for issue in verdict.issues]
    if views.ranked(version.rankings, strategy).is_empty():
        issues.append(f"{strategy.name} ranks no stock on {version.lake.as_of}")
    return models.Validation(
        strategy=strategy.name,
        safe_to_trade=not issues,
        message="; ".join(issues) or verdict.recommendation,
        issues=issues,
        checked_at=services.now(),
    )


@router.get("/strategies/{name}/explain/{ticker}")
def explain(rankings: RankingsDep, strategy: StrategyDep, ticker: TickerDep) -> models.Explanation:
    """Why a stock is where it is, or why it is not ranked."""
    rows = rankings.filter(strategy=strategy.name, ticker=ticker)
    rows = views.finite(rows).with_columns(queries.quoted("close", "^base_close_.*$"))
    return models.Explanation.model_validate(next(explanations(rows)), from_attributes=True)


@router.post(
    "/strategies/sammansatt_momentum/banding-check",
    description=f"What to keep, sell and buy: bought inside rank {views.BUY_RANK}, "
    f"sold outside rank {views.SELL_RANK}, as many names as the portfolio holds.",
)
def banding_check(
    version: VersionDep,
    holdings: Annotated[
        list[Annotated[str, Body(min_length=1, max_length=50)]],
        Body(max_length=1000, description="tickers that are held", examples=[["VOLV B", "INVE B"]]),
    ],
) -> models.Banding:
    """Return what to keep, sell and buy."""
    momentum = strategy_named("sammansatt_momentum")
    rows = version.rankings.filter(strategy=momentum.name)
    ranks = rows.select("ticker", "rank", "excluded_by").iter_rows(named=True)
    held = [_meant(t, version.newest) for t in holdings]
    return models.Banding(**views.banding(ranks, held, momentum.portfolio_size))


def _meant(text: str, there: Collection[str]) -> str:
    """The ticker as the lake writes it, where the lake has it."""
    ticker = canonical_ticker(text)
    return ticker.upper() if ticker not in there and ticker.upper() in there else ticker


@router.get(
    "/export/rankings/{name}",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "A file"}},
)
async def export(request: Request, asked: AskedDep, strategy: StrategyDep) -> Response:
    """The whole ranking of a strategy as a CSV file."""
    name = f"{strategy.name}-{asked.as_of}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    key = (*asked.key, strategy.name, "file")
    return await _kept(
        request, asked, key, lambda rows: _part(asked, strategy, rows), Format.CSV, **headers
    )
