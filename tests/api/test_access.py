"""What is counted of requests."""

from pathlib import Path

from tests.api.conftest import served


def test_words_that_are_no_methods_are_counted_together(place: Path) -> None:
    with served(place) as client:
        for method in ("WORD", "OTHER", "PUT"):
            assert client.request(method, "/v1/health/live").status_code == 405
        counted = client.get("/metrics").text
    lines = [x for x in counted.splitlines() if x.startswith("stockrank_requests_total{")]
    assert lines == ['stockrank_requests_total{method="any",route="/health/live",status="405"} 3.0']
