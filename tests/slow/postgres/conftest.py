"""A PostgreSQL server with a small market, and the lake of it."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.demo_market import make_market, pour
from pipelines.lake import Lake, current_id, layout
from pipelines.place import Postgres, place
from pipelines.refresh import export
from pipelines.universe import SWEDEN
from tests.postgres_server import Server, absent, server

NEEDS_A_SERVER: Final = [
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


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    with server() as one:
        yield one


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small market with rows that cannot be used, in SQLite."""
    path = tmp_path_factory.mktemp("market") / "demo.db"
    make_market(path, stocks=24, years=2, end=END, plants=True)
    with closing(sqlite3.connect(path)) as con, con:
        for statement in ODD:
            assert con.execute(statement).rowcount > 0, statement
    return path


@pytest.fixture(scope="session")
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

    What was observed, and so the rankings and how rows are divided among files, may not be, where
    one of them saw an earlier state too.
    """
    assert one.datasets.keys() == other.datasets.keys()
    for name, entry in one.datasets.items():
        if not observed and name in ("observed_fundamentals", "observed_stocks", "rankings"):
            continue
        assert_frame_equal(
            rows(one, name), rows(other, name), check_exact=True, check_row_order=observed
        )
        assert_frame_equal(rejects(one, name), rejects(other, name))
        twin = other.datasets[name]
        assert (entry.rejected, entry.warnings) == (twin.rejected, twin.warnings)
        assert (entry.rows_in, entry.source_years) == (twin.rows_in, twin.source_years)
