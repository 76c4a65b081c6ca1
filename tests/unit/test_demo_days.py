"""A demo market that lives: each day is as an application would have written it."""

import shutil
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines import demo
from pipelines.demo_market import lived
from pipelines.errors import SourceError
from pipelines.lake import Lake
from tests.factories import database, stock


@pytest.fixture
def market(demo_market: Path, tmp_path: Path) -> Path:
    """A market of which 2026-11-20, a Friday, is the last day; to be written to."""
    return Path(shutil.copy(demo_market / "demo.db", tmp_path / "demo.db"))


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as con:
        return con.execute(sql).fetchall()


def tables(path: Path) -> list[list[tuple[Any, ...]]]:
    names = ("stocks", "daily_prices", "fundamentals", "fundamentals_snapshots", "index_prices")
    return [ask(path, f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in names]


def test_days_without_trade_have_no_closes_and_mondays_a_copy_of_the_ratios(market: Path) -> None:
    days = dict(lived(market, 4))
    assert list(days) == [date(2026, 11, day) for day in (21, 22, 23, 24)]
    closes = [done["closes"] for done in days.values()]
    assert closes[:2] == [0, 0]
    assert min(closes[2:]) > 80
    copies = ask(market, "SELECT count(*), min(pe) IS NULL FROM fundamentals_snapshots "
                         "WHERE snapshot_date = '2026-11-23'")  # fmt: skip
    assert copies == [(days[date(2026, 11, 23)]["snapshots"], 0)]
    assert ask(market, "SELECT max(date) FROM index_prices") == [("2026-11-24",)]


def test_each_stock_comes_to_one_row_that_is_fetched_anew_every_day(market: Path) -> None:
    before = ask(market, "SELECT count(*) FROM fundamentals")[0][0]
    list(lived(market, 1))
    after = ask(market, "SELECT count(*) FROM fundamentals")[0][0]
    assert before * 0.8 < after < before
    list(lived(market, 11))
    rows, tickers, oldest = ask(
        market, "SELECT count(*), count(DISTINCT ticker), min(fetched_date) FROM fundamentals"
    )[0]
    assert rows == tickers
    assert oldest == "2026-12-02"


def test_days_one_by_one_are_as_days_together(market: Path, tmp_path: Path) -> None:
    other = Path(shutil.copy(market, tmp_path / "other.db"))
    list(lived(market, 3))
    for _ in range(3):
        list(lived(other, 1))
    assert tables(market) == tables(other)


def test_the_command_refreshes_a_lake_after_each_day_as_if_on_it(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.main(out=market, days=3, root=tmp_path / "lake")
    lake = Lake(tmp_path / "lake")
    assert (lake.as_of, lake.observed_until) == (date(2026, 11, 23), date(2026, 11, 23))
    counts = lake.datasets["observed_fundamentals"].observed
    assert counts is not None
    assert counts.since == date(2026, 11, 21)
    assert "lived 3 days, to 2026-11-23" in capsys.readouterr().out


def test_only_a_demo_market_lives(tmp_path: Path) -> None:
    path = database(tmp_path / "app.db", stocks=[stock("AA")])
    with pytest.raises(SourceError, match="is no demo market"):
        demo.main(out=path, days=1)
