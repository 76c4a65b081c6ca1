"""A request like an earlier one is answered without working out again what it asks for."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

from cachetools import LRUCache
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.answers import Answer

QUESTIONS: Final = 500


@dataclass(frozen=True, slots=True)
class Known:
    """What a question led to."""

    version: str
    today: date
    key: Hashable
    """Of the answer, in the cache."""
    route: object


class Questions:
    """The last questions that were answered from the cache, as the clients wrote them.

    A question is known only after a handler has answered it: nothing is answered from here that
    would be refused there, and nothing after another version or day has come.
    """

    def __init__(self) -> None:
        self._known: Final[LRUCache[Hashable, Known]] = LRUCache(QUESTIONS)

    def learn(self, scope: Scope, version: str, today: date, key: Hashable) -> None:
        """Remember what the question of a request led to."""
        self._known[_question(scope)] = Known(version, today, key, scope["route"])

    def known(self, scope: Scope) -> Known | None:
        """What the question led to when it was asked last."""
        return self._known.get(_question(scope))


def _question(scope: Scope) -> Hashable:
    """All of a request that a ranking depends on."""
    accept = Headers(scope=scope).get("accept")
    return scope["method"], scope["path"], scope["query_string"], accept


class Answering(Protocol):
    """What the state of the application has as `services`, as far as it is needed here."""

    questions: Questions

    def answer_to(self, known: Known) -> Answer | None:
        """Return the answer to a known question; None where another version or day has come."""


class Recall:
    """Middleware: answers known questions, and passes all others on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        answer = _recalled(scope) if scope["type"] == "http" else None
        app: Any = answer.to(Headers(scope=scope)) if answer else self._app
        await app(scope, receive, send)


def _recalled(scope: Scope) -> Answer | None:
    """Return the answer to a known question; it counts for the route that answered it first."""
    answering: Answering | None = getattr(scope["app"].state, "services", None)
    known = answering.questions.known(scope) if answering else None
    answer = answering.answer_to(known) if answering and known else None
    if known and answer:
        scope["route"] = known.route
    return answer
