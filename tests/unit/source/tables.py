"""Tables of prices to read, in a database of their own."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.source.batches import SqliteTable
from pipelines.source.tables import PRICES
from pipelines.source.unreadable import BadRow
from tests.factories import Row, database

PRICE: Row = {"ticker": "A", "date": "2024-01-02", "close": 1.0}


def prices(folder: Path, *rows: Row) -> SqliteTable:
    numbered = [PRICE | {"ticker": f"T{n}"} | row for n, row in enumerate(rows)]
    return SqliteTable(database(folder / "x.db", daily_prices=numbered), PRICES)


def change(table: SqliteTable, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(table.copy)) as con, con:
        con.execute(sql, values)


def whole(table: SqliteTable, *bad: BadRow) -> pl.DataFrame:
    return pl.concat(table.batches(bad or None))


def closed_wal(path: Path) -> Path:
    """A database in WAL mode that nobody has open."""
    database(path, daily_prices=[PRICE])
    with closing(sqlite3.connect(path)) as con:
        con.execute("PRAGMA journal_mode = WAL")
    return path
