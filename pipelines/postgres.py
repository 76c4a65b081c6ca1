"""A PostgreSQL database that is only read: its session, and what went wrong, without its address.

psycopg is imported where a database is opened, so that nothing of it is loaded without one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from pipelines.database import REQUIRED_TABLES, SEE_SCHEMA, absence
from pipelines.errors import SourceBusy, SourceError
from pipelines.place import Postgres

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_SECONDS: Final = 5
"""How long to wait for a server."""
LOCK_SECONDS: Final = 5
"""How long to wait for a table that another session has locked, or waits to lock."""
VERIFIED: Final = ("require", "verify-ca", "verify-full")
"""The values of `sslmode` with which libpq holds a server's certificate against known ones."""
ROOT: Final = Path("~/.postgresql/root.crt")
"""Where libpq looks for known certificates, unless told."""
IDLE, INTERVAL, COUNT = 4, 2, 2
"""After how many seconds the system asks a silent host if it is there, and how often."""
WITHOUT_PSYCOPG: Final = (
    "a source in PostgreSQL needs psycopg; install it with pip install 'stockrank[postgres]'"
)
DEMO_MARK: Final = "StockRank demo market of invented companies"
"""The comment on the table `stocks` of a demo market."""
IS_DEMO: Final = f"SELECT obj_description(to_regclass('stocks')) = '{DEMO_MARK}'"
"""Asks whether a market is one."""
BEGIN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
SETTINGS: Final = (
    "SET LOCAL DateStyle = 'ISO'",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL row_security = off",  # an error in place of rows that are left out
)
"""What every transaction is set to that reads rows."""
STORED: Final = """
SELECT string_agg(format('%%I.%%I', nspname, relname), ', ')
FROM unnest(%s::text[]) AS name JOIN pg_class c ON c.oid = to_regclass(name)
JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT')
"""
"""Asks for the tables that may be locked, with their schemas."""

NO_POOLER: Final = "give the address of the server itself, not of a pooler"
CANNOT_CONNECT: Final[Mapping[str, str]] = {
    "password": "correct the user and the password in the address",
    "too many": "let the role have two connections at a time",
    "role": "correct the user in the address",
    "database": "correct the database in the address, or make it",
    "authentication": "let the server's pg_hba.conf accept this user from here",
    "startup parameter": NO_POOLER,
    "pg_hba": "let the server's pg_hba.conf accept this user from here",
}
"""The remedy by a word of the error, for a server that answered; else `NO_SERVER`."""
NO_SERVER: Final = "start the server, or correct the host and the port in the address"
REMEDIES: Final[Mapping[str, str]] = {
    "42501": "let the role read it with GRANT SELECT ON the table, and USAGE on its schema",
    "57014": "give the role a longer one with ALTER ROLE … SET statement_timeout, or none with 0",
    "55P03": "stop what has locked the table, then try again",
    "08P01": NO_POOLER,
    "22023": NO_POOLER,
    "57P01": "find out who ended the session, then try again",
}
"""The remedy by PostgreSQL's own code of an error."""
AGAIN: Final = "try again; if it stays so, the server's log says why"
BUSY: Final = ("55P03", "57014")
CODES: Final[Mapping[str, str]] = {"lock timeout": "55P03", "statement timeout": "57014"}
"""The codes of errors that connectorx tells without one, by their words."""


# ------------------------------------------------------------------------------------ errors


@contextmanager
def told(where: Postgres) -> Iterator[None]:
    """Raise `SourceError` for an error of PostgreSQL; it names nothing of the address."""
    import psycopg  # noqa: PLC0415 - an extra

    try:
        yield
    except psycopg.Error as error:
        kind = SourceBusy if error.sqlstate in BUSY else SourceError
        raise kind(f"cannot read {where}: {_why(where, error)}") from None


def _why(where: Postgres, error: Any) -> str:
    """Return what PostgreSQL says, and the remedy."""
    first = error.diag.message_primary or str(error).partition("\n")[0] or type(error).__name__
    return f"{without_address(where, first)}; {REMEDIES.get(error.sqlstate, AGAIN)}"


def ended(where: Postgres, table: str, said: str) -> SourceError:
    """Return the error of a read by connectorx, which hides PostgreSQL's words among its own."""
    words = re.search(r'message: "([^"]*)"|ERROR: ([^\n]*)', said)
    told = (words[1] or words[2]) if words else said.partition("\n")[0]
    found = re.search(r"SqlState\(E(\w{5})\)", said)
    code = found[1] if found else next((c for word, c in CODES.items() if word in told), "")
    kind = SourceBusy if code in BUSY else SourceError
    shown, remedy = without_address(where, told), REMEDIES.get(code, AGAIN)
    return kind(f"the server ended the read of {table}: {shown}; {remedy}")


def without_address(where: Postgres, text: str) -> str:
    """Return a message without the user, the host and the password, which are in quotes there."""
    shown = re.sub(r'"[^"]*"', lambda m: m[0] if m[0] == f'"{where.name}"' else '"…"', text)
    return re.sub(r"\(?\b\d{1,3}(\.\d{1,3}){3}\b\)?|[0-9a-f]*:[0-9a-f:]*:[0-9a-f]+", "…", shown)


def _no_connection(where: Postgres, error: Any) -> SourceError:
    """Return the error of a server that cannot be asked."""
    lines = [line for line in str(error).splitlines() if "failed: " in line] or [str(error)]
    said = lines[-1].rpartition("failed: ")[2].removeprefix("FATAL:").strip()
    remedy = next((r for word, r in CANNOT_CONNECT.items() if word in said), NO_SERVER)
    shown = re.sub(r"'[^']*'", "…", without_address(where, said))
    return SourceError(f"cannot connect to {where}: {shown}; {remedy}")


