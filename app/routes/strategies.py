"""Strategies and their rankings."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

import polars as pl
from fastapi import APIRouter, Body, Depends, Header, HTTPException, Query, Request, Response

from app.deps import (
    CurrentDep,
    RankingsDep,
    Selection,
    SelectionDep,
    ServicesDep,
    StrategyDep,
    VerdictDep,
    VersionDep,
)
from app.serving import queries, views
from app.web import (
    MEDIA,
    Format,
    Locale,
    Responses,
    TaggedAnswer,
    negotiated,
    portfolio_models,
    ranking_models,
)
from pipelines.ranking import (
    BUY_RANK,
    SELL_RANK,
    Strategy,
    places,
    ticker_if_known,
    trades,
)

router = APIRouter(tags=["strategies"])

Page = tuple[int, int | None]
"""The offset and the maximum length of a page of a ranking."""
WHOLE_RANKING: Final[Page] = (0, None)

RANKING: Final = Responses(
    {
        200: {
            "model": list[ranking_models.Ranked],
            "content": {media: {} for media in MEDIA.values() if media != MEDIA[Format.JSON]},
            "description": "The ranking, best first",
            "headers": {
                "ETag": {"schema": {"type": "string"}, "description": "identifies the answer"}
            },
        },
        304: {"description": "The client has this answer"},
        **Responses.problems({406: "None of the accepted media types is available"}),
    }
)


async def page(
    limit: Annotated[
        int | None, Query(ge=1, le=100_000, description="maximum number of stocks", examples=[50])
    ] = None,
    offset: Annotated[
        int, Query(ge=0, le=100_000, description="number of stocks to skip", examples=[0])
    ] = 0,
) -> Page:
    """Return the page of the ranking that the parameters select."""
    return offset, limit


async def file_format(
    named: Annotated[
        Format | None,
        Query(alias="format", description="format; takes precedence over Accept", examples=["csv"]),
    ] = None,
    accept: Annotated[
        str | None,
        Header(max_length=500, description="media types of the answer", examples=["text/csv"]),
    ] = None,
) -> Format:
    """Return the format of the answer."""
    return negotiated(accept, named)


async def locale(
    file_format: Annotated[Format, Depends(file_format)],
    locale: Annotated[
        Locale | None,
        Query(description="CSV for a Swedish Excel: ; between, decimal commas", examples=["sv"]),
    ] = None,
) -> Locale | None:
    """Return the language of a CSV file; raise 422 for one of another format."""
    return _of_csv(file_format, locale)


def _of_csv(file_format: Format, locale: Locale | None) -> Locale | None:
    if locale and file_format is not Format.CSV:
        raise HTTPException(422, f"locale={locale} is for csv, not for {file_format}; leave it out")
    return locale


PageDep = Annotated[Page, Depends(page)]
FormatDep = Annotated[Format, Depends(file_format)]
LocaleDep = Annotated[Locale | None, Depends(locale)]


@router.get("/strategies")
async def strategies(services: ServicesDep) -> list[ranking_models.StrategyInfo]:
    """All strategies."""
    return [
        ranking_models.StrategyInfo(
            name=s.name,
            display_name=s.title,
            description=s.description,
            type=s.type,
            portfolio_size=s.portfolio_size,
            rebalance_frequency=s.rebalance_frequency,
        )
        for s in services.strategies.values()
    ]


@router.get("/strategies/compare")
def compare(services: ServicesDep, rankings: RankingsDep) -> dict[str, list[ranking_models.Short]]:
    """Portfolio of each strategy, best first."""
    portfolios = {
        s.name: views.short(views.portfolio_rows(rankings, s)) for s in services.strategies.values()
    }
    return {
        name: [ranking_models.Short(**row) for row in rows.to_dicts()]
        for name, rows in portfolios.items()
    }


@router.get("/strategies/{name}", response_class=Response, responses=RANKING)
async def ranking(
    request: Request,
    selection: SelectionDep,
    strategy: StrategyDep,
    page: PageDep,
    file_format: FormatDep,
    locale: LocaleDep,
) -> Response:
    """Ranking of a strategy, best first."""
    return await _ranking(request, selection, strategy, page, file_format, locale)


@router.get("/strategies/{name}/top10", response_class=Response, responses=RANKING)
async def top10(
    request: Request,
    selection: SelectionDep,
    strategy: StrategyDep,
    file_format: FormatDep,
    locale: LocaleDep,
) -> Response:
    """First ten stocks of a strategy."""
    return await _ranking(request, selection, strategy, (0, 10), file_format, locale)


async def _ranking(
    request: Request, selection: Selection, strategy: Strategy, page: Page, file_format: Format,
    locale: Locale | None,
) -> Response:  # fmt: skip
    key = (*selection.key, strategy.name, page, file_format, locale)
    write = partial(TaggedAnswer.of, file_format=file_format, key=key, locale=locale)
    return await _cached_answer(
        request, selection, key, lambda rows: write(page_of(selection, strategy, rows, page))
    )


def page_of(
    selection: Selection, strategy: Strategy, rankings: pl.DataFrame, page: Page = WHOLE_RANKING
) -> pl.DataFrame:
    """Return a page of a ranking with the age of the prices."""
    rows = views.ranked(rankings, strategy).slice(*page)
    return views.finite(views.with_age(rows, selection.version, selection.as_of, selection.today))


async def _cached_answer(
    request: Request,
    selection: Selection,
    key: tuple[object, ...],
    written: Callable[[pl.DataFrame], TaggedAnswer],
) -> Response:
    """Return the answer of a key, from the cache or written anew."""
    cache = selection.services.cache
    answer: TaggedAnswer | None = cache.get(key)
    if answer is None:
        answer = await asyncio.to_thread(written, await selection.rankings())
        cache.put(key, answer, answer.size)
    selection.services.known_requests.remember(
        request.scope, selection.version.id, selection.today, key
    )
    return answer.to(request.headers)


@router.get("/strategies/{name}/validate")
def validate(
    services: ServicesDep, version: CurrentDep, strategy: StrategyDep, verdict: VerdictDep
) -> ranking_models.Validation:
    """Verdict on trading on a strategy's ranking today."""
    issues = [issue.message for issue in verdict.issues]
    if views.ranked(version.rankings, strategy).is_empty():
        issues.append(f"{strategy.name} ranks no stock on {version.lake.as_of}")
    return ranking_models.Validation(
        strategy=strategy.name,
        safe_to_trade=not issues,
        message="; ".join(issues) or verdict.recommendation,
        issues=issues,
        checked_at=services.now(),
    )


