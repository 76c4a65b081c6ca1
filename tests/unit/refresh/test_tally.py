"""Every row of the source is written, rejected, or an error."""

from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import ContractError
from pipelines.lake.damage import hashed
from pipelines.refresh.normalise import NOTES
from pipelines.refresh.tally import Tally, finish
from tests.factories import data_file
from tests.tasks import table, task, written

Note = tuple[int, str, bool]
SCHEMA = pl.Schema({"ticker": pl.String})
PRICES = [{"ticker": "A", "date": "2024-13-01", "close": 1.5}, {"ticker": "Bå", "date": "x"}]


def notes(*rows: Note) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=NOTES, orient="row")


def test_rows_are_counted_by_reason() -> None:
    tally = Tally()
    tally.add("daily_prices", notes((1, "bad_date", False), (2, "ohl_inconsistent", True)))
    tally.add("daily_prices", notes((3, "bad_date", False)))
    tally.add("daily_prices", notes())
    assert tally.by_reason(kept=False) == {"bad_date": 2}
    assert tally.by_reason(kept=True) == {"ohl_inconsistent": 1}
    assert tally.rejected("daily_prices") == [1, 3]
    assert (tally.rejected("stocks"), Tally().by_reason(kept=False)) == ([], {})


def test_a_row_that_is_rejected_after_all_has_no_warning() -> None:
    tally = Tally()
    tally.add("stocks", notes((1, "bad_time", True), (2, "bad_time", True)))
    tally.reject("stocks", notes((1, "duplicate_key", False)))
    assert tally.by_reason(kept=True) == {"bad_time": 1}
    assert tally.by_reason(kept=False) == {"duplicate_key": 1}


def test_rows_that_came_without_a_range_are_those_not_given_up() -> None:
    tally = Tally(files=[data_file("a", nulls={"open": 3}), data_file("b", nulls={"open": 1})])
    assert tally.without_range() == {"ohl_missing": 4}
    tally.add("daily_prices", notes(*((n, "ohl_inconsistent", True) for n in range(3))))
    assert tally.without_range() == {"ohl_missing": 1}
    tally.add("daily_prices", notes((9, "ohl_inconsistent", True)))
    assert tally.without_range() == {}


def test_the_rejects_are_written_with_what_the_source_holds(tmp_path: Path) -> None:
    made = task(tmp_path, daily_prices=PRICES)
    tally = Tally(rows_in=3, files=[data_file("f", rows=1)], widest_text=5)
    tally.add("daily_prices", notes((2, "bad_date", False), (1, "bad_date", False)))
    entry = finish(made.staged, "prices", SCHEMA, tally, [table(made, "daily_prices")])
    rejects = written(made, "rejects/prices.parquet")
    assert rejects.select("table", "rowid", "reason", "kept", "ticker", "date", "close").rows() == [
        ("daily_prices", 1, "bad_date", False, "A", "2024-13-01", "1.5"),
        ("daily_prices", 2, "bad_date", False, "Bå", "x", None),
    ]
    path = made.staged / "rejects" / "prices.parquet"
    assert (entry.rows_in, entry.rows, entry.rejected) == (3, 1, {"bad_date": 2})
    assert (entry.rejects_bytes, entry.rejects_sha256) == (path.stat().st_size, hashed(path))
    assert entry.widest_text == len("A2024-13-011.5")


def test_without_notes_there_is_no_file_of_rejects(tmp_path: Path) -> None:
    tally = Tally(rows_in=1, files=[data_file("f", rows=1)])
    entry = finish(tmp_path, "prices", SCHEMA, tally, [])
    assert (entry.rejects_sha256, entry.rejects_bytes, entry.rejected) == (None, None, {})
    assert not (tmp_path / "rejects").exists()


def test_a_row_that_is_not_accounted_for_is_an_error(tmp_path: Path) -> None:
    tally = Tally(rows_in=3, files=[data_file("f", rows=1)])
    message = "prices: 3 rows in the source, but 1 written and 0 rejected; nothing was published"
    with pytest.raises(ContractError, match=message):
        finish(tmp_path, "prices", SCHEMA, tally, [])
