"""The service under load, against a bare FastAPI handler that answers with the same bytes.

Example: python -m tests.benchmarks.api --source data/demo.db --rounds 5

Both servers are processes of their own, with the same server settings. The ranking is checked
first: it must be what the files say. Then wrk asks both in turn, alone and while every price is
refreshed. CPU is what the server's process used for one request. The stall is the longest answer
of a probe that asks each server every 5 ms for something that needs no work; what the constant
handler shows is the machine's own. Memory is `VmRSS`, of a service with a small market; it may
grow by what the cache holds.

wrk is in the packages of Debian and of Homebrew.
"""

import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from http.client import HTTPConnection
from importlib.metadata import version
from itertools import cycle, islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import polars as pl
import typer
import uvicorn
from fastapi import FastAPI, Response
from limits import RateLimitItemPerMinute

from app import __main__ as service
from app import services
from app.web.formats import Format
from pipelines import console
from pipelines.demo import make_market
from pipelines.errors import StockRankError
from pipelines.export import export
from pipelines.lake.version import Lake
from pipelines.ranking.strategies import STRATEGIES
from pipelines.runtime import process_mb
from pipelines.settings import Settings
from pipelines.universe import SWEDEN

RANKING = "/v1/strategies/trendande_varde"
CONSTANT = "/constant"
LIVE = "/v1/health/live"
CONNECTIONS = 16
SECONDS = 2
"""Of a load: less than a refresh of the demo market takes after it has begun to read."""
PROBE_SECONDS = 0.005
SETTLE_SECONDS = 3
REQUESTS, REFRESHES, QUERIES, DATES = 10_000, 20, 5_000, 300

# What wrk tells of a run, as a line of JSON; its latencies are in microseconds.
TELL = """
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f}',
    summary.requests, summary.duration / 1e6,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


# ------------------------------------------------------------------------------------ servers


@dataclass(frozen=True)
class Server:
    """A server that runs as a process of its own."""

    port: int
    pid: int

    def get(self, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of an answer."""
        return self._ask("GET", path, headers)

    def post(self, path: str) -> Any:
        """The JSON of an answer that must be a success."""
        status, body, _ = self._ask("POST", path, {})
        assert status < 300, body
        return json.loads(body)

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> Any:
        with closing(self.connect()) as connection:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())

    def connect(self) -> HTTPConnection:
        """A connection that is kept for many requests."""
        return HTTPConnection("127.0.0.1", self.port, timeout=300)

    def cpu_seconds(self) -> float:
        """The processor time that the process used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")")[-1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def serve(port: int) -> None:
    """The service of the environment's settings, where refreshes are not rationed."""
    services.SYNCS = RateLimitItemPerMinute(1000)
    service.main(port=port)


def serve_constant(port: int, file: Path, *, logs: bool) -> None:
    """A bare handler that answers with the bytes of a file; its server may log each request."""
    app, body = FastAPI(), file.read_bytes()

    @app.get(CONSTANT)
    async def constant() -> Response:
        return Response(body, media_type="application/json")

    if logs:
        uvicorn.run(app, port=port)
    else:
        uvicorn.run(app, port=port, log_config=None, access_log=False)


