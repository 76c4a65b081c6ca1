"""Files of a version: their rows, their entry in the manifest, their row groups."""

from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyarrow.parquet import ParquetFile

from pipelines.lake import DataFile
from pipelines.lake.damage import hashed
from pipelines.refresh.files import _groups, by_years, to_arrow, write_file

SCHEMA = pl.Schema({"ticker": pl.String, "close": pl.Float32, "volume": pl.UInt32})
ROWS = pl.DataFrame([("A", 1.5, 7), ("B", 2.5, None), ("C", None, None)], SCHEMA, orient="row")


def test_a_file_and_its_entry(tmp_path: Path) -> None:
    entry = write_file(tmp_path, "prices", SCHEMA, [ROWS.head(1), ROWS.tail(2)], 2024)
    path = tmp_path / "prices" / "year=2024" / "0.parquet"
    assert entry == DataFile(
        path="prices/year=2024/0.parquet", year=2024, rows=3, bytes=path.stat().st_size,
        sha256=hashed(path), nulls={"close": 1, "volume": 2},
    )  # fmt: skip
    assert pl.read_parquet(path, hive_partitioning=False).equals(ROWS)


def test_a_file_without_rows_has_its_columns(tmp_path: Path) -> None:
    entry = write_file(tmp_path, "stocks", SCHEMA, [])
    assert (entry.path, entry.rows, entry.nulls) == ("stocks/0.parquet", 0, {})
    assert pl.read_parquet(tmp_path / entry.path).schema == SCHEMA


def test_row_groups_are_of_one_size_however_the_rows_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.refresh.files.GROUP_VALUES", 6)
    one = write_file(tmp_path / "a", "prices", SCHEMA, [ROWS])
    two = write_file(
        tmp_path / "b", "prices", SCHEMA, [ROWS.head(1), ROWS.slice(1, 1), ROWS.tail(1)]
    )
    assert one == two
    groups = ParquetFile(tmp_path / "a" / one.path).metadata
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [2, 1]


def test_row_groups_are_whole_and_in_one_piece() -> None:
    """Where pieces meet would show in the pages of the file."""
    portions = [pl.DataFrame({"n": range(a, b)}) for a, b in ((0, 5), (5, 6), (6, 20), (20, 21))]
    groups = list(_groups(portions, 7))
    assert [(g["n"].to_list(), g.n_chunks()) for g in groups] == [
        (list(range(a, a + 7)), 1) for a in (0, 7, 14)
    ]
    assert list(_groups([], 7)) == []


def test_a_year_after_one_that_fills_a_part_begins_another() -> None:
    years = (2020, 2022, 2021, 2022, 2023, 2020)
    rows = pl.DataFrame({"day": [date(year, 5, 1) for year in years], "n": range(6)})
    parts = [part["n"].to_list() for part in by_years(rows, "day", 3)]
    assert parts == [[0, 2, 5], [1, 3, 4]]
    assert [part["n"].to_list() for part in by_years(rows, "day", 1)] == [[0, 5], [2], [1, 3], [4]]
    assert list(by_years(rows.clear(), "day", 3)) == []


def test_texts_have_the_type_that_every_tool_reads() -> None:
    assert to_arrow(ROWS).schema.field("ticker").type == pa.large_string()
