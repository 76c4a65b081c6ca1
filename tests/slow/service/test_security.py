"""What an attacker tries on the real server, and what it tells of itself when things break."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import pytest

from tests.slow.service.serving import (
    DEADLINE_SECONDS,
    Receiver,
    Server,
    Stream,
    serving,
    told_nothing_inside,
    until,
)

SENTENCE: Final = "no database at app.db"


def raw(server: Server, request: bytes) -> tuple[int, str]:
    """Status and text of the answer to the bytes of a request, which no client has tidied up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_SECONDS) as there:
        # What is refused before it was read ends in a reset, after the answer.
        with suppress(ConnectionError):
            there.sendall(request)
        answer = b"".join(_received(there)).decode(errors="replace")
    told_nothing_inside(answer, server.folder)
    return int(answer.split(" ", 2)[1]), answer


def _received(there: socket.socket) -> Iterator[bytes]:
    with suppress(ConnectionError):
        while part := there.recv(65_536):
            yield part


def lines(*texts: str) -> bytes:
    return "\r\n".join([*texts, "Host: localhost", "Connection: close", "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    "target",
    [
        "/static/../main.py",
        "/static/../../pyproject.toml",
        "/static/..%2f..%2fpyproject.toml",
        "/static/%2e%2e/%2e%2e/pyproject.toml",
        "/static/..%5c..%5cpyproject.toml",
        "/static/%252e%252e/main.py",
        "/static//etc/passwd",
        "/static/%00/../main.py",
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/v1/../static/../main.py",
        "/v1/stocks/../../../etc/passwd",
        "/v1/stocks/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/data/jobs/..%2f..%2fservice%2fjobs.jsonl",
        "/v1/export/rankings/..%2f..%2fetc%2fpasswd",
        "/v1/rankings/history/..",
        "/v1/strategies/%2e%2e",
        "/v1/strategies/trendande_varde/explain/..%2f..",
        "/dashboard/../app/main.py",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_no_path_leads_out_of_the_service(server: Server, target: str) -> None:
    status, answer = raw(server, lines(f"GET {target} HTTP/1.1"))
    assert status in (400, 404, 422), answer
    for secret in ("root:", "[project]", "create_app", '"job_id"'):
        assert secret not in answer


@pytest.mark.parametrize("name", ["..", "..%2f..%2fservice", ".staging", "%00", "a/b", "current"])
def test_no_folder_but_a_version_can_be_published(server: Server, name: str) -> None:
    before = server.json("/data/versions")
    target, token = f"/data/versions/{name}/rollback", f"Authorization: Bearer {server.token}"
    status, answer = raw(server, lines(f"POST {target} HTTP/1.1", token))
    assert status in (404, 405, 422), answer
    assert server.json("/data/versions") == before


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (lines("GET /v1/strategies HTTP/1.1", "X-Long: " + "a" * 17_000), 431),
        (lines("GET /v1/strategies HTTP/1.1", "X-Long: " + "a" * 1_000_000), 400),
        (lines("GET /v1/strategies HTTP/1.1", "X-Long: " + "a" * 16_000), 200),
        (lines(f"GET /v1/strategies?x={'a' * 17_000} HTTP/1.1"), 431),
        (lines(f"GET /v1/stocks/{'a' * 17_000} HTTP/1.1"), 431),
        (lines("GET /v1/strategies HTTP/1.1", *(f"X-{n}: {'a' * 50}" for n in range(400))), 431),
        (lines("NONSENSE"), 400),
        (lines("GET /v1/strategies HTTP/1.1", "Content-Length: x"), 400),
        (lines("GET /v1/strategies HTTP/1.1", "Content-Length: 5", "Content-Length: 6"), 400),
        (lines("GET /v1/strategies HTTP/1.1", "X-Bad: a\x00b"), 400),
        (lines("GET /v1/strategies HTTP/1.1", "Accept: " + "a/b," * 1000), 200),
        (lines("GET /v1/strategies/trendande_varde HTTP/1.1", "Accept: " + "a/b," * 200), 422),
        (lines("BREW /v1/strategies HTTP/1.1"), 405),
    ],
)  # fmt: skip
def test_no_head_of_a_request_breaks_it(server: Server, request_: bytes, expected: int) -> None:
    status, answer = raw(server, request_)
    assert status == expected, answer
    assert server.json("/health/live") == {"status": "ok"}


BANDING: Final = "/v1/strategies/sammansatt_momentum/banding-check"


@pytest.mark.parametrize("path", [BANDING, "/data/sync-now", "/cache/clear"])
def test_a_large_body_is_refused_before_anything_is_done(server: Server, path: str) -> None:
    entries = server.json("/cache/stats")["entries"]
    jobs = server.json("/data/sync-history")["history"]
    head = lines(f"POST {path} HTTP/1.1", f"Authorization: Bearer {server.token}",
                 "Content-Type: application/json", "Content-Length: 100000000")  # fmt: skip
    status, answer = raw(server, head)
    assert status == 413, answer
    assert answer.endswith(
        '{"detail":"the body has 100,000,000 bytes or more; at most 64,000 are taken"}'
    )
    assert server.json("/cache/stats")["entries"] == entries
    assert server.json("/data/sync-history")["history"] == jobs


def test_a_body_without_a_size_is_read_up_to_the_limit(server: Server) -> None:
    head = lines(f"POST {BANDING} HTTP/1.1", "Content-Type: application/json",
                 "Transfer-Encoding: chunked")  # fmt: skip
    most = b"FA00\r\n" + b'["A"' + b" " * 63_995 + b"]\r\n"
    assert raw(server, head + most + b"0\r\n\r\n")[0] == 200
    status, answer = raw(server, head + most + most + b"0\r\n\r\n")
    assert status == 413
    assert '{"detail":"the body has ' in answer


# ---------------------------------------------------------------------------- when it breaks


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Receiver]]:
    """A service without a database, whose refresh fails."""
    receiver = Receiver()
    folder = tmp_path_factory.mktemp("broken")
    with serving(folder, webhook_url=receiver.url, memory_limit_mb="8000") as server:
        yield server, receiver
    receiver.close()


