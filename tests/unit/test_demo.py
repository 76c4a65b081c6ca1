import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from pipelines import console, rank
from pipelines.demo import last_weekday, main, make_market
from pipelines.demo_market.companies import listed_companies
from pipelines.demo_market.prices import daily_prices, factors, trading_days
from pipelines.fingerprint import is_demo
from pipelines.lake import Lake
from pipelines.settings import Settings
from tests.factories import database, stock

END = date(2026, 11, 20)
COLUMNS = {
    "stocks": "ticker VARCHAR, name VARCHAR, isin VARCHAR, avanza_id VARCHAR, "
    "market_cap_msek FLOAT, sector VARCHAR, market VARCHAR, country VARCHAR, currency VARCHAR, "
    "stock_type VARCHAR, is_active BOOLEAN, last_validated DATE, last_updated DATETIME",
    "daily_prices": "ticker VARCHAR, date DATE, open FLOAT, close FLOAT, high FLOAT, low FLOAT, "
    "volume FLOAT",
    "index_prices": "index_id VARCHAR, date DATE, close FLOAT, open FLOAT, high FLOAT, low FLOAT",
    "fundamentals": "id INTEGER, ticker VARCHAR, fiscal_date DATE, market_cap FLOAT, pe FLOAT, "
    "pb FLOAT, ps FLOAT, p_fcf FLOAT, ev_ebitda FLOAT, roe FLOAT, roa FLOAT, roic FLOAT, "
    "fcfroe FLOAT, dividend_yield FLOAT, payout_ratio FLOAT, net_income FLOAT, "
    "operating_cf FLOAT, total_assets FLOAT, long_term_debt FLOAT, current_ratio FLOAT, "
    "shares_outstanding FLOAT, gross_margin FLOAT, asset_turnover FLOAT, fetched_date DATE, "
    "perf_1m FLOAT, perf_3m FLOAT, perf_6m FLOAT, perf_12m FLOAT, piotroski_f_score INTEGER, "
    "data_source VARCHAR",
    "fundamentals_snapshots": "id INTEGER, snapshot_date DATE, ticker VARCHAR, market_cap FLOAT, "
    "pe FLOAT, pb FLOAT, ps FLOAT, p_fcf FLOAT, ev_ebitda FLOAT, roe FLOAT, roa FLOAT, "
    "roic FLOAT, fcfroe FLOAT, dividend_yield FLOAT, payout_ratio FLOAT",
    "strategy_signals": "id INTEGER, strategy_name VARCHAR, ticker VARCHAR, rank INTEGER, "
    "score FLOAT, calculated_date DATE",
}
# What a market has of each kind: at least so many rows, at most so many.
FEATURES = {
    "stock types": ("SELECT DISTINCT stock_type FROM stocks", 4, 4),
    "Stockholm": ("SELECT 1 FROM stocks WHERE market = 'stockholmsborsen'", 50, 75),
    "First North": ("SELECT 1 FROM stocks WHERE market = 'first_north'", 25, 45),
    "countries with their currency": ("SELECT DISTINCT country, currency FROM stocks", 4, 4),
    "sectors": ("SELECT DISTINCT sector FROM stocks", 12, 17),
    "no sector": ("SELECT 1 FROM stocks WHERE sector IS NULL", 1, 9),
    "no market cap": ("SELECT 1 FROM stocks WHERE market_cap_msek IS NULL", 1, 12),
    "Swedish letters": ("SELECT 1 FROM stocks WHERE name GLOB '*[åäöÅÄÖ]*'", 30, 120),
    "delisted": (
        "SELECT 1 FROM stocks JOIN daily_prices USING (ticker) WHERE NOT is_active "
        "GROUP BY ticker HAVING max(date) < '2026-11-10'", 2, 25,
    ),
    "listed later": ("SELECT 1 FROM daily_prices GROUP BY ticker HAVING min(date) > '2023'", 9, 90),
    "both classes": (
        "SELECT 1 FROM stocks a JOIN stocks b ON b.ticker = replace(a.ticker, ' A', ' B') "
        "WHERE a.ticker LIKE '% A'", 5, 30,
    ),
    "splits": (
        "SELECT 1 FROM (SELECT close / lag(close) OVER (PARTITION BY ticker ORDER BY date) AS r "
        "FROM daily_prices) WHERE r < 0.55 OR r > 4", 1, 20,
    ),
    "halts": (
        "SELECT 1 FROM (SELECT julianday(date) - julianday(lag(date) OVER (PARTITION BY ticker "
        "ORDER BY date)) AS days FROM daily_prices) WHERE days > 6", 1, 40,
    ),
    "no open": ("SELECT 1 FROM daily_prices WHERE open IS NULL AND high IS NULL", 100, 1_000),
    "no volume": ("SELECT 1 FROM daily_prices WHERE volume IS NULL", 100, 1_000),
    "sources": ("SELECT DISTINCT data_source FROM fundamentals", 3, 3),
    "percent": (
        "SELECT 1 FROM fundamentals WHERE abs(roe) > 2 AND data_source = 'tradingview'", 30, 200,
    ),
    "percent elsewhere": (
        "SELECT 1 FROM fundamentals WHERE abs(roe) > 5 AND data_source <> 'tradingview'", 0, 0,
    ),
    "five years": (
        "SELECT 1 FROM fundamentals GROUP BY ticker HAVING count(DISTINCT fiscal_date) = 5",
        105, 120,
    ),
    "restated": (
        "SELECT 1 FROM fundamentals GROUP BY ticker, fiscal_date HAVING count(*) = 2 "
        "AND count(DISTINCT net_income) = 2", 1, 30,
    ),
    "broken fiscal years": ("SELECT 1 FROM fundamentals WHERE fiscal_date LIKE '%-06-30'", 20, 130),
    "not fetched": ("SELECT 1 FROM fundamentals WHERE fetched_date IS NULL", 1, 40),
    "losses": ("SELECT 1 FROM fundamentals WHERE net_income < 0 AND pe < 0", 40, 200),
    "no dividend": ("SELECT 1 FROM fundamentals WHERE dividend_yield = 0", 60, 300),
    "no pe": ("SELECT 1 FROM fundamentals WHERE pe IS NULL", 1, 40),
    "vendor scores": ("SELECT 1 FROM fundamentals WHERE piotroski_f_score IS NOT NULL", 99, 400),
    "weeks": ("SELECT DISTINCT snapshot_date FROM fundamentals_snapshots", 104, 104),
    "index": ("SELECT 1 FROM index_prices WHERE index_id = 'OMXS30'", 1_229, 1_229),
    "signals": ("SELECT 1 FROM strategy_signals", 0, 0),
}  # fmt: skip


