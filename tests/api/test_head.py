"""HEAD is answered wherever GET is: the same status and headers, no body."""

import pytest
from fastapi.testclient import TestClient

VARIES = {"x-request-id", "server-timing", "date"}
PATHS = (
    "/", "/dashboard", "/status", "/method.md", "/v1/front",
    "/health", "/v1/health", "/health/live", "/health/ready",
    "/strategies/trendande_varde/table", "/static/favicon.svg", "/static/pages/terms.js",
    "/v1/openapi.json", "/strategies",
    "/strategies/sammansatt_momentum", "/v1/strategies/sammansatt_momentum?format=csv",
    "/v1/strategies/trendande_varde/top10", "/v1/export/rankings/trendande_varde",
    "/stocks/BB", "/data/versions", "/cache/stats",
    "/strategies/nothing", "/nowhere", "/stocks/BB/prices?days=x", "/data/sync-now",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    whole = {"accept-encoding": "identity"}
    get = client.get(path, headers=whole)
    for _ in range(2):  # the second time a ranking is recalled
        head = client.head(path, headers=whole)
        assert head.status_code == get.status_code
        assert head.content == b""
        told, wanted = ({k: v for k, v in answer.headers.items() if k not in VARIES}
                        for answer in (head, get))  # fmt: skip
        assert told == wanted
        assert int(head.headers["content-length"]) == len(get.content)


def test_a_client_that_has_a_ranking_is_told_so(client: TestClient) -> None:
    path = "/v1/strategies/sammansatt_momentum"
    tag = client.head(path).headers["etag"]
    known = client.head(path, headers={"if-none-match": tag})
    assert (known.status_code, known.headers["etag"]) == (304, tag)


def test_the_metrics_and_the_stream(client: TestClient) -> None:
    metrics = client.head("/metrics")
    assert (metrics.status_code, metrics.content) == (200, b"")
    stream = client.head("/system/stream")
    assert (stream.status_code, stream.content) == (200, b"")
    assert stream.headers["content-type"].startswith("text/event-stream")


def test_it_counts_by_its_own_name_and_route(client: TestClient) -> None:
    requests = client.app.state.services.requests  # type: ignore[attr-defined]
    key = ("HEAD", "/strategies/{name}/top10", 200)
    before = requests.get(key, 0)
    client.head("/v1/strategies/trendande_kvalitet/top10")
    assert requests[key] == before + 1
    assert all(method != "HEAD" or route != "unknown" for method, route, _ in requests)


def test_the_document_has_each_path_once(client: TestClient) -> None:
    paths = client.get("/v1/openapi.json").json()["paths"]
    assert {method for methods in paths.values() for method in methods} == {"get", "post"}
