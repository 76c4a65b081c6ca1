"""Who is eligible on a date, and the first reason why not."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines.ranking.eligible import (
    FINANCIAL,
    company,
    first_universe_reason,
    is_class_b,
    market_cap_floor,
)
from pipelines.ranking.strategies import STRATEGIES
from pipelines.universe import SWEDEN, Universe
from tests.factories import Row, closes, ranked, statement, stock

D = date(2024, 5, 31)
USA = Universe(name="usa", markets=("sp500",), currency="USD", floors=((date.min, 0.0),))
COLUMNS = pl.Schema(
    {"stock_type": pl.String, "market": pl.String, "close": pl.Float64,
     "jump_date": pl.Date, "market_cap_msek": pl.Float64, "sector": pl.String}
)  # fmt: skip
ELIGIBLE = {"stock_type": "stock", "market": "stockholmsborsen", "close": 1.0,
            "jump_date": None, "market_cap_msek": 2000.0, "sector": "Industri"}  # fmt: skip


def reason(
    *, as_of: date = D, universe: Universe = SWEDEN, keep: tuple[str, ...] = (), **changes: Any
) -> str | None:
    """Why an eligible stock leaves `sweden` after some changes."""
    frame = pl.DataFrame([ELIGIBLE | changes], schema=COLUMNS)
    found: str | None = frame.select(
        first_universe_reason(universe, pl.lit(as_of), keep_sectors=keep)
    ).item()
    return found


# -------------------------------------------------------------------------------- each reason


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("stock_type", "stock", None),
        ("stock_type", "sdb", None),
        ("stock_type", "STOCK", None),
        ("stock_type", "Sdb", None),
        ("stock_type", "preference", "not_a_stock"),
        ("stock_type", "etf_certificate", "not_a_stock"),
        ("stock_type", "", "not_a_stock"),
        ("stock_type", None, "not_a_stock"),
        ("market", "first_north", None),
        ("market", "oslo", "other_market"),
        ("market", None, "other_market"),
        ("close", None, "inactive"),
        ("jump_date", D, "suspect_price"),
        ("market_cap_msek", None, "no_market_cap"),
        ("market_cap_msek", 1999.999, "below_market_cap"),
        ("market_cap_msek", 2000.0, None),
        ("sector", None, None),
        ("sector", "Fastighetsbolag", None),
        ("sector", "Finance services", None),
    ],
)
def test_each_rule(column: str, value: Any, expected: str | None) -> None:
    assert reason(**{column: value}) == expected


@pytest.mark.parametrize("sector", FINANCIAL)
def test_every_financial_sector_in_any_case(sector: str) -> None:
    assert reason(sector=sector) == "financial"
    assert reason(sector=sector.upper()) == "financial"
    assert reason(sector=sector.title()) == "financial"


def test_the_financial_sectors() -> None:
    assert set(FINANCIAL) == {
        "traditionell bankverksamhet", "försäkring", "sparande & investering",
        "kapitalförvaltning", "konsumentkredit", "finance", "financials", "investmentbolag",
        "financial", "financial services", "diversified financials", "capital markets",
        "consumer finance", "asset management", "bank", "banks", "banking", "insurance", "finans",
    }  # fmt: skip


@pytest.mark.parametrize("name", STRATEGIES)
def test_only_momentum_keeps_a_financial_sector_and_only_one(name: str) -> None:
    keep = STRATEGIES[name].keep_sectors
    kept = [s for s in FINANCIAL if reason(sector=s.title(), keep=keep) is None]
    assert kept == (["investmentbolag"] if name == "sammansatt_momentum" else [])


def test_a_stock_leaves_for_the_first_reason() -> None:
    stages: list[tuple[dict[str, Any], str]] = [
        ({"sector": "Finance"}, "financial"),
        ({"market_cap_msek": 1.0}, "below_market_cap"),
        ({"market_cap_msek": None}, "no_market_cap"),
        ({"close": None}, "inactive"),
        ({"market": "oslo"}, "other_market"),
        ({"stock_type": "fund"}, "not_a_stock"),
    ]
    changes: dict[str, Any] = {}
    for change, expected in stages:  # each breaks a rule before those that are broken already
        changes |= change
        assert reason(**changes) == expected


def test_neither_country_nor_isin_nor_ticker_nor_is_active_decides() -> None:
    foreign = {"country": "NO", "isin": "NO0010096985", "is_active": False, "currency": "NOK"}
    swedish = {"country": "SE", "isin": "SE0000115446", "is_active": True, "market": "oslo"}
    listed = [stock("EQNR.OL", **foreign), stock("VOLV B.ST", **swedish)]
    prices = [r for s in listed for r in closes(s["ticker"], {"2024-05-31": 1.0})]
    rows = ranked("trendande_utdelning", D, listed, prices)
    assert rows["excluded_by"].to_list() == ["missing_metrics", "other_market"]


# --------------------------------------------------------------------------------- the floor


@pytest.mark.parametrize(
    ("day", "cap", "expected"),
    [
        (date(2023, 5, 31), 500.0, None),
        (date(2023, 5, 31), 499.9, "below_market_cap"),
        (date(2023, 6, 1), 1999.9, "below_market_cap"),
        (date(2023, 6, 1), 2000.0, None),
        (date(1950, 1, 1), 500.0, None),
        (date(1950, 1, 1), 499.9, "below_market_cap"),
    ],
)
def test_the_floor_of_sweden_by_date(day: date, cap: float, expected: str | None) -> None:
    assert reason(as_of=day, market_cap_msek=cap) == expected


def test_a_universe_of_its_own_market_without_a_floor() -> None:
    assert reason(universe=USA, market="sp500", market_cap_msek=0.001) is None
    assert reason(universe=USA, market="stockholmsborsen") == "other_market"
    assert reason(universe=USA, market="sp500", market_cap_msek=None) == "no_market_cap"


def test_there_is_no_floor_before_the_first() -> None:
    late = Universe(name="x", markets=("oslo",), currency="NOK", floors=((date(2023, 6, 1), 9.0),))
    none = Universe(name="x", markets=("oslo",), currency="NOK")
    assert pl.select(market_cap_floor(late, pl.lit(date(2023, 5, 31)))).item() == 0.0
    assert pl.select(market_cap_floor(late, pl.lit(date(2023, 6, 1)))).item() == 9.0
    assert pl.select(market_cap_floor(none, pl.lit(D))).item() == 0.0


# ------------------------------------------------------------------------------ share classes


@pytest.mark.parametrize(
    ("ticker", "name", "class_b"),
    [
        ("VOLV B", "VOLV", 1),
        ("VOLV-B", "VOLV", 1),
        ("VOLV_A", "VOLV", 0),
        ("BRK.C", "BRK", 0),
        ("X D", "X", 0),
        ("X E", "X E", 0),
        ("X b", "X b", 0),
        ("VOLVB", "VOLVB", 0),
        ("X PREF B", "X PREF", 1),
        ("X B PREF", "X B PREF", 0),
        ("B", "B", 0),
        ("HM B.ST", "HM", 1),
        ("HM-B.ST", "HM", 1),
        ("NDA A.HE", "NDA", 0),
        ("RDS.A.L", "RDS", 0),
        ("HM.ST", "HM.ST", 0),
        ("HM B.OSLO", "HM B.OSLO", 0),
        ("HM B.st", "HM B.st", 0),
        ("HM A.B", "HM A", 1),
    ],
)
def test_the_company_of_a_ticker(ticker: str, name: str, class_b: int) -> None:
    frame = pl.DataFrame({"ticker": [ticker]})
    assert frame.select(company(), b=is_class_b()).row(0) == (name, class_b)


def kept_of(classes: dict[str, float]) -> str:
    """The tickers that stay of share classes with these market caps."""
    listed = [stock(t, market_cap_msek=cap) for t, cap in classes.items()]
    prices = [r for t in classes for r in closes(t, {"2024-05-31": 1.0})]
    rows = ranked("trendande_utdelning", D, listed, prices)
    kept = rows.filter(excluded_by="missing_metrics")["ticker"].to_list()
    assert rows.filter(excluded_by="other_share_class").height == len(classes) - len(kept)
    return ", ".join(kept)


@pytest.mark.parametrize(
    ("classes", "kept"),
    [
        ({"X A": 9e3, "X B": 2e3, "X": 8e3}, "X B"),  # B, however small
        ({"X A": 3e3, "X C": 9e3, "X D": 5e3}, "X C"),  # then the market cap
        ({"X C": 5e3, "X A": 5e3, "X D": 5e3}, "X A"),  # then the ticker
        ({"X-B": 5e3, "X B": 4e3, "X A": 9e3}, "X-B"),  # two Bs: the market cap
        ({"X-B": 5e3, "X B": 5e3}, "X B"),
        ({"X A": 5e3, "Y B": 5e3}, "X A, Y B"),
        ({"X E": 5e3, "X F": 5e3, "XB": 5e3}, "X E, X F, XB"),
    ],
)
def test_one_class_of_a_company_stays(classes: dict[str, float], kept: str) -> None:
    assert kept_of(classes) == kept


OWN = "SE0000115446"


def reasons_of(*listed: Row) -> dict[str, str]:
    prices = [r for s in listed for r in closes(s["ticker"], {"2024-05-31": 1.0})]
    rows = ranked("trendande_utdelning", D, listed, prices)
    return dict(rows.select("ticker", "excluded_by").iter_rows())


@pytest.mark.parametrize(
    ("isins", "left"),
    [
        ((OWN, OWN), ["VOLVB"]),
        ((OWN, " se0000115446 "), ["VOLVB"]),
        ((OWN, "SE0000108656"), []),
        ((OWN, None), []),
        (("", ""), []),
        (("-", "-"), []),
        (("N/A", "N/A"), []),
    ],
)
def test_one_ticker_of_an_isin_stays(isins: tuple[str | None, ...], left: list[str]) -> None:
    listed = (stock("VOLV B", isin=isins[0]), stock("VOLVB", isin=isins[1], market_cap_msek=9e3))
    found = reasons_of(*listed)
    assert [ticker for ticker, reason in found.items() if reason == "same_share"] == left


def test_a_ticker_that_is_not_eligible_gives_way_to_the_other_of_its_isin() -> None:
    gone = stock("VOLV B", isin=OWN, stock_type="preference")
    assert reasons_of(gone, stock("VOLVB", isin=OWN)) == {
        "VOLV B": "not_a_stock", "VOLVB": "missing_metrics",
    }  # fmt: skip


def test_the_share_is_chosen_before_the_class() -> None:
    """Of two names of the A share one is left, and gives way to the B share."""
    listed = [stock("X A", isin=OWN), stock("XA", isin=OWN), stock("X B", isin="SE0000108656")]
    assert reasons_of(*listed) == {
        "X A": "other_share_class", "XA": "same_share", "X B": "missing_metrics",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("market", "listed"),
    [
        ("Stockholmsbörsen", True),
        ("Stockholmsbo\u0308rsen", True),
        ("STOCKHOLMSBORSEN", True),
        ("First North", True),
        ("first-north", True),
        ("firstnorth", True),
        ("Stockholm", False),
        ("first_north_denmark", False),
        ("", False),
        (None, False),
    ],
)
def test_a_market_may_be_spelled_in_several_ways(market: str | None, *, listed: bool) -> None:
    reason = reasons_of(stock("X", market=market))["X"]
    assert reason == ("missing_metrics" if listed else "other_market")


@pytest.mark.parametrize(
    ("sector", "financial"),
    [
        ("Financial Services", True),
        ("Banks", True),
        ("insurance", True),
        ("Diversified Financials", True),
        (" FINANS ", True),
        ("Fo\u0308rsa\u0308kring", True),
        ("Real Estate", False),
        ("Finans & Fastighet", False),
        ("", False),
    ],
)
def test_financial_sectors_of_other_vendors(sector: str, *, financial: bool) -> None:
    reason = reasons_of(stock("X", sector=sector))["X"]
    assert reason == ("financial" if financial else "missing_metrics")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"stock_type": "preference"}, "not_a_stock"),
        ({"market": "oslo"}, "other_market"),
        ({"market_cap_msek": None}, "no_market_cap"),
        ({"market_cap_msek": 1999.0}, "below_market_cap"),
        ({"sector": "Finance"}, "financial"),
    ],
)
def test_a_class_that_is_not_eligible_gives_way(change: dict[str, Any], expected: str) -> None:
    b = stock("X B", **({"market_cap_msek": 9e3} | change))
    listed = [stock("X A", market_cap_msek=3e3), b, stock("X C", market_cap_msek=5e3)]
    prices = [r for s in listed for r in closes(s["ticker"], {"2024-05-31": 1.0})]
    rows = ranked("trendande_utdelning", D, listed, prices)
    assert rows["excluded_by"].to_list() == ["other_share_class", expected, "missing_metrics"]


def test_a_class_without_a_recent_close_gives_way() -> None:
    prices = [*closes("X A", {"2024-05-21": 1.0}), *closes("X B", {"2024-05-20": 1.0})]
    rows = ranked("trendande_utdelning", D, [stock("X A"), stock("X B")], prices)
    assert rows["excluded_by"].to_list() == ["missing_metrics", "inactive"]


def test_classes_compete_before_the_strategys_own_screens() -> None:
    prices = [r for t in ("X A", "X B") for r in closes(t, {"2024-05-31": 1.0})]
    filed = [statement("X A", "2023-12-31", "2024-03-30", dividend_yield=0.1)]
    rows = ranked("trendande_utdelning", D, [stock("X A"), stock("X B")], prices, filed)
    assert rows["excluded_by"].to_list() == ["other_share_class", "missing_metrics"]


def test_an_empty_universe_is_empty_and_says_why() -> None:
    listed = [stock("A", market="oslo"), stock("B"), stock("C", stock_type=None)]
    for name in STRATEGIES:
        rows = ranked(name, D, listed)
        assert rows["rank"].to_list() == [None] * 3
        assert rows["excluded_by"].to_list() == ["other_market", "inactive", "not_a_stock"]
