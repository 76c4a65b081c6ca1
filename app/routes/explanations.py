"""Why stocks are where they are in a ranking: one of them, or all by reason."""

from fastapi import APIRouter

from app.deps import RankingsDep, SelectionDep, StrategyDep, TickerDep
from app.serving import queries, views
from app.web import ranking_models
from pipelines.ranking import REASONS, explanations

router = APIRouter(tags=["strategies"])


@router.get("/strategies/{name}/explain/{ticker:path}")
def explain(
    rankings: RankingsDep, strategy: StrategyDep, ticker: TickerDep
) -> ranking_models.Explanation:
    """Numbers behind the rank of a stock, or the reason why it has none."""
    rows = rankings.filter(strategy=strategy.name, ticker=ticker)
    quoted = queries.quoted("close", "^base_close_.*$", "jump_close_before", "jump_close")
    why = next(explanations(views.finite(rows).with_columns(quoted)))
    return ranking_models.Explanation.model_validate(why, from_attributes=True)


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
            for reason, meaning in REASONS.items()
            if reason in counts
        ],
    )
