"""What a PostgreSQL server may do to a refresh: a clear error soon, or the right answer."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import connectorx
import pytest

from pipelines import postgres
from pipelines.demo_market import pour
from pipelines.errors import ContractError, SourceError
from pipelines.lake import Lake, current_id, layout
from pipelines.place import Postgres
from pipelines.source import pulse, remote_table
from pipelines.source.postgres import PostgresSource
from tests.postgres_server import PASSWORD, USER, Server, as_user, free_port, until_it_listens
from tests.processes import children
from tests.slow.postgres.conftest import NEEDS_A_SERVER, assert_same, refresh, rows

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
pytestmark = NEEDS_A_SERVER

# -------------------------------------------------------------------------------------- traps

TRAPS: Final = {
    "C17 numeric": ("ALTER TABLE fundamentals ALTER pe TYPE numeric",),
    "C18 infinity": (
        "UPDATE daily_prices SET date = 'infinity' WHERE ctid = '(0,1)'",
    ),
    "C18 before Christ": (
        "UPDATE fx_rates SET date = '0044-03-15 BC' WHERE ctid = '(0,1)'",
    ),
    "C19 money": ("ALTER TABLE fundamentals ALTER pb TYPE money USING pb::numeric::money",),
    "a view": ("ALTER TABLE splits RENAME TO s", "CREATE VIEW splits AS SELECT * FROM s"),
    "a lost table": ("DROP TABLE fundamentals",),
}  # fmt: skip
TOLD: Final = {
    "C17 numeric": "fundamentals.pe is numeric; make it double precision (ALTER TABLE public.",
    "C18 infinity": "daily_prices.date has 1 days before the year 1 or after 9999, such as inf",
    "C18 before Christ": "fx_rates.date has 1 days before the year 1 or after 9999, such as ",
    "C19 money": "fundamentals.pb is money; make it double precision (ALTER TABLE public.fund",
    "a view": "public.splits is a view, whose rows have no place; make a materialized view",
    "a lost table": "the database has no table fundamentals; see ",
}


def refused(where: str, root: Path, **how: Any) -> str:
    """The error of a refresh, which comes soon, with nothing published."""
    before, start = current_id(root), time.monotonic()
    with pytest.raises((SourceError, ContractError)) as caught:
        refresh(where, root, **how)
    assert time.monotonic() - start < 10
    assert current_id(root) == before
    assert list(layout.leftovers(root)) == []
    told = str(caught.value)
    assert "\n" not in told
    assert not any(secret in told for secret in (PASSWORD, USER, "127.0.0.1", "falsch"))
    return told


@pytest.mark.parametrize("trap", TOLD)
def test_what_cannot_be_read_is_told_before_anything_is_read(
    running: Server, url: str, root: Path, trap: str
) -> None:
    running.run("own", *TRAPS[trap])
    assert refused(url, root).startswith(TOLD[trap])


@pytest.mark.parametrize("table", ["daily_prices", "splits"])
def test_rows_that_are_lost_on_the_way(
    url: str, root: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """C16: so does connectorx with rows of nulls where it reads with `protocol="csv"`."""
    read, asked = connectorx.read_sql, list[str]()

    def losing(address: str, query: str, *, protocol: str, **how: Any) -> Any:
        asked.append(protocol)
        if f".{table} " in query:
            query = f"SELECT * FROM ({query}) AS one OFFSET 1"
        return read(address, query, protocol=protocol, **how)

    monkeypatch.setattr(connectorx, "read_sql", losing)
    told = refused(url, root, full=True)
    assert set(asked) == {"binary"}
    assert told.startswith(f"{table}: read ")
    assert told.endswith(" rows; nothing was published, try again")


def test_a_server_that_cannot_be_asked(running: Server, root: Path) -> None:
    told = refused(running.url("market", password="falsch"), root)
    assert told.startswith(
        'cannot connect to postgresql://…/market: password authentication failed for user "…"; '
    )
    told = refused(running.url("nix"), root)
    assert told.startswith('cannot connect to postgresql://…/nix: database "nix" does not exist; ')
    told = refused(running.url("market").replace(f":{running.port}/", ":1/"), root)
    assert "Connection refused; start the server, or correct the host and the port" in told


@pytest.mark.usefixtures("url")
def test_a_role_with_too_few_connections(running: Server, root: Path) -> None:
    running.run(
        "own", "CREATE ROLE lone LOGIN CONNECTION LIMIT 1 PASSWORD 'falsch'",
        "GRANT pg_read_all_data TO lone",
    )  # fmt: skip
    told = refused(running.url("own", user="lone", password="falsch"), root)
    assert told == (
        'cannot connect to postgresql://…/own: too many connections for role "…"; '
        "let the role have two connections at a time"
    )


def reading(then: Callable[[], object]) -> Callable[..., None]:
    """A progress that does something once, as soon as prices are being read."""
    done: list[object] = []

    def progress(name: str, *_: object) -> None:
        if name == "daily_prices" and not done:
            done.append(then())

    return progress


# -------------------------------------------------------------------------------------- locks

RELOAD: Final = (
    "BEGIN", "CREATE TEMP TABLE kept AS SELECT * FROM splits", "TRUNCATE splits",
    "INSERT INTO splits SELECT * FROM kept", "COMMIT",
)  # fmt: skip


BOUND: Final = "SET lock_timeout = '60s'"
WAITING: Final = "SELECT 1 FROM pg_locks WHERE NOT granted"


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LOCK_SECONDS", 1)


@pytest.fixture
def meanwhile(running: Server) -> Iterator[Callable[..., None]]:
    """Runs statements in a thread of their own, which may have to wait."""
    with ThreadPoolExecutor(1) as pool:
        begun = list[Future[Any]]()

        def run(*statements: str) -> None:
            begun.append(pool.submit(running.run, "own", BOUND, *statements))
            while not (begun[-1].done() or running.run("own", WAITING)):
                time.sleep(0.02)

        yield run
        for one in begun:
            one.result(timeout=60)


@pytest.mark.usefixtures("_impatient")
def test_a_table_that_is_locked(url: str, root: Path) -> None:
    with psycopg.connect(url) as con:
        con.execute("SET idle_in_transaction_session_timeout = '60s'")
        con.execute("LOCK TABLE splits IN ACCESS EXCLUSIVE MODE")
        told = refused(url, root)
    assert told == (
        "cannot read postgresql://…/own: canceling statement due to lock timeout; "
        "stop what has locked the table, then try again"
    )


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("statement", ["ALTER TABLE fundamentals ADD x int", "TRUNCATE stocks"])
def test_who_waits_for_a_table_is_not_kept_waiting(
    url: str, root: Path, meanwhile: Callable[..., None], statement: str
) -> None:
    """A read queues behind it, and it behind the session, which would wait for the read."""
    told = refused(url, root, full=True, progress=reading(lambda: meanwhile(statement)))
    assert "canceling statement due to lock timeout; stop what has locked the table" in told


@pytest.mark.usefixtures("_impatient")
def test_a_table_is_not_emptied_behind_the_snapshot(
    url: str, root: Path, meanwhile: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each snapshot of before, a table is empty after TRUNCATE, whatever was put into it."""
    preflight = PostgresSource.preflight

    def then(source: PostgresSource) -> Any:
        meanwhile(*RELOAD)
        return preflight(source)

    monkeypatch.setattr(PostgresSource, "preflight", then)
    assert "stop what has locked the table" in refused(url, root, full=True)
    monkeypatch.setattr(PostgresSource, "preflight", preflight)
    assert rows(refresh(url, root, full=True), "splits").height > 0


