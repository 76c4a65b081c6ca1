"""Rows and values that cannot be read: which they are, and why."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.errors import SourceError
from pipelines.source.copying import open_copy
from pipelines.source.tables import SourceTable
from pipelines.source.values import REASONS, is_unusable


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read, with the reason.

    `column` names the one whose text is not Unicode, where that alone is given up and the row
    stays.
    """

    rowid: int
    reason: str
    column: str = ""


class UnreadableRow(SourceError):
    """A value that connectorx cannot read ended the stream."""

    def __init__(self, table: str, cause: str) -> None:
        self.table: Final = table
        super().__init__(f"the table {table} has a value that cannot be read: {cause}")


def bad_cells(copy: Path, table: SourceTable, where: str) -> list[BadRow]:
    """Return the rows with a cell of another kind that a ranking needs, each with its reason."""
    cases = " ".join(
        f"WHEN {is_unusable(column, kind)} THEN '{REASONS[kind]}'"
        for column, kind in table.columns.items()
        if kind in REASONS and column not in table.spare
    )
    query = (
        f"SELECT rowid, reason FROM (SELECT rowid, CASE {cases} END AS reason "
        f"FROM {table.name} WHERE {where}) WHERE reason IS NOT NULL"
    )
    with open_copy(copy, table.name) as con:
        return [BadRow(*row) for row in con.execute(query)]


def bad_rows(copy: Path, table: SourceTable, where: str) -> list[BadRow]:
    """Return the rows that cannot be read, each with its first reason; a slow full scan."""
    rows = bad_cells(copy, table, where)
    found = {row.rowid for row in rows}
    with open_copy(copy, table.name) as con:
        texts = _not_unicode(con, table, where)
        return [*rows, *(row for row in texts if row.rowid not in found)]


def _not_unicode(con: sqlite3.Connection, table: SourceTable, where: str) -> Iterator[BadRow]:
    """Yield a row once if it needs such a text, else once for each column with one."""
    columns = [c for c, kind in table.columns.items() if kind in ("text", "day", "time")]
    texts = ", ".join(  # a blob would come as bytes, too
        f"CASE typeof({column}) WHEN 'text' THEN {column} END" for column in columns
    )
    con.text_factory = bytes
    for rowid, *values in con.execute(f"SELECT rowid, {texts} FROM {table.name} WHERE {where}"):
        bad = [c for c, v in zip(columns, values, strict=True) if v and not _is_unicode(v)]
        if all(column in table.spare for column in bad):
            yield from (BadRow(rowid, "bad_text", column) for column in bad)
        else:
            yield BadRow(rowid, "bad_text")


def _is_unicode(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
