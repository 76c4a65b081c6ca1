"""Many dates at once are ranked as one date at a time."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.bars import silent
from pipelines.errors import StockRankError
from pipelines.lake.version import Lake
from pipelines.ranking import many
from pipelines.ranking.many import HISTORY_COLUMNS, Every, first_days, history
from pipelines.ranking.rank import rankings
from pipelines.sweep import task
from pipelines.sweep.history import write_history
from pipelines.universe import SWEDEN, Universe
from tests.examples import drawn
from tests.factories import Row, closes, frame_lake, snapshot, statement, stock
from tests.property.test_ranking import SMALL, D, markets

ORDER = ("as_of", "strategy", "rank", "ticker")


def at_once(lake: Any, dates: list[date], universe: Universe) -> pl.DataFrame:
    return pl.concat(
        plan.collect(engine="streaming") for plan in history(lake, dates=dates, universe=universe)
    )


def one_by_one(lake: Any, dates: list[date], universe: Universe) -> pl.DataFrame:
    plans = (rankings(lake, as_of=day, universe=universe).select(HISTORY_COLUMNS) for day in dates)
    return pl.concat([plan.collect(engine="streaming") for plan in plans]).sort(
        ORDER, nulls_last=True
    )


# Around the date of the market, its windows, and the ages after which something is missing.
steps = st.sampled_from([1, 2, 9, 10, 11, 28, 31, 92, 183, 365, 366, 550])


@given(
    market=markets(),
    back=st.lists(steps, min_size=1, max_size=5, unique=True),
    together=st.sampled_from([1, 15, 36_000]),
)
@drawn(4, 50)
def test_random_markets(market: Any, back: list[int], together: int) -> None:
    dates = sorted({D + timedelta(days=35 - n) for n in back} | {D})
    lake = frame_lake(*market)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "TOGETHER", together)
        found = at_once(lake, dates, SMALL)
    assert_frame_equal(found, one_by_one(lake, dates, SMALL), check_exact=True)


USUAL = {"2023-05-31": 40.0, "2023-11-30": 50.0, "2024-02-29": 80.0, "2024-05-31": 100.0}


@pytest.mark.parametrize(
    "rows",
    [
        # A vendor's score of another year does not stand in.
        [statement("A", "2018-12-31", "2019-04-01", piotroski_f_score=8),
         statement("A", "2023-12-31", "2024-04-01", number=2, gross_margin=0.4)],
        # Ratios of an older year than one that was known long ago do not count.
        [statement("A", "2023-12-31", "2023-01-02", dividend_yield=0.1),
         statement("A", "2022-12-31", "2024-03-01", number=2, dividend_yield=0.2)],
        # Eleven months and a half old.
        [snapshot("A", "2023-06-15", dividend_yield=0.1)],
        # Known on the day itself, and on the day after.
        [snapshot("A", "2024-05-31", dividend_yield=0.1)],
        [snapshot("A", "2024-06-01", dividend_yield=0.1)],
    ],
    ids=["old score", "superseded", "almost a year", "that day", "the next day"],
)  # fmt: skip
def test_what_counts_long_after_it_was_known(rows: list[Row]) -> None:
    lake = frame_lake([stock("A")], closes("A", USUAL), rows)
    dates = [D, D + timedelta(days=1)]
    one = one_by_one(lake, dates, SWEDEN)
    assert_frame_equal(at_once(lake, dates, SWEDEN), one, check_exact=True)


@pytest.fixture(scope="module")
def lake(demo_market: Path) -> Lake:
    return Lake(demo_market / "lake")


def test_every_quarter_of_the_demo_market(lake: Lake, tmp_path: Path) -> None:
    dates = first_days(lake, since=date(2022, 1, 1), every=Every.QUARTER)
    assert len(dates) == 20
    assert dates[0] == date(2022, 1, 3)
    out = tmp_path / "deep" / "history"
    done = write_history(lake, out, dates=dates, universe=SWEDEN, progress=silent)
    assert sorted(p.name for p in out.iterdir()) == [f"year={y}" for y in range(2022, 2027)]
    assert sorted(p.name for p in out.parent.iterdir()) == ["history"]
    files = pl.read_parquet(out, hive_partitioning=False).sort(ORDER, nulls_last=True)
    assert files.height == done.rows
    assert_frame_equal(files, one_by_one(lake, dates, SWEDEN), check_exact=True)


@pytest.mark.parametrize(
    ("every", "count", "second"),
    [(Every.DAY, 225, "2026-01-05"), (Every.WEEK, 47, "2026-01-05"),
     (Every.QUARTER, 4, "2026-04-01"), (Every.YEAR, 1, None)],
)  # fmt: skip
def test_the_first_day_with_prices_of_each_period(
    lake: Lake, every: Every, count: int, second: str | None
) -> None:
    found = first_days(lake, since=date(2026, 1, 1), every=every)
    assert len(found) == count
    assert [str(day) for day in found[1:2]] == ([second] if second else [])


def test_a_dataset_is_replaced_whole_or_not_at_all(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, day = tmp_path / "history", [date(2026, 11, 2)]
    write_history(lake, out, dates=day, universe=SWEDEN, progress=silent)
    before = {p: p.read_bytes() for p in out.rglob("*.parquet")}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setitem(task.WRITERS, task.Kind.HISTORY, full)
        with pytest.raises(StockRankError, match="No space left on device"):
            write_history(lake, out, dates=day, universe=SWEDEN, progress=silent)
    assert {p: p.read_bytes() for p in out.rglob("*.parquet")} == before
    assert [p.name for p in tmp_path.iterdir()] == ["history"]
    write_history(lake, out, dates=[date(2025, 11, 3)], universe=SWEDEN, progress=silent)
    assert [p.name for p in out.iterdir()] == ["year=2025"]
