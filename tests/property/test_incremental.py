"""A refresh that takes what did not change gives the same files as one that reads everything."""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.export import export
from pipelines.lake.version import Lake
from pipelines.universe import SWEDEN
from tests.factories import database, stock

YEARS = range(2019, 2026)
Edit = Callable[[sqlite3.Connection, random.Random], object]


def market(path: Path) -> Path:
    """Forty tickers with ten prices a year, on pages so small that a year spans several."""
    tickers = [f"T{n:02}-B" for n in range(40)]
    prices = [
        {"ticker": t, "date": f"{y}-{m:02}-{15 - len(t)}", "close": 10.0 + y % 7 + m, "open": 11.0,
         "high": 99.0, "low": 5.0, "volume": 100.0}
        for t in tickers for y in YEARS for m in range(1, 11)
    ]  # fmt: skip
    filed = [
        {"ticker": t, "fiscal_date": f"{y}-12-31", "fetched_date": f"{y + 1}-03-01", "pe": 10.0}
        for t in tickers for y in YEARS
    ]  # fmt: skip
    listed = [stock(t, last_updated="2025-01-01 10:00:00") for t in tickers]
    database(path, stocks=listed, daily_prices=prices, fundamentals=filed)
    con = sqlite3.connect(path)
    con.executescript("PRAGMA page_size = 1024; VACUUM")
    con.close()
    return path


def some_rowid(con: sqlite3.Connection, rng: random.Random) -> int:
    rows = con.execute("SELECT rowid FROM daily_prices").fetchall()
    return int(rng.choice(rows)[0])


def insert(con: sqlite3.Connection, rng: random.Random) -> None:
    day = f"{rng.choice(YEARS)}-12-{rng.randint(1, 28):02}"
    row = (f"T{rng.randint(0, 60):02}-B", day, 12.5)
    con.execute("INSERT OR REPLACE INTO daily_prices (ticker, date, close) VALUES (?, ?, ?)", row)


def correct(con: sqlite3.Connection, rng: random.Random) -> None:
    sql = "UPDATE daily_prices SET close = close * 1.0000002 WHERE rowid = ?"
    con.execute(sql, (some_rowid(con, rng),))


