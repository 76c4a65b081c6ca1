"""Known requests: told apart by all that a ranking depends on, and limited in number."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from starlette.types import Receive, Scope, Send

from app.web.formats import Format, TaggedAnswer
from app.web.recall import MOST_REQUESTS, KnownAnswer, KnownRequests, Recall
from tests.unit.app.web.asgi import call, scope

TODAY = date(2026, 11, 20)
ASKED = scope(path="/x", query_string=b"a=1", headers=[(b"accept", b"text/csv")], route="ROUTE")


def test_the_same_request_is_known() -> None:
    known = KnownRequests()
    known.remember(ASKED, "V", TODAY, "KEY")
    assert known.find(dict(ASKED)) == KnownAnswer("V", TODAY, "KEY", "ROUTE")


@pytest.mark.parametrize(
    "other",
    [{"path": "/y"}, {"query_string": b"a=2"}, {"method": "POST"}, {"headers": []}],
)
def test_another_request_is_not_known(other: dict[str, Any]) -> None:
    known = KnownRequests()
    known.remember(ASKED, "V", TODAY, "KEY")
    assert known.find({**ASKED, **other}) is None


def test_the_least_recently_used_is_forgotten() -> None:
    known = KnownRequests()
    for number in range(MOST_REQUESTS + 1):
        known.remember({**ASKED, "path": f"/{number}"}, "V", TODAY, number)
    assert known.find({**ASKED, "path": "/0"}) is None
    assert known.find({**ASKED, "path": "/1"}) is not None


async def handler(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 202, "headers": []})


@pytest.mark.parametrize(("remembered", "status"), [(True, 200), (False, 202)])
def test_the_handler_is_called_for_unknown_requests_alone(*, remembered: bool, status: int) -> None:
    known = KnownRequests()
    if remembered:
        known.remember(ASKED, "V", TODAY, "KEY")
    answer = TaggedAnswer.of(pl.DataFrame({"rank": [1]}), Format.JSON, "KEY")
    services = SimpleNamespace(known_requests=known, answer_to=lambda _: answer)
    app = SimpleNamespace(state=SimpleNamespace(services=services))
    assert call(Recall(handler), {**ASKED, "app": app})[0]["status"] == status
