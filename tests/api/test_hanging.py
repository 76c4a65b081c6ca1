"""A disk that hangs: what must be read from it is 503 with the reason, what is in memory is not."""

from pathlib import Path
from threading import Event

import pytest

from app import services
from app.serving import DISK_HANGS
from tests.api.conftest import at, served

MOMENTUM = "/v1/strategies/sammansatt_momentum"


def test_what_must_be_read_is_refused_and_what_is_in_memory_is_served(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Event()
    monkeypatch.setattr(services, "kept_versions", lambda _: answer.wait(10) and [])
    monkeypatch.setattr(services, "DISK_SECONDS", 0.05)
    with served(place) as client:
        at(client)
        assert client.get(MOMENTUM).status_code == 200
        for path in ("/v1/rankings/history/sammansatt_momentum", "/v1/data/versions"):
            refused = client.get(path)
            assert (refused.status_code, refused.json()) == (503, {"detail": DISK_HANGS})
            assert refused.headers["retry-after"] == "30"
        published = client.app.state.services.published  # type: ignore[attr-defined]
        monkeypatch.setattr(type(published), "hangs", True)
        refused = client.get(f"{MOMENTUM}?as_of=2026-11-19")
        assert (refused.status_code, refused.json()) == (503, {"detail": DISK_HANGS})
        assert client.get(f"{MOMENTUM}/top10").status_code == 200
        answer.set()
