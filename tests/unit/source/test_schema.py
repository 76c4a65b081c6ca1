"""The tables and columns that a database must have."""

import sqlite3
from contextlib import closing
from pathlib import Path

from pipelines.source.schema import preflight
from pipelines.source.tables import TABLES
from tests.factories import database


def test_the_tables_that_are_there_are_listed(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    assert [table.name for table in preflight(path)] == list(TABLES)
    with closing(sqlite3.connect(path)) as con:
        con.execute("DROP TABLE index_prices")
    assert [table.name for table in preflight(path)] == list(TABLES)[:-1]
