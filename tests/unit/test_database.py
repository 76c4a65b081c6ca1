"""What a database is asked writes nothing, waits for a lock, and is told of with a remedy."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pipelines import database as source
from pipelines.errors import SourceBusy, SourceError
from pipelines.source.copying import copy
from pipelines.source.schema import preflight
from pipelines.source.tables import TABLES
from pipelines.source.tuning import inspect
from tests.factories import database
from tests.unit.source.tables import PRICE, closed_wal


def count(con: sqlite3.Connection) -> int:
    return int(con.execute("SELECT count(*) FROM daily_prices").fetchone()[0])


def test_a_wal_database_that_nobody_uses_is_read_without_side_files(tmp_path: Path) -> None:
    path = closed_wal(tmp_path / "x.db")
    (tmp_path / "link.db").symlink_to(path)
    assert source.read(tmp_path / "link.db", count) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"x.db", "link.db"}


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_what_is_written_to_it_meanwhile_is_read_too(
    tmp_path: Path, *, closes: bool, fails: bool
) -> None:
    path, asked = closed_wal(tmp_path / "x.db"), []
    writer = sqlite3.connect(path)

    def question(con: sqlite3.Connection) -> int:
        asked.append(count(con))
        if len(asked) == 1:
            with writer:
                writer.execute("INSERT INTO daily_prices (ticker, date) VALUES ('B', '2024-01-02')")
            if closes:
                writer.close()
            if fails:
                raise sqlite3.DatabaseError
        return asked[-1]

    assert source.read(path, question) == 2
    assert asked == [1, 2]
    writer.close()


def test_a_connection_cannot_write(tmp_path: Path) -> None:
    path = database(tmp_path / "50% of a?b.db")
    with (
        closing(source.open_read_only(path)) as con,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        con.execute("DELETE FROM stocks")


# ------------------------------------------------------------------------------------ errors


def failure(path: Path, *statements: str, uri: str = "") -> sqlite3.Error:
    """The error of SQLite that opening a file or one of the statements ends with."""
    try:
        with closing(sqlite3.connect(f"file:{path}{uri}", uri=True, timeout=0)) as con:
            for statement in statements:
                con.execute(statement).fetchall()
    except sqlite3.Error as error:
        return error
    pytest.fail("nothing went wrong")


def test_a_lock_is_told_of_with_how_long_it_was_waited_for(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = source.told(failure(path, "SELECT * FROM stocks"))
    assert said == "database is locked for 30 s; stop what uses it, then try again"


def test_a_file_that_may_not_be_written_to_is_told_of_with_its_folder(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    said = source.told(failure(path, "DELETE FROM stocks", uri="?mode=ro"))
    assert said == f"attempt to write a readonly database; {source.NOT_WRITABLE}"
    said = source.told(failure(tmp_path, "DELETE FROM stocks", uri="/no/x.db?mode=ro"))
    assert said == f"unable to open database file; {source.NOT_WRITABLE}"
    assert "-shm" in source.NOT_WRITABLE


def test_a_damaged_page_is_told_of_with_the_backup(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    assert source.told(failure(path, "SELECT * FROM stocks")).endswith(f"; {source.DAMAGED}")
    path.write_bytes(source.HEADER + bytes(4080))
    said = source.told(failure(path, "SELECT * FROM stocks"))
    assert said == f"file is not a database; {source.DAMAGED}"


def with_schema(path: Path, kind: str, sql: str) -> Path:
    """A database with a line of its schema that SQLite would not have written."""
    database(path)
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("PRAGMA writable_schema = ON")
        con.execute("INSERT INTO sqlite_master VALUES (?, 'v', 'v', 0, ?)", (kind, sql))
    return path


def test_a_view_of_newer_syntax_is_no_damage(tmp_path: Path) -> None:
    view = "CREATE VIEW v AS SELECT ticker FROM stocks QUALIFY 1 = 1"
    said = source.told(failure(with_schema(tmp_path / "x.db", "view", view), "SELECT 1 FROM v"))
    assert said.startswith("malformed database schema (v)")
    assert said.endswith(f"; {source.NEWER}")
    assert sqlite3.sqlite_version in said
    assert not re.search("damaged|backup", said)


@pytest.mark.parametrize("use", [preflight, inspect])
def test_every_reader_tells_of_newer_syntax_alike(
    tmp_path: Path, use: Callable[[Path], object]
) -> None:
    path = with_schema(tmp_path / "x.db", "view", "CREATE VIEW v AS SELECT 1 QUALIFY 1 = 1")
    with pytest.raises(SourceError, match="run this with a Python that has a newer SQLite") as told:
        use(path)
    assert "damaged" not in str(told.value)


def test_a_collation_of_another_program_is_told_of_with_collate(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    said = source.told(failure(path, "SELECT * FROM stocks ORDER BY ticker COLLATE localized"))
    assert said.startswith("no such collation sequence: localized; ")
    assert said.endswith("make the column or index again without COLLATE")


def test_an_error_without_a_remedy_is_told_as_it_is(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    assert source.told(failure(path, "SELECT x FROM stocks")) == "no such column: x"
    assert source.told(RuntimeError("some other thing")) == "some other thing"


def test_what_connectorx_says_of_damage_has_no_code_but_a_remedy() -> None:
    said = source.told(RuntimeError("database disk image is malformed"))
    assert said == f"database disk image is malformed; {source.DAMAGED}"


# -------------------------------------------------------------------------------------- file


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.db", r"no database at .*no\.db; name one with --source"),
        ("text.csv/x.db", r"no database at .*x\.db; name one with --source"),
        ("", r"is not a file; --source takes a SQLite database"),
        ("text.csv", r"text\.csv is not a SQLite database; --source takes one"),
        ("empty.db", r"empty\.db is not a SQLite database; --source takes one"),
        ("x" * 300, r"cannot read .*x: File name too long"),
    ],
)
def test_what_is_no_database_is_named(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "text.csv").write_text("ticker,date\nA,2024-01-02\n")
    (tmp_path / "empty.db").touch()
    with pytest.raises(SourceError, match=message):
        source.check_file(tmp_path / name)


def test_the_mode_is_that_of_the_file(tmp_path: Path) -> None:
    assert source.in_wal_mode(closed_wal(tmp_path / "x.db"))
    assert not source.in_wal_mode(database(tmp_path / "y.db"))


def killed_while_writing(path: Path) -> Path:
    """A database beside the journal of a transaction that had written to it."""
    live = database(path.with_name("live.db"), daily_prices=[PRICE])
    with closing(sqlite3.connect(live)) as con:
        con.execute("PRAGMA cache_size = 5")
        rows = [(f"T{n}", "2024-01-02") for n in range(5000)]
        con.executemany("INSERT INTO daily_prices (ticker, date) VALUES (?, ?)", rows)
        shutil.copyfile(live, path)
        shutil.copyfile(f"{live}-journal", f"{path}-journal")
        con.rollback()
    return path


@pytest.mark.parametrize(
    "use",
    [preflight, lambda path: copy(path, path.with_name("copy.db")), inspect],
)
def test_the_journal_of_a_killed_writer_is_told_with_the_remedy(
    tmp_path: Path, use: Callable[[Path], object]
) -> None:
    path = killed_while_writing(tmp_path / "x.db")
    with pytest.raises(SourceError, match="open the database once for writing") as caught:
        use(path)
    assert "must be writable" not in str(caught.value)
    with closing(sqlite3.connect(path)) as con:  # the remedy
        con.execute("SELECT count(*) FROM sqlite_master")
    use(path)
    assert source.read(path, count) == 1


def test_a_damaged_index_is_told_of_with_the_statement_that_mends_it() -> None:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT_INDEX
    assert source.told(error).endswith(
        "; make its indexes anew with the statement REINDEX in sqlite3"
    )


# --------------------------------------------------------------------------------- readable


def test_the_required_tables_are_those_that_are_not_optional() -> None:
    assert set(source.REQUIRED_TABLES) == {t.name for t in TABLES.values() if not t.optional}


def test_a_database_with_the_required_tables_is_readable(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as con:
        con.execute("DROP TABLE index_prices")
    source.check_readable(path)


@pytest.mark.parametrize("table", source.REQUIRED_TABLES)
def test_a_database_without_a_required_table_is_not(tmp_path: Path, table: str) -> None:
    path = database(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as con:
        con.execute(f"DROP TABLE {table}")
    with pytest.raises(
        SourceError, match=f"^the database has no table {table}; see .The database: source"
    ):
        source.check_readable(path)


def test_a_damaged_table_is_not_readable(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", daily_prices=[PRICE])
    with closing(sqlite3.connect(path)) as con:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'daily_prices'"
        (page,) = con.execute(sql).fetchone()
    with path.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 4096)
    with pytest.raises(SourceError, match=r"cannot read .*malformed; the database is damaged"):
        source.check_readable(path)


def test_a_locked_database_is_told_from_others(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceBusy, match=r"is locked for 0\.05 s; stop what uses it"):
            source.check_readable(path, busy_seconds=0.05)
