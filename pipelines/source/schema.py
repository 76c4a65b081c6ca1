"""The tables and columns that a database must have to be read."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pipelines import database
from pipelines.errors import SourceError
from pipelines.quoting import one_line
from pipelines.source.tables import DECLARED, IF_USABLE, PLAIN, TABLES, Kind, SourceTable
from pipelines.source.values import is_unusable

TEXTS: Final = ("text", "day", "time")
WIDEST: Final = 40
"""The characters of a cell that are shown."""

Declared = Mapping[str, tuple[str, int]]
"""The declared type of each column, in capitals, and its place in the primary key, 0 for none.

To SQLite, names in another case are the same, so those of the columns are in small letters here.
"""


def preflight(path: Path) -> list[SourceTable]:
    """Return the tables that the database has; `SourceError` names all that is wrong with them.

    Nothing is written, neither to the database nor beside it.
    """
    return database.ask(path, _check_tables)


def present(con: sqlite3.Connection, tables: Iterable[SourceTable]) -> list[SourceTable]:
    """Return the tables that are there; `SourceError` names one that is missing, or is a view."""
    wanted = list(tables)
    for fault in _absences(con, wanted):
        raise _refusal(fault)
    return _there(con, wanted)


def _absences(con: sqlite3.Connection, tables: Iterable[SourceTable]) -> Iterator[str]:
    """Yield which tables are missing, and which are views."""
    names, views = database.table_names(con), database.view_names(con)
    for table in tables:
        if table.name in views:
            yield (
                f"{table.name} is a view, which cannot be read; give it another name, "
                f"{_made_anew(table.name, 'the view')}"
            )
        elif table.name not in names and not table.optional:
            yield database.absence(table.name)


def _there(con: sqlite3.Connection, tables: Iterable[SourceTable]) -> list[SourceTable]:
    names = database.table_names(con)
    return [table for table in tables if table.name in names]


def _check_tables(con: sqlite3.Connection) -> list[SourceTable]:
    tables = _there(con, TABLES.values())
    faults = [*_absences(con, TABLES.values())]
    faults += [fault for table in tables for fault in _faults(con, table)]
    refuse(faults)
    return tables


def refuse(faults: Sequence[str]) -> None:
    """Raise `SourceError` where a database has faults; it names them all."""
    if len(faults) > 1:
        told = " ".join(f"({number}) {fault}" for number, fault in enumerate(faults, start=1))
        raise _refusal(f"the database has {len(faults)} faults: {told}")
    if faults:
        raise _refusal(faults[0])


def _refusal(told: str) -> SourceError:
    return SourceError(f"{told}; {database.SEE_SCHEMA}")


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


def _faults(con: sqlite3.Connection, table: SourceTable) -> Iterator[str]:
    """Yield what is wrong with a table, each fault with its remedy."""
    declared = _declared(con, table)
    yield from _rowid_faults(con, table.name, declared)
    types = list[str]()
    for column, kind in table.columns.items():
        if column not in declared:
            yield f"the table {table.name} has no column {column}; {_remedy(table)}"
        elif column == "id" and not _is_rowid(declared, column):
            make = _make(column, "INTEGER PRIMARY KEY")
            types.append(f"{table.name}.id is not its INTEGER PRIMARY KEY; {make}")
        else:
            types += _type_faults(con, table.name, column, kind, _base(declared[column][0]))
    if types:
        # Once a table, for this mends all of its types.
        types[-1] += f", or rename the table, {_made_anew(table.name, 'the old one')}"
    yield from types


def _made_anew(table: str, old: str) -> str:
    """Return what remains to do once another name is given to what stands in place of a table."""
    return (
        f"make the table {table} as source_schema has it, "
        f"and fill it with INSERT INTO {table} (…) SELECT … FROM {old}"
    )


def _remedy(table: SourceTable) -> str:
    """Return what to do about a missing column."""
    also = ", or rename the table, which may be absent" if table.optional else ""
    return f"add it{also}"


def _make(column: str, declared: str) -> str:
    return f"make it {declared} (pandas: dtype={{{column!r}: {declared!r}}})"


def _type_faults(
    con: sqlite3.Connection, table: str, column: str, kind: Kind, base: str
) -> Iterator[str]:
    """Yield what is wrong with the type of a column; some types depend on what its cells hold."""
    if base in DECLARED[kind]:
        return
    holds = ""
    if base in IF_USABLE.get(kind, ()):
        # Any number is a text, a day or a time to SQLite, but none that somebody meant.
        lost = f"{column} IS NOT NULL" if kind in TEXTS else is_unusable(column, kind)
        query = f"SELECT CAST({column} AS BLOB) FROM {table} WHERE {lost} LIMIT 1"
        cell = con.execute(query).fetchone()
        if cell is None:
            return
        holds = f" and holds {one_line(cell[0].decode(errors='backslashreplace'))[:WIDEST]}"
    make = _make(column, DECLARED[kind][0])
    yield f"{table}.{column} is declared {base or 'without a type'}{holds}; {make}"


def _is_rowid(declared: Declared, column: str) -> bool:
    """Tell if a column is the rowid by another name."""
    keys = [name for name, (_, place) in declared.items() if place]
    return keys == [column] and declared[column][0] == "INTEGER"


def _rowid_faults(con: sqlite3.Connection, table: str, declared: Declared) -> Iterator[str]:
    if "rowid" in declared and not _is_rowid(declared, "rowid"):
        yield (
            f"the table {table} has a column named rowid, which hides SQLite's own; "
            f"rename it with ALTER TABLE {table} RENAME COLUMN rowid TO its_new_name"
        )
    try:
        con.execute(f"SELECT rowid FROM {table} LIMIT 1")
    except sqlite3.OperationalError:
        yield f"the table {table} has no rowid; make it without WITHOUT ROWID"