def delete(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute("DELETE FROM daily_prices WHERE rowid = ?", (some_rowid(con, rng),))


def delete_a_year_of_one(con: sqlite3.Connection, rng: random.Random) -> None:
    name, year = f"T{rng.randint(0, 39):02}-B", str(rng.choice(YEARS))
    con.execute("DELETE FROM daily_prices WHERE ticker = ? AND date LIKE ? || '%'", (name, year))


def move(con: sqlite3.Connection, rng: random.Random) -> None:
    sql = "UPDATE OR IGNORE daily_prices SET date = ? || substr(date, 5) WHERE rowid = ?"
    con.execute(sql, (str(rng.choice(YEARS)), some_rowid(con, rng)))


def swap(con: sqlite3.Connection, rng: random.Random) -> None:
    a, b = some_rowid(con, rng), some_rowid(con, rng)
    close = "SELECT close FROM daily_prices WHERE rowid = ?"
    closes = [con.execute(close, (rowid,)).fetchone()[0] for rowid in (a, b)]
    for rowid, value in zip((b, a), closes, strict=True):
        con.execute("UPDATE daily_prices SET close = ? WHERE rowid = ?", (value, rowid))


def delete_and_insert(con: sqlite3.Connection, rng: random.Random) -> None:
    delete(con, rng)
    insert(con, rng)


def break_a_row(con: sqlite3.Connection, rng: random.Random) -> None:
    column, value = rng.choice(
        [("close", -1.0), ("close", "text"), ("date", "2021-1-3"), ("date", "x"), ("date", 7),
         ("open", 0.0), ("volume", 1.5), ("ticker", "T01 B"), ("date", "2099-01-01")]
    )  # fmt: skip
    sql = f"UPDATE OR IGNORE daily_prices SET {column} = ? WHERE rowid = ?"
    con.execute(sql, (value, some_rowid(con, rng)))


def mend_rows(con: sqlite3.Connection, _: random.Random) -> None:
    con.execute("DELETE FROM daily_prices WHERE typeof(close) = 'text' OR typeof(date) <> 'text'")


def rename(con: sqlite3.Connection, rng: random.Random) -> None:
    sql = "UPDATE OR IGNORE daily_prices SET ticker = ? WHERE ticker = ?"
    con.execute(sql, (f"T{rng.randint(0, 60):02}-B", f"T{rng.randint(0, 39):02}-B"))


def restate(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute("UPDATE fundamentals SET pe = pe + 1 WHERE id = ?", (rng.randint(1, 280),))


EDITS: tuple[Edit, ...] = (
    insert, correct, delete, delete_a_year_of_one, move, swap, delete_and_insert, break_a_row,
    mend_rows, rename, restate,
)  # fmt: skip


def contents(lake: Lake) -> dict[str, Any]:
    """Everything that a version holds but when it was made."""
    rejects = {p.name: p.read_bytes() for p in (lake.path / "rejects").glob("*.parquet")}
    return {"datasets": lake.manifest["datasets"], "rejects": rejects, "as_of": lake.as_of}


@pytest.mark.parametrize("seed", range(6))
def test_incremental_and_full_refreshes_are_equal(tmp_path: Path, seed: int) -> None:
    rng, source = random.Random(seed), market(tmp_path / "app.db")
    taken = 0
    for step in range(10):
        with sqlite3.connect(source) as con:
            for edit in rng.sample(EDITS, rng.randint(0, 3)):
                edit(con, rng)
            con.commit()
            if rng.random() < 0.1:
                con.execute("VACUUM")
        con.close()
        export(source, tmp_path / "incremental", SWEDEN, force=step > 0)
        export(source, tmp_path / "full", SWEDEN, full=True, force=True)
        ours, whole = Lake(tmp_path / "incremental"), Lake(tmp_path / "full")
        assert contents(ours) == contents(whole)
        files = ours.manifest["datasets"]["prices"]["files"]
        taken += sum((ours.path / f["path"]).stat().st_nlink > 1 for f in files)
    assert taken > 0, "nothing was ever taken from the version before"


def test_nothing_written_means_no_new_version(tmp_path: Path) -> None:
    source = market(tmp_path / "app.db")
    first = export(source, tmp_path / "lake", SWEDEN)
    assert export(source, tmp_path / "lake", SWEDEN)["version"] == first["version"]
    with sqlite3.connect(source) as con:
        con.execute("UPDATE stocks SET name = 'x' WHERE rowid = 1")
    con.close()
    assert export(source, tmp_path / "lake", SWEDEN)["version"] > first["version"]


def test_a_small_edit_reads_one_year_only(tmp_path: Path) -> None:
    source = market(tmp_path / "app.db")
    export(source, tmp_path / "lake", SWEDEN)
    with sqlite3.connect(source) as con:
        con.execute(
            "UPDATE daily_prices SET close = 1.5 WHERE ticker = 'T07-B' AND date LIKE '2022-05%'"
        )
    con.close()
    export(source, tmp_path / "lake", SWEDEN)
    lake = Lake(tmp_path / "lake")
    linked = {f["year"]: (lake.path / f["path"]).stat().st_nlink > 1
              for f in lake.manifest["datasets"]["prices"]["files"]}  # fmt: skip
    assert not linked[2022]
    assert sum(linked.values()) >= 3


def test_a_column_that_is_not_read_hides_no_change(tmp_path: Path) -> None:
    source = market(tmp_path / "app.db")
    con = sqlite3.connect(source)
    (sql,) = con.execute("SELECT sql FROM sqlite_master WHERE name = 'fundamentals'").fetchone()
    rows = con.execute("SELECT * FROM fundamentals").fetchall()
    con.execute("DROP TABLE fundamentals")
    con.execute(sql.replace("ticker VARCHAR,", "ticker VARCHAR, raw TEXT,", 1))
    marks = ", ".join("?" * (len(rows[0]) + 1))
    wide = [(*row[:2], "x" * 6000, *row[2:]) for row in rows]
    con.executemany(f"INSERT INTO fundamentals VALUES ({marks})", wide)
    con.execute("UPDATE fundamentals SET pe = 10.25 + id")
    con.commit()
    export(source, tmp_path / "lake", SWEDEN)
    con.execute("UPDATE fundamentals SET pe = 77.5")
    con.commit()
    con.close()
    export(source, tmp_path / "lake", SWEDEN)
    assert set(Lake(tmp_path / "lake").fundamentals().collect()["pe"]) == {77.5}


def test_wide_characters_are_read_again(tmp_path: Path) -> None:
    source = tmp_path / "app.db"
    con = sqlite3.connect(source)
    con.execute("PRAGMA encoding = 'UTF-16'")
    con.execute("CREATE TABLE made (x)")
    con.commit()
    con.close()
    market(source)
    export(source, tmp_path / "lake", SWEDEN)
    with sqlite3.connect(source) as con:
        con.execute("UPDATE stocks SET name = 'x' WHERE rowid = 1")
    con.close()
    export(source, tmp_path / "lake", SWEDEN)
    lake = Lake(tmp_path / "lake")
    files = [lake.path / f["path"] for f in lake.manifest["datasets"]["prices"]["files"]]
    assert {path.stat().st_nlink for path in files} == {1}
