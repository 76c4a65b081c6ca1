"""Why stocks are where they are in a ranking: one of them, or all by reason."""

from typing import Annotated

import polars as pl
from fastapi import APIRouter, Depends

from app.deps import (
    RankingsDep,
    SelectionDep,
    ServicesDep,
    StrategyDep,
    TickerDep,
    VersionDep,
)
from app.serving import queries, views
from app.web import ranking_models
from pipelines.ranking import explanations, origin_plan, origins

router = APIRouter(tags=["strategies"])


async def origin_rows(
    services: ServicesDep, selection: SelectionDep, ticker: TickerDep
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
    ticker: TickerDep,
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


@router.get("/strategies/{name}/exclusions")
def exclusions(
    selection: SelectionDep, rankings: RankingsDep, strategy: StrategyDep
) -> ranking_models.Exclusions:
    """Numbers of ranked stocks, and of those excluded for each reason."""
    rows = rankings.filter(strategy=strategy.name)
    counts = dict(rows.drop_nulls("excluded_by")["excluded_by"].value_counts().iter_rows())
    return ranking_models.Exclusions(
        strategy=strategy.name,
        as_of=selection.as_of,
        stocks=rows.height,
        ranked=rows["rank"].count(),
        excluded=[
            ranking_models.Excluded(reason=reason, meaning=meaning, stocks=counts[reason])
            for reason, meaning in strategy.reasons.items()
            if reason in counts
        ],
    )
