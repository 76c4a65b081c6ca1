"""What a database is asked writes nothing, waits for a lock, and is told of with a remedy."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.source import sqlite as source
from tests.factories import database
from tests.unit.source.tables import closed_wal


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
