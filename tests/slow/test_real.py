"""Real data from beside the project, end to end: rankings recomputed from the files they come from.

S&P 500 stocks have statements; the Nordic ones have neither market caps nor fundamentals.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from pipelines.lake.version import Lake
from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.rank import rankings
from pipelines.ranking.strategies import STRATEGIES
from pipelines.settings import Settings
from pipelines.universe import SWEDEN
from tests import oracle, oracle_export
from tests.real_data import SHARED, needs_real_data, real_market, run

pytestmark = needs_real_data

Row = dict[str, Any]
Closes = dict[str, dict[date, float]]

D: Final = date(2017, 3, 7)
TOP_TENS: Final = {
    "sammansatt_momentum": "NVDA CSX IDXX AMAT PWR ALB OKE SYMC BA LUV",
    "trendande_varde": "PWR WDC BA LUV NSC LRCX AAPL RCL HPQ GD",
    "trendande_utdelning": "STX HPQ KLAC CSCO CCL MSFT WRK XLNX HD CLX",
    "trendande_kvalitet": "AMAT SYMC BA LUV ADI AAPL SWKS ROK PH ULTA",
}
FIRST_THREE: Final = [(name, t) for name, top in TOP_TENS.items() for t in top.split()[:3]]
# Closes of 2017-03-07, 2016-12-07, 2016-09-07 and 2016-03-07, read in the file by eye.
CLOSES: Final = {
    "NVDA": (98.74, 95.07, 62.19, 32.34),
    "CSX": (48.44, 37.13, 28.81, 25.54),
    "IDXX": (147.03, 118.02, 114.76, 77.77),
    "PWR": (37.53, 34.58, 26.01, 22.01),
    "WDC": (76.80, 69.15, 53.30, 50.07),
    "ADI": (83.41, 72.94, 61.65, 56.49),
    "STX": (48.28, 40.27, 36.51, 35.48),
    "AMAT": (36.97, 32.51, 29.91, 19.44),
    "SYMC": (29.29, 24.44, 24.92, 17.09),
    "BA": (182.02, 154.14, 132.64, 122.90),
}
DAYS: Final = (D, date(2016, 12, 7), date(2016, 9, 7), date(2016, 3, 7))
MULTIPLES: Final = ("pe", "pb", "ps", "p_fcf", "ev_ebitda")
# A number for each metric of which the highest is best; None where it is missing.
COMPOSITES: Final = {
    "trendande_varde": (
        {m: lambda x: 1 / x if x else None for m in MULTIPLES} | {"dividend_yield": lambda x: x},
        4,
    ),
    "trendande_utdelning": ({"dividend_yield": lambda x: x if x and x > 0 else None}, 1),
    "trendande_kvalitet": (
        {m: lambda x: x for m in ("roe", "roa", "roic", "fcfroe")},
        3,
    ),
}


def ranked(folder: Path, *options: str) -> pl.DataFrame:
    """What `python -m pipelines.rank` gives of all stocks."""
    words = ("-m", "pipelines.rank", "--top", "all", "--format", "parquet", *options)
    return pl.read_parquet(BytesIO(run(folder, *words).stdout))


def market_and_manifest(factory: pytest.TempPathFactory, name: str) -> tuple[Path, Row]:
    folder = real_market(factory, name)
    return folder, json.loads((folder / "manifest.json").read_text())


def table(name: str, file: str) -> list[Row]:
    return pl.read_parquet(SHARED / "data" / name / f"{file}.parquet").to_dicts()


def closes_of(name: str, first: date, last: date) -> Closes:
    """The closes in the file from one day to another, by ticker and date."""
    prices = pl.read_parquet(
        SHARED / "data" / name / "prices.parquet", columns=["ticker", "date", "close"]
    ).filter(pl.col("date").is_between(first, last))
    found: Closes = {}
    for ticker, day, close in prices.iter_rows():
        found.setdefault(ticker, {})[day] = close
    return found


def close_on(closes: dict[date, float], day: date) -> tuple[date, float] | None:
    """The last close up to a day, not more than ten days old."""
    days = [day - timedelta(days=n) for n in range(11)]
    return next(((d, closes[d]) for d in days if d in closes), None)


# ----------------------------------------------------------------------------------- S&P 500


@pytest.fixture(scope="module")
def sp500(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Row]:
    return market_and_manifest(tmp_path_factory, "sp500")


@pytest.fixture(scope="module")
def of_d(sp500: tuple[Path, Row]) -> dict[str, dict[str, Row]]:
    """The rankings of 2017-03-07 by strategy and ticker, in their order."""
    frame = ranked(sp500[0], "--as-of", str(D))
    found: dict[str, dict[str, Row]] = {name: {} for name in STRATEGIES}
    for row in frame.iter_rows(named=True):
        found[row["strategy"]][row["ticker"]] = row
    return found


def test_every_row_of_sp500_is_written_and_every_value_given_up_is_in_the_file(
    sp500: tuple[Path, Row],
) -> None:
    datasets = sp500[1]["datasets"]
    counts = {n: (d["rows_in"], d["rows"]) for n, d in datasets.items() if d.get("rows_in")}
    assert counts == {
        "prices": (619_040, 619_040),
        "fundamentals": (1_781, 1_781),
        "stocks": (505, 505),
    }
    assert [d.get("rejected", {}) for d in datasets.values()] == [{}] * len(datasets)
    prices = SHARED / "data" / "sp500" / "prices.parquet"
    ranges = pl.read_parquet(prices, columns=["open", "high", "low"]).rows()
    missing = ranges.count((None, None, None))
    odd = sum(None in r or r[2] > r[1] for r in ranges) - missing
    assert datasets["prices"]["warnings"] == {"ohl_inconsistent": odd, "ohl_missing": missing}
    assert (odd, missing) == (4, 8)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_top_ten_of_sp500(of_d: dict[str, dict[str, Row]], strategy: str) -> None:
    top = [t for t, row in of_d[strategy].items() if row["rank"] and row["rank"] <= 10]
    assert " ".join(top) == TOP_TENS[strategy]


@pytest.mark.parametrize("ticker", CLOSES)
def test_returns_by_hand(of_d: dict[str, dict[str, Row]], ticker: str) -> None:
    now, *bases = CLOSES[ticker]
    row = of_d["sammansatt_momentum"][ticker]
    assert row["close"] == pytest.approx(now, rel=1e-7)
    for n, base, day in zip((3, 6, 12), bases, DAYS[1:], strict=True):
        assert row[f"base_date_{n}m"] == day
        assert row[f"base_close_{n}m"] == pytest.approx(base, rel=1e-7)
        assert row[f"return_{n}m"] == pytest.approx(now / base - 1, abs=1e-6)
    momentum = sum(now / base - 1 for base in bases) / 3
    assert row["score"] == row["momentum"] == pytest.approx(momentum, abs=1e-6)


def test_the_closes_read_by_eye_are_those_of_the_file() -> None:
    closes = closes_of("sp500", DAYS[-1], D)
    for ticker, expected in CLOSES.items():
        assert tuple(closes[ticker][day] for day in DAYS) == expected


def known_statements() -> dict[str, list[Row]]:
    """The statements that are known on the day, of each ticker, newest first."""
    found: dict[str, list[Row]] = {}
    for row in table("sp500", "fundamentals"):
        if row["fiscal_date"] + timedelta(days=90) <= D:
            found.setdefault(row["ticker"], []).append(row)
    return {t: sorted(rows, key=lambda r: r["fiscal_date"])[::-1] for t, rows in found.items()}


def signals_by_hand(t: Row, t1: Row, t2: Row) -> list[bool | None]:
    """Piotroski's nine signals of three successive years, all assets known."""

    def compare(now: Any, before: Any) -> bool | None:
        return None if None in (now, before) else now > before

    mean, mean1 = ((a["total_assets"] + b["total_assets"]) / 2 for a, b in ((t, t1), (t1, t2)))
    shares, shares1 = t["shares_outstanding"], t1["shares_outstanding"]
    return [
        t["net_income"] > 0,
        t["operating_cf"] > 0,
        t["net_income"] / t1["total_assets"] > t1["net_income"] / t2["total_assets"],
        t["operating_cf"] > t["net_income"],
        t["long_term_debt"] / mean < t1["long_term_debt"] / mean1,
        compare(t["current_ratio"], t1["current_ratio"]),
        None if None in (shares, shares1) else shares <= shares1,
        compare(t["gross_margin"], t1["gross_margin"]),
        compare(t["asset_turnover"], t1["asset_turnover"]),
    ]