@contextmanager
def running(path: str, *options: str, log: Path, **settings: Path) -> Iterator[Server]:
    """A server, once it answers at the path, until the block is left."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = os.environ | {f"STOCKRANK_{name}".upper(): str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "tests.benchmarks.api", "--serve", str(port), *options]
    with log.open("ab") as written:
        process = subprocess.Popen(command, env=env, stdout=written, stderr=written)
    server = Server(port, process.pid)
    try:
        _await(server, process, path, log)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _await(server: Server, process: subprocess.Popen[bytes], path: str, log: Path) -> None:
    for _ in range(600):
        try:
            if process.poll() is None and server.get(path)[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise StockRankError(f"the server did not start: {log.read_text()[-500:]}")


# ----------------------------------------------------------------------------------- checking


def check(server: Server, constant: Server, lake: Path) -> None:
    """The ranking is what the files say, both servers answer alike, and 304 is answered."""
    status, body, headers = server.get(RANKING)
    name = RANKING.rsplit("/", 1)[-1]
    rows = Lake(lake).rankings().filter(pl.col("strategy") == name).drop_nulls("rank")
    expected = rows.sort("rank").select("ticker", "name", "rank", "score").collect().to_dicts()
    found = [{k: row[k] for k in ("ticker", "name", "rank", "score")} for row in json.loads(body)]
    assert (status, found) == (200, expected)
    assert expected
    assert server.get(RANKING)[1] == body  # now from the cache
    tag = headers["etag"]
    assert server.get(RANKING, **{"If-None-Match": tag})[0] == 304
    assert len(constant.get(CONSTANT)[1]) == len(body)


# --------------------------------------------------------------------------------------- load


@dataclass(frozen=True)
class Load:
    """One run of wrk: times in milliseconds, processor time in microseconds a request."""

    per_second: float
    p50: float
    p99: float
    cpu: float


def load(server: Server, path: str, script: Path, *headers: str) -> Load:
    """What a server bears."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "-s", str(script)]
    command += [f"-H{header}" for header in headers]
    used = server.cpu_seconds()
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{path}"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    used = server.cpu_seconds() - used
    told = json.loads(out.splitlines()[-1])
    assert not told["failed"], out
    per_second, cpu = told["requests"] / told["seconds"], 1e6 * used / told["requests"]
    return Load(per_second, told["p50"], told["p99"], cpu)


def change_every_price(source: Path) -> None:
    """So that a refresh has to do everything."""
    with closing(sqlite3.connect(source)) as database, database:
        database.execute("UPDATE daily_prices SET volume = volume + 1")


@contextmanager
def refreshing(server: Server) -> Iterator[None]:
    """A refresh that runs for as long as the block, and is a success in the end."""
    job = server.post("/data/sync-now")["status_url"]
    while _job(server, job)["phase"] not in ("prices", "fundamentals"):
        time.sleep(0.05)
    yield
    if _job(server, job)["status"] != "running":
        raise StockRankError("the refresh was over before the load; use a larger database")
    _finish(server, job)


def _job(server: Server, url: str) -> Any:
    return json.loads(server.get(url)[1])


def _finish(server: Server, url: str) -> None:
    while (job := _job(server, url))["status"] in ("queued", "running"):
        time.sleep(0.1)
    assert job["status"] == "succeeded", job


# -------------------------------------------------------------------------------------- stall


def stalls(server: Server, constant: Server) -> list[tuple[float, float]]:
    """The longest answers in milliseconds, of the service and of the constant handler.

    First for as long as nothing happens, then during a whole refresh up to the new version.
    """
    alone = _probed(server, constant, lambda: time.sleep(SECONDS))
    job = server.post("/data/sync-now")["status_url"]
    return [alone, _probed(server, constant, lambda: _finish(server, job))]


def _probed(server: Server, constant: Server, wait: Any) -> tuple[float, float]:
    ended, found = threading.Event(), {LIVE: 0.0, CONSTANT: 0.0}

    def probe(probed: Server, path: str) -> None:
        with closing(probed.connect()) as connection:
            while not ended.wait(PROBE_SECONDS):
                start = time.perf_counter()
                connection.request("GET", path)
                assert connection.getresponse().read()
                found[path] = max(found[path], 1e3 * (time.perf_counter() - start))

    probes = [
        threading.Thread(target=probe, args=a) for a in ((server, LIVE), (constant, CONSTANT))
    ]
    for thread in probes:
        thread.start()
    wait()
    time.sleep(2)  # the service looks for new versions every second
    ended.set()
    for thread in probes:
        thread.join()
    return found[LIVE], found[CONSTANT]


# ------------------------------------------------------------------------------------- memory


@dataclass(frozen=True)
class Footprint:
    """What a process holds."""

    after: str
    resident_mb: float
    files: int
    threads: int
    cached_mb: float
    versions: int