@pytest.fixture(scope="module")
def market(demo_market: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(demo_market / "demo.db")) as connection:
        yield connection


def tables(path: Path, **options: Any) -> list[str]:
    make_market(path, stocks=40, years=1, **options)
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_the_same_options_give_the_same_tables(tmp_path: Path) -> None:
    first = tables(tmp_path / "a.db", seed=5)
    assert tables(tmp_path / "b.db", seed=5) == first
    assert tables(tmp_path / "c.db", seed=6) != first


def test_a_company_is_the_same_when_it_is_made_alone(market: sqlite3.Connection) -> None:
    common = factors(trading_days(date(2022, 1, 1), END), seed=2)
    company = listed_companies(len(common.days), stocks=120, seed=2)[50]
    columns = next(daily_prices(company, common)[1])
    query = "SELECT date, close FROM daily_prices WHERE ticker = ? ORDER BY date"
    stored = market.execute(query, company.tickers[:1]).fetchall()
    assert stored == list(zip(columns["date"], columns["close"], strict=True))


@pytest.mark.parametrize("table", COLUMNS)
def test_the_schema_is_that_of_the_source(market: sqlite3.Connection, table: str) -> None:
    info = market.execute(f"PRAGMA table_info({table})").fetchall()
    assert ", ".join(f"{name} {kind}" for _, name, kind, *_ in info) == COLUMNS[table]


def test_no_table_is_more_than_the_schema_has(market: sqlite3.Connection) -> None:
    names = market.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert {name for (name,) in names} == set(COLUMNS)


def test_it_is_an_ordinary_and_sound_database(market: sqlite3.Connection) -> None:
    assert market.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert market.execute("PRAGMA journal_mode").fetchall() == [("delete",)]


@pytest.mark.parametrize("feature", FEATURES)
def test_a_market_has(market: sqlite3.Connection, feature: str) -> None:
    query, least, most = FEATURES[feature]
    assert least <= len(market.execute(query).fetchall()) <= most


def test_names_tickers_and_isins_are_unique(market: sqlite3.Connection) -> None:
    query = "SELECT count(DISTINCT ticker), count(DISTINCT name), count(DISTINCT isin) FROM stocks"
    assert market.execute(query).fetchone() == (120, 120, 120)


