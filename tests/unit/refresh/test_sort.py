"""Rows that wait by year: what goes in comes out, sorted, whether it went over the disk or not."""

import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal
from pyarrow.parquet import ParquetFile

from pipelines.export import export
from pipelines.lake.version import Lake
from pipelines.refresh.sort import Buckets, Names
from pipelines.universe import SWEDEN
from tests.examples import drawn
from tests.factories import database, stock, trading_year

SCHEMA = pl.Schema(
    {"ticker": pl.String, "date": pl.Date, "close": pl.Float32, "volume": pl.UInt32,
     "rowid_": pl.Int64}
)  # fmt: skip
Quote = tuple[str, date, float | None]


def frame(*quotes: Quote, first: int = 0) -> pl.DataFrame:
    """Rows numbered from `first`."""
    rows = [(*quote, None, first + n) for n, quote in enumerate(quotes)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def filled(folder: Path, *batches: pl.DataFrame) -> Buckets:
    buckets = Buckets(folder, name="ticker", day="date")
    for batch in batches:
        buckets.add(batch)
    return buckets


def taken(buckets: Buckets) -> dict[int, pl.DataFrame]:
    return {y: pl.concat(buckets.take(y)).select(*SCHEMA) for (y,) in buckets.spans()}


def sorted_years(rows: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """The same in one go: by name and day, and rows with one name and day as they arrived."""
    rows = rows.sort("ticker", "date", "rowid_").with_columns(year=pl.col("date").dt.year())
    years = rows.partition_by("year", as_dict=True, include_key=False)
    return {year: years[year,] for (year,) in sorted(years)}


# ------------------------------------------------------------------------------------- names


def test_names_get_numbers_in_order_of_arrival() -> None:
    names = Names()
    codes = [names.encode(pl.Series(batch)).to_list() for batch in (["B", "A", "B"], ["C", "A"])]
    assert codes == [[0, 1, 0], [2, 1]]


def test_names_are_decoded_and_ordered_by_their_bytes() -> None:
    names = Names()
    codes = names.encode(pl.Series(["b", "Å", "A B", "A", "B", "\0", "a"]))
    expected = pl.Series(["b", "Å", "A B", "A", "B", "\0", "a"])
    assert_series_equal(names.decode(codes), expected, check_names=False)
    ordered = names.decode(names.order()).to_list()
    assert ordered == sorted(["b", "Å", "A B", "A", "B", "\0", "a"])


# ----------------------------------------------------------------------------------- buckets

ROWS: list[Quote] = [
    ("B", date(2024, 1, 2), 1.0), ("A", date(2024, 1, 3), 2.0), ("A", date(2023, 1, 3), None),
    ("A", date(2024, 1, 2), 4.0), ("Ö", date(1969, 12, 31), 5.0), ("A", date(2024, 1, 2), 6.0),
    ("A", date(1900, 1, 1), 7.0), ("A", date(2100, 12, 31), 8.0),
]  # fmt: skip


@pytest.mark.parametrize("held", [0, 200, 10**9])
@pytest.mark.parametrize("portion", [1, 2000, 10**9])
def test_rows_come_out_by_year_sorted_by_name_day_and_arrival(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int, portion: int
) -> None:
    monkeypatch.setattr("pipelines.refresh.sort.HELD_BYTES", held)
    monkeypatch.setattr("pipelines.refresh.sort.PORTION_BYTES", portion)
    batches = [frame(row, first=n) for n, row in enumerate(ROWS)]
    buckets = filled(tmp_path, *batches)
    assert buckets.spans() == [(1900,), (1969,), (2023,), (2024,), (2100,)]
    ours, expected = taken(buckets), sorted_years(pl.concat(batches))
    assert ours.keys() == expected.keys()
    for year, rows in ours.items():
        assert_frame_equal(rows, expected[year])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("held", [0, 10**9])
@pytest.mark.parametrize("portion", [1, 10**9])
def test_years_with_few_rows_come_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int, portion: int
) -> None:
    monkeypatch.setattr("pipelines.refresh.sort.HELD_BYTES", held)
    monkeypatch.setattr("pipelines.refresh.sort.PORTION_BYTES", portion)
    rows = frame(*ROWS)
    buckets = filled(tmp_path, rows)
    assert buckets.spans(4) == [(1900, 1969, 2023, 2024), (2100,)]
    assert buckets.spans(3) == [(1900, 1969, 2023), (2024,), (2100,)]
    old = pl.concat(buckets.take(1900, 1969, 2023)).select(*SCHEMA)
    is_old = pl.col("date") < date(2024, 1, 1)
    assert_frame_equal(old, rows.filter(is_old).sort("ticker", "date", "rowid_"))


def test_a_large_year_comes_in_portions_of_whole_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.refresh.sort.PORTION_BYTES", 8_000)
    monkeypatch.setattr("pipelines.refresh.sort.HELD_BYTES", 4_000)
    days = [date(2024, 1, 1 + n) for n in range(30)]
    # By day, so that every stretch has all names; half the alphabet hardly has rows.
    rare, common = [f"A{n}" for n in range(40)], [f"B{n:02}" for n in range(40)]
    rows = [(name, day, 1.0) for day in days for name in common] + [
        (name, days[0], 1.0) for name in rare
    ]
    buckets = filled(tmp_path, frame(*rows[::2]), frame(*rows[1::2]))
    assert buckets.spans() == [(2024,)]
    portions = list(buckets.take(2024))
    assert len(portions) > 3
    assert max(p.height for p in portions) < 1.5 * len(rows) / len(portions)
    names = [name for p in portions for name in p["ticker"].unique(maintain_order=True)]
    assert names == sorted(set(rare + common))
    assert sum(p.height for p in portions) == len(rows)


quotes = st.tuples(
    st.text(alphabet="AB \0Åö-", min_size=1, max_size=3),
    st.dates(date(1900, 1, 1), date(2100, 12, 31)) | st.dates(date(2024, 1, 1), date(2024, 1, 3)),
    st.none() | st.floats(width=32, min_value=0.125),
)


@given(
    batches=st.lists(st.lists(quotes, max_size=5), max_size=5),
    held=st.integers(0, 400),
    portion=st.integers(1, 4000),
)
@drawn(30, 100, suppress_health_check=[HealthCheck.too_slow])
def test_spilling_and_dividing_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Quote]], held: int, portion: int
) -> None:
    frames = [frame(*batch, first=10 * n) for n, batch in enumerate(batches)]
    folder = tmp_path_factory.mktemp("spills")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.refresh.sort.HELD_BYTES", held)
        patch.setattr("pipelines.refresh.sort.PORTION_BYTES", portion)
        ours = taken(filled(folder, *frames))
    expected = sorted_years(pl.concat([SCHEMA.to_frame(), *frames]))
    assert ours.keys() == expected.keys()
    for year, rows in ours.items():
        assert_frame_equal(rows, expected[year])


