"""What the strategies earned this year."""

import json
from collections.abc import Mapping
from typing import Annotated, Final

import polars as pl
from fastapi import APIRouter, Depends

from app.deps import ServicesDep, VersionDep
from app.jobs import standard
from app.serving import queries, views
from app.web import ranking_models
from pipelines.ranking import Strategy

router = APIRouter(tags=["strategies"])


async def year_to_date_returns(services: ServicesDep, version: VersionDep) -> pl.DataFrame:
    """Return `ticker, return` since the last closes of the year before."""
    plan = queries.year_to_date(version)
    return await services.computing.frame((version.id, "year to date"), plan)


METHOD: Final = (
    "ytd_return is the mean return of the stocks that are in the portfolio today, which is no "
    "result of the strategy; strategy_return is that of its backtest, after costs."
)


async def strategy_returns(services: ServicesDep, version: VersionDep) -> Mapping[str, float]:
    """Return what each strategy earned this year, in percent, where its backtest is known."""
    found = {}
    for name in services.strategies:
        answer = services.research.known(standard(version.id, name))
        if answer is not None and answer.error is None:
            last = json.loads(answer.body)["by_year"][-1]
            if last["period"][:4] == str(version.lake.as_of.year) and last["return"] is not None:
                found[name] = 100 * last["return"]
    return found


@router.get("/strategies/performance")
def performance(
    services: ServicesDep,
    version: VersionDep,
    returns: Annotated[pl.DataFrame, Depends(year_to_date_returns)],
    earned: Annotated[Mapping[str, float], Depends(strategy_returns)],
) -> ranking_models.Performances:
    """Mean return of each portfolio since the last closes of the year before."""
    own = services.strategies.values()
    found = [_performance(s, version.rankings, returns) for s in own]
    return ranking_models.Performances(
        strategies=[
            one.model_copy(update={"strategy_return": earned.get(one.strategy)}) for one in found
        ],
        as_of=version.lake.as_of,
        method=METHOD,
    )


def _performance(
    strategy: Strategy, rankings: pl.DataFrame, returns: pl.DataFrame
) -> ranking_models.Performance:
    ten = views.portfolio_rows(rankings, strategy).join(returns, on="ticker", how="inner")["return"]
    mean = ten.drop_nulls().mean()
    return ranking_models.Performance(
        strategy=strategy.name,
        display_name=strategy.title,
        ytd_return=100 * mean if isinstance(mean, float) else None,
        stocks_counted=ten.count(),
        strategy_return=None,
    )
