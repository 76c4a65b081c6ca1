"""Databases, schemas and permissions that are refused, each in one line that names it."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.lake import Lake, version_ids
from tests import commands
from tests.e2e.bad_input.place import (
    LOOSE,
    ROWS,
    TEXT_CLOSE,
    Make,
    Place,
    add,
    counted,
    cut,
    listing,
    refused,
    sql,
    write,
)


def remake(*edits: tuple[str, str]) -> Make:
    """The database made again with other words in its DDL."""

    def make(path: Path) -> None:
        ddl = LOOSE
        for old, new in edits:
            assert old in ddl
            ddl = ddl.replace(old, new)
        path.unlink()
        with closing(sqlite3.connect(path)) as con:
            con.executescript(ddl)

    return make


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def root_of(data: bytes, path: Path, table: str) -> int:
    """Where the root page of a table begins."""
    with closing(sqlite3.connect(path)) as con:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return (con.execute(query, (table,)).fetchone()[0] - 1) * page_size(data)


def page_size(data: bytes) -> int:
    return int.from_bytes(data[16:18])


def over(path: Path, data: bytes, at: int, byte: bytes) -> None:
    size = page_size(data)
    path.write_bytes(data[:at] + byte * size + data[at + size :])


def damaged(table: str, byte: bytes) -> Make:
    """The root page of a table overwritten."""

    def make(path: Path) -> None:
        data = path.read_bytes()
        over(path, data, root_of(data, path, table), byte)

    return make


def damaged_leaf(byte: bytes) -> Make:
    """The last page of rows of the prices overwritten."""

    def make(path: Path) -> None:
        data = path.read_bytes()
        root = root_of(data, path, "daily_prices")
        assert data[root] == 5, "an interior page of a table"
        last = int.from_bytes(data[root + 8 : root + 12])
        over(path, data, (last - 1) * page_size(data), byte)

    return make


def damaged_pointer(to: int | None) -> Make:
    """The pointer to the last page of the prices leads elsewhere; None is to its own page."""

    def make(path: Path) -> None:
        data = path.read_bytes()
        root = root_of(data, path, "daily_prices")
        page = root // page_size(data) + 1 if to is None else to
        path.write_bytes(data[: root + 8] + page.to_bytes(4) + data[root + 12 :])

    return make


def damaged_schema(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xff" * 200 + data[300:])


def without_rowid(path: Path) -> None:
    remake(("close FLOAT, open FLOAT, high FLOAT, low FLOAT\n)",
            "close FLOAT, open FLOAT, high FLOAT, low FLOAT,\n"
            "PRIMARY KEY (index_id, date)) WITHOUT ROWID"))(path)  # fmt: skip


def scored_in_words(path: Path) -> None:
    remake(("piotroski_f_score INTEGER", "piotroski_f_score TEXT"))(path)
    sql("INSERT INTO fundamentals (ticker, piotroski_f_score) VALUES ('A', 7)")(path)


SOURCES: dict[str, tuple[Make, str]] = {
    # the file
    "missing": (Path.unlink, r"no database at .*app\.db"),
    "folder": (as_folder, r"app\.db is not a file"),
    "device": (lambda p: (p.unlink(), p.symlink_to("/dev/null")), r"app\.db is not a file"),
    "link to nothing": (lambda p: (p.unlink(), p.symlink_to("no")), r"no database at .*app\.db"),
    "empty": (write(b""), r"app\.db is not a SQLite database"),
    "text": (write(b"ticker,date\n" * 50), r"app\.db is not a SQLite database"),
    "only a header": (cut(100), r"cannot read .*app\.db"),
    "cut in a page": (cut(1500), r"cannot read .*app\.db"),
    "cut after a page": (cut(4096), r"cannot read .*app\.db"),
    "damaged schema": (damaged_schema, r"cannot read .*app\.db: .*malformed"),
    "damaged root of stocks": (damaged("stocks", b"\xff"), "cannot read stocks: .*malformed"),
    "zeroed root of prices": (damaged("daily_prices", b"\0"), r"cannot read .*app\.db: .*malfor"),
    "damaged page of prices": (damaged_leaf(b"\xff"), "cannot read .*malformed"),
    "zeroed page of prices": (damaged_leaf(b"\0"), "cannot read .*malformed"),
    "page of prices without a number": (damaged_pointer(0), "cannot read .*malformed.*backup"),
    "pages of prices in a circle": (damaged_pointer(None), "cannot read .*malformed.*backup"),
    "page of prices after the end": (damaged_pointer(10**6), "cannot read .*malformed.*backup"),
    # the schema
    "no stocks": (sql("DROP TABLE stocks"), "no table stocks"),
    "no prices": (sql("DROP TABLE daily_prices"), "no table daily_prices"),
    "no fundamentals": (sql("DROP TABLE fundamentals"), "no table fundamentals"),
    "view for a table": (
        sql("ALTER TABLE stocks RENAME TO s", "CREATE VIEW stocks AS SELECT * FROM s"),
        "stocks is a view, which cannot be read",
    ),
    "no close": (sql("ALTER TABLE daily_prices DROP COLUMN close"), r"daily_prices .*no column cl"),
    "no sector": (sql("ALTER TABLE stocks DROP COLUMN sector"), "stocks has no column sector"),
    "no pe in an optional table": (
        sql("ALTER TABLE fundamentals_snapshots DROP COLUMN pe"),
        "fundamentals_snapshots has no column pe",
    ),
    "close as BLOB": (remake(("open FLOAT, close FLOAT, high", "open FLOAT, close BLOB, high")),
                      "daily_prices.close is declared BLOB; make it FLOAT"),
    "close without a type": (remake(("open FLOAT, close FLOAT, high", "open FLOAT, close, high")),
                             "daily_prices.close is declared without a type"),
    "score as TEXT": (scored_in_words, "fundamentals.piotroski_f_score is declared TEXT and holds"),
    "no rowid": (without_rowid, "index_prices has no rowid"),
    "id not the key": (remake(("id INTEGER PRIMARY KEY, ticker", "id INTEGER, ticker")),
                       "fundamentals.id is not its INTEGER PRIMARY KEY"),
    "id a key of another type": (
        remake(("id INTEGER PRIMARY KEY, ticker", "id INT PRIMARY KEY, ticker")),
        "fundamentals.id is not its INTEGER PRIMARY KEY",
    ),
    "a column named rowid": (sql("ALTER TABLE daily_prices ADD COLUMN rowid INTEGER"),
                             "daily_prices.*column.*rowid"),
    "a column named RowID": (sql("ALTER TABLE stocks ADD COLUMN RowID TEXT"),
                             "stocks has a column named rowid.*rename it"),
    "id a part of the key": (
        remake(("id INTEGER PRIMARY KEY, ticker VARCHAR,", "id INTEGER, ticker VARCHAR,"),
               ("DEFAULT 'avanza'", "DEFAULT 'avanza', PRIMARY KEY (id, ticker)")),
        "fundamentals.id is not its INTEGER PRIMARY KEY",
    ),
    # the rows
    "no price": (sql("DELETE FROM daily_prices"), "no valid row in daily_prices"),
    "no valid price": (sql("UPDATE daily_prices SET close = 0"), "no valid row in daily_prices"),
    "no readable price": (sql("UPDATE daily_prices SET close = 'x'"), "no valid row in daily_pric"),
    "older than the version before": (
        sql("DELETE FROM daily_prices WHERE date > '2021-'"),
        "newest price is of 2020.*before that of the last version 2024-01-03",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), SOURCES.values(), ids=SOURCES)
def test_a_bad_database_is_refused_in_one_line_that_names_what_is_wrong(
    place: Place, make: Make, message: str
) -> None:
    make(place.database)
    refused(place, message)


ROOT = Path(__file__).parents[3]


def run(
    place: Place, *options: Any, before: list[str] | None = None, **env: str
) -> tuple[int, str]:
    """The exit code, and what is on stderr besides the log."""
    words, env = ["--lake", str(place.lake), *map(str, options)], os.environ | env
    if before:
        command = [*before, sys.executable, "-m", "pipelines.export", *words]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=False)
    else:
        done = commands.run(ROOT, "pipelines.export", *words, env=env)
    log = str(datetime.now(UTC).year)
    shown = [line for line in done.stderr.decode().splitlines() if not line.startswith(log)]
    return done.returncode, "\n".join(shown)


COMMANDS: dict[str, tuple[Make, str]] = {
    "missing": (Path.unlink, r"error: no database at \S+; name one with --source .*"),
    "text": (write(b"x" * 200), r"error: \S+ is not a SQLite database; .*"),
    "no column": (
        SOURCES["no sector"][0],
        r"error: the table stocks has no column sector; add it; see .The database: source_schema.*",
    ),
    "no price": (SOURCES["no price"][0], r"error: \S+ has no valid row in daily_prices, .*"),
}


@pytest.mark.parametrize(("make", "line"), COMMANDS.values(), ids=COMMANDS)
def test_the_command_exits_1_with_one_line(place: Place, make: Make, line: str) -> None:
    make(place.database)
    before = listing(place.top)
    code, shown = run(place, "--source", place.database)
    assert (code, listing(place.top)) == (1, before)
    assert re.fullmatch(line, shown)


def test_the_command_exits_0_though_rows_are_bad(place: Place) -> None:
    add(place, "daily_prices", ROWS["daily_prices"] | TEXT_CLOSE)
    assert run(place, "--source", place.database) == (0, "")
    assert counted(place, Lake(place.lake), "prices")[0] == {"text_in_number": 1}


# Root may read everything; without these capabilities it may not.
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


PERMISSIONS: dict[str, tuple[str, int, str]] = {
    "file not readable": ("in/app.db", 0o000, r"error: cannot read \S+app\.db: Permission denied"),
    "folder closed": ("in", 0o000, r"error: cannot read \S+app\.db: Permission denied"),
    "lake closed": ("lake", 0o000, r"error: cannot \w+ \S+: Permission denied"),
    "versions not writable": (
        "lake/versions",
        0o555,
        r"error: cannot write \S+: Permission denied",
    ),
}


@pytest.mark.parametrize(("name", "mode", "line"), PERMISSIONS.values(), ids=PERMISSIONS)
def test_what_is_not_permitted_is_one_line(place: Place, name: str, mode: int, line: str) -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may do everything, and there is no setpriv")
    before = UNPRIVILEGED if os.geteuid() == 0 else []
    place.change()
    (place.top / name).chmod(mode)
    code, shown = run(place, before=before, STOCKRANK_SOURCE=str(place.database))
    (place.top / name).chmod(0o755)
    assert code == 1
    assert re.fullmatch(line, shown)
    assert version_ids(place.lake) == [Lake(place.lake).version]
