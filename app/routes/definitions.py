"""Strategies as data: their definitions, the factors there are, and the ranking of one of yours."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Body, Response

from app.deps import SelectionDep, StrategyDep
from app.routes.strategies import RANKING, FormatDep, PageDep, page_of
from app.web import TaggedAnswer, definition_models
from pipelines.definition import definition_of
from pipelines.errors import BadDefinition
from pipelines.ranking import FACTORS, strategy_of

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


@router.post("/strategies/preview", response_class=Response, responses=RANKING)
async def preview(
    selection: SelectionDep,
    sent: Annotated[dict[str, object], Body(description="a strategy as data", examples=[EXAMPLE])],
    page: PageDep,
    file_format: FormatDep,
) -> Response:
    """Ranking of a strategy that is sent, best first; nothing of it is kept."""
    name = sent.get("name", UNNAMED)
    if not isinstance(name, str):
        raise BadDefinition(None, "name", "is no text; write one, or leave it out")
    strategy = strategy_of(definition_of(name, sent))
    computing = selection.services.computing
    rows = await computing.preview(selection.version, selection.universe, selection.as_of, strategy)
    key = (*selection.key, strategy.definition, page, file_format)
    answer = await asyncio.to_thread(
        lambda: TaggedAnswer.of(page_of(selection, strategy, rows, page), file_format, key)
    )
    return answer.whole
