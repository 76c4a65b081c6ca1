"""Days in the life of a demo market: what an application does to its database, day by day.

Every day it fetches the ratios and statements of each stock anew, over the row that it has of it,
and on days of trade the closes. On Mondays it copies the ratios. Now and then a company reports,
restates its report, changes its sector, is listed or leaves the market.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipelines.demo_market.companies import SECTORS, generator
from pipelines.demo_market.prices import trading_days

DAYS: Final = 9
"""The purpose of a generator: what happens on a day."""
ANEW: Final = 8
"""In so many days all stocks with several rows of fundamentals have come to one."""
REPORTED: Final = {
    "net_income": 0.15, "operating_cf": 0.12, "total_assets": 0.05, "long_term_debt": 0.10,
    "current_ratio": 0.05, "shares_outstanding": 0.01, "gross_margin": 0.03, "asset_turnover": 0.05,
}  # fmt: skip
"""The items of a statement, each with the spread of its change from a year to the next."""
USUAL: Final = {
    "net_income": 5e7, "operating_cf": 7e7, "total_assets": 1e9, "long_term_debt": 1e8,
    "current_ratio": 1.4, "shares_outstanding": 1e7, "gross_margin": 0.4, "asset_turnover": 0.8,
}  # fmt: skip
"""An item that the market before left out; from now on every row is whole."""
WITH_PRICE: Final = ("market_cap", "pe", "pb", "ps", "p_fcf", "ev_ebitda")
COPIED: Final = (
    "ticker", *WITH_PRICE, "roe", "roa", "roic", "fcfroe", "dividend_yield", "payout_ratio",
)  # fmt: skip
YEAR, REPORTED_AFTER = 365, 75
LISTED_EVERY, DELISTED_EVERY, MOVED_EVERY, RESTATED_EVERY = 15, 20, 5, 4
"""The mean number of days between two events in a market."""

Row = dict[str, Any]


def last_day(path: Path) -> date:
    """Return the day up to which a market has lived."""
    with closing(sqlite3.connect(path)) as con:
        return _last_day(con)


def advance(path: Path, *, seed: int = 2) -> Counter[str]:
    """Let a market live one day more; return how many rows were written, by what was done."""
    with closing(sqlite3.connect(path)) as con:
        con.row_factory = sqlite3.Row
        day = _last_day(con) + timedelta(days=1)
        rng = generator(seed, DAYS, day.toordinal())
        with con:
            done = Counter(_one_day(con, day, rng))
            con.execute(f"PRAGMA user_version = {day.toordinal()}")
    return done


def _last_day(con: sqlite3.Connection) -> date:
    (lived,) = con.execute("PRAGMA user_version").fetchone()
    (priced,) = con.execute("SELECT max(date) FROM daily_prices").fetchone()
    return max(date.fromordinal(max(lived, 1)), date.fromisoformat(priced))


def _one_day(con: sqlite3.Connection, day: date, rng: np.random.Generator) -> dict[str, int]:
    is_open = bool(len(trading_days(day, day)))
    done = {"closes": 0, "snapshots": 0, "listed": 0, "delisted": 0, "moved": 0}
    if is_open:
        done |= _events(con, day, rng)
    changes = _closes(con, day, rng) if is_open else {}
    done["closes"] = len(changes)
    done["fundamentals"] = _fetched(con, day, changes, rng)
    if is_open and day.weekday() == 0:
        done["snapshots"] = _snapshots(con, day)
    return done


# ------------------------------------------------------------------------------------ prices


def _living(con: sqlite3.Connection, day: date) -> list[sqlite3.Row]:
    """Return the newest price of each stock that is listed and trades."""
    since = day - timedelta(days=10)
    return con.execute(
        "SELECT p.ticker, p.close, p.volume, max(p.date) FROM daily_prices p "
        "JOIN stocks USING (ticker) WHERE p.date >= ? AND p.close > 0 "
        "GROUP BY p.ticker ORDER BY p.ticker", (since.isoformat(),),
    ).fetchall()  # fmt: skip


def _closes(con: sqlite3.Connection, day: date, rng: np.random.Generator) -> dict[str, float]:
    """Write the quotes of a day; return how many times each close is that of the day before."""
    living = _living(con, day)
    market = rng.normal(0.0004, 0.008)
    moves = np.exp(np.clip(market + rng.normal(0, 0.018, len(living)), -0.2, 0.2))
    rows = [_quote(row, day, move) for row, move in zip(living, moves.tolist(), strict=True)]
    con.executemany("INSERT OR REPLACE INTO daily_prices VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    _index(con, day, float(np.exp(market)))
    return {row[0]: row[3] / old["close"] for row, old in zip(rows, living, strict=True)}


def _quote(row: sqlite3.Row, day: date, move: float) -> tuple[Any, ...]:
    before, close = row["close"], max(round(row["close"] * move, 2), 0.01)
    low, high = min(before, close), max(before, close)
    return row["ticker"], day.isoformat(), before, close, high, low, row["volume"]


def _index(con: sqlite3.Connection, day: date, move: float) -> None:
    newest = con.execute(
        "SELECT index_id, close, max(date) FROM index_prices GROUP BY index_id"
    ).fetchall()
    for name, close, _ in newest:
        level = round(close * move, 2)
        values = (name, day.isoformat(), level, close, max(close, level), min(close, level))
        con.execute("INSERT OR REPLACE INTO index_prices VALUES (?, ?, ?, ?, ?, ?)", values)


# ------------------------------------------------------------------------------ fundamentals


def _fetched(
    con: sqlite3.Connection, day: date, changes: Mapping[str, float], rng: np.random.Generator
) -> int:
    """Write the row of each stock anew, and its market cap; of several rows the newest stays."""
    rows = con.execute("SELECT * FROM fundamentals ORDER BY ticker, fiscal_date, id").fetchall()
    newest = {row["ticker"]: dict(row) for row in rows}
    several = sorted(t for t, n in Counter(row["ticker"] for row in rows).items() if n > 1)
    for ticker in several[: max(1, len(newest) // ANEW)]:
        con.execute("DELETE FROM fundamentals WHERE ticker = ? AND id <> ?",
                    (ticker, newest[ticker]["id"]))  # fmt: skip
    restated = rng.random(len(newest)) < 1 / (RESTATED_EVERY * max(1, len(newest)))
    for row, again in zip(newest.values(), restated.tolist(), strict=True):
        _renew(row, day, changes.get(row["ticker"]), is_restated=again, rng=rng)
        names = [name for name in row if name != "id"]
        con.execute(
            f"UPDATE fundamentals SET {', '.join(f'{n} = :{n}' for n in names)} WHERE id = :id", row
        )
    con.executemany(
        "UPDATE stocks SET market_cap_msek = round(market_cap_msek * ?, 2), last_updated = ? "
        "WHERE ticker = ?", [(c, f"{day} 18:30:00", t) for t, c in changes.items()],
    )  # fmt: skip
    return len(newest)


def _renew(
    row: Row, day: date, moved: float | None, *, is_restated: bool, rng: np.random.Generator
) -> None:
    """Change a row to what the vendor delivers on a day; `moved` is null for a stock at rest."""
    change = moved or 1.0
    for name in (n for n in WITH_PRICE if row[n] is not None):
        row[name] = round(row[name] * change, 0 if name == "market_cap" else 2)
    if row["dividend_yield"] is not None:
        row["dividend_yield"] = round(row["dividend_yield"] / change, 4)
    missing = [name for name in REPORTED if row[name] is None]
    row |= {name: USUAL[name] for name in missing}
    if row["data_source"] == "tradingview" and row["piotroski_f_score"] is None:
        row["piotroski_f_score"] = int(rng.integers(2, 9))
    if moved and _reports_on(row, day):
        _report(row, rng, spread=1.0)
    elif is_restated:
        _report(row, rng, spread=0.2)
    row["fetched_date"] = day.isoformat()
    if row["data_source"] != "statements":
        row["fiscal_date"] = None


def _reports_on(row: Row, day: date) -> bool:
    """Return True on the day of a company's yearly report."""
    if row["data_source"] == "statements" and row["fiscal_date"]:
        return (day - date.fromisoformat(row["fiscal_date"])).days > YEAR + REPORTED_AFTER
    return day.toordinal() % YEAR == sum(map(ord, row["ticker"])) * 7 % YEAR