@pytest.mark.parametrize("ticker", TOP_TENS["sammansatt_momentum"].split())
def test_f_scores_from_the_statements(of_d: dict[str, dict[str, Row]], ticker: str) -> None:
    years = known_statements()[ticker][:3]
    gaps = [(a["fiscal_date"] - b["fiscal_date"]).days for a, b in pairwise(years)]
    assert all(360 <= gap <= 372 for gap in gaps)
    nine, row = signals_by_hand(*years), of_d["sammansatt_momentum"][ticker]
    assert [row[s] for s in SIGNALS] == nine
    assert (row["f_score"], row["f_available"]) == (nine.count(True), 9 - nine.count(None))
    assert row["f_source"] == "computed"
    assert row["fiscal_date"] == years[0]["fiscal_date"]


def test_the_f_score_of_nvidia_by_eye(of_d: dict[str, dict[str, Row]]) -> None:
    """614 / 7,201 is less than 631 / 7,251; 2.57 less than 6.38; the margin stayed at 0.56."""
    row = of_d["sammansatt_momentum"]["NVDA"]
    assert [row[s] for s in SIGNALS] == [True, True, False, True, True, False, True, False, True]


def eligible_ratios() -> dict[str, Row]:
    """The ratios of each stock that is in the universe on the day; empty where none are known."""
    statements = known_statements()
    closes = closes_of("sp500", D - timedelta(days=10), D)
    found: dict[str, Row] = {}
    for stock in table("sp500", "stocks"):
        newest: Row = next(iter(statements.get(stock["ticker"], [])), {})
        if newest and newest["fiscal_date"] + timedelta(days=90) < date(2016, 3, 7):
            newest = {}
        has_cap = newest.get("market_cap") or stock["market_cap_musd"]
        if stock["ticker"] in closes and has_cap and stock["sector"] != "Financials":
            found[stock["ticker"]] = newest
    return found


