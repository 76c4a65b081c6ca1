"""Random edits of a source database: of its rows, its tables, its file and how it is exported."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.demo_market import EVENT_TABLES
from pipelines.universe import SWEDEN, Universe
from tests.factories import database, stock

YEARS = range(2020, 2025)
NORWAY = Universe(name="norway", markets=("oslobors",), currency="NOK")
ODD_DATES = (
    "20/11/2021", "2020/1", "20", "2021", "2021 01 03", "2021+", "2021-1-3", "2021-02-30", "x", "",
    "202/05/01", "201x-01-01", "201:", "202-01-01",
    "1899-12-30", "9999-12-31", "2099-01-01", "202\u0661-01-01", "2021-01-03 00:00", "19A0-01-01",
    7, 20210103, 2021.5, b"2021-01-03", b"\xff", "2022-01-01\x00",
)  # fmt: skip


def market(path: Path) -> Path:
    """Ten tickers with eight prices a year, year by year, some seven pages a year."""
    tickers = [f"T{n}-B" for n in range(10)]
    prices = [
        {"ticker": t, "date": f"{y}-{m:02}-10", "close": 10.0 + m, "open": 11.0, "high": 99.0,
         "low": 5.0, "volume": 100.0}
        for y in YEARS for m in range(1, 9) for t in tickers
    ]  # fmt: skip
    filed = [
        {"ticker": t, "fiscal_date": f"{y}-12-31", "fetched_date": f"{y + 1}-03-01", "pe": 10.0}
        for t in tickers
        for y in YEARS[-3:-1]
    ]
    # Two days after a close, so that many edits of prices change one that is beside a ratio.
    copies = [{"ticker": t, "snapshot_date": f"{y}-{m:02}-12", "pe": 10.0}
              for t in tickers for y in YEARS[::2] for m in range(1, 9)]  # fmt: skip
    levels = [{"index_id": "X", "date": f"{y}-05-02", "close": 100.0} for y in YEARS]
    listed = [stock(t, last_updated="2025-01-01 10:00:00") for t in tickers]
    splits = [{"ticker": t, "date": "2021-05-10", "ratio": 2.0} for t in tickers[:5]]
    paid = [{"ticker": t, "ex_date": f"{y}-04-02", "amount": 1.0} for t in tickers for y in YEARS]
    rates = [{"currency": "EUR", "date": f"{y}-05-02", "rate": 10.0} for y in YEARS]
    database(path, stocks=listed, daily_prices=prices, fundamentals=filed,
             fundamentals_snapshots=copies, index_prices=levels,
             splits=splits, dividend_events=paid, fx_rates=rates)  # fmt: skip
    with closing(sqlite3.connect(path)) as con:
        con.executescript("PRAGMA page_size = 1024; VACUUM")
    return path


@dataclass
class Market:
    """A database that is edited, what it was before, and how it is exported next."""

    folder: Path
    path: Path
    rng: random.Random
    universe: Universe = SWEDEN
    keep: int = 5
    done: list[str] = field(default_factory=list)
    backups: list[Path] = field(default_factory=list)
    reader: sqlite3.Connection | None = None

    def edit(self, name: str = "") -> None:
        """Make an edit, any if none is named; one that the database refuses changes nothing."""
        name = name or self.rng.choice(tuple(EDITS))
        self.done.append(name)
        make, count = EDITS[name]
        with closing(sqlite3.connect(self.path)) as con:
            con.execute("PRAGMA synchronous = OFF")
            try:
                for _ in range(self.rng.randint(1, count)):
                    make(con, self.rng)
                con.commit()
            except sqlite3.DatabaseError:
                con.rollback()

    def turn(self) -> None:
        """Do something with the file or the next export, mostly nothing."""
        if self.rng.random() < 0.4:
            name = self.rng.choice(tuple(TURNS))
            self.done.append(name)
            TURNS[name](self)

    def close(self) -> None:
        """Let go of the database, whose WAL is then written back."""
        if self.reader:
            self.reader.close()
        self.reader = None


# ------------------------------------------------------------------------------------- rows


def any_year(rng: random.Random) -> int:
    return rng.choice(YEARS)


def any_rowid(con: sqlite3.Connection, rng: random.Random) -> int:
    return int(rng.choice(con.execute("SELECT rowid FROM daily_prices").fetchall())[0])


def add(
    con: sqlite3.Connection, rng: random.Random, date: object, rowid: int | None = None
) -> None:
    row = (rowid, f"T{rng.randint(0, 14)}-B", date, rng.choice([12.5, 13.0, 60.0, -1.0, None]))
    con.execute("INSERT OR REPLACE INTO daily_prices (rowid, ticker, date, close)"
                " VALUES (?, ?, ?, ?)", row)  # fmt: skip


def insert(con: sqlite3.Connection, rng: random.Random) -> None:
    add(con, rng, f"{any_year(rng)}-12-{rng.randint(1, 28):02}")


def insert_a_lone_row(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute("INSERT OR REPLACE INTO daily_prices (ticker, date, close) VALUES ('LONE', ?, 5)",
                (f"{any_year(rng)}-06-01",))  # fmt: skip


def delete_lone_rows(con: sqlite3.Connection, _: random.Random) -> None:
    con.execute("DELETE FROM daily_prices WHERE ticker = 'LONE'")


def insert_an_odd_date(con: sqlite3.Connection, rng: random.Random) -> None:
    add(con, rng, rng.choice(ODD_DATES))


def insert_a_date_to_come(con: sqlite3.Connection, rng: random.Random) -> None:
    day = datetime.now(UTC).date() + timedelta(days=rng.choice([0, 1, 3, 500]))
    add(con, rng, f"{day}")


def insert_far_away(con: sqlite3.Connection, rng: random.Random) -> None:
    rowid = rng.choice([-(2**63), -5, 2**40, 2**62, 2**63 - 1]) + rng.choice([0, 0, 1])
    add(con, rng, f"{any_year(rng)}-11-02", min(rowid, 2**63 - 1))


def insert_overflow(con: sqlite3.Connection, rng: random.Random) -> None:
    day = f"{any_year(rng)}-03-03"
    padded = ("W", "2020-01-01" + " " * 4000)
    wide = rng.choice([("W" * 3000, day), padded, ("W" * rng.randint(300, 700), day)])
    con.execute("INSERT OR REPLACE INTO daily_prices (ticker, date, close) VALUES (?, ?, 7)", wide)


def change_overflow(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute("UPDATE OR IGNORE daily_prices SET close = close + 1, date = ? || substr(date, 5)"
                " WHERE length(ticker) > 200", (f"{any_year(rng)}",))  # fmt: skip


def delete_overflow(con: sqlite3.Connection, _: random.Random) -> None:
    con.execute("DELETE FROM daily_prices WHERE length(ticker) + length(date) > 200")


def correct(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute("UPDATE daily_prices SET close = close * 1.000002 WHERE rowid = ?",
                (any_rowid(con, rng),))  # fmt: skip


def correct_a_year(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute("UPDATE daily_prices SET volume = 7 WHERE date LIKE ?", (f"{any_year(rng)}%",))


def delete(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute("DELETE FROM daily_prices WHERE rowid = ?", (any_rowid(con, rng),))


def delete_a_stretch(con: sqlite3.Connection, rng: random.Random) -> None:
    at = any_rowid(con, rng)
    con.execute(
        "DELETE FROM daily_prices WHERE rowid BETWEEN ? AND ?", (at, min(at + 30, 2**63 - 1))
    )


def move(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute("UPDATE OR IGNORE daily_prices SET date = ? || substr(date, 5) WHERE rowid = ?",
                (f"{any_year(rng)}", any_rowid(con, rng)))  # fmt: skip


def renumber(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute("UPDATE OR IGNORE daily_prices SET rowid = ? WHERE rowid = ?",
                (rng.randint(-50, 2000), any_rowid(con, rng)))  # fmt: skip


def spoil(con: sqlite3.Connection, rng: random.Random) -> None:
    column, value = rng.choice(
        [("close", "text"), ("close", b"\x00"), ("open", 0.0), ("volume", 1.5), ("ticker", "T1  B"),
         ("ticker", b"x"), ("ticker", ""), *(("date", d) for d in ODD_DATES)]
    )  # fmt: skip
    con.execute(f"UPDATE OR IGNORE daily_prices SET {column} = ? WHERE rowid = ?",
                (value, any_rowid(con, rng)))  # fmt: skip


def spoil_text(con: sqlite3.Connection, rng: random.Random) -> None:
    column = rng.choice(["ticker", "date"])
    con.execute(f"UPDATE OR IGNORE daily_prices SET {column} = CAST(x'32303231ff' AS TEXT)"
                " WHERE rowid = ?", (any_rowid(con, rng),))  # fmt: skip


def mend(con: sqlite3.Connection, _: random.Random) -> None:
    con.execute("DELETE FROM daily_prices WHERE typeof(close) = 'text' OR typeof(date) <> 'text'"
                " OR date NOT GLOB '[12][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'")  # fmt: skip


def of_other_tables(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute(rng.choice([
        "UPDATE fundamentals SET pe = pe + 1 WHERE id = 3",
        "UPDATE fundamentals SET fetched_date = 'x' WHERE id = 5",
        "INSERT INTO fundamentals (ticker, fiscal_date, data_source) VALUES"
        " ('T1-B', '2023-12-31', printf('%.3000c', 'x'))",
        "UPDATE stocks SET name = name || 'x' WHERE ticker = 'T2-B'",
        "INSERT OR REPLACE INTO index_prices (index_id, date, close) VALUES ('X', '2024-09-09', 9)",
        "INSERT OR REPLACE INTO index_prices (index_id, date, close) VALUES ('X', '2099-09-09', 9)",
        "DELETE FROM index_prices WHERE date > '2024-06'",
    ]))  # fmt: skip


def of_events(con: sqlite3.Connection, rng: random.Random) -> None:
    """Change splits, dividends or rates."""
    con.execute(rng.choice([
        f"INSERT OR REPLACE INTO splits VALUES ('T{rng.randint(0, 9)}_B', '{any_year(rng)}-06-10',"
        f" {rng.choice([2.0, 0.1, 1.0, -1.0, 1e300])})",
        "INSERT OR REPLACE INTO splits VALUES ('T1-B', '2030-01-02', 3)",
        "INSERT OR REPLACE INTO splits VALUES ('T3-B', '2020-02-30', '3:2')",
        "UPDATE splits SET date = '2020-01-10' WHERE ticker = 'T2-B'",
        "UPDATE daily_prices SET close = close * 2 WHERE ticker = 'T1-B' AND date < '2021-05-10'",
        "UPDATE daily_prices SET close = close * 4 WHERE ticker = 'T3-B' AND date < '2022-03-10'",
        "INSERT OR REPLACE INTO splits VALUES ('T3-B', '2022-03-08', 4)",
        "DELETE FROM splits WHERE ticker < 'T2'",
        "INSERT INTO dividend_events (ticker, ex_date, amount) VALUES ('T4-B', '2026-12-01', 2.5)",
        "UPDATE dividend_events SET amount = amount + 1 WHERE id = 7",
        "UPDATE dividend_events SET payment_date = 'x', dividend_type = printf('%.3000c', 'x')"
        " WHERE id = 9",
        "DELETE FROM dividend_events WHERE ex_date > '2024'",
        "INSERT OR REPLACE INTO fx_rates VALUES ('EUR', '2024-09-09', 11)",
        "INSERT OR REPLACE INTO fx_rates VALUES ('NOK', '2099-09-09', 1)",
        "UPDATE fx_rates SET rate = -rate WHERE date LIKE '2020%'",
    ]))  # fmt: skip


# ---------------------------------------------------------------------------- tables and file


def drop_an_optional_table(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute(f"DROP TABLE {rng.choice(tuple(EVENT_TABLES))}")


def make_an_optional_table(con: sqlite3.Connection, rng: random.Random) -> None:
    con.execute(EVENT_TABLES[rng.choice(tuple(EVENT_TABLES))].rstrip("\n;"))


def add_a_column(con: sqlite3.Connection, rng: random.Random) -> None:
    table = rng.choice(["daily_prices", "fundamentals", "index_prices"])
    con.execute(f"ALTER TABLE {table} ADD COLUMN {rng.choice(['more TEXT', GENERATED])}")


GENERATED = "twice FLOAT AS (length(date) * 2) VIRTUAL"


def drop_a_column(con: sqlite3.Connection, rng: random.Random) -> None:
    table, column = rng.choice(["daily_prices", "fundamentals"]), rng.choice(["more", "twice"])
    con.execute(f"ALTER TABLE {table} DROP COLUMN {column}")


def store_a_column(con: sqlite3.Connection, _: random.Random) -> None:
    """Make the table anew, with a wide column between the others."""
    con.execute("ALTER TABLE daily_prices RENAME TO was")
    con.execute("CREATE TABLE daily_prices (ticker VARCHAR, pad TEXT AS (printf('%.2000c', 'x'))"
                " STORED, date DATE, open FLOAT, close FLOAT, high FLOAT, low FLOAT, volume FLOAT,"
                " PRIMARY KEY (ticker, date))")  # fmt: skip
    con.execute("INSERT INTO daily_prices (rowid, ticker, date, open, close, high, low, volume)"
                " SELECT rowid, ticker, date, open, close, high, low, volume FROM was")  # fmt: skip
    con.execute("DROP TABLE was")


def shape(con: sqlite3.Connection, rng: random.Random) -> None:
    con.commit()
    con.execute(f"PRAGMA page_size = {rng.choice([512, 1024, 4096])}")
    con.execute(f"PRAGMA auto_vacuum = {rng.choice(['NONE', 'FULL', 'INCREMENTAL'])}")
    con.execute("VACUUM")


def vacuum(con: sqlite3.Connection, _: random.Random) -> None:
    con.commit()
    con.execute("VACUUM")


EDITS: dict[str, tuple[Callable[[sqlite3.Connection, random.Random], None], int]] = {
    f.__name__: (f, most)
    for f, most in (
        (insert, 4), (insert_a_lone_row, 2), (delete_lone_rows, 1), (insert_an_odd_date, 3),
        (insert_a_date_to_come, 1), (insert_far_away, 2), (insert_overflow, 2),
        (change_overflow, 1), (delete_overflow, 1), (correct, 4), (correct_a_year, 3), (delete, 3),
        (delete_a_stretch, 1), (move, 3), (renumber, 3), (spoil, 2), (spoil_text, 1), (mend, 1),
        (of_other_tables, 2), (of_events, 2), (drop_an_optional_table, 1),
        (make_an_optional_table, 1), (add_a_column, 1), (drop_a_column, 1), (store_a_column, 1),
        (shape, 1), (vacuum, 1),
    )
}  # fmt: skip


# ------------------------------------------------------------------------- around the database


def back_up(market: Market) -> None:
    market.close()
    market.backups.append(market.folder / f"backup{len(market.backups)}.db")
    shutil.copyfile(market.path, market.backups[-1])


def restore(market: Market) -> None:
    """Put an older backup in the place of the database, or its bytes into the same file."""
    market.close()
    backup = market.rng.choice([market.folder / "first.db", *market.backups])
    if market.rng.random() < 0.5:
        shutil.copyfile(backup, market.path)
    else:
        shutil.copyfile(backup, market.folder / "new.db")
        (market.folder / "new.db").replace(market.path)


def alternate(market: Market) -> None:
    """Go on with the other database."""
    market.close()
    one, other = market.folder / "app.db", market.folder / "other.db"
    market.path = other if market.path == one else one


def write_ahead(market: Market) -> None:
    """Leave what is written in the WAL, for somebody has the database open."""
    market.close()
    market.reader = sqlite3.connect(market.path)
    market.reader.execute("PRAGMA journal_mode = WAL")
    market.reader.execute("SELECT count(*) FROM stocks").fetchall()


def check_point(market: Market) -> None:
    with closing(sqlite3.connect(market.path)) as con:
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def switch_universe(market: Market) -> None:
    market.universe = NORWAY if market.universe == SWEDEN else SWEDEN


def keep_one(market: Market) -> None:
    market.keep = 1


TURNS: dict[str, Callable[[Market], None]] = {
    f.__name__: f
    for f in (back_up, restore, alternate, write_ahead, check_point, switch_universe, keep_one)
}