def footprint(after: str, server: Server, lake: Path) -> Footprint:
    """What the service holds a while after."""
    time.sleep(SETTLE_SECONDS)
    process = Path(f"/proc/{server.pid}")
    return Footprint(
        after=after,
        resident_mb=process_mb(server.pid) or 0.0,
        files=len(list((process / "fd").iterdir())),
        threads=len(list((process / "task").iterdir())),
        cached_mb=json.loads(server.get("/v1/cache/stats")[1])["bytes"] / 1e6,
        versions=len(list((lake / "versions").glob("[!.]*"))),
    )


def memory(folder: Path) -> list[Footprint]:
    """What a service with a small market holds after more and more use."""
    source, lake = folder / "small.db", folder / "small"
    make_market(source, stocks=150, years=8)
    with running(LIVE, log=folder / "small.log", source=source, lake=lake) as server:

        def note(after: str) -> None:
            found.append(footprint(after, server, lake))

        found: list[Footprint] = []
        server.post("/data/sync-now?wait=true")
        _ask_all(server, USUAL)
        note("the first refresh and answers")
        _ask_all(server, islice(cycle(USUAL), REQUESTS))
        note(f"{REQUESTS:,} requests")
        for number in range(REFRESHES):
            _touch(source, number)
            server.post("/data/sync-now?wait=true")
            _ask_all(server, USUAL)
        note(f"{REFRESHES} refreshes")
        _ask_all(server, _different())
        note(f"{QUERIES:,} different queries")
        _ask_all(server, _dates(Lake(lake).as_of))
        note(f"{DATES} dates on demand")
        server.post("/cache/invalidate")
        note("emptying the cache")
    return found


USUAL = [
    f"/v1/strategies/{name}{part}?format={form}"
    for name, part, form in product(STRATEGIES, ("", "/top10"), Format)
]


def _different() -> Iterator[str]:
    """Requests of published rankings, no two of them alike."""
    kinds = product(range(1, 41), range(32), STRATEGIES)
    for limit, offset, name in islice(kinds, QUERIES):
        yield f"/v1/strategies/{name}?limit={limit}&offset={offset}"


def _dates(newest: date) -> Iterator[str]:
    for days in range(1, 1 + DATES):
        yield f"{RANKING}?as_of={newest - timedelta(days)}"


def _ask_all(server: Server, paths: Iterable[str]) -> None:
    with closing(server.connect()) as connection:
        for path in paths:
            connection.request("GET", path)
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True), path


def _touch(source: Path, number: int) -> None:
    with closing(sqlite3.connect(source)) as database, database:
        database.execute(
            "UPDATE daily_prices SET close = close * 1.001 WHERE rowid % 997 = ?", [number]
        )


# ------------------------------------------------------------------------------------- report

Runs = dict[tuple[str, str], list[Load]]


def measure(folder: Path, source: Path, rounds: int) -> tuple[Runs, list[Any]]:
    """The runs of wrk by server and time, and the stalls of every round."""
    lake, body = folder / "lake", folder / "body"
    shutil.copyfile(source, folder / "app.db")
    export(folder / "app.db", lake, SWEDEN)
    with running(RANKING, log=folder / "log", source=folder / "app.db", lake=lake) as server:
        body.write_bytes(server.get(RANKING)[1])
        options = ("--constant", str(body))
        with (
            running(CONSTANT, *options, log=folder / "constant.log") as constant,
            running(CONSTANT, *options, "--logs", log=folder / "logs.log") as logging,
        ):
            check(server, constant, lake)
            bench = Bench(folder, server, constant, logging)
            for _ in range(rounds):
                bench.round()
            check(server, constant, lake)
    return bench.runs, bench.stalls