def test_a_failed_refresh_is_told_everywhere_without_places(
    broken: tuple[Server, Receiver],
) -> None:
    server, receiver = broken
    stream = Stream(server)
    job = server.refresh()
    assert job["error"].startswith(SENTENCE)
    (entry,) = server.json("/data/sync-history")["history"]
    assert entry["error_message"] == job["error"]
    (notice,) = until(lambda: list(receiver.notices), "the notice of the failure")
    told_nothing_inside(json.dumps(notice), server.folder)
    assert job["error"] in notice["message"]
    (alert,) = (a for a in server.json("/data/alerts") if a["key"] == "refresh_failed")
    assert job["error"] in alert["message"]
    waited = server.post("/data/sync-now?wait=true")
    assert waited.status_code == 503
    assert job["error"] in waited.json()["detail"]
    assert stream.broken is None
    # Operators find the whole of it in the log of the service, and in that of the refresh.
    whole = f"no database at {server.folder / 'app.db'}"
    assert whole in server.log()
    assert whole in (server.folder / f"lake/service/logs/{job['job_id']}.log").read_text()
    kept = (server.folder / "lake/service").glob("*.jsonl")
    for path in kept:
        told_nothing_inside(path.read_text(), server.folder)


def test_no_answer_of_a_broken_service_names_a_place(
    broken: tuple[Server, Receiver],
) -> None:
    server, _ = broken
    paths = server.json("/v1/openapi.json")["paths"]
    for path, methods in paths.items():
        if "get" in methods and not path.endswith("/stream"):
            named = path.replace("{name}", "trendande_varde").replace("{ticker}", "VOLV B")
            answer = server.get(named.replace("{job_id}", "x"))
            assert answer.status_code in (200, 404, 422, 503), (path, answer.text)
    assert server.json("/health")["database"] == (
        "error: the source database cannot be read; a refresh says why"
    )