def brought(row: Row, closes: dict[date, float]) -> Row:
    """The ratios at the price of the day, by the closes of it and of the end of the fiscal year."""
    then = close_on(closes, row["fiscal_date"]) if row else None
    if then is None:
        return row
    change = closes[D] / then[1]
    rise = {name: row[name] * change for name in ("pe", "pb", "ps", "p_fcf") if row[name]}
    paid = row["dividend_yield"]
    return {**row, **rise, "dividend_yield": paid if paid is None else paid / change}


def composites_by_hand(strategy: str) -> dict[str, float]:
    """The composite of each eligible stock that has one."""
    values, at_least = COMPOSITES[strategy]
    closes = closes_of("sp500", date.min, D)
    ratios = {t: brought(row, closes[t]) for t, row in eligible_ratios().items()}
    places: dict[str, list[float]] = {ticker: [] for ticker in ratios}
    for metric, value in values.items():
        known = {t: row[metric] for t, row in ratios.items() if row.get(metric) is not None}
        merits = {t: value(x) for t, x in known.items() if value(x) is not None}
        for ticker, own in merits.items():
            better = sum(other > own for other in merits.values())
            equal = sum(other == own for other in merits.values())
            places[ticker].append((better + (1 + equal) / 2 - 0.5) / len(merits))
    return {
        ticker: (sum(p) + 0.5 * (len(values) - len(p))) / len(values)
        for ticker, p in places.items()
        if len(p) >= at_least
    }


@pytest.mark.parametrize("strategy", COMPOSITES)
def test_composites_by_hand(of_d: dict[str, dict[str, Row]], strategy: str) -> None:
    expected, actual = composites_by_hand(strategy), of_d[strategy]
    with_one = {t: row["composite"] for t, row in actual.items() if row["composite"] is not None}
    assert with_one == pytest.approx(expected, abs=1e-11)
    for ticker in TOP_TENS[strategy].split()[:3]:
        rank = 1 + sum(round(c, 12) < round(expected[ticker], 12) for c in expected.values())
        assert actual[ticker]["primary_rank"] == rank
        assert rank <= len(expected) * 2 // 5
    kept = {t for t, row in actual.items() if row["rank"]}
    assert max(actual[t]["primary_rank"] for t in kept) <= len(expected) * 2 // 5