# -------------------------------------------------------------------------------- connections


def connect(where: Postgres, *, seconds: int = CONNECT_SECONDS) -> "Connection[Any]":
    """Return a connection; `SourceError` where psycopg or the server is not there."""
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError:
        raise SourceError(WITHOUT_PSYCOPG) from None
    try:
        return psycopg.connect(
            where.url, connect_timeout=seconds, autocommit=True,
            keepalives_idle=IDLE, keepalives_interval=INTERVAL, keepalives_count=COUNT,
            client_encoding="UTF8",
        )  # fmt: skip
    except psycopg.ProgrammingError:
        raise SourceError(
            f"{where} is no address; write postgresql://user:password@host:port/database, "
            "with the characters :/?#[]@% of a password as %3A and so on"
        ) from None
    except psycopg.Error as error:
        raise _no_connection(where, error) from None


def check_readable(where: Postgres, *, seconds: int) -> None:
    """Raise `SourceError` unless the tables that must be there can be read.

    `SourceBusy` where one of them is locked for so long.
    """
    with closing(connect(where, seconds=seconds)) as con, told(where):
        con.execute(f"SET statement_timeout = '{seconds}s'")
        for table in REQUIRED_TABLES:
            if not is_there(con, table):
                raise SourceError(f"{absence(table)}; {SEE_SCHEMA}")
            con.execute(f"SELECT FROM {table} LIMIT 1")


def is_there(con: "Connection[Any]", table: str) -> bool:
    """Return True where the search path leads to a table."""
    return con.execute("SELECT to_regclass(%s)", (table,)).fetchone() != (None,)


@dataclass(frozen=True)
class Session:
    """A transaction that sees the database as it was when the session began, and only reads."""

    where: Postgres
    con: "Connection[Any]" = field(repr=False)
    snapshot: str

    def rows(self, query: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with told(self.where):
            return self.con.execute(query, params or None).fetchall()

    @property
    def address(self) -> str:
        """The address with what psycopg took from elsewhere, as from PGPASSWORD."""
        info = self.con.info
        user = quote(info.user, safe="") + (
            f":{quote(info.password, safe='')}" * bool(info.password)
        )
        host = f"[{info.host}]" if ":" in info.host else quote(info.host, safe="")
        tls = "require" if self.con.pgconn.ssl_in_use else "disable"
        name = quote(info.dbname, safe="")
        found = self._known
        known = f"&sslrootcert={quote(found, safe='')}" if found else ""
        return f"postgresql://{user}@{host}:{info.port}/{name}?sslmode={tls}{known}{_options()}"

    @property
    def url(self) -> str:
        """The address for connectorx, which has another word than libpq for a count."""
        asked = f"keepalives_idle={IDLE}&keepalives_interval={INTERVAL}&keepalives_retries={COUNT}"
        return f"{self.address}&{asked}"

    @property
    def _known(self) -> str | None:
        """The file of certificates that the address wants the server's to be held against."""
        asked = self.con.info.get_parameters()
        mode, file = asked.get("sslmode"), asked.get("sslrootcert")
        if mode not in VERIFIED:
            return None
        if file == "system":
            raise SourceError(
                f"{self.where} has sslrootcert=system, with which not all can be read; name the "
                "system's file, such as sslrootcert=/etc/ssl/certs/ca-certificates.crt"
            )
        return file or (str(ROOT.expanduser()) if ROOT.expanduser().exists() else None)

    @property
    def preparation(self) -> list[str]:
        """What another connection runs first, to see the same."""
        return [BEGIN, f"SET TRANSACTION SNAPSHOT '{self.snapshot}'", *SETTINGS]


@contextmanager
def session(where: Postgres, tables: Sequence[str]) -> Iterator[Session]:
    """Open a database as it is now, until the end; nobody changes the tables meanwhile."""
    with closing(connect(where)) as con:
        with told(where):
            # Others read with this snapshot while the session itself is idle.
            con.execute("SET idle_in_transaction_session_timeout = 0")
            con.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            ((stored,),) = con.execute(STORED, (list(tables),)).fetchall()
            for statement in (BEGIN, *SETTINGS, *_locked(stored)):
                con.execute(statement)
            ((snapshot,),) = con.execute("SELECT pg_export_snapshot()").fetchall()
        made = Session(where, con, snapshot)
        _second(made)
        yield made


def _options() -> str:
    """Return what another connection is set to from its first statement, which comes unasked."""
    settings = f"-c lock_timeout={LOCK_SECONDS}s -c idle_in_transaction_session_timeout=0"
    return f"&options={quote(settings)}"


def _locked(tables: str | None) -> Iterator[str]:
    """Yield the statement after which nobody empties a table until the transaction ends.

    It comes before the snapshot: a table that is emptied by TRUNCATE, or written anew by ALTER
    TABLE, is empty for each snapshot of before.
    """
    if tables:
        yield f"LOCK TABLE {tables} IN ACCESS SHARE MODE"


def _second(made: Session) -> None:
    """Raise `SourceError` unless another connection sees the same; connectorx would wait long."""
    with closing(connect(Postgres(made.address))) as con, told(made.where):
        if con.execute("SHOW lock_timeout").fetchone() != (f"{LOCK_SECONDS}s",):
            raise SourceError(f"{made.where} takes no settings from an address; {NO_POOLER}")
        for statement in made.preparation:
            con.execute(statement)