def _report(row: Row, rng: np.random.Generator, *, spread: float) -> None:
    """Give a row the items of another year, or those of the same year after a restatement."""
    for name, usual in REPORTED.items():
        row[name] = round(row[name] * float(np.exp(spread * rng.normal(0, usual))), 4)
    fiscal = row["fiscal_date"]
    if spread == 1.0 and fiscal:
        row["fiscal_date"] = f"{int(fiscal[:4]) + 1}{fiscal[4:]}"


def _snapshots(con: sqlite3.Connection, day: date) -> int:
    columns = ", ".join(COPIED)
    return con.execute(
        f"INSERT INTO fundamentals_snapshots (snapshot_date, {columns}) "
        f"SELECT ?, {columns} FROM fundamentals", (day.isoformat(),),
    ).rowcount  # fmt: skip


# ------------------------------------------------------------------------------------ stocks


def _events(con: sqlite3.Connection, day: date, rng: np.random.Generator) -> dict[str, int]:
    """List, delist and move stocks."""
    happens = rng.random(3) < [1 / LISTED_EVERY, 1 / DELISTED_EVERY, 1 / MOVED_EVERY]
    living = [row["ticker"] for row in _living(con, day)]
    if len(living) < 2:
        return {}
    chosen = rng.choice(living, 3, replace=True).tolist()
    listed, delisted, moved = happens.tolist()
    return {
        "delisted": _delist(con, chosen[0]) if delisted else 0,
        "moved": _move(con, chosen[1], rng) if moved else 0,
        "listed": _list(con, chosen[2], day) if listed else 0,
    }