def source_rows(path: Path) -> dict[str, list[Row]]:
    """The source's tables; of the prices two and a half years, and the newest of each ticker."""
    prices = (
        "SELECT rowid, * FROM daily_prices WHERE date BETWEEN '2014-09-01' AND '2017-03-07' "
        "OR (ticker, date) IN (SELECT ticker, max(date) FROM daily_prices GROUP BY ticker)"
    )
    queries = {
        "stocks": "SELECT rowid, * FROM stocks",
        "daily_prices": prices,
        "fundamentals": "SELECT * FROM fundamentals",
    }
    con = sqlite3.connect(path)
    con.row_factory = sqlite3.Row
    tables = {name: [dict(row) for row in con.execute(sql)] for name, sql in queries.items()}
    con.close()
    return tables


def test_every_place_of_sp500_agrees_with_the_oracle(
    sp500: tuple[Path, Row], of_d: dict[str, dict[str, Row]]
) -> None:
    folder = sp500[0]
    universe = Settings.load(folder / "stockrank.toml").chosen_universe("sp500")
    tables = oracle_export.normalise(source_rows(folder / "app.db"))
    for strategy in STRATEGIES:
        expected = oracle.rank(*tables, strategy=strategy, as_of=D, universe=universe)
        assert [row["ticker"] for row in expected] == list(of_d[strategy])
        for row in expected:
            ours = of_d[strategy][row["ticker"]]
            ours |= {"signals": [ours[s] for s in SIGNALS]}
            assert rounded({k: ours[k] for k in row}) == rounded(row)


def rounded(row: Row) -> Row:
    return {k: round(v, 9) if isinstance(v, float) else v for k, v in row.items()}


def test_nobody_leaves_sp500_for_a_share_class(of_d: dict[str, dict[str, Row]]) -> None:
    """`GOOG` and `GOOGL` have no class letter; `BF.B` and `BRK.B` are alone of their companies."""
    rows = of_d["sammansatt_momentum"]
    assert "other_share_class" not in {row["excluded_by"] for row in rows.values()}
    assert {"BF.B", "BRK.B", "GOOG", "GOOGL"} <= rows.keys()


# ------------------------------------------------------------------------------------ Nordic


@pytest.fixture(scope="module")
def nordic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Row]:
    return market_and_manifest(tmp_path_factory, "nordic")


@pytest.fixture(scope="module")
def nordic_closes() -> Closes:
    return closes_of("nordic", date(2024, 1, 1), date.max)


def test_nordic_closes_are_all_written(nordic: tuple[Path, Row]) -> None:
    datasets = nordic[1]["datasets"]
    assert datasets["prices"]["rows_in"] == datasets["prices"]["rows"] == 453_904
    assert datasets["stocks"]["rows_in"] == datasets["stocks"]["rows"] == 264
    assert [d.get("rejected", {}) for d in datasets.values()] == [{}] * len(datasets)
    assert datasets["prices"]["warnings"] == {"ohl_missing": 453_904}


def test_nordic_rankings_are_empty_and_say_why(
    nordic: tuple[Path, Row], nordic_closes: Closes
) -> None:
    folder, manifest = nordic
    as_of = date.fromisoformat(manifest["as_of"])
    expected = Counter(
        "other_market"
        if stock["market"] != "stockholmsborsen"
        else "no_market_cap"
        if close_on(nordic_closes.get(stock["ticker"], {}), as_of)
        else "inactive"
        for stock in table("nordic", "stocks")
    )
    why = ", ".join(f"{reason} {n}" for reason, n in expected.most_common())
    text = " ".join(run(folder, "-m", "pipelines.rank").stdout.decode().split())
    assert text.count(f"none of 264 stocks ranked; excluded: {why}") == len(STRATEGIES)
    assert expected == {"no_market_cap": 162, "other_market": 97, "inactive": 5}
    assert json.loads(run(folder, "-m", "pipelines.rank", "--format", "json").stdout) == []