def test_many_rows_of_one_day_stay_in_order_of_arrival(tmp_path: Path) -> None:
    rows = frame(*[("ABC"[n % 3], date(2024, 1, 1 + n % 2), float(n)) for n in range(30_000)])
    assert_frame_equal(taken(filled(tmp_path, rows))[2024], sorted_years(rows)[2024])


def test_a_batch_without_rows_is_nothing(tmp_path: Path) -> None:
    buckets = filled(tmp_path, SCHEMA.to_frame(), frame(ROWS[0]), SCHEMA.to_frame())
    assert [rows.height for rows in taken(buckets).values()] == [1]


def test_buckets_begin_anew_where_others_were_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.refresh.sort.HELD_BYTES", 0)
    given_up = filled(tmp_path, frame(*ROWS), frame(*ROWS))
    buckets = filled(tmp_path, frame(ROWS[0], first=7))
    del given_up
    buckets.add(frame(ROWS[1], first=8))
    assert [rows["rowid_"].to_list() for rows in taken(buckets).values()] == [[8, 7]]


# ------------------------------------------------------------------------------------- files


def test_portions_leave_no_trace_in_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"T{n:02} B" for n in range(9)]
    year = [row for name in names for row in trading_year(name, date(2024, 5, 31), growth=0.1)]
    for row in year[::3]:
        row |= {"open": None, "high": None, "low": None, "volume": None}
    again = [{**row, "ticker": row["ticker"].replace(" ", "-"), "close": 7.5} for row in year[::5]]
    source = database(
        tmp_path / "app.db",
        stocks=[stock(name) for name in names],
        daily_prices=[*year, *again],
        fundamentals=[{"ticker": n, "fiscal_date": "2023-12-31", "pe": 5.0} for n in names],
    )
    monkeypatch.setattr("pipelines.refresh.files.GROUP_VALUES", 7 * 100)
    whole = export(source, tmp_path / "whole", SWEDEN)
    monkeypatch.setattr("pipelines.refresh.sort.HELD_BYTES", 0)
    spilled = export(source, tmp_path / "spilled", SWEDEN)
    assert spilled.datasets == whole.datasets
    monkeypatch.setattr("pipelines.refresh.sort.PORTION_BYTES", 3000)
    divided = export(source, tmp_path / "divided", SWEDEN)
    assert divided.datasets == whole.datasets
    assert whole.datasets["prices"].rejected == {"duplicate_key": len(again)}
    counted = pl.read_parquet(Lake(tmp_path / "divided").path / "prices").null_count().row(0)
    nulls = Counter[str]()
    for file in divided.datasets["prices"].files:
        nulls.update(file.nulls)
    assert tuple(nulls[c] for c in divided.datasets["prices"].schema) == counted[:7]
    assert nulls["open"] > 100
    (path, *_) = sorted(Lake(tmp_path / "divided").path.glob("prices/year=*/0.parquet"))
    groups = ParquetFile(path).metadata
    heights = [groups.row_group(n).num_rows for n in range(groups.num_row_groups)]
    assert heights[:-1] == [100] * (len(heights) - 1)
    assert 0 < heights[-1] <= 100 < sum(heights)