def test_prices_are_consistent(market: sqlite3.Connection) -> None:
    wrong = market.execute(
        "SELECT * FROM daily_prices WHERE close IS NULL OR low <= 0 OR low > min(open, close) "
        "OR high < max(open, close) OR volume < 0 OR volume <> round(volume) "
        "OR close <> round(close, CASE WHEN close < 0.1 THEN 4 WHEN close < 1 THEN 3 ELSE 2 END)"
    )
    assert wrong.fetchall() == []


def test_prices_are_of_trading_days(market: sqlite3.Connection) -> None:
    dates = market.execute("SELECT DISTINCT date FROM daily_prices ORDER BY date").fetchall()
    expected = trading_days(date(2022, 1, 1), END)
    assert [day for (day,) in dates] == np.datetime_as_string(expected).tolist()


def test_the_exchange_is_closed_on_swedish_holidays() -> None:
    weekdays = np.arange("2026-01-01", "2027-01-01", dtype="datetime64[D]")
    weekdays = weekdays[np.is_busday(weekdays)]
    closed = np.setdiff1d(weekdays, trading_days(date(2026, 1, 1), date(2026, 12, 31)))
    assert np.datetime_as_string(closed).tolist() == [
        "2026-01-01", "2026-01-06", "2026-04-03", "2026-04-06", "2026-05-01", "2026-05-14",
        "2026-06-19", "2026-12-24", "2026-12-25", "2026-12-31",
    ]  # fmt: skip


def test_share_classes_move_together(market: sqlite3.Connection) -> None:
    (stem,) = market.execute(
        "SELECT rtrim(ticker, 'A') FROM stocks WHERE ticker LIKE '% A'"
    ).fetchone()
    pairs = market.execute(
        "SELECT a.close, b.close FROM daily_prices a JOIN daily_prices b USING (date) "
        "WHERE a.ticker = ? || 'A' AND b.ticker = ? || 'B' ORDER BY date", (stem, stem)
    )  # fmt: skip
    returns = np.diff(np.log(np.array(pairs.fetchall())), axis=0)
    assert np.corrcoef(returns.T)[0, 1] > 0.85


def test_ratios_follow_from_the_statements(market: sqlite3.Connection) -> None:
    rows = market.execute(
        "SELECT pe, market_cap / net_income, roa, net_income / total_assets, "
        "CASE data_source WHEN 'tradingview' THEN 100.0 ELSE 1.0 END FROM fundamentals "
        "WHERE pe + roa + market_cap + net_income + total_assets IS NOT NULL"
    )
    pe, cap_by_income, roa, income_by_assets, unit = np.array(rows.fetchall()).T
    np.testing.assert_allclose(pe, cap_by_income, atol=0.0051, rtol=1e-4)
    np.testing.assert_allclose(roa / unit, income_by_assets, atol=0.0001)


def test_multiples_move_with_the_price(market: sqlite3.Connection) -> None:
    rows = market.execute(
        "SELECT ticker, pe / market_cap FROM fundamentals_snapshots "
        "WHERE snapshot_date >= '2026-10-01' AND market_cap > 0 AND pe BETWEEN 8 AND 500"
    )
    by_ticker: dict[str, list[float]] = {}
    for ticker, earnings in rows:
        by_ticker.setdefault(ticker, []).append(earnings)
    spread = [max(ratios) / min(ratios) for ratios in by_ticker.values()]
    assert len(spread) > 60
    assert np.median(spread) < 1.002


def test_there_are_enough_dividends_to_rank(market: sqlite3.Connection) -> None:
    (payers,) = market.execute(
        "SELECT count(*) FROM stocks JOIN fundamentals_snapshots USING (ticker) "
        "WHERE snapshot_date = '2026-11-20' AND country = 'sweden' AND dividend_yield > 0 "
        "AND stock_type IN ('stock', 'sdb') AND market_cap >= 2e9"
    ).fetchone()
    assert payers >= 40


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    def fail(done: int, total: int) -> None:
        raise InterruptedError(f"{done} of {total}")

    path = tmp_path / "market.db"
    path.write_text("old")
    with pytest.raises(InterruptedError, match="1 of 8"):
        make_market(path, stocks=9, years=1, progress=fail)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("market.db", "old")]


def run(monkeypatch: pytest.MonkeyPatch, *options: object) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["demo", *map(str, options)])
    with pytest.raises(SystemExit) as exit_:
        console.run(main)
    return exit_.value.code


