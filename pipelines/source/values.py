"""What a cell of the source is worth, in SQL: its typed value, or the condition that it has none.

Any column of a SQLite table may hold values of any type. An empty text in a number is null, as a
CSV import leaves it; a blob of eight bytes is an integer, as NumPy leaves it.
"""

from collections.abc import Mapping
from typing import Final

from pipelines.source.tables import UNUSABLE_VALUE, Kind, SourceTable

TYPES: Final[Mapping[Kind, str]] = {
    "text": "TEXT", "day": "TEXT", "time": "TEXT", "float": "REAL", "int": "INTEGER",
    "bool": "BOOLEAN",
}  # fmt: skip
"""The type under which connectorx reads each kind."""

AS_TEXT: Final = (
    "CASE WHEN {c} COLLATE BINARY < x'' THEN CAST({c} AS TEXT) WHEN {c} IS NULL THEN '' "
    "ELSE 'a blob' END"
)
"""A day or time as text; in SQLite's order of types, numbers and texts are below the empty blob."""

WARN: Final = "warn_"
"""How the name of a column begins that is true where a value was given up."""

_HEX: Final = "'0123456789ABCDEF'"
_BYTES: Final = (
    f"(instr({_HEX}, substr(hex({{c}}), {2 * n + 1}, 1)) * 16"
    f" + instr({_HEX}, substr(hex({{c}}), {2 * n + 2}, 1)) - 17 << {8 * n})"
    for n in range(6)
)
# The two bytes beyond 48 bits are alike in every such integer, and in no usual number of Float64.
_BLOB: Final = (
    "CASE WHEN length({c}) = 8 AND substr({c}, 7, 2) IN (x'0000', x'ffff') THEN "
    f"{' + '.join(_BYTES)} - CASE substr({{c}}, 7, 2) WHEN x'ffff' THEN 1 << 48 ELSE 0 END END"
)
"""The integer of a blob of eight bytes, the lowest first, below 2**48; null for any other."""

_KEY: Final = "lower(CASE typeof({c}) WHEN 'blob' THEN 'x' || hex({c}) ELSE {c} END)"
VALUES: Final[Mapping[Kind, str]] = {
    "text": "CASE typeof({c}) WHEN 'blob' THEN NULL ELSE {c} END",
    "day": AS_TEXT,
    "time": AS_TEXT,
    "float": f"CASE typeof({{c}}) WHEN 'real' THEN {{c}} WHEN 'integer' THEN {{c}}"
    f" WHEN 'blob' THEN {_BLOB} END",
    "int": f"CASE typeof({{c}}) WHEN 'integer' THEN {{c}} WHEN 'blob' THEN {_BLOB}"
    " WHEN 'real' THEN CASE CAST({c} AS INTEGER) WHEN {c} THEN CAST({c} AS INTEGER) END END",
    "bool": f"CASE WHEN {_KEY} IN ('1', 'true', 't', 'x01', 'x0100000000000000') THEN 1"
    f" WHEN {_KEY} IN ('0', 'false', 'f', 'x00', 'x0000000000000000') THEN 0 END",
}
"""The value of a cell of each kind in SQL, null where it has none."""

REASONS: Final[Mapping[Kind, str]] = {
    "text": "blob_in_text",
    "float": "text_in_number",
    "int": "text_in_number",
    "bool": "text_in_number",
}
"""The reason code of a cell without a usable value; a day or time is judged as text, later."""


def value(column: str, kind: Kind) -> str:
    """Return the value of a cell in SQL."""
    return VALUES[kind].format(c=column)


def is_unusable(column: str, kind: Kind) -> str:
    """Return the condition in SQL that a cell holds something, and that it is no value."""
    if kind == "text":
        return f"typeof({column}) = 'blob'"
    given = f"length(CAST({column} AS BLOB)) > 0"
    return f"({value(column, kind)} IS NULL AND {column} IS NOT NULL AND {given})"


def warnings(table: SourceTable, more: str = "0") -> dict[str, str]:
    """Return the conditions in SQL that a row stays without a value, by the name of a column.

    `more` is another condition for a text that no ranking needs.
    """
    found = {f"{WARN}{code}": list[str]() for code in table.spare.values()}
    for column, code in table.spare.items():
        found[f"{WARN}{code}"].append(is_unusable(column, table.columns[column]))
    found.get(f"{WARN}{UNUSABLE_VALUE}", []).append(more)
    return {name: " OR ".join(conditions) for name, conditions in found.items()}
