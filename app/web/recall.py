"""A request like an earlier one is answered without working out again what it asks for."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from cachetools import LRUCache
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.answers import Answer

if TYPE_CHECKING:
    from app.services import Services

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
    """The answer to a known question; the request counts for the route that answered it first."""
    services: Services | None = getattr(scope["app"].state, "services", None)
    known = services.questions.known(scope) if services else None
    if services is None or known is None or not _holds(known, services):
        return None
    scope["route"] = known.route
    answer: Answer = services.cache.get(known.key)
    return answer


def _holds(known: Known, services: "Services") -> bool:
    """Whether the version, the day and the answer are still there."""
    version = services.published.known()
    return (
        version is not None
        and (version.id, services.today) == (known.version, known.today)
        and known.key in services.cache
    )
