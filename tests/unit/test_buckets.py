"""Rows that wait by year: what goes in comes out, sorted, whether it went over the disk or not."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal

from pipelines.buckets import Buckets, Names

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
    return {year: buckets.take(year).select(*SCHEMA) for year in buckets.years()}


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
    assert_series_equal(names.decode(codes), pl.Series(["b", "Å", "A B", "A", "B", "\0", "a"]))
    ordered = names.decode(codes).gather(names.order(codes).arg_sort())
    assert ordered.to_list() == sorted(ordered.to_list())


# ----------------------------------------------------------------------------------- buckets

ROWS: list[Quote] = [
    ("B", date(2024, 1, 2), 1.0), ("A", date(2024, 1, 3), 2.0), ("A", date(2023, 1, 3), None),
    ("A", date(2024, 1, 2), 4.0), ("Ö", date(1969, 12, 31), 5.0), ("A", date(2024, 1, 2), 6.0),
    ("A", date(1900, 1, 1), 7.0), ("A", date(2100, 12, 31), 8.0),
]  # fmt: skip


@pytest.mark.parametrize("spill", [0, 200, 10**9])
def test_rows_come_out_by_year_sorted_by_name_day_and_arrival(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spill: int
) -> None:
    monkeypatch.setattr("pipelines.buckets.SPILL_BYTES", spill)
    batches = [frame(row, first=n) for n, row in enumerate(ROWS)]
    buckets = filled(tmp_path, *batches)
    assert buckets.years() == [1900, 1969, 2023, 2024, 2100]
    assert list(tmp_path.iterdir()) != [] or spill > 200
    ours, expected = taken(buckets), sorted_years(pl.concat(batches))
    assert ours.keys() == expected.keys()
    for year, rows in ours.items():
        assert_frame_equal(rows, expected[year])
    assert (buckets.years(), list(tmp_path.iterdir())) == ([], [])


quotes = st.tuples(
    st.text(alphabet="AB \0Åö-", min_size=1, max_size=3),
    st.dates(date(1900, 1, 1), date(2100, 12, 31)) | st.dates(date(2024, 1, 1), date(2024, 1, 3)),
    st.none() | st.floats(width=32, min_value=0.125),
)


@given(batches=st.lists(st.lists(quotes, max_size=5), max_size=5), spill=st.integers(0, 400))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_spilling_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Quote]], spill: int
) -> None:
    frames = [frame(*batch, first=10 * n) for n, batch in enumerate(batches)]
    folder = tmp_path_factory.mktemp("spills")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.buckets.SPILL_BYTES", spill)
        ours = taken(filled(folder, *frames))
    expected = sorted_years(pl.concat([SCHEMA.to_frame(), *frames]))
    assert ours.keys() == expected.keys()
    for year, rows in ours.items():
        assert_frame_equal(rows, expected[year])


def test_a_batch_without_rows_is_nothing(tmp_path: Path) -> None:
    buckets = filled(tmp_path, SCHEMA.to_frame(), frame(ROWS[0]), SCHEMA.to_frame())
    assert [rows.height for rows in taken(buckets).values()] == [1]


def test_buckets_begin_anew_where_others_were_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.buckets.SPILL_BYTES", 0)
    given_up = filled(tmp_path, frame(*ROWS), frame(*ROWS))
    buckets = filled(tmp_path, frame(ROWS[0], first=7))
    del given_up
    buckets.add(frame(ROWS[1], first=8))
    assert [rows["rowid_"].to_list() for rows in taken(buckets).values()] == [[8, 7]]
