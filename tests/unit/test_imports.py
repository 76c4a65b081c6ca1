"""A process that serves rankings, or finds nothing to export, loads nothing that is not needed."""

import subprocess
import sys
from collections.abc import Set
from datetime import date
from pathlib import Path

import pytest

from pipelines.export import export
from pipelines.universe import SWEDEN
from tests.factories import change, database, stock, trading_year

HEAVY = {
    "pandas",
    "pyarrow",
    "connectorx",
    "dataframely",
    "exchange_calendars",
    "duckdb",
    "psycopg",
}
SERVICE_NEEDS_NOT = HEAVY | {
    "numpy",
    "xlsxwriter",
    "xxhash",
    "httpx2",
    "apscheduler",
    "dask",
    "distributed",
    "pipelines.sweep",
    "pipelines.source",
}
SERVING = ("lake.version", "lake.freshness", "ranking.rank", "settings", "rank")


def loaded_by(code: str, heavy: Set[str] = HEAVY) -> tuple[str, bytes]:
    """The heavy libraries that a fresh interpreter has loaded after some code, and its output."""
    tell = f"sys.stderr.write(' '.join(sorted(set(sys.modules) & {heavy})))"
    command = [sys.executable, "-c", f"import sys\n{code}\n{tell}"]
    result = subprocess.run(command, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode()
    return result.stderr.decode(), result.stdout


def test_importing_what_serving_needs() -> None:
    modules = ", ".join(f"pipelines.{module}" for module in SERVING)
    assert loaded_by(f"import {modules}") == ("", b"")


DAYS = {"published": "2024-05-31", "computed": "2024-05-30"}


def test_ranking_in_every_format(tmp_path: Path) -> None:
    source = database(
        tmp_path / "app.db",
        stocks=[stock("A B")],
        daily_prices=trading_year("A B", date(2024, 5, 31), growth=0.1),
    )
    export(source, tmp_path / "lake", SWEDEN)
    code = f"""
import contextlib, runpy
for day in {[*DAYS.values()]}:
    for form in ("table", "json", "csv", "parquet"):
        sys.argv = ["rank", "--lake", {str(tmp_path / "lake")!r}, "--as-of", day, "--top", "all"]
        sys.argv += ["--format", form]
        with contextlib.suppress(SystemExit):
            runpy.run_module("pipelines.rank", run_name="__main__")
        sys.stdout.flush()
"""
    loaded, output = loaded_by(code)
    assert loaded == ""
    assert output.count(b'"ticker":"A B"') == 8, "no JSON"
    for day in DAYS.values():
        assert output.count(f",{day},A B,".encode()) == 4, f"no CSV of {day}"
    assert output.count(b"PAR1") == 4, "no Parquet"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a database and a lake of it."""
    days = trading_year("A B", date(2024, 5, 31))
    source = database(tmp_path / "app.db", stocks=[stock("A B")], daily_prices=days)
    export(source, tmp_path / "lake", SWEDEN)
    return tmp_path


def loaded_by_export(place: Path) -> tuple[str, bytes]:
    words = ["export", "--source", str(place / "app.db"), "--lake", str(place / "lake")]
    return loaded_by(f"""
import contextlib, runpy
sys.argv = {words!r}
with contextlib.suppress(SystemExit):
    runpy.run_module("pipelines.export", run_name="__main__")
sys.stdout.flush()
""")


def test_an_export_of_an_unchanged_database_loads_nothing_that_reads_or_writes(place: Path) -> None:
    version = (place / "lake" / "current").readlink().name
    loaded, output = loaded_by_export(place)
    assert loaded == ""
    told = f"nothing was written to the database since version {version}, which stays"
    assert " ".join(output.decode().split()) == told


def test_an_export_of_a_changed_database_loads_them(place: Path) -> None:
    change(place / "app.db", "UPDATE stocks SET name = 'other'")
    loaded, output = loaded_by_export(place)
    assert loaded.splitlines()[-1].split() == ["connectorx", "dataframely", "pyarrow"]
    assert output.startswith(b"version ")


def test_a_service_that_answers(tmp_path: Path) -> None:
    source = database(
        tmp_path / "app.db",
        stocks=[stock("A B")],
        daily_prices=trading_year("A B", date(2024, 5, 31), growth=0.1),
    )
    export(source, tmp_path / "lake", SWEDEN)
    code = f"""
import asyncio
from app.main import create_app
from pipelines.settings import Settings

async def ask(app, path):
    sent = []
    async def receive():
        return {{"type": "http.request"}}
    async def send(message):
        sent.append(message)
    scope = {{"type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
             "root_path": "", "query_string": b"", "headers": [], "client": ("127.0.0.1", 1)}}
    await app(scope, receive, send)
    print(path, sent[0]["status"], sent[1]["body"].decode())

async def main():
    app = create_app(Settings(source={str(source)!r}, lake={str(tmp_path / "lake")!r}))
    async with app.router.lifespan_context(app):
        for path in ("/strategies/trendande_varde", "/health", "/data/integrity", "/metrics"):
            await ask(app, path)

asyncio.run(main())
"""
    loaded, output = loaded_by(code, SERVICE_NEEDS_NOT)
    told = output.decode()
    assert [line.split()[1] for line in told.splitlines() if line.startswith("/")] == ["200"] * 4
    assert '"database":"connected"' in told
    assert loaded.rpartition("\n")[2] == ""  # after the log
