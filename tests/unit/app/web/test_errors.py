"""The status, the sentence and the headers of each kind of error."""

import json

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from app.web import errors
from app.web.errors import Unavailable, problem
from pipelines.errors import LakeError, StockRankError
from pipelines.ranking import strategy_named


def answered(error: Exception) -> tuple[int, str, str | None]:
    app = FastAPI()
    errors.install(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    response = TestClient(app, raise_server_exceptions=False).get("/")
    return response.status_code, response.json()["detail"], response.headers.get("retry-after")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Unavailable("too many", 5), (503, "too many", "5")),
        (Unavailable("later"), (503, "later", "30")),
        (
            LakeError("/srv/lake is damaged"),
            (503, "the data cannot be read now; the log of the service says why", "30"),
        ),
        (
            StockRankError("/srv/app.db"),
            (503, "the data cannot be read now; the log of the service says why", "30"),
        ),
        (HTTPException(409, "a refresh runs"), (409, "a refresh runs", None)),
        (ValueError("secret"), (500, "the service failed on this request; its log says why", None)),
    ],
)
def test_every_error_is_a_sentence(error: Exception, expected: tuple[int, str, str | None]) -> None:
    assert answered(error) == expected


def test_an_unknown_name_is_404_in_its_own_words() -> None:
    with pytest.raises(StockRankError) as error:
        strategy_named("x")
    status, detail, _ = answered(error.value)
    assert (status, detail.partition(";")[0]) == (404, "unknown strategy 'x'")


def test_a_wrong_parameter_is_named_with_its_value() -> None:
    app = FastAPI()
    errors.install(app)

    @app.get("/")
    async def handler(limit: int) -> int:
        return limit

    response = TestClient(app).get("/?limit=many")
    assert response.status_code == 422
    assert response.json()["detail"].startswith("query limit = 'many': Input should be a valid int")


def test_a_problem_keeps_its_headers() -> None:
    response = problem(429, "wait", {"Retry-After": "7"})
    assert (response.status_code, json.loads(bytes(response.body))) == (429, {"detail": "wait"})
    assert response.headers["retry-after"] == "7"
