"""A day of the service: real processes, a real database, and all that can happen to it."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from app.jobs.follow import PHASES
from pipelines.ranking.strategies import STRATEGIES
from tests.slow.service.conftest import small_market
from tests.slow.service.serving import (
    DEADLINE_SECONDS,
    HELD,
    Json,
    Receiver,
    Server,
    Stream,
    command,
    ended,
    processes_of,
    until,
)

HOURLY: Final = """
if sys.orig_argv[1:3] == ["-m", "app"]:
    from limits import RateLimitItemPerHour

    from app import services

    services.SYNCS = RateLimitItemPerHour(2)
"""
"""For a sitecustomize.py: of refreshes, two are taken in an hour, however slow the machine is."""
PLENTY: Final = "8000"
SCARCE: Final = "60"
"""MB: less than the service itself needs, so that nothing is left to a refresh."""
CLIENTS: Final = 50
PAUSE_SECONDS: Final = 0.2
RANKING: Final = "/v1/strategies/sammansatt_momentum"
READ: Final = (RANKING, "/v1/strategies/compare", "/v1/dashboard/top", f"{RANKING}/top10")

NOTICES: Final = [
    # The second version: a row is wrong, and six of the first ten are out.
    ("rows_rejected", "firing"), ("rank_churn", "firing"),
    # Half of the market is missing.
    ("version_rejected", "firing"),
    # The service is started with a limit that it exceeds, and a refresh is ended for it.
    ("memory_high", "firing"), ("refresh_failed", "firing"), ("version_rejected", "resolved"),
    # It is started with its old limit.
    ("memory_high", "resolved"),
    # Another process publishes a third version, which is much like the second.
    ("rows_rejected", "resolved"), ("rank_churn", "resolved"), ("refresh_failed", "resolved"),
    # It is rolled back to the second, and what was rolled back is not published again.
    ("rows_rejected", "firing"), ("rank_churn", "firing"), ("refresh_failed", "firing"),
]  # fmt: skip
"""All that is told to people over the day, in its order."""

Places = dict[str, list[tuple[str, int, float]]]


class Day:
    """The folder of a service, its webhook, and what was published in the course of the day."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self.source: Final = small_market(folder)
        self.held: Final = folder / "held"
        self.held.mkdir()
        (self.held / "sitecustomize.py").write_text(HELD + HOURLY)
        self.receiver: Final = Receiver()
        self.known: Final[list[dict[str, Any]]] = []
        """What each version answers, by path."""
        self.versions: Final[list[str]] = []

    @contextmanager
    def serving(self, limit_mb: str = PLENTY) -> Iterator[Server]:
        """A service that is told to end with the block, and does."""
        server = Server(
            self.folder, first=self.held, memory_limit_mb=limit_mb, memory_hold_seconds="0",
            webhook_url=self.receiver.url,
        )  # fmt: skip
        try:
            yield server
            assert server.stop() in (0, -15)
            assert processes_of(self.folder) == []
            assert "Traceback" not in server.log()
            # The server did not have to give up waiting for a stream.
            assert "graceful shutdown exceeded" not in server.log()
        finally:
            server.kill()

    def change(self, *statements: str) -> None:
        """Write to the database as the application does."""
        with closing(sqlite3.connect(self.source)) as database, database:
            for statement in statements:
                database.execute(statement)

    def told(self, count: int) -> None:
        """So many notices have arrived, and they are the first of the day's."""
        until(lambda: len(self.receiver.notices) >= count, f"notice {count} of the day")
        assert self.receiver.states() == NOTICES[:count]

    def published(self, server: Server) -> str:
        """Note the version that is served now, whose rankings are what `rank` shows."""
        self.known.append({path: server.json(path) for path in READ})
        assert ranked_by_api(server) == ranked_by_command(self.folder)
        self.versions.append(server.json("/data/versions")[0]["version"])
        return self.versions[-1]

    def serves(self, server: Server, number: int) -> bool:
        """Whether a version that is noted is served."""
        return all(server.json(path) == self.known[number][path] for path in READ)


def ranked_by_api(server: Server) -> Places:
    return {
        name: [(p["ticker"], p["rank"], p["score"]) for p in server.json(f"/strategies/{name}")]
        for name in STRATEGIES
    }


def ranked_by_command(folder: Path) -> Places:
    rows = json.loads(command(folder, "pipelines.rank", "--format", "json", "--top", "all"))
    places: Places = {name: [] for name in STRATEGIES}
    for row in rows:
        if row["rank"] is not None:
            places[row["strategy"]].append((row["ticker"], row["rank"], row["score"]))
    return places


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    day = Day(tmp_path)
    yield day
    day.receiver.close()