def _delist(con: sqlite3.Connection, ticker: str) -> int:
    con.execute("DELETE FROM fundamentals WHERE ticker = ?", (ticker,))
    return con.execute("DELETE FROM stocks WHERE ticker = ?", (ticker,)).rowcount


def _move(con: sqlite3.Connection, ticker: str, rng: np.random.Generator) -> int:
    """Change the sector of a stock in place, or its market."""
    sector = str(rng.choice([one.name for one in SECTORS if one.name]))
    if rng.random() < 0.7:
        return con.execute(
            "UPDATE stocks SET sector = ? WHERE ticker = ? AND sector IS NOT ?",
            (sector, ticker, sector),
        ).rowcount
    return con.execute(
        "UPDATE stocks SET market = CASE market WHEN 'first_north' THEN 'stockholmsborsen' "
        "ELSE 'first_north' END WHERE ticker = ? AND country = 'sweden'", (ticker,),
    ).rowcount  # fmt: skip


def _list(con: sqlite3.Connection, like: str, day: date) -> int:
    """List a stock that begins as another one is now, under a ticker and a name of its own."""
    ticker = f"NY{day:%y%m%d}"
    found = con.execute("SELECT * FROM stocks WHERE ticker = ?", (like,)).fetchone()
    if found is None:
        return 0
    number = f"{day.toordinal()}"
    own = {"ticker": ticker, "name": f"Nynoterat {day:%Y-%m-%d}", "isin": None, "avanza_id": number}
    _insert(con, "stocks", dict(found) | own)
    filed = con.execute("SELECT * FROM fundamentals WHERE ticker = ?", (like,)).fetchall()
    for row in filed[-1:]:
        _insert(con, "fundamentals", dict(row) | {"ticker": ticker, "id": None})
    price = con.execute(
        "SELECT * FROM daily_prices WHERE ticker = ? ORDER BY date DESC LIMIT 1", (like,)
    ).fetchone()
    _insert(con, "daily_prices", dict(price) | {"ticker": ticker, "date": day.isoformat()})
    return 1


def _insert(con: sqlite3.Connection, table: str, row: Row) -> None:
    marks = ", ".join(f":{name}" for name in row)
    con.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)


def lived(path: Path, days: int, *, seed: int = 2) -> Iterator[tuple[date, Counter[str]]]:
    """Let a market live some days; yield each day when it is over, with what was done."""
    for _ in range(days):
        done = advance(path, seed=seed)
        yield last_day(path), done