# ---------------------------------------------------------------------- the role and the server


def test_a_role_that_does_not_see_all_rows(running: Server, url: str, root: Path) -> None:
    running.run(
        "own", "CREATE ROLE half LOGIN PASSWORD 'falsch'",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO half",
        "ALTER TABLE fundamentals ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY even ON fundamentals USING (id % 2 = 0)",
        "REVOKE SELECT ON splits FROM half",
    )  # fmt: skip
    told = refused(running.url("own", user="half", password="falsch"), root)
    assert "row security hides rows of public.fundamentals from this role; give it " in told
    assert "this role may not read public.splits; GRANT SELECT ON public.splits TO it" in told
    # Its owner sees all, unless row security is forced upon him.
    refresh(url, root, full=True)
    running.run("own", "DROP OWNED BY half", "DROP ROLE half")


SETTINGS: Final = (
    "client_encoding = 'SQL_ASCII'", "DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Tokyo'",
    "default_transaction_read_only = on", "default_transaction_deferrable = on",
    "idle_in_transaction_session_timeout = '20ms'", "extra_float_digits = -5",
)  # fmt: skip


def test_settings_of_the_role_change_no_row(
    running: Server, url: str, first: Path, tmp_path: Path
) -> None:
    alter = f'ALTER ROLE "{USER}" IN DATABASE own SET '
    running.run("own", *(f"{alter}{setting}" for setting in SETTINGS))
    assert_same(refresh(url, tmp_path / "lake"), Lake(first, current_id(first)))


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_of_another_encoding(
    running: Server, market: Path, root: Path, encoding: str
) -> None:
    running.run(
        "postgres",
        f"CREATE DATABASE other TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'",
    )
    where = running.url("other")
    try:
        pour(market, Postgres(where))
        if encoding == "SQL_ASCII":
            assert refused(where, root).startswith("the database has the encoding SQL_ASCII, ")
        else:
            running.run("other", "UPDATE stocks SET name = 'Åäö'")
            assert set(rows(refresh(where, root, full=True), "stocks")["name"]) == {"Åäö"}
    finally:
        running.run("postgres", "DROP DATABASE other WITH (FORCE)")


