"""Strategies as data: their definitions, the factors there are, and the ranking of one of yours."""

import asyncio
from typing import Annotated, Final

import polars as pl
from fastapi import APIRouter, Body, Depends, Response

from app.deps import SelectionDep, StrategyDep
from app.routes.explanations import PartDep, exclusions_of
from app.routes.strategies import RANKING, FormatDep, LocaleDep, PageDep, page_of
from app.web import TaggedAnswer, definition_models, ranking_models
from pipelines.definition import definition_of
from pipelines.errors import BadDefinition
from pipelines.ranking import FACTORS, Strategy, strategy_of

router = APIRouter(tags=["strategies"])

UNNAMED: Final = "unnamed"
"""The name of a strategy that was sent without one."""
EXAMPLE: Final = {
    "name": "calm",
    "title": "Calm and cheap",
    "description": "The calmest of the cheapest 30 percent.",
    "type": "value",
    "rebalance_months": [3],
    "composite": {"factors": ["earnings_yield"], "at_least": 1, "keep_percent": 30},
    "score": {"factor": "volatility_12m", "order": "lowest"},
}


@router.get("/factors")
async def factors() -> list[definition_models.FactorInfo]:
    """Factors of the catalogue, by which stocks can be screened and ordered."""
    return [
        definition_models.FactorInfo.model_validate(factor, from_attributes=True)
        for factor in FACTORS.values()
    ]


@router.get("/strategies/{name}/definition")
async def definition(strategy: StrategyDep) -> definition_models.StrategyAsData:
    """Strategy as data."""
    model = definition_models.StrategyAsData
    return model.model_validate(strategy.definition, from_attributes=True)


async def sent_strategy(
    sent: Annotated[dict[str, object], Body(description="a strategy as data", examples=[EXAMPLE])],
) -> Strategy:
    """Return the strategy in the body of a request."""
    name = sent.get("name", UNNAMED)
    if not isinstance(name, str):
        raise BadDefinition(None, "name", "is no text; write one, or leave it out")
    return strategy_of(definition_of(name, sent))


SentDep = Annotated[Strategy, Depends(sent_strategy)]


async def sent_rows(selection: SelectionDep, strategy: SentDep) -> pl.DataFrame:
    """Return all stocks of the ranking of that strategy."""
    computing = selection.services.computing
    return await computing.preview(selection.version, selection.universe, selection.as_of, strategy)


SentRowsDep = Annotated[pl.DataFrame, Depends(sent_rows)]


@router.post("/strategies/preview", response_class=Response, responses=RANKING)
async def preview(
    selection: SelectionDep,
    strategy: SentDep,
    rows: SentRowsDep,
    page: PageDep,
    file_format: FormatDep,
    locale: LocaleDep,
) -> Response:
    """Ranking of a strategy that is sent, best first; nothing of it is kept."""
    key = (*selection.key, strategy.definition, page, file_format, locale)
    answer = await asyncio.to_thread(
        lambda: TaggedAnswer.of(page_of(selection, strategy, rows, page), file_format, key, locale)
    )
    return answer.whole


@router.post("/strategies/preview/exclusions")
def preview_exclusions(
    selection: SelectionDep, strategy: SentDep, rows: SentRowsDep, part: PartDep
) -> ranking_models.Exclusions:
    """Numbers of stocks that a strategy that is sent ranks and excludes, and who these are."""
    return exclusions_of(selection, strategy, rows, part)
