"""Why stocks are where they are in a ranking: one of them, or all by reason."""

from typing import Annotated

import polars as pl
from fastapi import APIRouter, Depends, Path, Query, Request

from app.deps import (
    RankingsDep,
    Selection,
    SelectionDep,
    ServicesDep,
    StrategyDep,
    VersionDep,
    ticker_of_path,
)
from app.serving import queries, views
from app.web import definition_models, ranking_models
from pipelines.ranking import (
    Strategy,
    canonical_ticker,
    cut_of,
    explanations,
    origin_plan,
    origins,
)

router = APIRouter(tags=["strategies"])


TickerText = Annotated[
    str,
    Path(description="ticker, also one that has left since", max_length=50, examples=["VOLV B"]),
]


def is_ranked_then(rankings: RankingsDep, ticker: TickerText) -> bool:
    """Return true for a stock that is among those of the date."""
    return bool((rankings["ticker"] == canonical_ticker(ticker).upper()).any())


async def ticker_then(
    request: Request,
    version: VersionDep,
    ticker: TickerText,
    is_there: Annotated[bool, Depends(is_ranked_then)],
) -> str:
    """Return the ticker of a path, also of a stock that was there on the date, and is gone."""
    if is_there:
        return canonical_ticker(ticker).upper()
    return await ticker_of_path(request, version, ticker)


TickerThen = Annotated[str, Depends(ticker_then)]


async def origin_rows(
    services: ServicesDep, selection: SelectionDep, ticker: TickerThen
) -> pl.DataFrame:
    """Return the rows that may be behind the facts of a stock."""
    version, day = selection.version, selection.as_of
    plan = origin_plan(version.lake, ticker, day)
    return await services.computing.frame((version.id, ticker, "origins", day), plan)


async def isins_of(services: ServicesDep, version: VersionDep) -> pl.DataFrame:
    """Return `ticker, isin` of all stocks."""
    plan = version.lake.stocks().select("ticker", "isin")
    return await services.computing.frame((version.id, "isins"), plan)


@router.get("/strategies/{name}/explain/{ticker:path}")
def explain(
    rankings: RankingsDep,
    strategy: StrategyDep,
    ticker: TickerThen,
    known: Annotated[pl.DataFrame, Depends(origin_rows)],
    isins: Annotated[pl.DataFrame, Depends(isins_of)],
) -> ranking_models.Explanation:
    """Numbers behind the rank of a stock, or the reason why it has none."""
    ranking = rankings.filter(strategy=strategy.name)
    quoted = queries.quoted("close", "^base_close_.*$", "jump_close_before", "jump_close")
    rows = views.finite(ranking.filter(ticker=ticker)).with_columns(quoted)
    whys = explanations(
        rows, {strategy.name: strategy}, among=ranking, isins=dict(isins.iter_rows())
    )
    why = next(whys)
    found = origins(
        known,
        as_of=why.as_of,
        ratios_known_from=why.ratios_known_from,
        fiscal_date=why.fiscal_date,
    )
    answer = ranking_models.Explanation.model_validate(why, from_attributes=True)
    return answer.model_copy(
        update={"origins": [ranking_models.Origin(**vars(one)) for one in found]}
    )


# --------------------------------------------------------------------------------- exclusions

Part = tuple[int, int]
"""The offset and the length of the list of those left out."""


async def part(
    limit: Annotated[
        int, Query(ge=0, le=1000, description="maximum number of stocks left out", examples=[100])
    ] = 100,
    offset: Annotated[
        int, Query(ge=0, le=100_000, description="number of them to skip", examples=[0])
    ] = 0,
) -> Part:
    """Return the part of those left out that the parameters select."""
    return offset, limit


PartDep = Annotated[Part, Depends(part)]


@router.get("/strategies/{name}/exclusions")
def exclusions(
    selection: SelectionDep, rankings: RankingsDep, strategy: StrategyDep, part: PartDep
) -> ranking_models.Exclusions:
    """Numbers of ranked stocks, and of those excluded for each reason, and who these are."""
    return exclusions_of(selection, strategy, rankings.filter(strategy=strategy.name), part)


def exclusions_of(
    selection: Selection, strategy: Strategy, rows: pl.DataFrame, part: Part
) -> ranking_models.Exclusions:
    """Return who is excluded from a ranking, and why."""
    out = rows.drop_nulls("excluded_by").select("ticker", "name", reason="excluded_by")
    counts = dict(out["reason"].value_counts().iter_rows())
    reasons = {reason: meaning for reason, meaning in strategy.reasons.items() if reason in counts}
    place = pl.col("reason").replace_strict(list(reasons), range(len(reasons)), default=None)
    cut = cut_of(rows, strategy)
    return ranking_models.Exclusions(
        strategy=strategy.name,
        as_of=selection.as_of,
        stocks=rows.height,
        ranked=rows["rank"].count(),
        excluded=[
            ranking_models.Excluded(reason=reason, meaning=meaning, stocks=counts[reason])
            for reason, meaning in reasons.items()
        ],
        composite=definition_models.Compared.model_validate(cut, from_attributes=True)
        if cut
        else None,
        left_out=[
            ranking_models.LeftOut(**row)
            for row in out.sort(place, "ticker").slice(*part).iter_rows(named=True)
        ],
    )
