"""A SQLite database of a market, poured into PostgreSQL with `COPY`."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.demo_market.market import EVENT_TABLES, SCHEMA
from pipelines.errors import SourceError
from pipelines.place import Postgres
from pipelines.postgres import DEMO_MARK, IS_DEMO, connect, is_there, told

if TYPE_CHECKING:
    from psycopg import Connection

OTHER_TYPES: Final = (
    (r"\bFLOAT\b", "DOUBLE PRECISION"),
    (r"\bDATETIME\b", "TIMESTAMP"),
    (r"\bBOOLEAN DEFAULT 1", "BOOLEAN DEFAULT true"),
)
"""What PostgreSQL calls otherwise in the statements that make the tables."""


def statement(table: str, sql: str = SCHEMA + "".join(EVENT_TABLES.values())) -> str:
    """Return the statement that makes a table in PostgreSQL."""
    (made,) = re.findall(rf"CREATE TABLE {table} \(.*?\n\);", sql, re.DOTALL)
    for old, new in OTHER_TYPES:
        made = re.sub(old, new, made)
    return str(made)


def newest_date(where: Postgres) -> date | None:
    """Return the newest date of the demo market at a place; `SourceError` if it is none."""
    with closing(connect(where)) as con, told(where):
        if not is_there(con, "stocks"):
            return None
        _refuse_real(con, where, "stocks")
        row = con.execute("SELECT max(date) FROM index_prices").fetchone()
        return row[0] if row else None


def has_market(where: Postgres) -> bool:
    """Return True where the table of stocks is there."""
    with closing(connect(where)) as con, told(where):
        return is_there(con, "stocks")


def pour(market: Path, where: Postgres) -> Counter[str]:
    """Write the tables of a SQLite database to a PostgreSQL one; return the rows by table.

    A demo market that is there is replaced, all in one transaction; any other is left alone.
    """
    with closing(connect(where)) as con, closing(sqlite3.connect(market)) as sqlite, told(where):
        names = [name for (name,) in sqlite.execute("SELECT name FROM sqlite_master WHERE sql <> ''"
                                                    " AND type = 'table'")]  # fmt: skip
        with con.transaction():
            for name in filter(partial(is_there, con), names):
                _refuse_real(con, where, name)
            rows = Counter({name: _table(con, sqlite, name) for name in names})
            con.execute(f"COMMENT ON TABLE stocks IS '{DEMO_MARK}'")
        con.execute("ANALYZE")
        return rows


def _table(con: "Connection[Any]", sqlite: sqlite3.Connection, name: str) -> int:
    con.execute(f"DROP TABLE IF EXISTS {name}")
    con.execute(statement(name))
    rows = sqlite.execute(f"SELECT * FROM {name} ORDER BY rowid")
    columns = ", ".join(column for column, *_ in rows.description)
    with con.cursor() as cursor:
        with cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return cursor.rowcount


def _refuse_real(con: "Connection[Any]", where: Postgres, table: str) -> None:
    """Raise `SourceError` for a table that is there, unless all are those of a demo market."""
    if con.execute(IS_DEMO).fetchone() != (True,):
        raise SourceError(
            f"{where} has a table {table} that is of no demo market; name an empty database"
        )