def test_the_command_writes_and_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "market.db"
    assert run(monkeypatch, "--out", path, "--no-plants", "--stocks", 10, "--years", 1) == 0
    assert [file.name for file in path.parent.iterdir()] == ["market.db"]
    out, err = capsys.readouterr()
    assert ["stocks", "10"] in [line.split() for line in out.splitlines()]
    assert err == ""


def test_the_command_replaces_a_file_only_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, log = tmp_path / "market.db", tmp_path / "market.db-wal"
    path.write_text("old")
    log.write_text("of the old one")
    options = ("--out", path, "--no-plants", "--stocks", 10, "--years", 1)
    assert run(monkeypatch, *options) == 1
    assert path.read_text() == "old"
    assert capsys.readouterr().err == (
        f"error: {path} exists; replace it with --force, or name another with --out\n"
    )
    assert run(monkeypatch, *options, "--force") == 0
    assert path.read_bytes().startswith(b"SQLite format 3")
    assert not log.exists()


@pytest.mark.parametrize("options", [("--stocks", 0), ("--end", "2026"), ("--end", "1800-01-01")])
def test_wrong_usage_is_told(monkeypatch: pytest.MonkeyPatch, options: tuple[object, ...]) -> None:
    assert run(monkeypatch, *options) == 2


@pytest.mark.parametrize(
    ("today", "newest"),
    [("2026-11-24", "2026-11-23"), ("2026-11-23", "2026-11-20"), ("2026-11-22", "2026-11-20"),
     ("2026-11-21", "2026-11-20")],
)  # fmt: skip
def test_prices_are_until_the_last_weekday(today: str, newest: str) -> None:
    assert last_weekday(date.fromisoformat(today)) == date.fromisoformat(newest)


# -------------------------------------------------------------------------- called what it is


def test_a_demo_market_bears_a_mark(demo_market: Path, tmp_path: Path) -> None:
    assert is_demo(demo_market / "demo.db")
    assert Lake(demo_market / "lake").manifest.demo
    assert not is_demo(database(tmp_path / "real.db"))
    assert not is_demo(tmp_path / "none.db")


def test_the_commands_call_a_demo_a_demo(
    demo_market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    notice = "demo market of invented companies; no rank is investment advice\n"
    rank.main(lake=demo_market / "lake", strategy="trendande_varde")
    assert capsys.readouterr().out.endswith(notice)
    rank.main(lake=demo_market / "lake", format_=rank.OutputFormat.CSV)
    assert notice not in capsys.readouterr().out
    assert run(monkeypatch, "--out", tmp_path / "a.db", "--stocks", 10, "--years", 1) == 0
    assert capsys.readouterr().out.endswith(notice)


@pytest.mark.parametrize(("end", "is_new"), [("2026-11-20", False), ("2026-11-23", True)])
def test_a_demo_market_that_is_too_old_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, *, is_new: bool
) -> None:
    path = tmp_path / "demo.db"
    make_market(path, stocks=10, years=1, end=date(2026, 11, 20))
    before = path.read_bytes()
    options = ("--out", path, "--stocks", 10, "--years", 1, "--end", end, "--renew")
    assert run(monkeypatch, *options) == 0
    assert (path.read_bytes() != before) == is_new


@pytest.mark.parametrize("size", [96, 5000])
def test_a_demo_market_that_is_cut_off_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "demo.db"
    make_market(path, stocks=10, years=1, end=date(2026, 11, 20))
    whole = path.stat().st_size
    os.truncate(path, size)
    options = ("--stocks", 10, "--years", 1, "--end", "2026-11-20", "--no-plants", "--renew")
    assert run(monkeypatch, "--out", path, *options) == 0
    assert path.stat().st_size == whole


def test_another_database_is_never_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = database(tmp_path / "demo.db", stocks=[stock("A")])
    before = path.read_bytes()
    assert run(monkeypatch, "--out", path, "--stocks", 10, "--years", 1, "--renew") == 0
    assert path.read_bytes() == before


def test_health_says_that_it_is_a_demo(demo_market: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_market / "lake", tmp_path / "lake", symlinks=True)
    settings = Settings(source=demo_market / "demo.db", lake=tmp_path / "lake")
    with TestClient(create_app(settings)) as client:
        client.get("/v1/dashboard/top")
        assert client.get("/v1/health").json()["notice"] == (
            "demo market of invented companies; no rank is investment advice"
        )
