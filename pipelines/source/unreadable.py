"""Rows that connectorx cannot read: which they are, and why."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.errors import SourceError
from pipelines.source.copying import open_copy
from pipelines.source.tables import Kind, SourceTable

BAD: Final[Mapping[Kind, tuple[str, str]]] = {
    "text": ("typeof({c}) = 'blob'", "blob_in_text"),
    "float": ("typeof({c}) NOT IN ('real', 'integer', 'null')", "text_in_number"),
    "int": ("typeof({c}) NOT IN ('integer', 'null')", "text_in_number"),
    "bool": ("typeof({c}) NOT IN ('integer', 'null')", "text_in_number"),
}
"""The values of each kind that connectorx cannot read, in SQL, and the reason code of their row.

Days and times may hold anything, for they are read as text.
"""


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read, with the reason."""

    rowid: int
    reason: str


class UnreadableRow(SourceError):
    """A value that connectorx cannot read ended the stream."""

    def __init__(self, table: str, cause: str) -> None:
        self.table: Final = table
        super().__init__(f"the table {table} has a value that cannot be read: {cause}")


def bad_rows(copy: Path, table: SourceTable, where: str) -> list[BadRow]:
    """Return the rows that connectorx cannot read, each with its first reason; a slow full scan."""
    with open_copy(copy, table.name) as con:
        rows = [BadRow(*row) for row in con.execute(_of_wrong_kind(table, where))]
        found = {row.rowid for row in rows}
        texts = _not_unicode(con, table, where)
        return [*rows, *(BadRow(n, "bad_text") for n in texts if n not in found)]


def _of_wrong_kind(table: SourceTable, where: str) -> str:
    """Return the query for rowid and reason of rows with a value of another kind."""
    cases = " ".join(
        f"WHEN {BAD[kind][0].format(c=column)} THEN '{BAD[kind][1]}'"
        for column, kind in table.columns.items()
        if kind in BAD
    )
    return (
        f"SELECT rowid, reason FROM (SELECT rowid, CASE {cases} END AS reason "
        f"FROM {table.name} WHERE {where}) WHERE reason IS NOT NULL"
    )


def _not_unicode(con: sqlite3.Connection, table: SourceTable, where: str) -> Iterator[int]:
    texts = ", ".join(
        f"CASE typeof({column}) WHEN 'text' THEN {column} END"  # a blob would come as bytes, too
        for column, kind in table.columns.items()
        if kind in ("text", "day", "time")
    )
    con.text_factory = bytes
    for rowid, *values in con.execute(f"SELECT rowid, {texts} FROM {table.name} WHERE {where}"):
        if not all(value is None or _is_unicode(value) for value in values):
            yield rowid


def _is_unicode(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
