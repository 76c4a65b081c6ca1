"""What strategies would have earned, and what their scores tell of returns."""

from typing import Annotated, Final

from fastapi import APIRouter, Body, HTTPException, Path, Query, Response

from app.deps import CurrentDep, ServicesDep, StrategyDep
from app.services import Services
from app.web import Responses, research_models
from pipelines.ranking import strategy_named

router = APIRouter(tags=["research"])

LATER: Final = Responses(
    {202: {"model": research_models.Pending, "description": "It takes longer; come back"}}
)
BACKTEST: Final = Responses({200: {"model": research_models.BacktestAnswer}, **LATER})
REPORT: Final = Responses({200: {"model": research_models.FactorAnswer}, **LATER})

SHEET: Final = Responses(
    {200: {"content": {"text/html": {}}, "description": "The page, as a file"}, **LATER}
)
ANY: Final = Responses(
    {
        200: {
            "model": research_models.BacktestAnswer | research_models.FactorAnswer,
            "content": {"text/html": {}},
            "description": "What was asked for: a backtest, a report, or a page as a file",
        },
        **LATER,
    }
)
SHEET_HEADERS: Final = {
    "Content-Disposition": 'attachment; filename="tear-sheet.html"',
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
}


@router.get("/strategies/{name}/backtest", response_class=Response, responses=BACKTEST)
async def backtest(
    services: ServicesDep, version: CurrentDep, strategy: StrategyDep,
    options: Annotated[research_models.BacktestOptions, Query()],
) -> Response:  # fmt: skip
    """What a strategy would have earned: figures, values by day, trades."""
    words = research_models.backtest_words(version.id, strategy.name, options)
    return await _answered(services, words)


@router.get("/strategies/{name}/tear-sheet", response_class=Response, responses=SHEET)
async def tear_sheet(
    services: ServicesDep, version: CurrentDep, strategy: StrategyDep,
    options: Annotated[research_models.BacktestOptions, Query()],
) -> Response:  # fmt: skip
    """Backtest as a page of its own, to keep or to send."""
    return await _answered(
        services, research_models.sheet_words(version.id, strategy.name, options)
    )


@router.post("/backtests", response_class=Response, responses=BACKTEST)
async def start_backtest(
    services: ServicesDep,
    version: CurrentDep,
    request: Annotated[
        research_models.BacktestRequest,
        Body(description="strategy and parameters", examples=[{"strategy": "trendande_varde"}]),
    ],
) -> Response:
    """What a strategy would have earned; the same as a request with a body."""
    strategy = strategy_named(request.strategy, version.universe)
    words = research_models.backtest_words(version.id, strategy.name, request)
    return await _answered(services, words)


@router.get("/strategies/{name}/factor-report", response_class=Response, responses=REPORT)
async def factor_report(
    services: ServicesDep, version: CurrentDep, strategy: StrategyDep
) -> Response:
    """Whether high ranks of a strategy went with high returns after."""
    words = ["pipelines.factor_report", "--strategy", strategy.name, "--format", "json",
             "--version", version.id]  # fmt: skip
    return await _answered(services, words)


@router.get("/backtests/{job_id}", response_class=Response, responses=ANY)
async def job(
    services: ServicesDep,
    job_id: Annotated[
        str, Path(description="id of a job", max_length=50, examples=["4f1c0a9b2d3e4f50"])
    ],
) -> Response:
    """Answer of a backtest or a report that took longer."""
    if not services.research.is_known(job_id):
        raise HTTPException(404, f"unknown job {job_id!r}; ask for the backtest again")
    return await _answer_of(services, job_id)


async def _answered(services: Services, words: list[str]) -> Response:
    return await _answer_of(services, services.research.start(words))


async def _answer_of(services: Services, job_id: str) -> Response:
    answer = await services.research.answer(job_id)
    if answer is None:
        pending = research_models.Pending(
            job_id=job_id, status="running", status_url=f"/v1/backtests/{job_id}"
        )
        return Response(pending.model_dump_json(), 202, media_type="application/json")
    if answer.error is not None:
        raise HTTPException(422, answer.error)
    if answer.body.startswith(b"<"):
        return Response(answer.body, media_type="text/html", headers=SHEET_HEADERS)
    return Response(answer.body, media_type="application/json")
