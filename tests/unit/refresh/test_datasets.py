"""Each dataset from its tables: years, duplicates, units, newest closes."""

from datetime import date
from pathlib import Path

import pytest

from pipelines.refresh import datasets
from tests.factories import stock
from tests.tasks import table, task, written


def price(ticker: str, day: str, close: float) -> dict[str, object]:
    return {"ticker": ticker, "date": day, "close": close}


def test_prices_are_sorted_by_year_and_the_last_of_one_key_stays(tmp_path: Path) -> None:
    made = task(tmp_path, daily_prices=[
        price("B", "2024-01-02", 1.0), price("A", "2023-12-29", 2.0),
        price("A", "2024-01-03", 3.0), price("A", "2024-01-02", 4.0),
        price("B ", "2024-01-02", 5.0), price("B", "2024-06-02", 6.0),
    ])  # fmt: skip
    done = datasets.prices(made, table(made, "daily_prices"), None)
    columns = ["ticker", "date", "close"]
    assert written(made, "prices/year=2024/0.parquet").select(columns).rows() == [
        ("A", date(2024, 1, 2), 4.0), ("A", date(2024, 1, 3), 3.0), ("B", date(2024, 1, 2), 5.0)
    ]  # fmt: skip
    assert written(made, "prices/year=2023/0.parquet").select(columns).rows() == [
        ("A", date(2023, 12, 29), 2.0)
    ]
    assert done.dataset.rejected == {"duplicate_key": 1, "future_date": 1}
    assert done.dataset.source_years == {"2023": 1, "2024": 5}
    assert sorted(done.newest.rows()) == [
        ("A", 3.0, date(2024, 1, 3)), ("B", 5.0, date(2024, 1, 2))
    ]  # fmt: skip


def test_levels_of_indices_have_no_newest(tmp_path: Path) -> None:
    rows = [
        {"index_id": name, "date": "2024-01-02", "close": c}
        for name, c in (("X-Y", 1.0), ("X_Y", 2.0))
    ]
    made = task(tmp_path, index_prices=rows)
    entry = datasets.index_prices(made, table(made, "index_prices"))
    assert (entry.rows_in, entry.rows, entry.rejected) == (2, 1, {"duplicate_key": 1})
    assert written(made, "index_prices/year=2024/0.parquet")["close"].to_list() == [2.0]


def test_snapshots_take_the_unit_of_the_newest_statement(tmp_path: Path) -> None:
    made = task(
        tmp_path,
        fundamentals=[
            {"ticker": "A", "fiscal_date": "2022-12-31", "roe": 0.1, "data_source": "other"},
            {"ticker": "A", "fiscal_date": "2023-12-31", "roe": 20.0, "data_source": "TradingView"},
        ],
        fundamentals_snapshots=[
            {"ticker": "A", "snapshot_date": "2024-05-01", "roe": 30.0},
            {"ticker": "B", "snapshot_date": "2024-05-01", "roe": 0.4},
        ],
    )
    tables = {one.name: table(made, one.name) for one in made.tables}
    entry = datasets.fundamentals(made, tables)
    assert [(file.first_year, file.year) for file in entry.files] == [(2023, 2024)]
    rows = written(made, "fundamentals/year=2024/0.parquet")
    assert rows.select("ticker", "known_from", "source", "roe").rows() == [
        ("A", date(2023, 3, 31), "fundamentals", 0.1),
        ("A", date(2024, 3, 30), "fundamentals", 0.2),
        ("A", date(2024, 5, 1), "snapshots", 0.3),
        ("B", date(2024, 5, 1), "snapshots", 0.4),
    ]


@pytest.mark.parametrize(("first", "name"), [("2024-01-02 10:00:00", "old"), (None, "new")])
def test_of_stocks_with_one_ticker_the_last_updated_stays(
    tmp_path: Path, first: str | None, name: str
) -> None:
    made = task(tmp_path, daily_prices=[price("A B", "2024-05-30", 7.0)], stocks=[
        stock("A-B", name="old", last_updated=first),
        stock("A_B", name="new", last_updated="2024-01-01 10:00:00"), stock("C"),
    ])  # fmt: skip
    newest = datasets.prices(made, table(made, "daily_prices"), None).newest
    entry = datasets.stocks(made, table(made, "stocks"), newest)
    rows = written(made, "stocks/0.parquet")
    assert rows.select("ticker", "name", "newest_close", "newest_date").rows() == [
        ("A B", name, 7.0, date(2024, 5, 30)), ("C", "C", None, None)
    ]  # fmt: skip
    assert entry.rejected == {"duplicate_key": 1}
