"""A database that pandas wrote is exported, and the ranking is that of the usual types."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest
from polars.testing import assert_frame_equal

from pipelines.errors import SourceError
from pipelines.export import export
from pipelines.lake import Lake
from pipelines.source import TABLES
from pipelines.universe import SWEDEN
from tests import documents
from tests.factories import Row, database, stock

OPERATIONS: Final = Path(__file__).parents[2] / "docs" / "operations.md"
TICKERS: Final = [f"T{n}" for n in range(12)]
DAYS: Final = [day.date().isoformat() for day in pd.bdate_range("2024-11-01", "2025-12-05")]
ROWS: Final[dict[str, Sequence[Row]]] = {
    "stocks": [stock(ticker, market_cap_msek=9000.0, last_updated="2025-12-05 18:00:00",
                     last_validated="2025-12-05") for ticker in TICKERS],
    "daily_prices": [
        {"ticker": ticker, "date": day, "open": None, "high": None, "low": None, "volume": 5.0,
         "close": 50.0 + day_number * (1 + number) / 100}
        for number, ticker in enumerate(TICKERS)
        for day_number, day in enumerate(DAYS)
    ],
    "fundamentals": [
        {"id": 1 + number, "ticker": ticker, "fetched_date": "2025-12-01", "roe": 0.1 + number / 99,
         "roa": 0.1, "roic": 0.1, "fcfroe": 0.1, "pe": 9.0 + number, "pb": 1.5, "ps": 2.0,
         "piotroski_f_score": 7 if number % 2 else None, "fiscal_date": "2024-12-31"}
        for number, ticker in enumerate(TICKERS)
    ],
}  # fmt: skip
"""Rows of the tables that must be there."""


def written_by_pandas(path: Path, **types: Any) -> Path:
    """The rows as `DataFrame.to_sql` writes them, with all columns."""
    with closing(sqlite3.connect(path)) as con:
        for name, rows in ROWS.items():
            kinds = TABLES[name].columns
            frame = pd.DataFrame(list(rows), columns=list(kinds))
            for column, kind in kinds.items():
                if kind in ("day", "time"):
                    frame[column] = pd.to_datetime(frame[column])
            frame.to_sql(name, con, index=False, dtype=types.get(name))
        con.commit()
    return path


def test_what_pandas_writes_is_ranked_as_the_usual_types_are(tmp_path: Path) -> None:
    usual = database(tmp_path / "usual.db", **ROWS)
    export(usual, tmp_path / "a", SWEDEN)
    path = written_by_pandas(tmp_path / "pandas.db", fundamentals={"id": "INTEGER PRIMARY KEY"})
    manifest = export(path, tmp_path / "b", SWEDEN)
    assert [entry.rejected for entry in manifest.datasets.values() if entry.rejected] == []
    a, b = Lake(tmp_path / "a"), Lake(tmp_path / "b")
    rankings = b.rankings().collect()
    assert rankings["rank"].max() == 6
    assert_frame_equal(rankings, a.rankings().collect())
    scores = b.fundamentals().collect()["piotroski_f_score"]
    assert scores.drop_nulls().to_list() == [7] * 6


def test_what_is_missing_in_what_pandas_writes_is_told_at_once(tmp_path: Path) -> None:
    path = written_by_pandas(tmp_path / "pandas.db", stocks={"avanza_id": "INTEGER"})
    with pytest.raises(SourceError) as refused:
        export(path, tmp_path / "lake", SWEDEN)
    renew = "or rename the table, make the table {0} as source_schema has it, and fill "
    renew += "it with INSERT INTO {0} (…) SELECT … FROM the old one"
    assert str(refused.value) == (
        "the database has 2 faults: (1) stocks.avanza_id is declared INTEGER; make it VARCHAR "
        f"(pandas: dtype={{'avanza_id': 'VARCHAR'}}), {renew.format('stocks')} (2) fundamentals.id "
        "is not its INTEGER PRIMARY KEY; make it INTEGER PRIMARY KEY (pandas: dtype={'id': "
        f"'INTEGER PRIMARY KEY'}}), {renew.format('fundamentals')}; "
        'see "The database: source_schema" in docs/operations.md'
    )


def test_what_the_documents_write_with_pandas_is_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = documents.blocks(OPERATIONS.read_text("utf-8"), "python", "pandas")
    exec(code, {"frames": {name: pd.DataFrame(list(rows)) for name, rows in ROWS.items()}})  # noqa: S102
    made = export(tmp_path / "app.db", tmp_path / "lake", SWEDEN)
    assert [entry.rejected for entry in made.datasets.values() if entry.rejected] == []
    assert Lake(tmp_path / "lake").rankings().collect()["rank"].max() == 6
