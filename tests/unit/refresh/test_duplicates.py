"""Of rows with one key the last one stays, and a note tells of each of the others."""

import polars as pl
from polars.testing import assert_frame_equal

from pipelines.lake import DUPLICATE_KEY
from pipelines.refresh.duplicates import without_duplicates
from pipelines.refresh.normalise import NOTES
from pipelines.source import ROWID

ROWS = pl.DataFrame(
    {"ticker": ["A", "A", "A", "B", "B"], "day": [1, 1, 2, 2, 2], ROWID: [5, 7, 1, 2, 9]}
)


def test_the_last_row_of_a_key_stays() -> None:
    kept, dropped = without_duplicates(ROWS, ("ticker", "day"))
    assert kept.rows() == [("A", 1, 7), ("A", 2, 1), ("B", 2, 9)]
    assert dropped.rows() == [(5, DUPLICATE_KEY, False), (2, DUPLICATE_KEY, False)]
    assert dropped.columns == list(NOTES)


def test_rows_of_different_keys_stay() -> None:
    rows = ROWS.unique(("ticker", "day"), keep="first", maintain_order=True)
    kept, dropped = without_duplicates(rows, ("ticker", "day"))
    assert_frame_equal(kept, rows)
    assert_frame_equal(dropped, NOTES.to_frame())


def test_without_a_key_all_rows_stay() -> None:
    kept, dropped = without_duplicates(ROWS, ())
    assert_frame_equal(kept, ROWS)
    assert dropped.is_empty()
