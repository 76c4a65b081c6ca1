"""A refresh from a real PostgreSQL server: the same as from SQLite, in one snapshot, by year."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from fastapi.testclient import TestClient
from polars.testing import assert_frame_equal

from app.main import create_app
from pipelines.demo_market import make_market, pour
from pipelines.errors import SourceError
from pipelines.lake import Lake, current_id, layout
from pipelines.place import Postgres, place
from pipelines.refresh import export, verify_against_source
from pipelines.settings import Settings
from pipelines.source import opened, remote_table
from pipelines.universe import SWEDEN
from tests.postgres_server import PASSWORD, USER, Server, absent, server

pytest.importorskip("psycopg", reason="psycopg is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("postgres"),
    pytest.mark.skipif(absent() is not None, reason=str(absent())),
]

END: Final = date(2026, 11, 20)
ODD: Final = (
    # A second row of a key by another spelling, no price, a day to come, no range, no ticker.
    "INSERT INTO daily_prices (ticker, date, close) SELECT ' ' || ticker, date, close "
    "FROM daily_prices WHERE date = '2025-03-03'",
    "UPDATE daily_prices SET close = -1 WHERE date = '2024-05-02'",
    "INSERT INTO daily_prices (ticker, date, close) SELECT ticker, '2026-12-24', 5.0 FROM stocks",
    "UPDATE daily_prices SET high = 0.5 WHERE date = '2024-06-03'",
    "UPDATE daily_prices SET volume = -7.5 WHERE date = '2024-06-04'",
    "UPDATE fundamentals SET ticker = NULL WHERE id = 3",
    "UPDATE fundamentals SET piotroski_f_score = 12 WHERE id = 4",
    "UPDATE fx_rates SET rate = 0.0 WHERE date = '2025-03-03'",
)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server() as one:
        yield one


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small market with rows that cannot be used, in SQLite."""
    path = tmp_path_factory.mktemp("market") / "demo.db"
    make_market(path, stocks=24, years=2, end=END, plants=True)
    with closing(sqlite3.connect(path)) as con, con:
        for statement in ODD:
            assert con.execute(statement).rowcount > 0, statement
    return path


