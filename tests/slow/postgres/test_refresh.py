"""A refresh from a real PostgreSQL server: the same as from SQLite, in one snapshot, by year."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient
from polars.testing import assert_frame_equal

from app.main import create_app
from pipelines.lake import Lake, current_id, layout
from pipelines.place import Postgres, place
from pipelines.refresh import verify_against_source
from pipelines.settings import Settings
from pipelines.source import opened, remote_table
from tests.postgres_server import PASSWORD, USER, Server
from tests.slow.postgres.conftest import NEEDS_A_SERVER, assert_same, refresh, rejects, rows

pytest.importorskip("psycopg", reason="psycopg is not installed")
pytestmark = NEEDS_A_SERVER


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
