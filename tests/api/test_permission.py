"""Who may change state: every path that does, with no, a wrong and the right token."""

from pathlib import Path

import pytest

from tests.api.conftest import at, served

CHANGING = {
    "/data/sync-now": 202,
    "/data/versions/x/rollback": 404,
    "/cache/invalidate": 200,
    "/cache/clear": 200,
}
"""What each answers to those who may."""
QUESTIONS = {
    "/backtests",
    "/portfolio/allocate",
    "/portfolio/holdings",
    "/portfolio/orders",
    "/strategies/nordic/momentum/allocate",
    "/strategies/nordic/momentum/rebalance",
    "/strategies/preview",
    "/strategies/preview/exclusions",
    "/strategies/{name}/banding-check",
}
"""These compute an answer from what is sent, and change nothing."""
WRONG = [None, "Bearer wrong", "Bearer", "Bearer ", "Basic c2VjcmV0", "secret", "bearer secre"]


def test_every_post_but_a_question_needs_permission(place: Path) -> None:
    with served(place, api_token="secret") as client:
        paths = client.get("/v1/openapi.json").json()["paths"]
        posts = {path.removeprefix("/v1") for path, methods in paths.items() if "post" in methods}
        assert {m for methods in paths.values() for m in methods} == {"get", "post"}
    named = {path.replace("/x/", "/{version_id}/") for path in CHANGING}
    assert posts == {*named, *QUESTIONS}


@pytest.mark.parametrize("base", ["/v1", ""])
@pytest.mark.parametrize("path", CHANGING)
def test_with_a_token(place: Path, base: str, path: str) -> None:
    with served(place, address="203.0.113.5", api_token="secret") as client:
        for header in WRONG:
            headers = {"authorization": header} if header else {}
            answer = client.post(base + path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "secret" not in answer.text
        right = client.post(base + path, headers={"authorization": "Bearer secret"})
        assert right.status_code == CHANGING[path], right.text


@pytest.mark.parametrize("token", [None, "", " "], ids=["none", "empty", "space"])
@pytest.mark.parametrize("path", CHANGING)
def test_without_a_token_only_this_machine(place: Path, path: str, token: str | None) -> None:
    for address in ("203.0.113.5", "10.0.0.1", "::ffff:10.0.0.1", "testclient"):
        with served(place, address=address, api_token=token) as client:
            answer = client.post(path)
            assert answer.status_code == 403
            assert "STOCKRANK_API_TOKEN" in answer.json()["detail"]
    for address in ("127.0.0.1", "::1"):
        with served(place, address=address, api_token=token) as client:
            assert client.post(path).status_code == CHANGING[path]


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000", 200),
        ("localhost:8000", "http://localhost:8000", 200),
        ("127.0.0.1:8000", "https://evil.example", 403),
        ("127.0.0.1:8000", "null", 403),
        ("127.0.0.1:8000", "http://127.0.0.1:9000", 403),
        ("127.0.0.1:8000", "http://[::1", 403),
        ("evil.example", "http://evil.example", 403),
    ],
)
def test_no_other_site_acts_through_a_browser(
    place: Path, host: str, origin: str, status: int
) -> None:
    with served(place) as client:
        answer = client.post("/cache/clear", headers={"host": host, "origin": origin})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded",
        "X-Forwarded-For",
        "X-Real-IP",
        "Via",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Client-IP",
    ],
)
@pytest.mark.parametrize("value", ["127.0.0.1", "for=203.0.113.5", ""])
def test_without_a_token_a_proxy_on_this_machine_changes_nothing(
    place: Path, header: str, value: str
) -> None:
    with served(place) as client:
        answer = client.post("/cache/clear", headers={header: value})
        assert answer.status_code == 403
        assert "without a proxy" in answer.json()["detail"]
        assert client.get("/health/live", headers={header: value}).status_code == 200
    with served(place, api_token="secret") as client:
        right = {"authorization": "Bearer secret", header: value}
        assert client.post("/cache/clear", headers=right).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("127.9.9.9", 200),
        ("[::1]:8000", 200),
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("testserver", 403),
        ("stockrank.example.com", 403),
        ("localhost.example.com", 403),
        ("192.168.1.2:8000", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_without_a_token_the_host_is_a_name_of_this_machine(
    place: Path, host: str, status: int
) -> None:
    with served(place) as client:
        assert client.post("/cache/clear", headers={"host": host}).status_code == status


def test_start_up_says_that_no_token_is_set(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    for token in (None, ""):
        with served(place, api_token=token):
            assert "no STOCKRANK_API_TOKEN is set" in caplog.text
        caplog.clear()
    with served(place, api_token="secret"):
        assert "STOCKRANK_API_TOKEN" not in caplog.text


def test_only_permitted_requests_count_for_the_limit(place: Path) -> None:
    with served(place, api_token="secret") as client:
        for _ in range(5):
            assert client.post("/data/sync-now").status_code == 401
        right = {"authorization": "Bearer secret"}
        first, second = (client.post("/data/sync-now", headers=right) for _ in range(2))
        assert first.status_code == 202
        assert second.status_code in (202, 409)
        third = at(client).post("/data/sync-now", headers=right)
        assert third.status_code == 429
        assert 0 < int(third.headers["retry-after"]) <= 60