def test_a_day_of_the_service(day: Day) -> None:
    with day.serving() as server:
        nothing_is_published(server)
        stream = Stream(server)
        first_refresh(day, server)
        refresh_while_clients_read(day, server)
        third_refresh_is_refused(server)
        day.told(2)
        until(lambda: stream_told(stream, "resolved"), "the end of the alert on nothing")
    stream.end()
    the_stream_told_all(day, stream)
    good = shutil.copy(day.source, day.folder / "good.db")
    with day.serving() as server:
        half_of_the_market_is_rejected(day, server)
    with day.serving(SCARCE) as server:
        a_refresh_is_ended_for_memory(day, server)
    shutil.copy(good, day.source)
    with day.serving() as server:
        another_process_publishes(day, server)
        roll_back(day, server)
        before = remembered(server)
    with day.serving() as server:
        assert remembered(server) == before
        assert day.serves(server, 1)
        stream = Stream(server)
        begin_a_refresh(day, server)
    stream.end()
    assert day.receiver.states() == NOTICES
    last = json.loads((day.folder / "lake/service/jobs.jsonl").read_text().splitlines()[-1])
    assert (last["status"], last["error_type"]) == ("failed", "Stopped")
    assert [name for name, _ in episodes(before)] == [name for name, s in NOTICES if s == "firing"]


# ----------------------------------------------------------------------- nothing, and first


def nothing_is_published(server: Server) -> None:
    for path in (RANKING, "/data/integrity", "/health/ready", "/portfolio/sverige"):
        answer = server.get(path)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["detail"].startswith("no data is published yet; ")
    health = server.json("/health")
    assert (health["status"], health["database"]) == ("degraded", "connected")
    assert server.json("/health/live") == {"status": "ok"}


def first_refresh(day: Day, server: Server) -> None:
    answer = server.post("/data/sync-now?wait=true")
    assert answer.status_code == 200, answer.text
    result = answer.json()["sync_result"]
    assert result["version"] == day.published(server)
    assert result["strategies"] == {name: len(p) for name, p in ranked_by_api(server).items()}
    assert server.json("/health")["status"] == "healthy"


# --------------------------------------------------------------------------- while 50 read


def refresh_while_clients_read(day: Day, server: Server) -> None:
    first_six = [place["ticker"] for place in day.known[0][RANKING][:6]]
    tickers = ", ".join(f"'{ticker}'" for ticker in first_six)
    day.change(
        f"UPDATE stocks SET stock_type = 'preference' WHERE ticker IN ({tickers})",
        f"INSERT INTO daily_prices (ticker, date, close) VALUES ('{first_six[0]}', '1850-1-1', 1)",
    )
    reads = asyncio.run(_refreshed_under(server.url))
    day.published(server)
    assert len(reads) == CLIENTS
    assert {status for client in reads for _, status, _, _ in client} == {200}
    for client in reads:
        seen = [_version_of(day, path, body) for path, _, body, _ in client]
        # A client that saw the new version never sees the old one again.
        assert seen == sorted(seen)
        assert set(seen) == {0, 1}
    tags: dict[str, set[int]] = {}
    for path, _, body, tag in (read for client in reads for read in client):
        if tag:
            tags.setdefault(tag, set()).add(_version_of(day, path, body))
    assert sorted(map(sorted, tags.values())) == [[0], [0], [1], [1]]


def _version_of(day: Day, path: str, body: bytes) -> int:
    """The only version of which an answer is, as a whole."""
    (number,) = (n for n, known in enumerate(day.known) if known[path] == json.loads(body))
    return number


Read = tuple[str, int, bytes, str | None]


async def _refreshed_under(url: str) -> list[list[Read]]:
    """What each client read from before a refresh until after it."""
    limits = httpx2.Limits(max_connections=2 * CLIENTS, max_keepalive_connections=2 * CLIENTS)
    options: Any = {"base_url": url, "limits": limits, "timeout": DEADLINE_SECONDS}
    async with httpx2.AsyncClient(**options) as client:
        done, reading = asyncio.Event(), asyncio.Barrier(CLIENTS + 1)
        readers = [asyncio.create_task(_read(client, reading, done)) for _ in range(CLIENTS)]
        await reading.wait()
        started = (await client.post("/data/sync-now")).json()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not (job := ended((await client.get(started["status_url"])).json())):
                await asyncio.sleep(PAUSE_SECONDS)
        assert job["status"] == "succeeded", job
        done.set()
        return await asyncio.gather(*readers)


async def _read(
    client: httpx2.AsyncClient, reading: asyncio.Barrier, done: asyncio.Event
) -> list[Read]:
    """All that a client reads, at least each path once before and once after the refresh."""
    reads: list[Read] = []

    async def read(path: str) -> None:
        answer = await client.get(path)
        reads.append((path, answer.status_code, answer.content, answer.headers.get("etag")))

    for path in READ:
        await read(path)
    await reading.wait()
    for path in cycle(READ):
        if done.is_set():
            break
        await read(path)
        await asyncio.sleep(PAUSE_SECONDS)
    for path in READ:
        await read(path)
    return reads


def third_refresh_is_refused(server: Server) -> None:
    answer = server.post("/data/sync-now")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 3600


def stream_told(stream: Stream, state: str) -> bool:
    return any(
        (alert["key"], alert["state"]) == ("refresh_overdue", state) for alert in stream.of("alert")
    )


