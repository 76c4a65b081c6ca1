"""The catalogue of factors: what is in it, and the values of those that are expressions."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines.definition import Order
from pipelines.ranking.catalogue import COLUMNS, FACTORS, windows_of
from pipelines.ranking.known import FACTS, cross_section
from pipelines.ranking.with_factors import with_factors
from tests.factories import closes, frame_lake, statement, stock

D = date(2024, 5, 31)
REQUIRED = {
    "return_1m", "return_3m", "return_6m", "return_12m", "return_12m_1m", "volatility_12m",
    "volatility_3m", "max_drawdown_12m", "high_52w", "above_200d", "turnover_3m", "beta_12m",
    "market_cap_msek", "pe", "pb", "ps", "p_fcf", "ev_ebitda", "roe", "roa", "roic", "fcfroe",
    "dividend_yield", "payout_ratio", "earnings_to_price", "book_to_price", "sales_to_price",
    "fcf_to_price", "ebitda_to_ev", "accruals", "asset_growth", "share_issuance", "f_score",
    "earnings_yield", "return_on_capital", "momentum",
}  # fmt: skip


def test_what_the_catalogue_must_hold() -> None:
    assert set(FACTORS) >= REQUIRED
    for name, factor in FACTORS.items():
        assert factor.name == name
        assert all((factor.unit, factor.history, factor.sentence, factor.source))
    assert {name for name, f in FACTORS.items() if f.best is None} == {"payout_ratio", "close"}


def test_a_name_means_one_thing() -> None:
    columns = [name for name, factor in FACTORS.items() if factor.is_column]
    assert set(columns) <= set(FACTS)
    computed = set(FACTORS) - set(columns)
    assert computed.isdisjoint(FACTS)
    assert len(COLUMNS) == len(FACTORS) + 7 + 9


@pytest.mark.parametrize(
    ("name", "order", "expected"),
    [
        ("pe", None, [0.25, -0.5, None, None]),
        ("pe", "highest", [4.0, -2.0, 0.0, None]),
        ("roe", None, [4.0, -2.0, 0.0, None]),
        ("roe", "lowest", [-4.0, 2.0, 0.0, None]),
        ("volatility_12m", None, [-4.0, 2.0, 0.0, None]),
    ],
)
def test_the_best_stock_has_the_highest_value(
    name: str, order: Order | None, expected: list[float | None]
) -> None:
    frame = pl.DataFrame({name: [4.0, -2.0, 0.0, None]})
    assert frame.select(FACTORS[name].highest_first(order)).to_series().to_list() == expected


def of_one(names: set[str], *rows: dict[str, Any]) -> dict[str, Any]:
    """The factors of A, whose statements and ratios these are."""
    lake = frame_lake([stock("A")], closes("A", {"2024-05-31": 100.0}), list(rows))
    known = with_factors(cross_section(lake, as_of=D), frozenset(names))
    return known.select(*names).collect().row(0, named=True)


def test_factors_of_statements() -> None:
    older = statement("A", "2022-12-31", "2023-03-30", total_assets_ccy=80.0,
                      shares_outstanding=10.0)  # fmt: skip
    newer = statement("A", "2023-12-31", "2024-03-30", number=2, total_assets_ccy=120.0,
                      net_income_ccy=8.0, operating_cf_ccy=10.0, shares_outstanding=11.0,
                      gross_margin=0.5, asset_turnover=0.8, long_term_debt_ccy=30.0,
                      current_ratio=2.0)  # fmt: skip
    names = {"accruals", "asset_growth", "share_issuance", "gross_profitability", "leverage",
             "current_ratio"}  # fmt: skip
    assert of_one(names, older, newer) == {
        "accruals": (8 - 10) / 100,
        "asset_growth": 0.5,
        "share_issuance": pytest.approx(0.1),
        "gross_profitability": 0.4,
        "leverage": 0.25,
        "current_ratio": 2.0,
    }
    alone = of_one(names, newer)
    assert [alone[n] for n in ("accruals", "asset_growth", "share_issuance")] == [None] * 3
    assert of_one(names) == dict.fromkeys(names)


def test_accruals_of_a_row_that_mixes_periods_are_missing() -> None:
    years = [statement("A", f"{y}-12-31", f"{y + 1}-03-30", number=y, total_assets_ccy=100.0,
                       net_income_ccy=1.0, operating_cf_ccy=2.0, data_source="TradingView")
             for y in (2022, 2023)]  # fmt: skip
    assert of_one({"accruals"}, *years) == {"accruals": None}


def test_factors_of_assets_that_are_not_positive_are_missing() -> None:
    years = [statement("A", f"{y}-12-31", f"{y + 1}-03-30", number=y, total_assets_ccy=0.0,
                       net_income_ccy=1.0, operating_cf_ccy=2.0, long_term_debt_ccy=1.0)
             for y in (2022, 2023)]  # fmt: skip
    names = {"accruals", "asset_growth", "leverage"}
    assert of_one(names, *years) == dict.fromkeys(names)


def test_factors_of_ratios() -> None:
    row = statement("A", "2023-12-31", "2024-03-30", pe=-4.0, ev_ebitda=8.0, ps=0.0, roic=0.3)
    names = {"earnings_to_price", "earnings_yield", "ebitda_to_ev", "sales_to_price",
             "book_to_price", "return_on_capital"}  # fmt: skip
    assert of_one(names, row) == {
        "earnings_to_price": -0.25,
        "earnings_yield": 0.125,
        "ebitda_to_ev": 0.125,
        "sales_to_price": None,
        "book_to_price": None,
        "return_on_capital": 0.3,
    }


def test_a_factor_names_the_price_windows_that_it_reads() -> None:
    assert windows_of(frozenset({"pe", "return_12m"})) == frozenset()
    assert windows_of(frozenset({"pe", "return_12m_1m", "beta_12m"})) == {"return_1m", "beta_12m"}
    for name, factor in FACTORS.items():
        reads = set(factor.value.meta.root_names()) if factor.value is not None else {name}
        windows = {n for n in reads if n in FACTORS and FACTORS[n].value is None}
        assert windows_of(frozenset({name})) == windows
