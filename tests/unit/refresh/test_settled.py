"""Files of closes beside ratios that stay: whatever is edited, they are those of a full refresh."""

import random
import shutil
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.lake import Lake
from pipelines.refresh import export, ratio_prices
from pipelines.refresh.sort import Buckets
from pipelines.universe import SWEDEN
from tests.bare import bare
from tests.factories import change, closes, database, stock

YEARS = range(2018, 2025)
ROUNDS = 8
EDITS = (
    "UPDATE daily_prices SET close = close * 1.01 WHERE date = '{day}'",
    "DELETE FROM daily_prices WHERE date = '{day}'",
    # A run of jumps that reverts, which may last into another year.
    "UPDATE daily_prices SET close = close * 10 WHERE ticker = 'A' AND date BETWEEN '{day}' AND "
    "date('{day}', '+40 days')",
    "UPDATE fundamentals_snapshots SET pe = pe + 1 WHERE snapshot_date = '{day}'",
    "DELETE FROM fundamentals_snapshots WHERE ticker = 'B' AND snapshot_date = '{day}'",
    "UPDATE fundamentals_snapshots SET snapshot_date = '{other}' WHERE ticker = 'A' "
    "AND snapshot_date = '{day}'",
    # Of a day that is known long after it, and of one that is known at once.
    "INSERT INTO fundamentals (ticker, fiscal_date, fetched_date, pe, data_source) "
    "VALUES ('A', '{day}', '2024-12-20', 9, 'statements')",
    "INSERT INTO fundamentals (ticker, fetched_date, pe, data_source) "
    "VALUES ('B', '{other}', 9, 'avanza')",
    # Of which the second of a week waits.
    "UPDATE fundamentals SET fetched_date = '{day}', pe = pe + 1 WHERE data_source = 'avanza'",
    "DELETE FROM fundamentals",
)  # fmt: skip


def mondays() -> list[date]:
    first = date(YEARS[0], 1, 1)
    return [first + timedelta(days=n) for n in range(0, 365 * len(YEARS), 14)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A market of which each year has pages of its own, and files of its own in a version."""
    days = mondays()
    prices = [row for n, day in enumerate(days) for row in (
        *closes("A", {str(day): 100.0 + n % 7}), *closes("B", {str(day): 50.0 + n % 5})
    )]  # fmt: skip
    known = [{"ticker": t, "snapshot_date": str(day), "pe": 10.0} for day in days for t in "AB"]
    made = database(
        tmp_path / "app.db", stocks=[stock("A"), stock("B")], daily_prices=prices, fundamentals=[],
        fundamentals_snapshots=known,
    )  # fmt: skip
    with closing(sqlite3.connect(made)) as con:
        con.executescript("PRAGMA page_size = 512; VACUUM")
    return made


def exported(source: Path, lake: Path, *, full: bool = False) -> Lake:
    with bare():
        export(source, lake, SWEDEN, full=full, force=full)
    return Lake(lake)


def made_of(lake: Lake) -> list[tuple[int | None, int | None, str]]:
    """The files, with their hashes."""
    return [(f.first_year, f.year, f.sha256) for f in lake.datasets["ratio_prices"].files]


@pytest.mark.slow
def test_files_that_stay_are_those_of_a_full_refresh(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratio_prices, "STRETCH_ROWS", 60)
    spans = Buckets.spans
    monkeypatch.setattr(Buckets, "spans", lambda self, _: spans(self, 1))
    stayed: list[int] = []
    settled = ratio_prices.settled

    def counted(*of: object) -> object:
        files = settled(*of)  # type: ignore[arg-type]
        stayed.append(len(files))
        return files

    monkeypatch.setattr(ratio_prices, "settled", counted)
    chance, lake, other = random.Random(7), tmp_path / "lake", tmp_path / "other"
    exported(source, lake)
    for _ in range(ROUNDS):
        edits = chance.sample(EDITS, chance.choice((1, 1, 2)))
        day, another = (chance.choice(mondays()[40:]) for _ in range(2))
        change(source, *(edit.format(day=day, other=another) for edit in edits))
        shutil.copytree(lake, other, symlinks=True)
        whole = exported(source, other, full=True)
        assert made_of(exported(source, lake)) == made_of(whole), (edits, day, another)
        shutil.rmtree(other)
    assert len({n for n in stayed if n}) > 1, stayed


@pytest.mark.parametrize("year", [2016, 2020])
def test_ratios_of_a_year_that_had_none_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, year: int
) -> None:
    spans = Buckets.spans
    monkeypatch.setattr(Buckets, "spans", lambda self, _: spans(self, 1))
    monkeypatch.setattr(ratio_prices, "STRETCH_ROWS", 1)
    prices = closes("A", {f"{one}-06-03": 1.0 + one for one in range(2015, 2025)})
    known = [
        {"ticker": "A", "snapshot_date": f"{one}-06-04", "pe": 10.0} for one in (2018, 2022, 2024)
    ]
    source = database(
        tmp_path / "app.db", stocks=[stock("A")], daily_prices=prices, fundamentals=[],
        fundamentals_snapshots=known,
    )  # fmt: skip
    exported(source, tmp_path / "lake")
    change(source, "INSERT INTO fundamentals_snapshots (ticker, snapshot_date, pe) "
                   f"VALUES ('A', '{year}-06-04', 10.0)")  # fmt: skip
    made = exported(source, tmp_path / "lake")
    rows = made.ratio_prices().collect().rows()
    assert {day.year: close for _, day, close, _ in rows} == {
        one: 1.0 + one for one in (2018, 2022, 2024, year)
    }