def test_nordic_returns_of_every_stock_by_hand(
    nordic: tuple[Path, Row], nordic_closes: Closes
) -> None:
    """Three months, and six, of all stocks; a year ago lies before most closes begin."""
    as_of = date(2026, 8, 21)
    bases = {3: date(2026, 5, 21), 6: date(2026, 2, 21), 12: date(2025, 8, 21)}
    rows = ranked(nordic[0], "--strategy", "trendande_varde").rows_by_key("ticker", named=True)
    for stock in table("nordic", "stocks"):
        closes, row = nordic_closes.get(stock["ticker"], {}), rows[stock["ticker"]][0]
        now = close_on(closes, as_of)
        for n, day in bases.items():
            base = close_on(closes, day)
            expected = now[1] / base[1] - 1 if now and base else None
            assert row[f"return_{n}m"] == pytest.approx(expected, abs=1e-6)
            assert row[f"base_date_{n}m"] == (base[0] if base else None)
    known = [sum(r[0][f"return_{n}m"] is not None for r in rows.values()) for n in bases]
    assert known[0] > 240
    assert known[1] > 230
    assert known[2] > 60


def test_the_table_of_all_shows_the_returns(nordic: tuple[Path, Row]) -> None:
    words = ("-m", "pipelines.rank", "--top", "all", "--strategy", "trendande_varde")
    lines = run(nordic[0], *words).stdout.decode().splitlines()
    volvo = next(line for line in lines if "VOLV B" in line)
    assert volvo.count("%") == 4, "three returns and their mean"
    assert "no_market_cap" in volvo


def on(nordic: tuple[Path, Row], days: Iterable[date]) -> dict[date, dict[str, Row]]:
    """One row a stock for each day."""
    lake, one = Lake(nordic[0] / "data" / "lake"), [STRATEGIES["trendande_varde"]]
    found = {}
    for day in days:
        plan = rankings(lake, as_of=day, universe=SWEDEN, strategies=one)
        rows = plan.collect(engine="streaming").iter_rows(named=True)
        found[day] = {row["ticker"]: row for row in rows}
    return found


def test_in_the_hole_of_four_weeks_stocks_become_inactive_after_ten_days(
    nordic: tuple[Path, Row], nordic_closes: Closes
) -> None:
    before = {t for t, closes in nordic_closes.items() if date(2025, 9, 29) in closes}
    after = {t for t, closes in nordic_closes.items() if date(2025, 10, 28) in closes}
    assert (len(before), len(after)) == (69, 241)
    days = [date(2025, 10, n) for n in (9, 10, 20, 27, 28)]
    for day, rows in on(nordic, days).items():
        priced = {t for t, row in rows.items() if row["close"] is not None}
        assert priced == (before if day.day == 9 else after if day.day == 28 else set()), day
        swedish = [row for row in rows.values() if row["market"] == "stockholmsborsen"]
        reasons = {row["excluded_by"] for row in swedish if row["ticker"] not in priced}
        assert reasons == {"inactive"}
    shown = ranked(nordic[0], "--as-of", "2025-10-20", "--strategy", "trendande_varde")
    assert shown["close"].null_count() == shown.height == 264


@pytest.mark.parametrize("months", [3, 6])
def test_base_dates_in_the_hole_give_no_return(nordic: tuple[Path, Row], months: int) -> None:
    """The base may be ten days old: 9 October has the close of 29 September, the 10th none."""
    year_month = {3: (2026, 1), 6: (2026, 4)}[months]
    days = {n: date(*year_month, n) for n in (9, 10, 20, 27, 28)}
    found = on(nordic, days.values())
    for n, day in days.items():
        bases = {r[f"base_date_{months}m"] for r in found[day].values() if r["close"] is not None}
        assert bases - {None} == {
            9: {date(2025, 9, 29)},
            28: {date(2025, 10, 28)},
        }.get(n, set())
    in_hole = found[days[20]].values()
    assert {r[f"return_{months}m"] for r in in_hole} == {None}
    assert {r["momentum"] for r in in_hole} == {None}
    other = {3: 6, 6: 3}[months]
    assert any(r[f"return_{other}m"] is not None for r in in_hole), "the other return is there"