@router.post(
    "/strategies/{name}/banding-check",
    description="Stocks to keep, sell and buy, up to the size of the portfolio. The four buy up to "
    f"rank {BUY_RANK}, and sell beyond rank {SELL_RANK}; others have ranks of their own.",
)
def banding_check(
    version: VersionDep,
    strategy: StrategyDep,
    holdings: Annotated[
        list[Annotated[str, Body(min_length=1, max_length=50)]],
        Body(
            max_length=1000,
            description="tickers of the stocks held",
            examples=[["VOLV B", "INVE B"]],
        ),
    ],
) -> portfolio_models.Banding:
    """Return the stocks to keep, sell and buy."""
    ranking = places(version.rankings.filter(strategy=strategy.name))
    held = [ticker_if_known(ticker, version.newest) for ticker in holdings]
    found = trades(
        ranking,
        held,
        strategy.portfolio_size,
        buy_rank=strategy.buy_rank,
        sell_rank=strategy.sell_rank,
    )
    return portfolio_models.Banding.model_validate(found, from_attributes=True)


@router.get(
    "/export/rankings/{name}",
    response_class=Response,
    responses={
        200: {
            "content": {media: {} for media in MEDIA.values()},
            "description": "The ranking as a file, with all its columns",
        }
    },
)
async def export(
    request: Request,
    selection: SelectionDep,
    strategy: StrategyDep,
    file_format: Annotated[
        Format, Query(alias="format", description="format of the file", examples=["xlsx"])
    ] = Format.CSV,
    locale: Annotated[
        Locale | None, Query(description="CSV for a Swedish Excel", examples=["sv"])
    ] = None,
) -> Response:
    """Ranking of a strategy as a file, with all its columns."""
    suffix = "arrows" if file_format is Format.ARROW else file_format
    name = f"{strategy.name}-{selection.as_of}.{suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    key = (*selection.key, strategy.name, "file", file_format, _of_csv(file_format, locale))

    def written(rows: pl.DataFrame) -> TaggedAnswer:
        whole = _whole(selection, strategy, rows)
        return TaggedAnswer.of(whole, file_format, key, locale, **headers)

    return await _cached_answer(request, selection, key, written)


def _whole(selection: Selection, strategy: Strategy, rankings: pl.DataFrame) -> pl.DataFrame:
    """Return a ranking with its age, and all columns that it has beside those of every answer."""
    aged = page_of(selection, strategy, rankings)
    rows = views.finite(views.ranked(rankings, strategy))
    closes = queries.quoted("close", "^base_close_.*$", "^jump_close.*$")
    others = [name for name in rows.columns if name not in aged.columns]
    return aged.hstack(rows.with_columns(closes).select(others))
