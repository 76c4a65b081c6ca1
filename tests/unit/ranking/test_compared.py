"""Two rankings beside each other, by hand."""

import polars as pl
import pytest

from pipelines.ranking import Change, changes_between

Row = tuple[str, int | None, str | None]


def ranking(*rows: Row) -> pl.DataFrame:
    schema = {"ticker": pl.String, "rank": pl.Int32, "excluded_by": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(name=pl.col("ticker").str.to_lowercase(), score=pl.col("rank") / 10)


BEFORE = ranking(("A", 1, None), ("B", 2, None), ("C", 3, None), ("D", None, "low_f_score"),
                 ("E", 4, None))  # fmt: skip
AFTER = ranking(("C", 1, None), ("A", 2, None), ("D", 3, None), ("B", None, "inactive"),
                ("F", 4, None))  # fmt: skip


def told(changes: tuple[Change, ...]) -> list[tuple[str, int | None, int | None, str | None]]:
    return [(one.ticker, one.rank_before, one.rank, one.reason) for one in changes]


def test_all_ranks() -> None:
    found = changes_between(BEFORE, AFTER)
    assert told(found.came) == [("D", None, 3, "low_f_score"), ("F", None, 4, "not_listed")]
    assert told(found.went) == [("B", 2, None, "inactive"), ("E", 4, None, "not_listed")]
    assert told(found.moved) == [("C", 3, 1, None), ("A", 1, 2, None)]
    assert (found.came[0].name, found.went[1].name) == ("d", "e")
    assert (found.moved[0].score_before, found.moved[0].score) == pytest.approx((0.3, 0.1))


def test_the_first_ranks() -> None:
    found = changes_between(BEFORE, AFTER, 2)
    assert told(found.came) == [("C", 3, 1, "outside_rank_2")]
    assert told(found.went) == [("B", 2, None, "inactive")]
    assert told(found.moved) == [("A", 1, 2, None)]


def test_the_same_ranking_has_no_changes() -> None:
    found = changes_between(BEFORE, BEFORE)
    assert (found.came, found.went, found.moved) == ((), (), ())
