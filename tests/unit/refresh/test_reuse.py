"""What a version takes from the one before: links, closes, counts of source rows."""

import os
from datetime import date
from errno import EIO, EMLINK, EPERM, EXDEV
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake import Lake
from pipelines.refresh.reuse import Reused, link, link_dataset, source_years
from tests.factories import data_file, dataset


def before(folder: Path) -> Lake:
    """A version with two years of prices, the first of them with a rejected row."""
    (folder / "rejects").mkdir(parents=True)
    for year in (2023, 2024):
        rows = {"ticker": ["A", "A"], "date": [date(year, 1, 2), date(year, 1, 3)],
                "close": [1.0, year]}  # fmt: skip
        pl.DataFrame(rows).write_parquet(folder / f"{year}")
    (folder / "rejects" / "prices.parquet").write_bytes(b"abc")
    schema = {"ticker": "String", "date": "Date", "close": "Float64"}
    files = (data_file(f"{year}", year=year, rows=2) for year in (2023, 2024))
    prices = dataset(*files, schema=schema, rejects_sha256="00",
                     source_years={"": 1, "2023": 2, "2024": 4})  # fmt: skip
    return Lake.unfinished(folder, {"prices": prices}, date(2024, 1, 3))


def reused(lake: Lake, *years: str) -> Reused:
    return Reused(lake, frozenset(years), frozenset(), known=frozenset(), widest_text=0)


def test_the_files_and_the_rows_of_the_years_that_are_taken(tmp_path: Path) -> None:
    taken = reused(before(tmp_path / "v"), "2024")
    assert (taken.rows_in, [file.year for file in taken.files]) == (4, [2024])
    taken.link(tmp_path / "w")
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["2024"]
    assert (tmp_path / "w" / "2024").samefile(tmp_path / "v" / "2024")


def test_the_closes_of_the_years_taken(tmp_path: Path) -> None:
    lake = before(tmp_path / "v")
    found = reused(lake, "2023", "2024").closes(2.5)
    assert sorted(found) == [2023, 2024]
    (of_2024,) = found[2024]
    assert of_2024.first.rows() == [("A", date(2024, 1, 2), 1.0)]
    assert of_2024.last.rows() == [("A", date(2024, 1, 3), 2024.0)]
    assert of_2024.pairs.height == 1
    assert reused(lake, "").closes(2.5) == {}


def test_a_dataset_is_taken_with_its_rejects(tmp_path: Path) -> None:
    lake = before(tmp_path / "v")
    assert link_dataset(lake, tmp_path / "w", "prices") == lake.datasets["prices"]
    for path in ("2023", "2024", "rejects/prices.parquet"):
        assert (tmp_path / "w" / path).samefile(tmp_path / "v" / path)


@pytest.mark.parametrize("number", [EPERM, EXDEV, EMLINK])
def test_where_there_is_no_link_the_bytes_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    lake = before(tmp_path / "v")

    def refuse(*_: object) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(os, "link", refuse)
    link(lake, tmp_path / "w", "2023")
    assert (tmp_path / "w" / "2023").read_bytes() == (tmp_path / "v" / "2023").read_bytes()
    number = EIO
    with pytest.raises(OSError, match="refused"):
        link(lake, tmp_path / "w", "2024")


def test_source_rows_are_counted_by_what_their_date_begins_with() -> None:
    files = [data_file("a", year=2024, rows=5), data_file("b", year=1999, rows=2)]
    assert source_years(files, ["2024", "", "20/1", "2024"]) == {
        "": 1, "1999": 2, "20/1": 1, "2024": 7
    }  # fmt: skip