def the_stream_told_all(day: Day, stream: Stream) -> None:
    """Nothing is published, then it is; both versions; both refreshes to their end."""
    (hello,) = stream.of("hello")
    assert hello["version"] is None
    assert [(a["key"], a["state"]) for a in hello["alerts"]] == [("refresh_overdue", "pending")]
    alerts = [(alert["key"], alert["state"]) for alert in stream.of("alert")]
    assert sorted(alerts) == sorted([("refresh_overdue", "resolved"), *NOTICES[:2]])
    assert [v["version"] for v in stream.of("version")] == day.versions
    jobs = stream.of("refresh")
    assert [job["version"] for job in jobs if ended(job)] == day.versions
    assert {"queued", "running", "succeeded"} == {job["status"] for job in jobs}
    assert {None} < {job["phase"] for job in jobs} <= {None, *PHASES}
    for first, then in pairwise(jobs):
        assert first["job_id"] != then["job_id"] or first["progress"] <= then["progress"]
    assert stream.of("memory")


# ------------------------------------------------------------------------ what goes wrong


def half_of_the_market_is_rejected(day: Day, server: Server) -> None:
    day.change(
        "DELETE FROM stocks WHERE rowid % 2",
        "DELETE FROM daily_prices WHERE ticker NOT IN (SELECT ticker FROM stocks)",
    )
    job = server.refresh()
    assert job["status"] == "failed"
    assert "not published: " in job["error"]
    assert "stocks has 30 rows, 30 fewer than the last version" in job["error"]
    day.told(3)
    assert day.receiver.notices[-1]["message"] == job["error"]
    assert day.receiver.notices[-1]["severity"] == "critical"
    assert day.serves(server, 1)


def a_refresh_is_ended_for_memory(day: Day, server: Server) -> None:
    day.told(4)
    job = server.refresh()
    assert job["status"] == "failed"
    assert "MB that are left to it, also in low-memory mode; raise the memory limit" in job["error"]
    day.told(6)
    assert day.receiver.notices[4]["message"] == (
        f"each of the last 2 refreshes failed, the old version stays: {job['error']}"
    )
    # What is published is served; what would have to be computed is not.
    assert server.json("/system/memory")["status"] == "CRITICAL"
    assert day.serves(server, 1)
    refused = server.get(f"{RANKING}?as_of=2026-03-02")
    assert refused.status_code == 503
    assert "memory is critical" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0


# ----------------------------------------------------------------- from outside, and back


def another_process_publishes(day: Day, server: Server) -> None:
    day.told(7)
    assert day.serves(server, 1)
    stream = Stream(server)
    day.change(
        "UPDATE daily_prices SET close = close * 1.01 "
        "WHERE date = (SELECT max(date) FROM daily_prices)"
    )
    manifest = json.loads(command(day.folder, "pipelines.export", "--json"))
    told = until(lambda: stream.of("version")[-1:], "the event of a new version")
    assert told == [{"version": manifest["version"], "as_of": manifest["as_of"]}]
    assert day.published(server) == manifest["version"]
    assert day.known[2] != day.known[1]
    day.told(10)


def roll_back(day: Day, server: Server) -> None:
    first, second, third = day.versions
    answer = server.post(f"/data/versions/{second}/rollback")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["previous"], answer.json()["version"]) == (third, second)
    assert day.serves(server, 1)
    day.told(12)
    job = server.refresh()
    assert job["status"] == "failed"
    assert f"has not changed since version {third}, which was rolled back" in job["error"]
    day.told(13)
    assert day.receiver.notices[-1]["message"] == (
        f"the last refresh failed, the old version stays: {job['error']}"
    )
    assert day.serves(server, 1)
    known = server.json("/data/versions")
    assert [(v["version"], v["current"], v["withdrawn"]) for v in known] == [
        (third, False, True), (second, True, False), (first, False, False),
    ]  # fmt: skip


# ---------------------------------------------------------------------- restart, and the end


def remembered(server: Server) -> Json:
    """What outlives a service."""
    return {
        "alerts": server.json("/data/alerts?limit=500&include_resolved=true"),
        "firing": server.json("/data/alerts"),
        "history": server.json("/data/sync-history")["history"],
    }


def episodes(known: Json) -> list[tuple[str, str]]:
    """The alerts of the day by key and how they stand, oldest first."""
    return [(alert["key"], alert["state"]) for alert in known["alerts"]][::-1]


def begin_a_refresh(day: Day, server: Server) -> None:
    """One that runs when the service is told to end."""
    day.change("UPDATE daily_prices SET close = close * 1.01")
    (day.folder / "hold").touch()
    assert server.post("/data/sync-now").status_code == 202
    until(_has_refresh(server), "the process of the refresh")
    assert len(processes_of(day.folder)) > 1


def _has_refresh(server: Server) -> Callable[[], bool]:
    def look() -> bool:
        processes = server.json("/system/memory")["processes"]
        return "refresh" in {process["name"] for process in processes}

    return look