@contextmanager
def pooler(running: Server, mode: str, more: str) -> Iterator[int]:
    """A pgbouncer before the server, and its port."""
    port = free_port()
    folder = running.folder / "pooler"
    folder.mkdir(exist_ok=True)
    (folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={running.port}\n[pgbouncer]\n"
        f"listen_addr=127.0.0.1\nlisten_port={port}\npool_mode={mode}\nunix_socket_dir=\n"
        f"auth_type=scram-sha-256\nauth_file={folder}/users\n{more}\n"
    )
    command = as_user(str(shutil.which("pgbouncer")), "-q", str(folder / "ini"))
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until_it_listens(port)
            yield port
        finally:
            process.kill()


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="pgbouncer is not installed")
@pytest.mark.parametrize(
    ("mode", "more", "why"),
    [
        ("transaction", "", "unsupported startup parameter: options"),
        ("transaction", "ignore_startup_parameters=options", "takes no settings from an address"),
        ("session", "ignore_startup_parameters=options", "takes no settings from an address"),
        ("statement", "", "transaction blocks not allowed in statement pooling mode"),
    ],
)
def test_a_pooler_is_refused(
    running: Server, url: str, root: Path, mode: str, more: str, why: str
) -> None:
    with pooler(running, mode, more) as port:
        told = refused(url.replace(f":{running.port}/", f":{port}/"), root)
    assert told.endswith(f"{why}; give the address of the server itself, not of a pooler")


def test_a_standby_is_as_good_as_its_server(
    running: Server, url: str, first: Path, tmp_path: Path
) -> None:
    with running.standby() as standby:
        where = standby.url("own")
        assert_same(refresh(where, tmp_path / "lake"), Lake(first, current_id(first)))
    assert refresh(url, tmp_path / "lake").version == current_id(tmp_path / "lake")


@pytest.fixture
def known(running: Server, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Gives the server a certificate of itself for a name, and returns its file."""

    def certified(name: str) -> Path:
        key, file = (running.folder / "data" / f"server.{end}" for end in ("key", "crt"))
        command = [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=one"),
            *("-addext", f"subjectAltName={name}", "-keyout", str(key), "-out", str(file)),
        ]
        subprocess.run(as_user(*command), check=True, capture_output=True)
        running.run("postgres", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
        return Path(shutil.copy(file, tmp_path / f"{name.replace(':', '-')}.crt"))

    yield certified
    running.run("postgres", "ALTER SYSTEM RESET ssl", "SELECT pg_reload_conf()")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_server_of_another_name_or_certificate(
    url: str, first: Path, root: Path, tmp_path: Path, known: Callable[[str], Path]
) -> None:
    right = known("IP:127.0.0.1")
    where = f"{url}?sslmode=verify-full&sslrootcert={right}"
    assert_same(refresh(where, tmp_path / "lake"), Lake(first, current_id(first)))
    other = known("DNS:other.example")
    told = refused(f"{url}?sslmode=verify-full&sslrootcert={other}", root)
    assert "certificate for " in told
    assert "does not match host name" in told
    told = refused(f"{url}?sslmode=verify-ca&sslrootcert={right}", root)
    assert "certificate verify failed" in told


def test_a_server_that_hangs(
    running: Server, url: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections stay open, and its system goes on to answer for it."""
    monkeypatch.setattr(pulse, "PULSE_SECONDS", 0.2)
    monkeypatch.setattr(pulse, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(remote_table, "STRETCH_VALUES", 8_000)
    stopped = list[int]()

    def stop() -> None:
        stopped.extend([running.pid, *children(running.pid)])
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

    try:
        told = refused(url, root, full=True, progress=reading(stop))
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)
    assert told.startswith("postgresql://…/own does not answer any more, though it is connected; ")


# ---------------------------------------------------------------------------- ended by the server

KILL: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'own' AND pid <> "
    "pg_backend_pid()"
)


def test_a_session_that_is_killed(
    running: Server, url: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_table, "STRETCH_VALUES", 8_000)
    told = refused(url, root, full=True, progress=reading(lambda: running.run("own", KILL)))
    assert told.startswith(
        "cannot read postgresql://…/own: terminating connection due to administrator command; "
    )


def test_a_read_that_takes_too_long(
    running: Server, url: str, root: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    place_of = remote_table.NUMBER
    # The read sleeps in the server until it is ended; the session goes on.
    monkeypatch.setattr(remote_table, "NUMBER", f"(SELECT 0 FROM pg_sleep(8)) + {place_of}")
    monkeypatch.setattr(remote_table.RemoteTable, "stretches", lambda *_: iter([(0, 1)]))
    running.run("own", f"ALTER ROLE \"{USER}\" IN DATABASE own SET statement_timeout = '3s'")
    told = refused(url, root, full=True)
    assert told.startswith("the server ended the read of daily_prices: "), told
    assert "statement timeout" in told
    assert "panicked" not in capfd.readouterr().err


def test_no_table_of_another_database_is_replaced(running: Server, market: Path, url: str) -> None:
    running.run("own", "DROP TABLE stocks")
    with pytest.raises(SourceError, match=r"has a table \w+ that is of no demo market"):
        pour(market, Postgres(url))
    running.run("own", "SELECT FROM daily_prices")
