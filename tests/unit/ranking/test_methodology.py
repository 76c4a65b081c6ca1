"""Cases worked out by hand from the methodology, put to the oracle and to the pipelines."""

import sys
from datetime import date, timedelta
from typing import Any, Final

import pytest

from tests import implementation, oracle
from tests.oracle_export import clean_ticker, normalise

Row = dict[str, Any]

D: Final = date(2024, 5, 31)
BASES: Final = {3: date(2024, 2, 29), 6: date(2023, 11, 30), 12: date(2023, 5, 31)}
MARKETS: Final = ("stockholmsborsen", "first_north")
FLOORS: Final = ((None, 500.0), (date(2023, 6, 1), 2000.0))
SWEDEN: Final = {"name": "sweden", "markets": MARKETS, "currency": "SEK", "floors": FLOORS}
VALUE, QUALITY = "trendande_varde", "trendande_kvalitet"
DIVIDEND, MOMENTUM = "trendande_utdelning", "sammansatt_momentum"


side: Any = oracle


@pytest.fixture(autouse=True, params=[oracle, implementation], ids=["oracle", "pipelines"])
def _each_side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put every case to both sides."""
    monkeypatch.setattr(sys.modules[__name__], "side", request.param)


def stock(ticker: str, **changes: Any) -> Row:
    return {
        "ticker": ticker,
        "name": ticker,
        "sector": "Industri",
        "market": "stockholmsborsen",
        "currency": "SEK",
        "stock_type": "stock",
        "market_cap_msek": 5000.0,
        **changes,
    }


def close(ticker: str, day: date, value: float) -> Row:
    return {"ticker": ticker, "date": day, "close": value}


def history(ticker: str, m3: float, m6: float, m12: float, now: float = 100.0) -> list[Row]:
    """Closes at the three bases and on D."""
    bases = zip(BASES.values(), (m3, m6, m12), strict=True)
    return [*(close(ticker, day, value) for day, value in bases), close(ticker, D, now)]


def filing(ticker: str = "A", **changes: Any) -> Row:
    """A `fundamentals` row without any values."""
    row = dict.fromkeys((*oracle.RATIOS, *oracle.STATEMENT_ITEMS))
    keys = {"id": 1, "source": "fundamentals", "ticker": ticker}
    return {**row, **keys, "fiscal_date": date(2023, 12, 31), "known_from": D, **changes}


def copy(ticker: str = "A", **changes: Any) -> Row:
    """A row of the snapshots without any values."""
    keys = {"id": 1, "source": "snapshots", "ticker": ticker, "fiscal_date": None, "known_from": D}
    return {**dict.fromkeys(oracle.RATIOS), **keys, **changes}


def rank(
    stocks: list[Row], prices: list[Row], fundamentals: list[Row], strategy: str = MOMENTUM
) -> dict[str, Row]:
    rows = side.rank(stocks, prices, fundamentals, strategy=strategy, as_of=D, universe=SWEDEN)
    return {row["ticker"]: row for row in rows}


def reasons(rows: dict[str, Row]) -> dict[str, str | None]:
    return {ticker: row["excluded_by"] for ticker, row in rows.items()}


def alone(
    stock_: Row | None = None, prices: list[Row] | None = None, filings: list[Row] | None = None
) -> Row:
    """Stock A ranked alone by momentum; it passes unless something is changed."""
    flat = history("A", 100, 100, 100)
    passing = [filing(piotroski_f_score=9)]
    rows = rank(
        [stock_ or stock("A")],
        flat if prices is None else prices,
        passing if filings is None else filings,
    )
    return rows["A"]


def crowd(
    column: str, values: dict[str, float | None], strategy: str, **same: Any
) -> dict[str, Row]:
    """One stock for each value of a column, with the same rising prices."""
    return rank(
        [stock(ticker) for ticker in values],
        [row for ticker in values for row in history(ticker, 80, 50, 40)],
        [filing(ticker, **{column: value}, **same) for ticker, value in values.items()],
        strategy,
    )


# --- prices -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2024, 5, 31), 3, date(2024, 2, 29)),
        (date(2023, 5, 31), 3, date(2023, 2, 28)),
        (date(2024, 8, 31), 6, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2023, 2, 28)),
        (date(2024, 2, 29), 3, date(2023, 11, 29)),
        (date(2024, 1, 31), 14, date(2022, 11, 30)),
        (date(2024, 3, 15), 3, date(2023, 12, 15)),
        (date(2024, 12, 31), 12, date(2023, 12, 31)),
    ],
)
def test_months_back_end_with_the_month(day: date, months: int, expected: date) -> None:
    assert side.months_back(day, months) == expected


@pytest.mark.parametrize(
    ("returns", "published"),
    [
        ((42.3, 158.8, 266.1), 155.7),
        ((76.0, 96.4, 167.1), 113.2),
        ((11.5, -9.8, 269.8), 90.5),
        ((-10.3, 9.7, 141.9), 47.1),
    ],
)
def test_published_momentum(returns: tuple[float, float, float], published: float) -> None:
    m3, m6, m12 = (1000 / (1 + r / 100) for r in returns)
    row = alone(prices=history("A", m3, m6, m12, now=1000))
    assert [round(row[f"return_{n}m"] * 100, 1) for n in (3, 6, 12)] == list(returns)
    assert round(row["momentum"] * 100, 1) == published


def test_returns_from_the_last_close_at_each_base() -> None:
    later = [close("A", day + timedelta(days=1), 60) for day in (*BASES.values(), D)]
    row = alone(prices=[*later, *history("A", 80, 50, 40)])
    assert (row["close"], row["close_date"]) == (100, D)
    assert [row[f"base_date_{n}m"] for n in (3, 6, 12)] == list(BASES.values())
    assert [row[f"base_close_{n}m"] for n in (3, 6, 12)] == [80, 50, 40]
    assert [row[f"return_{n}m"] for n in (3, 6, 12)] == [0.25, 1.0, 1.5]
    assert row["score"] == row["momentum"] == 2.75 / 3


@pytest.mark.parametrize(("age", "reason"), [(10, None), (11, "no_momentum")])
def test_a_base_is_at_most_ten_days_old(age: int, reason: str | None) -> None:
    old = BASES[6] - timedelta(days=age)
    prices = [close("A", old, 50), *(p for p in history("A", 80, 1, 40) if p["close"] != 1)]
    row = alone(prices=prices)
    expected = (None, None, None, None) if reason else (old, 50, 1.0, 2.75 / 3)
    names = ("base_date_6m", "base_close_6m", "return_6m", "momentum")
    assert tuple(row[name] for name in names) == expected
    assert row["excluded_by"] == reason
    assert row["return_3m"] == 0.25


@pytest.mark.parametrize(("age", "reason"), [(10, None), (11, "inactive")])
def test_a_last_close_is_at_most_ten_days_old(age: int, reason: str | None) -> None:
    last = D - timedelta(days=age)
    row = alone(prices=[*history("A", 80, 50, 40)[:3], close("A", last, 100)])
    shown = (100, last) if reason is None else (None, None)
    assert (row["close"], row["close_date"], row["base_close_3m"]) == (*shown, 80)
    assert row["excluded_by"] == reason
    assert row["return_3m"] == (None if reason else 0.25)
    assert row["score"] == (None if reason else 2.75 / 3)


# --- market cap ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reported", "own", "newest", "expected"),
    [
        (3e9, 5000.0, None, (3000.0, "reported")),
        (0.0, 5000.0, None, (5000.0, "current")),
        (-1.0, None, None, (None, None)),
        (None, 5000.0, None, (5000.0, "current")),
        (None, 0.0, None, (None, None)),
        (None, None, None, (None, None)),
        (None, 5000.0, 200.0, (2500.0, "price_scaled")),
        # Over a jump that nothing explains no ratio of closes holds.
        (None, 5000.0, 400.0, (5000.0, "price_scaled")),
        (3e9, 5000.0, 400.0, (3000.0, "reported")),
        (0.5, 5000.0, None, (5e-7, "reported")),
        (None, 0.5, None, (0.5, "current")),
    ],
)
def test_market_cap(
    reported: float | None, own: float | None, newest: float | None, expected: tuple[Any, Any]
) -> None:
    after = [close("A", D + timedelta(days=300), newest)] if newest else []
    row = alone(
        stock("A", market_cap_msek=own),
        [*history("A", 100, 100, 100), *after],
        [filing(market_cap_ccy=reported, piotroski_f_score=9)],
    )
    assert (row["market_cap_msek"], row["market_cap_source"]) == expected


@pytest.mark.parametrize(
    ("cap", "reason"), [(2e9, None), (1.9999e9, "below_market_cap"), (0.0, "no_market_cap")]
)
def test_a_reported_cap_meets_the_floor(cap: float, reason: str | None) -> None:
    row = alone(
        stock("A", market_cap_msek=None), filings=[filing(market_cap_ccy=cap, piotroski_f_score=9)]
    )
    assert row["excluded_by"] == reason


def test_market_cap_without_a_close() -> None:
    never, not_yet = alone(prices=[]), alone(prices=[close("A", D + timedelta(days=1), 9)])
    assert (never["market_cap_msek"], never["market_cap_source"]) == (None, None)
    assert (not_yet["market_cap_msek"], not_yet["market_cap_source"]) == (None, None)
    assert never["excluded_by"] == not_yet["excluded_by"] == "inactive"


def test_an_inactive_stock_has_no_scaled_market_cap() -> None:
    prices = [close("A", date(2020, 1, 1), 10), close("A", D + timedelta(days=1), 40)]
    row = alone(prices=prices)
    assert (row["market_cap_msek"], row["market_cap_source"]) == (None, None)


@pytest.mark.parametrize(
    ("day", "floor"), [(date(1990, 1, 1), 500), (date(2023, 5, 31), 500), (date(2023, 6, 1), 2000)]
)
def test_floor_by_date(day: date, floor: float) -> None:
    assert side.floor_on(FLOORS, day) == side.floor_on(FLOORS[::-1], day) == floor


def test_no_floor_before_the_first_one() -> None:
    floors = ((date(2023, 6, 1), 9.0),)
    days = (date(2023, 5, 31), date(2023, 6, 1))
    assert [side.floor_on(floors, day) for day in days] == [0.0, 9.0]


# --- ratios -------------------------------------------------------------------------------------

OLD, NEW = date(2022, 12, 31), date(2023, 12, 31)
RATIOS: Final = (
    "market_cap_ccy pe pb ps p_fcf ev_ebitda roe roa roic fcfroe dividend_yield payout_ratio"
)
ITEMS: Final = (
    "net_income_ccy operating_cf_ccy total_assets_ccy long_term_debt_ccy current_ratio"
    " shares_outstanding gross_margin asset_turnover piotroski_f_score"
)


def pe_of(*rows: Row) -> float | None:
    known = [row for row in rows if row["known_from"] <= D]
    pe: float | None = side.ratios_row(known, D).get("pe")
    return pe


def test_a_late_restatement_of_an_older_period_replaces_nothing() -> None:
    new = filing(fiscal_date=NEW, known_from=date(2024, 2, 1), pe=1, net_income_ccy=1)
    late = filing(fiscal_date=OLD, known_from=D, pe=2, net_income_ccy=-2, id=9)
    assert pe_of(new, late) == 1
    row = side.f_score_columns([new, late], D)
    assert (row["fiscal_date"], row["signals"][0]) == (NEW, True)


def test_a_restatement_of_the_same_period_replaces_the_whole_row() -> None:
    first = filing(known_from=date(2024, 2, 1), pe=1, pb=1, net_income_ccy=1, current_ratio=1, id=9)
    again = filing(known_from=date(2024, 3, 1), pe=2, net_income_ccy=-2, id=1)
    assert pe_of(first, again) == 2
    assert side.ratios_row([first, again], D)["pb"] is None
    assert oracle.fiscal_years([first, again]) == {NEW: again}


def test_of_rows_of_the_same_day_the_highest_id_wins() -> None:
    one, two = filing(pe=1, net_income_ccy=1, id=1), filing(pe=2, net_income_ccy=2, id=2)
    first, second = copy(pe=1, id=1), copy(pe=2, id=2)
    assert pe_of(two, one) == pe_of(one, two) == 2
    assert oracle.fiscal_years([two, one]) == oracle.fiscal_years([one, two]) == {NEW: two}
    assert pe_of(first, second) == pe_of(second, first) == 2


def test_rows_known_after_the_date_do_not_exist() -> None:
    tomorrow: Row = {"known_from": D + timedelta(days=1), "fiscal_date": D, "id": 9}
    late = filing(pe=2, market_cap_ccy=9e9, net_income_ccy=-1, piotroski_f_score=1, **tomorrow)
    known = filing(pe=1, market_cap_ccy=3e9, net_income_ccy=1, piotroski_f_score=8)
    assert alone(filings=[known, late]) == alone(filings=[known])


def test_snapshots_are_never_superseded() -> None:
    report = filing(known_from=date(2024, 3, 1), pe=1)
    assert pe_of(report, copy(known_from=date(2024, 3, 2), pe=2)) == 2
    assert pe_of(report, copy(known_from=date(2024, 3, 1), pe=2, id=9)) == 1
    assert pe_of(report, copy(known_from=date(2024, 2, 29), pe=2)) == 1
    assert pe_of(report, copy(known_from=date(2024, 3, 2), pb=2)) is None


@pytest.mark.parametrize("ratio", RATIOS.split())
def test_any_ratio_makes_a_row_of_ratios(ratio: str) -> None:
    older = filing(fiscal_date=OLD, known_from=date(2024, 1, 1)) | {ratio: 1}
    newer = filing(known_from=date(2024, 1, 1)) | {ratio: 2}
    assert side.ratios_row([newer, older], D)[ratio] == 2


def test_rows_without_any_ratio_supersede_nothing() -> None:
    assert pe_of(filing(fiscal_date=OLD, pe=1), filing(net_income_ccy=1, id=9)) == 1


@pytest.mark.parametrize(("known_from", "pe"), [(date(2023, 5, 31), 1), (date(2023, 5, 30), None)])
def test_ratios_are_at_most_twelve_months_old(known_from: date, pe: float | None) -> None:
    assert pe_of(filing(known_from=known_from, pe=1)) == pe


def test_a_superseded_row_does_not_stand_in_for_a_stale_one() -> None:
    assert pe_of(filing(known_from=date(2023, 5, 30), pe=1), filing(fiscal_date=OLD, pe=2)) is None


# --- F-score ------------------------------------------------------------------------------------


def year(fiscal_date: date, **items: Any) -> Row:
    named = {k if k in oracle.STATEMENT_ITEMS else f"{k}_ccy": v for k, v in items.items()}
    return filing(fiscal_date=fiscal_date, known_from=fiscal_date + timedelta(days=90), **named)


# From 2022 to 2023 every item improves: return on assets 8 / 100 to 10 / 100 at the beginning,
# debt 20 / 100 to 24 / 150 of average assets.
Y2021: Final = year(date(2021, 12, 31), total_assets=100)
Y2022: Final = year(
    date(2022, 12, 31),
    net_income=8,
    operating_cf=9,
    total_assets=100,
    long_term_debt=20,
    current_ratio=1.0,
    shares_outstanding=50,
    gross_margin=0.3,
    asset_turnover=0.5,
)
Y2023: Final = year(
    NEW,
    net_income=10,
    operating_cf=11,
    total_assets=200,
    long_term_debt=24,
    current_ratio=1.1,
    shares_outstanding=50,
    gross_margin=0.4,
    asset_turnover=0.6,
)


def score_of(*rows: Row, as_of: date = D) -> Row:
    return side.f_score_columns(list(rows), as_of)


def test_nine_signals() -> None:
    row = score_of(Y2021, Y2022, Y2023)
    assert row["signals"] == [True] * 9
    assert (row["f_score"], row["f_available"], row["f_source"]) == (9, 9, "computed")
    assert row["fiscal_date"] == NEW


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (1, {"net_income_ccy": 0}),
        (2, {"operating_cf_ccy": 0}),
        (3, {"net_income_ccy": 8}),
        (4, {"operating_cf_ccy": 10}),
        (5, {"long_term_debt_ccy": 30}),
        (6, {"current_ratio": 1.0}),
        (7, {"shares_outstanding": 51}),
        (8, {"gross_margin": 0.3}),
        (9, {"asset_turnover": 0.5}),
    ],
)
def test_a_signal_is_false_without_improvement(number: int, change: Row) -> None:
    assert score_of(Y2021, Y2022, {**Y2023, **change})["signals"][number - 1] is False
    missing: Row = dict.fromkeys(change)
    assert score_of(Y2021, Y2022, {**Y2023, **missing})["signals"][number - 1] is None


def test_period_end_assets_when_the_year_before_last_is_unknown() -> None:
    # Return on assets 8 / 100 to 10 / 200 fell, debt 20 / 100 to 30 / 200 fell.
    debt = {**Y2023, "long_term_debt_ccy": 30}
    no_assets = {**Y2021, "total_assets_ccy": 0, "net_income_ccy": 1}
    for years in ([Y2022, debt], [no_assets, Y2022, debt]):
        assert score_of(*years)["signals"] == [True, True, False, *[True] * 6]
    # With A(t-2) = 100, debt 20 / 100 to 30 / 150 is level and has not fallen.
    assert score_of(Y2021, Y2022, debt)["signals"] == [*[True] * 4, False, *[True] * 4]


def test_null_earns_nothing() -> None:
    one_year = score_of(Y2023)
    assert one_year["signals"] == [True, True, None, True, None, None, None, None, None]
    assert (one_year["f_score"], one_year["f_available"]) == (3, 3)
    negative = score_of(Y2021, {**Y2022, "total_assets_ccy": -100}, Y2023)
    assert negative["signals"][2] is None
    assert negative["signals"][4] is None
    assert negative["f_available"] == 7


def test_vendor_score_stands_in_when_a_signal_is_missing() -> None:
    vendor = {**Y2023, "piotroski_f_score": 6}
    partly = score_of(vendor)
    assert (partly["f_score"], partly["f_available"], partly["f_source"]) == (6, 9, "vendor")
    assert partly["signals"].count(None) == 6
    whole = score_of(Y2021, Y2022, vendor)
    assert (whole["f_score"], whole["f_source"]) == (9, "computed")


def test_vendor_score_is_that_of_t() -> None:
    scores = [
        {**Y2022, "piotroski_f_score": 1, "id": 9, "known_from": D},
        {**Y2023, "piotroski_f_score": 2, "id": 9},
        {**Y2023, "piotroski_f_score": 3, "known_from": date(2024, 5, 1)},
        {**Y2023, "piotroski_f_score": 4, "known_from": date(2024, 5, 1), "id": 2},
        {**Y2023, "net_income_ccy": None, "known_from": date(2024, 5, 2)},
    ]
    row = score_of(*scores)
    assert (row["f_score"], row["f_source"]) == (4, "vendor")
    row = score_of(scores[0], {**Y2023, "net_income_ccy": None})
    assert row["f_source"] == "computed"


def test_a_vendor_that_mixes_periods() -> None:
    vendor = {**Y2023, "data_source": "TradingView"}
    nine = score_of(Y2021, Y2022, vendor)
    assert nine["signals"] == [*[True] * 3, None, *[True] * 5]
    assert (nine["f_score"], nine["f_available"], nine["f_source"]) == (8, 8, "computed")
    scored = score_of(Y2021, Y2022, {**vendor, "piotroski_f_score": 3})
    assert (scored["f_score"], scored["f_available"], scored["f_source"]) == (3, 9, "vendor")


@pytest.mark.parametrize(
    ("t", "expected"),
    [
        (date(2022, 11, 30), (date(2022, 11, 30), 6, "vendor")),
        (date(2022, 11, 29), (None, 0, "computed")),
    ],
)
def test_statements_are_at_most_eighteen_months_old(t: date, expected: Any) -> None:
    row = score_of({**Y2023, "fiscal_date": t, "piotroski_f_score": 6})
    assert (row["fiscal_date"], row["f_score"], row["f_source"]) == expected


@pytest.mark.parametrize("item", ITEMS.split())
def test_any_statement_item_makes_a_year(item: str) -> None:
    assert score_of(Y2022, filing() | {item: 1})["fiscal_date"] == NEW
    assert score_of(Y2022, filing(pe=1))["fiscal_date"] == OLD


def test_small_amounts_are_positive() -> None:
    row = {**Y2023, "net_income_ccy": 0.5, "operating_cf_ccy": 0.75, "total_assets_ccy": 0.25}
    assert score_of(Y2021, Y2022, row)["signals"][:5] == [True, True, False, True, False]


def test_no_statements() -> None:
    row = score_of(filing(pe=1))
    assert row["signals"] == [None] * 9
    assert (row["f_score"], row["f_available"], row["f_source"]) == (0, 0, "computed")


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([date(2022, 10, 31)], date(2022, 10, 31)),  # 14 months, saturated
        ([date(2022, 10, 30)], None),
        ([date(2023, 2, 28)], date(2023, 2, 28)),  # 10 months, saturated
        ([date(2023, 3, 1)], None),
        ([date(2022, 12, 30), date(2023, 1, 5)], date(2022, 12, 30)),
        ([date(2022, 12, 21), date(2023, 1, 10)], date(2023, 1, 10)),  # both ten days off
    ],
)
def test_the_year_before(days: list[date], expected: date | None) -> None:
    years: dict[date, Row] = {day: {} for day in (NEW, *days)}
    assert oracle.year_before(years, NEW) == expected


@pytest.mark.parametrize(
    ("score", "available", "reason"),
    [
        (2, 2, "no_f_score"),
        (0, 0, "no_f_score"),
        (2, 3, None),
        (1, 3, "low_f_score"),
        (5, 9, None),
        (4, 9, "low_f_score"),
        (5, 8, None),
        (4, 8, "low_f_score"),
        (4, 7, None),
    ],
)
def test_f_score_gate(score: int, available: int, reason: str | None) -> None:
    assert oracle.f_score_reason({"f_score": score, "f_available": available}) == reason


# --- universe -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"stock_type": "SDB"}, None),
        ({"stock_type": "preference", "market": "oslo"}, "not_a_stock"),
        ({"stock_type": None}, "not_a_stock"),
        ({"market": "oslo", "market_cap_msek": None}, "other_market"),
        ({"market": None}, "other_market"),
        ({"market": "first_north"}, None),
        ({"market_cap_msek": None, "sector": "Finance"}, "no_market_cap"),
        ({"market_cap_msek": 1999.9, "sector": "Finance"}, "below_market_cap"),
        ({"market_cap_msek": 2000.0}, None),
        ({"sector": "Traditionell Bankverksamhet"}, "financial"),
        ({"sector": "FÖRSÄKRING"}, "financial"),
        ({"sector": "Sparande & Investering"}, "financial"),
        ({"sector": "kapitalförvaltning"}, "financial"),
        ({"sector": "Konsumentkredit"}, "financial"),
        ({"sector": "finance"}, "financial"),
        ({"sector": "Financials"}, "financial"),
        ({"sector": "Investmentbolag"}, None),
        ({"sector": None}, None),
    ],
)
def test_universe_reasons(change: Row, reason: str | None) -> None:
    row = alone(stock("A", **change))
    assert (row["excluded_by"], row["rank"]) == (reason, None if reason else 1)


def test_inactive_comes_before_the_market_cap() -> None:
    row = alone(stock("A", market_cap_msek=None), prices=[])
    assert (row["excluded_by"], row["close"], row["score"]) == ("inactive", None, None)


@pytest.mark.parametrize("strategy", [VALUE, QUALITY, DIVIDEND])
def test_only_momentum_keeps_investment_companies(strategy: str) -> None:
    rows = rank([stock("A", sector="investmentBOLAG")], history("A", 100, 100, 100), [], strategy)
    assert reasons(rows) == {"A": "financial"}


def test_an_excluded_stock_keeps_its_score() -> None:
    row = alone(stock("A", market="oslo"), history("A", 80, 50, 40))
    assert (row["score"], row["rank"], row["f_score"]) == (2.75 / 3, None, 9)


@pytest.mark.parametrize(
    ("ticker", "expected"),
    [
        ("VOLV B", ("VOLV", "B")),
        ("BRK.A", ("BRK", "A")),
        ("X-C", ("X", "C")),
        ("X_D", ("X", "D")),
        ("X E", ("X E", "")),
        ("X b", ("X b", "")),
        ("VOLVB", ("VOLVB", "")),
        ("ABC PREF B", ("ABC PREF", "B")),
        ("B", ("B", "")),
        (".B", (".B", "")),
    ],
)
def test_share_class(ticker: str, expected: tuple[str, str]) -> None:
    assert oracle.share_class(ticker) == expected


@pytest.mark.parametrize(
    ("caps", "kept"),
    [
        ({"X A": 9000, "X B": 3000, "X": 9000}, "X B"),
        ({"X A": 9000, "X B": 1000}, "X A"),  # that B is below the floor
        ({"X A": 3000, "X C": 9000, "X D": 5000}, "X C"),
        ({"X C": 5000, "X A": 5000, "X": 5000}, "X"),
        ({"X A": 3000, "X.B": 3000, "X B": 4000}, "X B"),
    ],
)
def test_one_share_class_stays(caps: dict[str, float], kept: str) -> None:
    rows = rank(
        [stock(ticker, market_cap_msek=cap) for ticker, cap in caps.items()],
        [row for ticker in caps for row in history(ticker, 100, 100, 100)],
        [filing(ticker, piotroski_f_score=9) for ticker in caps],
    )
    lost = {t: "other_share_class" if caps[t] >= 2000 else "below_market_cap" for t in caps}
    assert reasons(rows) == {**lost, kept: None}


def test_the_better_class_stays_even_if_its_strategy_drops_it() -> None:
    rows = rank([stock("X A"), stock("X B")], history("X A", 100, 100, 100), [], MOMENTUM)
    assert reasons(rows) == {"X A": "no_f_score", "X B": "inactive"}
    prices = [*history("X A", 100, 100, 100), *history("X B", 100, 100, 100)]
    rows = rank([stock("X A"), stock("X B")], prices, [filing("X A", piotroski_f_score=9)])
    assert reasons(rows) == {"X A": "other_share_class", "X B": "no_f_score"}


# --- composites ---------------------------------------------------------------------------------


def test_average_ranks_and_missing_is_neutral() -> None:
    roe = {"P": 0.4, "Q": 0.2, "R": 0.2, "S": -0.1, "T": None}
    rows = crowd("roe", roe, QUALITY, roa=0.1, roic=0.1, fcfroe=0.1)
    # n = 4 for roe: average ranks 1, 2.5, 2.5, 4. The others tie: (3 - 0.5) / 5 = 0.5.
    assert [rows[t]["p_roe"] for t in "PQRST"] == [0.125, 0.5, 0.5, 0.875, None]
    assert {rows[t]["p_roa"] for t in "PQRST"} == {0.5}
    assert [rows[t]["composite"] for t in "PQRST"] == [0.40625, 0.5, 0.5, 0.59375, 0.5]
    assert [rows[t]["primary_rank"] for t in "PQRST"] == [1, 2, 2, 5, 2]
    # The limit is 2 of 5: three share rank 2 and stay together.
    assert [t for t in "PQRST" if rows[t]["excluded_by"] is None] == ["P", "Q", "R", "T"]
    assert rows["S"]["excluded_by"] == "outside_best_40_percent"


def test_value_multiples_rank_by_their_inverse() -> None:
    pe: dict[str, float | None] = {"P": 5.0, "Q": 20.0, "R": -50.0, "S": -2.0, "T": 0.0}
    rows = crowd("pe", pe, VALUE, pb=1.0, ps=1.0, ev_ebitda=1.0)
    assert [rows[t]["p_pe"] for t in "PQRST"] == [0.125, 0.375, 0.625, 0.875, None]
    assert {rows[t]["p_p_fcf"] for t in "PQRST"} == {None}
    assert rows["P"]["composite"] == round((0.125 + 5 * 0.5) / 6, 12)
    assert rows["T"]["excluded_by"] == "missing_metrics"  # three of six
    assert rows["T"]["composite"] is rows["T"]["primary_rank"] is None
    assert rows["T"]["p_pb"] == 0.5  # yet it counts in n
    # N = 4: the limit is 1.
    assert [rows[t]["primary_rank"] for t in "PQRS"] == [1, 2, 3, 4]
    assert [t for t in "PQRST" if rows[t]["excluded_by"] is None] == ["P"]


def test_a_dividend_of_nothing_is_a_value_but_not_for_the_dividend_strategy() -> None:
    yields: dict[str, float | None] = {"P": 0.03, "Q": 0.0}
    value = crowd("dividend_yield", yields, VALUE, pe=1.0, pb=1.0, ps=1.0)
    assert [value[t]["p_dividend_yield"] for t in "PQ"] == [0.25, 0.75]
    dividend = crowd("dividend_yield", {**yields, "R": None, "S": -0.01}, DIVIDEND)
    assert [dividend[t]["p_dividend_yield"] for t in "PQRS"] == [0.5, None, None, None]
    missing = dict.fromkeys("QRS", "missing_metrics")
    assert reasons(dividend) == {"P": None, **missing}


@pytest.mark.parametrize(
    ("yields", "kept"),
    [
        ([5], "P"),
        ([5, 4], "P"),
        ([5, 4, 3, 2], "P"),
        ([5, 4, 3, 2, 1], "PQ"),
        ([5, 4, 4, 4, 1], "PQRS"),  # ranks 1 2 2 2 5, limit 2
        ([5, 5, 5, 4, 4], "PQR"),  # ranks 1 1 1 4 4, limit 2
        ([5, 4, 3, 3, 3], "PQ"),  # ranks 1 2 3 3 3, limit 2
        ([5, 5], "PQ"),
        ([3, 3, 3], "PQR"),
    ],
)
def test_ties_at_the_cut_stay_or_leave_together(yields: list[float], kept: str) -> None:
    values: dict[str, float | None] = dict(zip("PQRST", yields, strict=False))
    rows = crowd("dividend_yield", values, DIVIDEND)
    assert "".join(sorted(t for t in rows if rows[t]["rank"] is not None)) == kept


def test_stocks_without_momentum_count_and_ineligible_ones_do_not() -> None:
    tickers = "PQRSTU"
    stocks = [stock(t, market="oslo" if t == "U" else "first_north") for t in tickers]
    prices = [row for t in tickers for row in history(t, 80, 50, 40)]
    young = [p for p in prices if p["ticker"] != "P" or p["date"] == D]
    filings = [filing(t, dividend_yield=(6 - i) / 100) for i, t in enumerate("UPQRST")]
    rows = rank(stocks, young, filings, DIVIDEND)
    outside = dict.fromkeys("RST", "outside_best_40_percent")
    assert reasons(rows) == {"P": "no_momentum", "Q": None, **outside, "U": "other_market"}
    assert (rows["P"]["primary_rank"], rows["Q"]["rank"]) == (1, 1)
    assert [rows[t]["p_dividend_yield"] for t in "PQ"] == [0.1, 0.3]
    assert rows["U"]["p_dividend_yield"] is rows["U"]["composite"] is None


def test_screens_come_before_no_momentum() -> None:
    row = alone(prices=[close("A", D, 100)], filings=[])
    assert row["excluded_by"] == "no_f_score"
    assert alone(prices=[close("A", D, 100)])["excluded_by"] == "no_momentum"


def test_momentum_has_no_composite() -> None:
    row = alone()
    assert (row["composite"], row["primary_rank"]) == (None, None)
    assert [name for name in row if name.startswith("p_") and name != "p_fcf"] == []


def test_composites_have_twelve_decimals() -> None:
    assert oracle.composite([0.1234567890126], 1) == 0.123456789013
    assert oracle.composite([None, 0.1], 2) is None
    assert oracle.composite([None, 0.1], 1) == 0.3


# --- order --------------------------------------------------------------------------------------


def test_order_by_momentum_then_market_cap_then_ticker() -> None:
    caps = {"E": 4000.0, "D": 3000.0, "C": 3000.0, "B": 2000.0, "Z": 2500.0, "A": 1.0}
    flat = [row for t in "ABCDE" for row in history(t, 100, 100, 100)]
    rows = rank(
        [stock(t, market_cap_msek=cap) for t, cap in caps.items()],
        [*flat, *history("Z", 80, 50, 40)],
        [filing(t, piotroski_f_score=9) for t in caps],
    )
    ranks = [(t, row["rank"]) for t, row in rows.items()]
    assert ranks == [("Z", 1), ("E", 2), ("C", 3), ("D", 4), ("B", 5), ("A", None)]


COLUMNS: Final = (
    "ticker rank excluded_by score momentum return_3m return_6m return_12m close close_date"
    " jump_date base_date_3m base_date_6m base_date_12m base_close_3m base_close_6m base_close_12m"
    " market_cap_msek market_cap_source composite primary_rank"
    " f_score f_available f_source signals fiscal_date"
)


def test_nobody_left_is_an_answer() -> None:
    stocks = [stock("Z", market="oslo"), stock("A", stock_type="etf_certificate")]
    assert list(reasons(rank(stocks, [], [], VALUE)).items()) == [
        ("A", "not_a_stock"),
        ("Z", "other_market"),
    ]
    assert rank([], [], []) == {}


# --- source rows --------------------------------------------------------------------------------


def source_stock(ticker: str, rowid: int, **changes: Any) -> Row:
    return {**stock(ticker), "isin": None, "rowid": rowid, "last_updated": None, **changes}


def source_report(ticker: str = "A", **changes: Any) -> Row:
    names = [name.removesuffix("_ccy") for name in (*oracle.RATIOS, *oracle.STATEMENT_ITEMS)]
    keys = {"id": 1, "rowid": 1, "ticker": ticker, "data_source": "avanza"}
    dates = {"fiscal_date": "2023-12-31", "fetched_date": None}
    return {**dict.fromkeys(names), **keys, **dates, **changes}


def source_copy(ticker: str = "A", **changes: Any) -> Row:
    names = [name.removesuffix("_ccy") for name in oracle.RATIOS]
    keys = {"id": 1, "rowid": 1, "ticker": ticker, "snapshot_date": "2024-01-05"}
    return {**dict.fromkeys(names), **keys, **changes}


PERCENT: Final = {"data_source": "tradingview", "pe": 1.0}
FRACTION: Final = {"data_source": "avanza", "pe": 1.0}


@pytest.mark.parametrize(
    ("ticker", "expected"),
    [
        ("VOLV-B", "VOLV B"),
        (" VOLV_B ", "VOLV B"),
        ("VOLV - \tB", "VOLV B"),
        ("BRK.B", "BRK.B"),
        ("-X_", "X"),
    ],
)
def test_clean_ticker(ticker: str, expected: str) -> None:
    assert clean_ticker(ticker) == expected


def test_duplicate_stocks() -> None:
    stocks, _, _ = normalise(
        {
            "stocks": [
                source_stock("V-B", 1, name="newest", last_updated="2024-01-02 10:00:00"),
                source_stock("V_B", 2, name="older", last_updated="2024-01-02 09:00:00"),
                source_stock("V B", 3, name="undated"),
                source_stock("W-B", 5, name="higher", market_cap_msek=float("inf")),
                source_stock("W B", 4, name="lower"),
            ]
        }
    )
    assert sorted((s["ticker"], s["name"], s["market_cap_msek"]) for s in stocks) == [
        ("V B", "newest", 5000.0),
        ("W B", "higher", None),
    ]


def test_stock_columns() -> None:
    values = {"sector": "s", "market": "m", "currency": "c", "stock_type": "t", "name": "n",
              "isin": "i"}  # fmt: skip
    stocks, _, _ = normalise({"stocks": [source_stock("V-B", 1, **values)]})
    assert stocks == [{"ticker": "V B", **values, "market_cap_msek": 5000.0}]


def test_prices_of_other_keys_are_not_duplicates() -> None:
    keys = [("A", "2024-05-31"), ("A", "2024-05-30"), ("B", "2024-05-31")]
    rows: list[Row] = [
        {"ticker": t, "date": day, "rowid": i, "close": 1.0} for i, (t, day) in enumerate(keys)
    ]
    assert len(normalise({"daily_prices": rows})[1]) == 3


def test_valid_and_duplicate_prices() -> None:
    closes = [("V-B", 9, 0.1), ("V B", 8, 5.0), ("V_B", 10, 0.0)]
    bad = [None, 0.0, -1.0, float("nan"), float("inf"), 1e39, 1e-60]
    rows: list[Row] = [
        *({"ticker": t, "date": "2024-05-31", "rowid": i, "close": c} for t, i, c in closes),
        *({"ticker": "X", "date": "2024-05-31", "rowid": 20, "close": c} for c in bad),
    ]
    _, prices, _ = normalise({"daily_prices": rows})
    assert prices == [close("V B", D, 0.10000000149011612)]


def test_known_from() -> None:
    reports = [
        source_report(id=1),
        source_report(id=2, fetched_date="2024-02-01"),
        source_report(id=3, fetched_date="2024-02-01", fiscal_date=None),
        source_report(id=4, fiscal_date=None),
    ]
    _, _, rows = normalise({"fundamentals": reports, "fundamentals_snapshots": [source_copy()]})
    names = ("source", "id", "fiscal_date", "known_from")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("fundamentals", 1, NEW, date(2024, 3, 30)),
        ("fundamentals", 2, NEW, date(2024, 2, 1)),
        ("fundamentals", 3, date(2024, 2, 1), date(2024, 2, 1)),
        ("snapshots", 1, None, date(2024, 1, 5)),
    ]


FRACTIONS: Final = "roe roa roic fcfroe dividend_yield payout_ratio gross_margin"
OTHERS: Final = "market_cap pe pb ps p_fcf ev_ebitda net_income current_ratio"


def test_units() -> None:
    fractions, others = FRACTIONS.split(), OTHERS.split()
    values = dict.fromkeys((*fractions, *others), 57.0)
    reports = [
        source_report("A", data_source="tradingview", asset_turnover=float("nan"), **values),
        source_report("B-B", data_source="statements", **values),
    ]
    _, _, (a, b) = normalise({"fundamentals": reports})
    assert {a[name] for name in fractions} == {0.57}
    unchanged = [name.removesuffix("_ccy") for name, value in a.items() if value == 57]
    assert unchanged == others
    assert a["asset_turnover"] is None
    assert b["ticker"] == "B B"
    assert {b[name] for name in fractions} == {57}


@pytest.mark.parametrize(
    ("reports", "roe"),
    [
        ([], 57),
        ([{**PERCENT, "pe": None, "net_income": 1.0}], 57),
        ([PERCENT], 0.57),
        # The row known last decides, though it became known after the snapshot.
        ([PERCENT, {**FRACTION, "fetched_date": "2025-01-01", "fiscal_date": "2022-12-31"}], 57),
        ([{**PERCENT, "fetched_date": "2025-01-01", "fiscal_date": "2022-12-31"}, FRACTION], 0.57),
        # Then the newest fiscal date, then the highest id; 2023-12-31 + 90 days = 2024-03-30.
        ([PERCENT, {**FRACTION, "fetched_date": "2024-03-30", "fiscal_date": "2022-12-31"}], 0.57),
        ([{**FRACTION, "fetched_date": "2024-03-30", "fiscal_date": "2022-12-31"}, PERCENT], 0.57),
        ([{**PERCENT, "id": 2}, FRACTION], 0.57),
        ([FRACTION, {**PERCENT, "id": 2}], 0.57),
        ([PERCENT, {"net_income": 1.0, "id": 2}], 0.57),
    ],
)
def test_unit_of_snapshots(reports: list[Row], roe: float) -> None:
    _, _, rows = normalise(
        {
            "fundamentals": [source_report("A-B", **changes) for changes in reports],
            "fundamentals_snapshots": [source_copy("A_B", roe=57)],
        }
    )
    assert (rows[-1]["ticker"], rows[-1]["roe"]) == ("A B", roe)