@pytest.fixture(scope="module")
def first(running: Server, market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of the same market in PostgreSQL; other tests copy both."""
    running.run("postgres", "CREATE DATABASE market")
    pour(market, Postgres(running.url("market")))
    root = tmp_path_factory.mktemp("first") / "lake"
    refresh(running.url("market"), root)
    return root


@pytest.fixture
def url(running: Server, first: Path) -> Iterator[str]:  # noqa: ARG001 - the database is filled
    """The address of a copy of the market."""
    running.run("postgres", "CREATE DATABASE own TEMPLATE market")
    yield running.url("own")
    running.run("postgres", "DROP DATABASE own WITH (FORCE)")


@pytest.fixture
def root(first: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first, tmp_path / "lake", symlinks=True))


def refresh(where: str | Path, root: Path, **how: Any) -> Lake:
    export(place(where), root, SWEDEN, today=END, **how)
    return Lake(root, current_id(root))


def rows(lake: Lake, dataset: str) -> pl.DataFrame:
    files = (lake.path / file.path for file in lake.datasets[dataset].files)
    return pl.concat(pl.read_parquet(f, glob=False, hive_partitioning=False) for f in files)


def rejects(lake: Lake, dataset: str) -> pl.DataFrame:
    path = lake.path / layout.rejects(dataset)
    if not path.exists():
        return pl.DataFrame()
    frame = pl.read_parquet(path, glob=False).drop("rowid")
    return frame.sort(frame.columns)


def assert_same(one: Lake, other: Lake, *, observed: bool = True) -> None:
    """Every row, rejected row, reason and count of two versions is the same.

    What was observed, and so the rankings, may not be, where one of them saw an earlier state too.
    """
    assert one.datasets.keys() == other.datasets.keys()
    for name, entry in one.datasets.items():
        if not observed and name in ("observed_fundamentals", "observed_stocks", "rankings"):
            continue
        assert_frame_equal(rows(one, name), rows(other, name), check_exact=True)
        assert_frame_equal(rejects(one, name), rejects(other, name))
        twin = other.datasets[name]
        assert (entry.rejected, entry.warnings) == (twin.rejected, twin.warnings)
        assert (entry.rows_in, entry.source_years) == (twin.rows_in, twin.source_years)


# ---------------------------------------------------------------------------- the same market


def test_rows_and_rejects_are_those_of_the_same_market_in_sqlite(
    first: Path, market: Path, tmp_path: Path
) -> None:
    remote, local = Lake(first, current_id(first)), refresh(market, tmp_path / "lake")
    assert_same(remote, local)
    lost = {name: entry.rejected for name, entry in remote.datasets.items() if entry.rejected}
    assert {"prices", "fundamentals", "fx_rates"} <= lost.keys()
    assert {"duplicate_key", "future_date"} <= lost["prices"].keys()
    of_prices = pl.read_parquet(remote.path / layout.rejects("prices"), glob=False)
    assert of_prices["rowid"].is_null().all(), "a row is named by its key"
    assert remote.manifest.demo


def test_a_version_is_compared_with_the_database_value_by_value(
    running: Server, url: str, root: Path
) -> None:
    assert verify_against_source(Lake(root), Postgres(url)).problems == []
    running.run("own", "UPDATE daily_prices SET close = close * 1.01 WHERE date = '2025-03-04'")
    found = verify_against_source(Lake(root), Postgres(url)).problems
    assert found[0] == "the database was written to since the version was made"
    assert "prices.close differs from the database" in found


def test_other_types_partitions_and_heirs_are_read_alike(
    running: Server, url: str, first: Path, tmp_path: Path
) -> None:
    running.run(
        "own",
        "ALTER TABLE daily_prices RENAME TO old",
        "CREATE TABLE daily_prices (ticker text, date date, open float8, close float8, high float8,"
        " low float8, volume float8, more jsonb) PARTITION BY RANGE (date)",
        "CREATE TABLE early PARTITION OF daily_prices FOR VALUES FROM (MINVALUE) TO ('2025-07-01')",
        "CREATE TABLE late PARTITION OF daily_prices FOR VALUES FROM ('2025-07-01') TO (MAXVALUE)",
        "INSERT INTO daily_prices SELECT * FROM old",
        "ALTER TABLE stocks ALTER last_updated TYPE timestamptz USING last_updated AT TIME ZONE "
        "'UTC', ALTER last_validated TYPE text, ALTER ticker TYPE char(20)",
        "ALTER TABLE fundamentals ALTER fetched_date TYPE timestamp, ALTER id TYPE bigint",
        "ALTER TABLE fundamentals RENAME TO statements",
        "CREATE TABLE fundamentals () INHERITS (statements)",
    )
    before = Lake(first, current_id(first))
    now = refresh(url, tmp_path / "lake")
    # The heir has none of the rows, which are all in the table that it is an heir of.
    assert now.datasets["fundamentals"].rows < before.datasets["fundamentals"].rows
    for name in ("prices", "stocks", "splits", "jumps"):
        assert_frame_equal(rows(now, name), rows(before, name), check_exact=True)
        assert_frame_equal(rejects(now, name), rejects(before, name))


# ------------------------------------------------------------------------------- one snapshot


def test_rows_that_are_committed_meanwhile_are_in_no_table(
    running: Server, url: str, first: Path, tmp_path: Path
) -> None:
    written: list[str] = []

    def write(name: str, done: int, total: int | None = None) -> None:  # noqa: ARG001
        if name == "daily_prices" and not written:
            written.append(name)
            running.run(
                "own",
                "UPDATE daily_prices SET close = close * 2",
                "DELETE FROM fundamentals WHERE id % 2 = 0",
                "INSERT INTO stocks (ticker, name, market) VALUES ('NEW', 'N', 'first_north')",
                "UPDATE fx_rates SET rate = rate * 2",
            )

    meanwhile = refresh(url, tmp_path / "lake", progress=write)
    assert written
    assert_same(meanwhile, Lake(first, current_id(first)))
    after = refresh(url, tmp_path / "lake", force=True)
    assert after.datasets["stocks"].rows == meanwhile.datasets["stocks"].rows + 1
    assert after.datasets["fundamentals"].rows < meanwhile.datasets["fundamentals"].rows


# ------------------------------------------------------------------------------------ by year


@pytest.mark.parametrize(
    ("statement", "years"),
    [
        ("UPDATE daily_prices SET volume = volume + 1 WHERE ctid = (SELECT min(ctid) FROM "
         "daily_prices WHERE date BETWEEN '2025-02-01' AND '2025-02-28')", {2025}),
        ("DELETE FROM daily_prices WHERE ctid = (SELECT min(ctid) FROM daily_prices "
         "WHERE date BETWEEN '2024-02-01' AND '2024-02-28')", {2024}),
        ("INSERT INTO daily_prices (ticker, date, close) SELECT min(ticker), '2026-11-21', 9.5 "
         "FROM stocks", {2026}),
        ("UPDATE daily_prices SET date = '2026-11-22' WHERE ctid = (SELECT min(ctid) FROM "
         "daily_prices WHERE date BETWEEN '2024-08-01' AND '2024-08-31')", {2024, 2026}),
        ("UPDATE fundamentals SET pe = 11 WHERE id = 5", set()),
    ],
)  # fmt: skip
def test_only_the_years_that_changed_are_read_again(  # noqa: PLR0913, PLR0917
    running: Server, url: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    statement: str, years: set[int],
) -> None:  # fmt: skip
    before = Lake(root)
    running.run("own", statement, "VACUUM FULL daily_prices")
    read: list[pl.DataFrame] = []

    def spy(stream: Any) -> Iterator[Any]:
        for batch in stream:
            read.append(pl.DataFrame(batch))
            yield batch

    monkeypatch.setattr(remote_table, "quietly", spy)
    now = refresh(url, root)
    of_prices = [frame["date"] for frame in read if "volume" in frame.columns]
    found = {int(day[:4]) for days in of_prices for day in days}
    assert found == years
    linked = {
        file.year
        for file in now.datasets["prices"].files
        if (now.path / file.path).samefile(before.path / file.path)
    }
    assert linked == {2024, 2025, 2026} - years
    assert_same(now, refresh(url, tmp_path / "anew"), observed=False)
    assert refresh(url, root).version == now.version, "nothing was written since"


def test_rows_that_change_places_in_a_column_are_a_change(running: Server, url: str) -> None:
    moved = (
        "WITH two AS (SELECT ticker, close FROM daily_prices WHERE date = '{day}' AND ticker IN "
        "(SELECT ticker FROM stocks ORDER BY ticker LIMIT 2)) UPDATE daily_prices p "
        "SET close = other.close FROM two, two AS other WHERE p.date = '{day}' "
        "AND p.ticker = two.ticker AND other.ticker <> two.ticker"
    )
    states = []
    for day in ("2025-01-02", *(f"2025-03-{n:02}" for n in range(10, 15))):
        running.run("own", moved.format(day=day))
        with opened(place(url)) as source:
            states.append(source.fingerprint().header)
    assert len(set(states)) == len(states)


def test_a_lake_goes_on_from_sqlite_to_postgresql_and_back(
    url: str, market: Path, tmp_path: Path
) -> None:
    versions = [refresh(where, tmp_path / "lake") for where in (market, url, market)]
    assert len({lake.version for lake in versions}) == 3
    assert_same(versions[0], versions[2])


# -------------------------------------------------------------------------------------- traps

TRAPS: Final = {
    "C17 numeric": ("ALTER TABLE fundamentals ALTER pe TYPE numeric",),
    "C18 infinity": (
        "UPDATE daily_prices SET date = 'infinity' WHERE ctid = '(0,1)'",
    ),
    "C18 before Christ": (
        "UPDATE fx_rates SET date = '0044-03-15 BC' WHERE ctid = '(0,1)'",
    ),
    "C19 money": ("ALTER TABLE fundamentals ALTER pb TYPE money USING pb::numeric::money",),
    "a view": ("ALTER TABLE splits RENAME TO s", "CREATE VIEW splits AS SELECT * FROM s"),
    "a lost table": ("DROP TABLE fundamentals",),
}  # fmt: skip
TOLD: Final = {
    "C17 numeric": "fundamentals.pe is numeric; make it double precision (ALTER TABLE public.",
    "C18 infinity": "daily_prices.date has 1 days before the year 1 or after 9999, such as inf",
    "C18 before Christ": "fx_rates.date has 1 days before the year 1 or after 9999, such as ",
    "C19 money": "fundamentals.pb is money; make it double precision (ALTER TABLE public.fund",
    "a view": "public.splits is a view, whose rows have no place; make a materialized view",
    "a lost table": "the database has no table fundamentals; see ",
}


def refused(where: str, root: Path, **how: Any) -> str:
    """The error of a refresh, which comes soon, with nothing published."""
    before, start = current_id(root), time.monotonic()
    with pytest.raises(SourceError) as caught:
        refresh(where, root, **how)
    assert time.monotonic() - start < 10
    assert current_id(root) == before
    assert list(layout.leftovers(root)) == []
    told = str(caught.value)
    assert "\n" not in told
    assert not any(secret in told for secret in (PASSWORD, USER, "127.0.0.1", "falsch"))
    return told


@pytest.mark.parametrize("trap", TOLD)
def test_what_cannot_be_read_is_told_before_anything_is_read(
    running: Server, url: str, root: Path, trap: str
) -> None:
    running.run("own", *TRAPS[trap])
    assert refused(url, root).startswith(TOLD[trap])


def test_a_server_that_cannot_be_asked(running: Server, root: Path) -> None:
    told = refused(running.url("market", password="falsch"), root)
    assert told.startswith(
        'cannot connect to postgresql://…/market: password authentication failed for user "…"; '
    )
    told = refused(running.url("nix"), root)
    assert told.startswith('cannot connect to postgresql://…/nix: database "nix" does not exist; ')
    told = refused(running.url("market").replace(f":{running.port}/", ":1/"), root)
    assert "Connection refused; start the server, or correct the host and the port" in told


@pytest.mark.usefixtures("url")
def test_a_role_with_too_few_connections(running: Server, root: Path) -> None:
    running.run(
        "own", "CREATE ROLE lone LOGIN CONNECTION LIMIT 1 PASSWORD 'falsch'",
        "GRANT pg_read_all_data TO lone",
    )  # fmt: skip
    told = refused(running.url("own", user="lone", password="falsch"), root)
    assert told == (
        'cannot connect to postgresql://…/own: too many connections for role "…"; '
        "let the role have two connections at a time"
    )


def reading(then: Callable[[], object]) -> Callable[..., None]:
    """A progress that does something once, as soon as prices are being read."""
    done: list[object] = []

    def progress(name: str, *_: object) -> None:
        if name == "daily_prices" and not done:
            done.append(then())

    return progress


KILL: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'own' AND pid <> "
    "pg_backend_pid()"
)


def test_a_session_that_is_killed(
    running: Server, url: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_table, "STRETCH_VALUES", 8_000)
    told = refused(url, root, full=True, progress=reading(lambda: running.run("own", KILL)))
    assert told.startswith(
        "cannot read postgresql://…/own: terminating connection due to administrator command; "
    )


def test_a_read_that_takes_too_long(
    running: Server, url: str, root: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    place_of = remote_table.NUMBER
    # The read sleeps in the server until it is ended; the session goes on.
    monkeypatch.setattr(remote_table, "NUMBER", f"(SELECT 0 FROM pg_sleep(8)) + {place_of}")
    monkeypatch.setattr(remote_table.RemoteTable, "stretches", lambda *_: iter([(0, 1)]))
    running.run("own", f"ALTER ROLE \"{USER}\" IN DATABASE own SET statement_timeout = '700ms'")
    told = refused(url, root, full=True)
    assert told.startswith("the server ended the read of daily_prices: "), told
    assert "statement timeout" in told
    assert "panicked" not in capfd.readouterr().err


def test_no_table_of_another_database_is_replaced(running: Server, market: Path, url: str) -> None:
    running.run("own", "DROP TABLE stocks")
    with pytest.raises(SourceError, match=r"has a table \w+ that is of no demo market"):
        pour(market, Postgres(url))
    running.run("own", "SELECT FROM daily_prices")


# ------------------------------------------------------------------------------------ secrets


def test_no_output_shows_the_address(
    running: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "lake"
    env = {k: v for k, v in os.environ.items() if not k.startswith("STOCKRANK_")}

    def command(*words: str, source: str = url) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *words], env={**env, "STOCKRANK_SOURCE": source},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return f"{done.returncode} {done.stdout}{done.stderr}"

    lake = ["--lake", str(root)]
    outputs = {
        "0": command("pipelines.export", *lake, "--no-backtests", "--log-format", "json"),
        "1": command("pipelines.export", *lake, source=running.url("own", password="falsch")),
    }
    for code, output in outputs.items():
        assert output.startswith(f"{code} "), output
    monkeypatch.setenv("STOCKRANK_SOURCE", url)
    app, here = create_app(Settings(lake=root)), "http://127.0.0.1:8000"
    with TestClient(app, base_url=here, client=("127.0.0.1", 50000)) as client:
        health = client.get("/v1/health").text
        assert '"connected"' in health
        running.run("own", "UPDATE daily_prices SET close = close * 1.1 WHERE date = '2026-11-19'")
        synced = client.post("/v1/data/sync-now?wait=true")
        assert synced.status_code == 200, synced.text
        running.run("postgres", "ALTER DATABASE own RENAME TO away")
        gone = client.get("/v1/health").text
        running.run("postgres", "ALTER DATABASE away RENAME TO own")
        pages = [
            client.get(path).text
            for path in ("/metrics", "/v1/data/sync-history", "/v1/data/integrity")
        ]
    assert "error: the source database cannot be read" in gone
    kept = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    everything = "".join([*outputs.values(), health, synced.text, gone, *pages]).encode()
    for secret in (PASSWORD, "geheim%2FWort", "falsch", USER, str(running.port)):
        assert not any(secret.encode() in text for text in (everything, *kept)), secret
