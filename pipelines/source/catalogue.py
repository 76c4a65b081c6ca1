"""The tables of a PostgreSQL database: may they be read, and have they the columns and types."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pipelines import database
from pipelines.postgres import Session
from pipelines.source.schema import refuse
from pipelines.source.tables import TABLES, Kind, SourceTable

WHOLE: Final = ("int8", "int4", "int2")
TEXTS: Final = ("text", "varchar", "bpchar")
DAYS: Final = ("date", "timestamp", "timestamptz")
TYPES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "text": TEXTS,
    "day": (*DAYS, *TEXTS),
    "time": ("timestamp", "timestamptz", "date", *TEXTS),
    "float": ("float8", "float4", *WHOLE),
    "int": WHOLE,
    "bool": ("bool",),
}
"""The types of each kind by PostgreSQL's own names."""
ADVISED: Final[Mapping[Kind, str]] = {
    "text": "text", "day": "date", "time": "timestamp", "float": "double precision",
    "int": "bigint", "bool": "boolean",
}  # fmt: skip
ABSENT_KINDS: Final = {"v": "a view", "f": "a foreign table"}
FIRST_DAY: Final = "0001-01-01"
"""The first day that is a date here; PostgreSQL also has years before Christ."""
AFTER_LAST: Final = "10000-01-01"
"""The day after the last one that is a date here; PostgreSQL also has `infinity`."""

COLUMNS: Final = """
SELECT attname, coalesce(b.typname, t.typname), format_type(atttypid, atttypmod)
FROM pg_attribute JOIN pg_type t ON t.oid = atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped
"""
PARTS: Final = """
WITH RECURSIVE part AS (
    SELECT %s::oid AS oid UNION SELECT inhrelid FROM pg_inherits JOIN part ON inhparent = part.oid
)
SELECT c.oid, format('%%I.%%I', nspname, relname), relkind::text,
    has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE'),
    row_security_active(c.oid)
FROM part JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = relnamespace
ORDER BY c.oid <> %s, c.oid
"""


@dataclass(frozen=True)
class Part:
    """A table, or one that belongs to it as a partition or heir; `name` is with its schema."""

    oid: int
    name: str
    kind: str
    is_readable: bool
    is_filtered: bool


@dataclass(frozen=True)
class Found:
    """A table as the database has it."""

    session: Session
    table: SourceTable
    oid: int

    @cached_property
    def parts(self) -> list[Part]:
        """The table itself, and then those that hold rows of it."""
        return [Part(*row) for row in self.session.rows(PARTS, (self.oid, self.oid))]

    @property
    def name(self) -> str:
        """The name with its schema."""
        return self.parts[0].name

    @cached_property
    def types(self) -> dict[str, tuple[str, str]]:
        """The type of each column: the name by which it is known here, and as it is written."""
        rows = self.session.rows(COLUMNS, (self.oid,))
        return {name: (base, written) for name, base, written in rows}

    def type_of(self, column: str) -> str:
        """Return the type of a column."""
        return self.types[column][0]


def found(session: Session) -> dict[str, Found]:
    """Return the tables that are there, by name."""
    rows = {name: session.rows("SELECT to_regclass(%s)::oid", (name,)) for name in TABLES}
    return {
        name: Found(session, TABLES[name], oid)
        for name, ((oid,),) in rows.items()
        if oid is not None
    }


def preflight(session: Session, tables: Mapping[str, Found]) -> list[SourceTable]:
    """Return the tables that are there; `SourceError` names all that is wrong with them."""
    absent = [t for t in TABLES.values() if t.name not in tables and not t.optional]
    faults = [*_encoding_faults(session), *(database.absence(table.name) for table in absent)]
    faults += [fault for one in tables.values() for fault in _faults(one)]
    refuse(faults)
    refuse([fault for one in tables.values() for fault in _day_faults(one)])
    return [one.table for one in tables.values()]


def _encoding_faults(session: Session) -> Iterator[str]:
    if session.rows("SHOW server_encoding") == [("SQL_ASCII",)]:
        yield "the database has the encoding SQL_ASCII, in which any text may be anything; use UTF8"


def _faults(one: Found) -> Iterator[str]:
    """Yield what is wrong with a table, each fault with its remedy."""
    name = one.table.name
    for part in one.parts:
        if what := ABSENT_KINDS.get(part.kind):
            yield (
                f"{part.name} is {what}, whose rows have no place; "
                "make a materialized view of it, or a table"
            )
        elif not part.is_readable:
            yield f"this role may not read {part.name}; GRANT SELECT ON {part.name} TO it"
        elif part.is_filtered:
            yield f"row security hides rows of {part.name} from this role; give it BYPASSRLS"
    for column, kind in one.table.columns.items():
        if column not in one.types:
            also = ", or rename the table, which may be absent" if one.table.optional else ""
            yield f"the table {name} has no column {column}; add it{also}"
        elif one.type_of(column) not in TYPES[kind]:
            yield (
                f"{name}.{column} is {one.types[column][1]}; make it {ADVISED[kind]} "
                f"(ALTER TABLE {one.name} ALTER COLUMN {column} TYPE {ADVISED[kind]})"
            )


def _day_faults(one: Found) -> Iterator[str]:
    """Yield the columns with a day that is none of the calendar; the table is scanned for it."""
    days = [c for c, kind in one.table.columns.items() if kind in ("day", "time")]
    days = [c for c in days if one.type_of(c) in DAYS]
    if not days:
        return
    odd = {c: f"{c} < '{FIRST_DAY}' OR {c} >= '{AFTER_LAST}'" for c in days}
    counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in odd.values())
    (found,) = one.session.rows(f"SELECT {counts} FROM {one.name}")
    for column, count in zip(days, found, strict=True):
        if count:
            yield (
                f"{one.table.name}.{column} has {count} days before the year 1 or after 9999, "
                f"such as infinity; correct them (SELECT * FROM {one.name} WHERE {odd[column]})"
            )
