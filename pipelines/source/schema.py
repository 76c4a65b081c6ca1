"""The tables and columns that a database must have to be read."""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines import database
from pipelines.errors import SourceError
from pipelines.source.tables import DECLARED, PLAIN, TABLES, Kind, SourceTable

Declared = Mapping[str, tuple[str, int]]
"""The declared type of each column, in capitals, and its place in the primary key, 0 for none.

To SQLite, names in another case are the same, so those of the columns are in small letters here.
"""


def preflight(path: Path) -> list[SourceTable]:
    """Return the tables that the database has; `SourceError` names what it lacks.

    Nothing is written, neither to the database nor beside it.
    """
    return database.ask(path, _check_tables)


def present(con: sqlite3.Connection, tables: Iterable[SourceTable]) -> list[SourceTable]:
    """Return the tables that are there; `SourceError` names one that is missing, or is a view."""
    names, views, wanted = database.table_names(con), database.view_names(con), list(tables)
    for table in wanted:
        if table.name in views:
            raise SourceError(
                f"{table.name} is a view, which cannot be read; give it another name, "
                f"{_made_anew(table.name, 'the view')}"
            )
        if table.name not in names and not table.optional:
            raise database.missing(table.name)
    return [table for table in wanted if table.name in names]


def _check_tables(con: sqlite3.Connection) -> list[SourceTable]:
    tables = present(con, TABLES.values())
    for table in tables:
        _check_table(con, table)
    return tables


def is_plain(con: sqlite3.Connection, table: SourceTable) -> bool:
    """Return True if connectorx reads all columns as they are, by their declared types."""
    declared = _declared(con, table)
    return all(_base(declared[c][0]) in PLAIN[kind] for c, kind in table.columns.items())


def _declared(con: sqlite3.Connection, table: SourceTable) -> Declared:
    # Unlike table_info, this one lists generated columns too.
    rows = con.execute(f"PRAGMA table_xinfo({table.name})").fetchall()
    return {name.lower(): (kind.upper(), place) for _, name, kind, _, _, place, _ in rows}


def _base(declared: str) -> str:
    return declared.split("(", maxsplit=1)[0].strip()


def _check_table(con: sqlite3.Connection, table: SourceTable) -> None:
    declared = _declared(con, table)
    _check_rowid(con, table.name, declared)
    for column, kind in table.columns.items():
        if column not in declared:
            raise SourceError(f"the table {table.name} has no column {column}; {_remedy(table)}")
        _check_column(table.name, declared, column, kind)
    if "id" in table.columns and not _is_rowid(declared, "id"):
        raise SourceError(
            f"{table.name}.id is not its INTEGER PRIMARY KEY; "
            f"rename the table, {_made_anew(table.name, 'the old one')}"
        )


def _made_anew(table: str, old: str) -> str:
    """Return what remains to do once another name is given to what stands in place of a table."""
    return (
        f"make the table {table} as source_schema in the README has it, "
        f"and fill it with INSERT INTO {table} (…) SELECT … FROM {old}"
    )


def _remedy(table: SourceTable) -> str:
    """Return what to do about a missing column."""
    also = ", or rename the table, which may be absent" if table.optional else ""
    return f"add it{also}; see source_schema in the README"


def _check_column(table: str, declared: Declared, column: str, kind: Kind) -> None:
    base = _base(declared[column][0])
    if base not in DECLARED[kind]:
        raise SourceError(
            f"{table}.{column} is declared {base or 'without a type'}; "
            f"expected {' or '.join(DECLARED[kind])}; "
            f"rename the table, {_made_anew(table, 'the old one')}"
        )


def _is_rowid(declared: Declared, column: str) -> bool:
    """Tell if a column is the rowid by another name."""
    keys = [name for name, (_, place) in declared.items() if place]
    return keys == [column] and declared[column][0] == "INTEGER"


def _check_rowid(con: sqlite3.Connection, table: str, declared: Declared) -> None:
    if "rowid" in declared and not _is_rowid(declared, "rowid"):
        raise SourceError(
            f"the table {table} has a column named rowid, which hides SQLite's own; "
            f"rename it with ALTER TABLE {table} RENAME COLUMN rowid TO its_new_name"
        )
    try:
        con.execute(f"SELECT rowid FROM {table} LIMIT 1")
    except sqlite3.OperationalError:
        raise SourceError(
            f"the table {table} has no rowid; make it without WITHOUT ROWID"
        ) from None