class Bench:
    """Rounds of runs, each of which loads all contenders in turn."""

    def __init__(self, folder: Path, server: Server, constant: Server, logging: Server) -> None:
        self.runs: Runs = {}
        self.stalls: list[Any] = []
        self._source = folder / "app.db"
        self._script = folder / "tell.lua"
        self._script.write_text(TELL)
        self._server, self._constant, self._logging = server, constant, logging

    def round(self) -> None:
        """All runs once."""
        self._constant_load("alone")
        self._ranking_load("alone")
        self._load("constant handler with an access log", "alone", self._logging, CONSTANT)
        tag = self._server.get(RANKING)[2]["etag"]
        self._load("ranking, known (304)", "alone", self._server, RANKING, f"If-None-Match: {tag}")
        for contender in (self._constant_load, self._ranking_load):
            change_every_price(self._source)
            with refreshing(self._server):
                contender("during a refresh")
        change_every_price(self._source)
        self.stalls.append(stalls(self._server, self._constant))

    def _constant_load(self, when: str) -> None:
        self._load("constant handler", when, self._constant, CONSTANT)

    def _ranking_load(self, when: str) -> None:
        self._load("ranking", when, self._server, RANKING)

    def _load(self, name: str, when: str, server: Server, path: str, *headers: str) -> None:
        found = load(server, path, self._script, *headers)
        self.runs.setdefault((name, when), []).append(found)


def table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table as Markdown has it."""
    lines = [columns, ("---",) + ("---:",) * (len(columns) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _load_rows(runs: Runs) -> list[tuple[str, ...]]:
    rows = []
    for (name, when), found in runs.items():
        floor = runs["constant handler", when]
        share = [100 * a.per_second / b.per_second for a, b in zip(found, floor, strict=True)]
        cpu = [100 * b.cpu / a.cpu for a, b in zip(found, floor, strict=True)]
        rows.append((
            f"{name}, {when}",
            _spread([run.per_second for run in found], 0),
            f"{statistics.median(share):.0f} %",
            f"{statistics.median(run.cpu for run in found):.0f}",
            f"{statistics.median(cpu):.0f} %",
            _spread([run.p50 for run in found], 1),
            _spread([run.p99 for run in found], 1),
        ))  # fmt: skip
    return rows


def _spread(values: list[float], digits: int) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def report(runs: Runs, found: list[Any], held: list[Footprint]) -> None:
    """All tables, as Markdown."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("fastapi", "uvicorn", "h11"))
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    console.write_data(
        f"Python {sys.version.split()[0]}, {libraries}; {CONNECTIONS} connections; "
        f"{os.cpu_count()} cores, load average {loads}\n"
    )
    columns = ("median (spread)", "requests/s", "of constant", "CPU µs each", "of constant by CPU",
               "p50 ms", "p99 ms")  # fmt: skip
    console.write_data(table(columns, _load_rows(runs)))
    rows = []
    for at, when in enumerate(("alone", "during a refresh")):
        ours, floor = zip(*(both[at] for both in found), strict=True)
        rows.append((when, _spread(list(ours), 1), _spread(list(floor), 1)))
    console.write_data(table(("longest stall, ms", "service", "constant handler"), rows))
    first = held[0].resident_mb
    rows = [
        (f.after, f"{f.resident_mb:.1f}", f"{100 * f.resident_mb / first - 100:+.1f} %",
         f"{f.cached_mb:.1f}", str(f.files), str(f.threads), str(f.versions))
        for f in held
    ]  # fmt: skip
    columns = ("after", "resident MB", "grown", "cached MB", "files", "threads", "versions")
    console.write_data(table(columns, rows))


def main(
    *,
    source: Annotated[Path | None, typer.Option(help="Database to export; it is copied.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of all runs.")] = 5,
    serve_at: Annotated[int | None, typer.Option("--serve", hidden=True)] = None,
    constant: Annotated[Path | None, typer.Option(hidden=True)] = None,
    logs: Annotated[bool, typer.Option("--logs", hidden=True)] = False,
) -> None:
    """Measure the service against a bare handler, alone and during refreshes, and its memory.

    Example: python -m tests.benchmarks.api --source data/demo.db --rounds 5
    """
    if serve_at is not None:
        serve(serve_at) if constant is None else serve_constant(serve_at, constant, logs=logs)
        return
    if shutil.which("wrk") is None:
        raise StockRankError("wrk is not installed; on Debian run apt-get install wrk")
    database = source or Settings.load().source
    with TemporaryDirectory(prefix="stockrank-bench-", dir=database.parent) as name:
        folder = Path(name)
        held = memory(folder)
        runs, found = measure(folder, database, rounds)
    report(runs, found, held)


if __name__ == "__main__":
    console.run(main)