# -------------------------------------------------------------------------------- allocators


POLARS_OWN = "dirty_decay_ms:500,muzzy_decay_ms:1000"


@pytest.mark.parametrize(
    ("inherited", "arenas", "decay"),
    [
        (None, "1", "100"),
        (POLARS_OWN, "1", "100"),
        (f"{POLARS_OWN},narenas:3", "3", "100"),
        ("dirty_decay_ms:0,narenas:2", "2", "0"),
    ],
)
def test_the_command_keeps_little_memory_unless_told_otherwise(
    inherited: str | None, arenas: str, decay: str
) -> None:
    """A parent that has loaded Polars, such as the service, hands on what Polars has set."""
    code = """
import contextlib, os, runpy, sys
sys.argv = ["export", "--help"]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(sys.stderr):
    runpy.run_module("pipelines.export", run_name="__main__")
print(os.environ["_RJEM_MALLOC_CONF"])
"""
    name = "_RJEM_MALLOC_CONF"
    env = {k: v for k, v in os.environ.items() if k != name}
    env |= {name: inherited} if inherited else {}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    # The last of each name counts.
    read = dict(setting.split(":") for setting in done.stdout.decode().strip().split(","))
    assert (read["narenas"], read["dirty_decay_ms"]) == (arenas, decay)


def test_polars_sets_what_the_command_takes_for_its_own() -> None:
    env = {k: v for k, v in os.environ.items() if k != "_RJEM_MALLOC_CONF"}
    code = "import polars, os; print(os.environ['_RJEM_MALLOC_CONF'])"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    assert done.stdout.decode().strip() == POLARS_OWN
