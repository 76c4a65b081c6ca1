"""Where a source is; the address of a database shows in no text."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from app.jobs.environment import environment
from app.jobs.outside import service_databases
from pipelines.demo_market.pour import statement
from pipelines.errors import SourceBusy, SourceError
from pipelines.place import Postgres, place, place_text, spelled, without_addresses
from pipelines.postgres import Session, connect, ended, without_address
from pipelines.settings import Settings

URL: Final = "postgresql://rank:hush%40@db.example:5432/market?sslmode=require"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (URL, "market"),
        ("postgres://db/a%20b", "a b"),
        ("postgresql:///", "default"),
        ("postgresql://[oops/x", "default"),
        ("postgresql://rank:geheim/wort@db.example/market", "default"),
        ("postgresql://rank:geheim/wort#8@db.example/market", "default"),
        ("postgresql://rank:geheim/wort?8@db.example/market", "default"),
        ("postgresql://db/a%40b", "a@b"),
    ],
)
def test_only_the_name_of_a_database_shows(text: str, name: str) -> None:
    where = place(text)
    assert isinstance(where, Postgres)
    assert str(where) == place_text(where) == f"postgresql://…/{name}"
    assert repr(where) == "Postgres()"
    assert spelled(where) == text


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "POSTGRESQL", "jdbc:postgresql"])
def test_an_address_of_another_kind_is_told_without_it(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = URL.replace("postgresql", scheme)
    monkeypatch.setenv("STOCKRANK_SOURCE", address)
    for ask in (lambda: place(address), Settings.load):
        with pytest.raises(SourceError) as caught:
            ask()
        assert str(caught.value) == (
            "the source is an address of another kind; write postgresql://…"
        )
    assert place(f" {URL}\n") == Postgres(URL)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            f"unknown command '{URL}'; expected one",
            "unknown command 'postgresql://…'; expected one",
        ),
        ("use --source postgres://a:b c@d/e@h/db", "use --source postgres://…"),
        ("at POSTGRESQL+psycopg:/a:b@h/db; name", "at POSTGRESQL+psycopg:/…; name"),
        ("at postgresql://a:b, cut off", "at postgresql://… cut off"),
        ("cannot read postgresql://…/db: a@b", "cannot read postgresql://…/db: a@b"),
        ("write postgresql://user:password@host", "write postgresql://user:password@host"),
    ],
)
def test_an_address_that_somebody_typed_is_not_repeated(text: str, told: str) -> None:
    assert without_addresses(text) == told


def test_anything_else_is_a_path(tmp_path: Path) -> None:
    assert place("data/demo.db") == Path("data/demo.db") == place(Path("data/demo.db"))
    assert place_text(tmp_path / "a.db") == f"{tmp_path / 'a.db'}"
    assert spelled(Path("postgresql.db")) == "postgresql.db"


def test_the_setting_is_a_secret_that_a_command_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STOCKRANK_SOURCE", URL)
    settings = Settings.load()
    assert settings.source == Postgres(URL)
    assert environment(settings)["STOCKRANK_SOURCE"] == URL
    assert service_databases(settings) == {"postgresql://…/market"}
    for shown in (repr(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "hush" not in shown
        assert "db.example" not in shown
    monkeypatch.setenv("STOCKRANK_SOURCE", "4711")
    assert Settings.load().source == Path("4711")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('no password for user "rank"', 'no password for user "…"'),
        ('database "market" does not exist', 'database "market" does not exist'),
        ("no pg_hba.conf entry for host 10.0.0.12", "no pg_hba.conf entry for host …"),
        ("at fe80::1:2 port 5432", "at … port 5432"),
        ("at 12:30 o'clock", "at 12:30 o'clock"),
    ],
)
def test_what_a_server_says_is_told_without_users_and_hosts(text: str, shown: str) -> None:
    assert without_address(Postgres(URL), text) == shown


def test_without_psycopg_there_is_a_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SourceError) as caught:
        connect(Postgres(URL))
    assert str(caught.value) == (
        "a source in PostgreSQL needs psycopg; install it with pip install 'stockrank[postgres]'"
    )


def test_the_words_of_the_server_are_found_in_those_of_connectorx() -> None:
    said = (
        "cx writer failed: Source(PostgresError(Error { kind: Db, cause: Some(DbError { severity: "
        '"ERROR", code: SqlState(E57014), message: "canceling statement due to statement timeout",'
        ' detail: None, file: Some("postgres.c") }) }))'
    )
    assert str(ended(Postgres(URL), "stocks", said)) == (
        "the server ended the read of stocks: canceling statement due to statement timeout; "
        "give the role a longer one with ALTER ROLE … SET statement_timeout, or none with 0"
    )
    busy = ended(Postgres(URL), "stocks", "db error: ERROR: canceling it due to lock timeout\n")
    assert isinstance(busy, SourceBusy)
    assert str(busy) == (
        "the server ended the read of stocks: canceling it due to lock timeout; "
        "stop what has locked the table, then try again"
    )
    assert str(ended(Postgres(URL), "stocks", "no words\nmore")) == (
        "the server ended the read of stocks: no words; "
        "try again; if it stays so, the server's log says why"
    )


def test_a_table_of_the_demo_in_the_words_of_postgresql() -> None:
    assert statement("fx_rates").split("--")[0] == (
        "CREATE TABLE fx_rates (\n    currency VARCHAR NOT NULL, date DATE NOT NULL,\n"
        "    rate DOUBLE PRECISION NOT NULL,  "
    )
    assert "is_active BOOLEAN DEFAULT true, last_validated DATE, last_updated TIMESTAMP" in (
        statement("stocks")
    )


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ({}, ""),
        ({"sslrootcert": "/ca.pem"}, ""),
        ({"sslmode": "require"}, ""),
        ({"sslmode": "require", "sslrootcert": "/ca.pem"}, "&sslrootcert=%2Fca.pem"),
        ({"sslmode": "verify-full", "sslrootcert": "/ca.pem"}, "&sslrootcert=%2Fca.pem"),
    ],
)
def test_every_read_holds_the_server_against_the_certificates_of_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str], known: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    one = connected(asked)
    assert one.url.startswith(
        f"postgresql://a:b@db:5432/market?sslmode=require{known}&options=-c%20lock_"
    )


def test_the_usual_file_of_certificates_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").touch()
    assert "sslrootcert=" in connected({"sslmode": "verify-ca"}).url
    assert "sslrootcert=" not in connected({"sslmode": "prefer"}).url
    with pytest.raises(SourceError, match="has sslrootcert=system"):
        _ = connected({"sslmode": "verify-full", "sslrootcert": "system"}).url


def connected(asked: dict[str, str]) -> Session:
    """A session of a connection with TLS, by what was asked for."""
    info = SimpleNamespace(
        user="a", password="b", host="db", port=5432, dbname="market",
        get_parameters=lambda: asked,
    )  # fmt: skip
    con: Any = SimpleNamespace(info=info, pgconn=SimpleNamespace(ssl_in_use=True))
    return Session(Postgres(URL), con, "")
