"""Tables are read whole, once more without the rows that cannot be read, and counted."""

from functools import partial
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import RowsMissing
from pipelines.refresh import normalise
from pipelines.refresh.reading import Part, RowsGone, read_parts
from pipelines.refresh.task import Task
from tests.tasks import TODAY, table, task


class Sink:
    """Keeps the rows."""

    def __init__(self) -> None:
        self.rows: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        self.rows.append(rows)

    def whole(self) -> list[tuple[str, float]]:
        return pl.concat(self.rows).select("ticker", "close").rows()


def part(made: Task, elsewhere: int = 0) -> Part:
    how = partial(normalise.prices, today=TODAY)
    return Part(table(made, "daily_prices"), how, elsewhere=elsewhere)


PRICES = [
    {"ticker": "A-B", "date": "2024-01-02", "close": 0.1},
    {"ticker": "C", "date": "2024-01-02", "close": "odd"},
    {"ticker": "D", "date": "2024-01-02", "close": -1.0},
]


def test_what_cannot_be_read_is_left_out_and_noted(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    made = task(tmp_path, {"progress": lambda *x: told.append(x)}, daily_prices=PRICES)
    tally, sink = read_parts(made, "prices", lambda: [part(made)], Sink)
    assert tally.rows_in == 3
    assert tally.by_reason(kept=False) == {"close_not_positive": 1, "text_in_number": 1}
    assert sink.whole() == [("A B", pytest.approx(0.1))]
    assert told == [("daily_prices", 3, 3)]
    assert tally.widest_text == len("A-B" + "2024-01-02")


def test_rows_that_are_missing_are_an_error(tmp_path: Path) -> None:
    made = task(tmp_path, daily_prices=PRICES[:1])
    with pytest.raises(RowsMissing, match="daily_prices: read 0 of 1 rows; nothing was published"):
        read_parts(made, "prices", lambda: [part(made, elsewhere=-1)], Sink)


def test_rows_that_were_to_be_taken_may_be_gone(tmp_path: Path) -> None:
    made = task(tmp_path, daily_prices=PRICES[:1])
    with pytest.raises(RowsGone, match=r"^daily_prices has lost rows \(2\) in years that are"):
        read_parts(made, "prices", lambda: [part(made, elsewhere=2)], Sink)


def test_exact_values_are_those_of_the_source(tmp_path: Path) -> None:
    made = task(tmp_path, {"exact": True}, daily_prices=PRICES[:1])
    _, sink = read_parts(made, "prices", lambda: [part(made)], Sink)
    assert sink.whole() == [("A B", 0.1)]
    assert sink.rows[0].schema["close"] == pl.Float64
