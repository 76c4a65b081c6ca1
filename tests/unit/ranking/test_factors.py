"""What each factor computes, on literal frames with answers worked out by hand."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines.ranking import factors
from pipelines.ranking.expressions import first_reason
from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.strategies import STRATEGIES
from pipelines.ranking.windows import in_window

D = date(2024, 5, 31)

Numbers = list[float | None]


def values(expr: pl.Expr, **columns: list[Any]) -> list[Any]:
    """What an expression gives for columns of one cross-section."""
    return pl.DataFrame(columns).with_columns(as_of=pl.lit(D)).select(expr).to_series().to_list()


# ------------------------------------------------------------------------------------ prices


def anchored(months: int, days: list[date]) -> tuple[Any, ...]:
    """The close and its date of a window; each close is its place from 1."""
    frame = pl.DataFrame({"date": days, "close": [float(n + 1) for n in range(len(days))]})
    return frame.select(factors.anchor(in_window(pl.lit(D), months), months)).row(0)


def test_the_anchor_of_a_window_is_its_last_close() -> None:
    days = [date(2024, 5, 30), date(2024, 5, 21), date(2024, 6, 1), date(2024, 2, 28)]
    assert anchored(0, days) == (1.0, days[0])
    assert anchored(3, days) == (4.0, days[3])
    assert anchored(6, days) == (None, None)
    assert anchored(0, [date(2024, 5, 20)]) == (None, None)


def test_a_return_needs_both_closes() -> None:
    columns = {"close": [150.0, 75.0, None, 1.0], "base_close_3m": [100.0, 100.0, 1.0, None]}
    assert values(factors.total_return(3), **columns) == [0.5, -0.25, None, None]


def test_momentum_of_the_published_rows() -> None:
    columns = {"return_3m": [0.423, 0.760, 0.115, -0.103],
               "return_6m": [1.588, 0.964, -0.098, 0.097],
               "return_12m": [2.661, 1.671, 2.698, 1.419]}  # fmt: skip
    found = values(factors.momentum(), **columns)
    assert [round(m * 100, 1) for m in found] == [155.7, 113.2, 90.5, 47.1]


def test_momentum_needs_all_three_returns() -> None:
    columns = {"return_3m": [None, 0.5, 0.5, 0.5], "return_6m": [0.5, None, 0.5, 0.5],
               "return_12m": [0.5, 0.5, None, 0.5]}  # fmt: skip
    assert values(factors.momentum(), **columns) == [None, None, None, 0.5]


# ---------------------------------------------------------------------------- cross-sections


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1.0, 9.0], [0.75, 0.25]),
        ([7.0, 5.0, 5.0, 1.0], [0.125, 0.5, 0.5, 0.875]),  # average ranks 1, 2.5, 2.5, 4
        ([5.0, 5.0, 1.0, None], [1 / 3, 1 / 3, 2.5 / 3, None]),  # n = 3
        ([0.0, -1.0, None], [0.25, 0.75, None]),
        ([None, None], [None, None]),
    ],
)
def test_percentile(numbers: Numbers, expected: Numbers) -> None:
    found = values(factors.percentile(pl.col("x").cast(float), pl.lit(value=True)), x=numbers)
    assert found == [None if e is None else pytest.approx(e, abs=1e-15) for e in expected]


def test_only_the_eligible_have_a_percentile() -> None:
    p = factors.percentile(pl.col("x"), pl.col("eligible"))
    found = values(p, x=[4.0, 9.0, 2.0, None], eligible=[True, False, True, True])
    assert found == [0.25, None, 0.75, None]


@pytest.mark.parametrize(("at_least", "known"), [(1, "yyy"), (2, "yyn"), (3, "ynn")])
def test_a_missing_metric_is_neutral(at_least: int, known: str) -> None:
    p, q, r = [0.1, 0.1, 0.4, 0.1], [0.2, None, None, 0.2], [0.6, 0.6, None, 0.6]
    mean = factors.composite(dict.fromkeys("pqr", 1.0), pl.col("eligible"), at_least)
    found = values(mean, p=p, q=q, r=r, eligible=[True, True, True, False])
    means = [0.3, 0.4, round(1.4 / 3, 12)]
    assert found == [m if k == "y" else None for m, k in zip(means, known, strict=True)] + [None]


def test_composites_are_compared_to_twelve_decimals() -> None:
    columns = {"p": [0.1234567890126, 0.12345678901274, 0.1234567890136]}
    found = values(factors.composite({"p": 1.0}, pl.lit(value=True), 1), **columns)
    assert found == [0.123456789013, 0.123456789013, 0.123456789014]


def test_equal_composites_share_the_better_rank() -> None:
    composites = [0.5, 0.2, 0.2, None, 0.2, 0.1]
    assert values(factors.primary_rank("c"), c=composites) == [5, 2, 2, None, 2, 1]


@pytest.mark.parametrize(
    ("ranks", "outside"),
    [
        ([1], []),
        ([1, 2], [2]),  # floor(0.8) = 0, but never less than one
        ([1, 2, 3, 4, 5], [3, 4, 5]),
        ([1, 2, 2, 4, 5], [4, 5]),
        ([1, 1, 1, 4, 5], [4, 5]),  # three share the first rank: kept together
        ([1, 2, 3, 3, 5], [3, 3, 5]),  # two share the third: dropped together
        ([*range(1, 25)], [*range(10, 25)]),  # floor(9.6) = 9
    ],
)
def test_the_best_forty_percent(ranks: list[int], outside: list[int]) -> None:
    columns: list[int | None] = [*ranks, None]  # a stock without a composite is not in N
    found = values(factors.outside_best("r", 40), r=columns)
    assert [r for r, out in zip(columns, found, strict=True) if out] == outside


# ----------------------------------------------------------------------------------- F-score

# Every item improves: return on assets 8 / 100 to 10 / 100 at the beginning of the years, debt
# 20 / 100 to 24 / 150 of average assets.
YEARS: dict[str, float | None] = {
    "net_income_ccy_0": 10.0, "operating_cf_ccy_0": 11.0, "total_assets_ccy_0": 200.0,
    "long_term_debt_ccy_0": 24.0, "current_ratio_0": 1.1, "shares_outstanding_0": 50.0,
    "gross_margin_0": 0.4, "asset_turnover_0": 0.6,
    "net_income_ccy_1": 8.0, "operating_cf_ccy_1": 9.0, "total_assets_ccy_1": 100.0,
    "long_term_debt_ccy_1": 20.0, "current_ratio_1": 1.0, "shares_outstanding_1": 50.0,
    "gross_margin_1": 0.3, "asset_turnover_1": 0.5,
    "total_assets_ccy_2": 100.0,
}  # fmt: skip
INPUTS = dict.fromkeys(YEARS, pl.Float64)


def signals(*, mixes: bool | None = False, **changes: float | None) -> list[bool | None]:
    frame = pl.DataFrame([YEARS | changes], schema=INPUTS)
    mixed = frame.with_columns(mixes_periods=pl.lit(mixes, dtype=pl.Boolean))
    return list(mixed.select(*factors.f_signals()).row(0))


def test_all_nine_signals() -> None:
    assert signals() == [True] * 9


@pytest.mark.parametrize(
    ("number", "item", "false", "true"),
    [
        (1, "net_income_ccy_0", 0.0, 0.5),
        (2, "operating_cf_ccy_0", 0.0, 0.5),
        (3, "net_income_ccy_0", 8.0, 8.1),  # 8 / 100 in both years is level
        (4, "operating_cf_ccy_0", 10.0, 10.1),
        (5, "long_term_debt_ccy_0", 30.0, 29.9),  # 30 / 150 = 20 / 100 is level
        (6, "current_ratio_0", 1.0, 1.01),
        (7, "shares_outstanding_0", 50.5, 49.0),
        (8, "gross_margin_0", 0.3, 0.31),
        (9, "asset_turnover_0", 0.5, 0.51),
    ],
)
def test_each_signal(number: int, item: str, false: float, true: float) -> None:
    found = [signals(**{item: value})[number - 1] for value in (false, true, None)]
    assert found == [False, True, None]


def unknown(**changes: float | None) -> list[int]:
    return [n for n, signal in enumerate(signals(**changes), start=1) if signal is None]


def test_a_signal_without_an_input_is_unknown() -> None:
    assert unknown(net_income_ccy_0=None) == [1, 3, 4]
    assert unknown(operating_cf_ccy_0=None, operating_cf_ccy_1=None) == [2, 4]
    assert unknown(long_term_debt_ccy_1=None, current_ratio_1=None) == [5, 6]
    assert unknown(shares_outstanding_1=None, gross_margin_1=None) == [7, 8]
    assert unknown(asset_turnover_1=None, net_income_ccy_1=None) == [3, 9]


def test_income_and_cash_of_other_periods_are_not_compared() -> None:
    assert signals(mixes=True) == [*[True] * 3, None, *[True] * 5]
    assert signals(mixes=None) == [True] * 9


@pytest.mark.parametrize("missing", [None, 0.0, -100.0])
def test_assets_that_are_not_positive_are_missing(missing: float | None) -> None:
    assert unknown(total_assets_ccy_0=missing) == [5]  # the return is on those at the beginning
    assert unknown(total_assets_ccy_1=missing) == [3, 5]
    assert unknown(total_assets_ccy_2=missing, total_assets_ccy_0=missing) == [3, 5]


@pytest.mark.parametrize("missing", [None, 0.0, -100.0])
def test_without_assets_of_two_years_before_both_years_use_their_end(missing: float | None) -> None:
    # Return on assets 8 / 100 to 10 / 200 fell, to 17 / 200 rose; debt 20 / 100 to 39 / 200 fell.
    of = {"total_assets_ccy_2": missing}
    assert signals(**of) == [True, True, False, *[True] * 6]
    assert signals(**of, net_income_ccy_0=17.0, operating_cf_ccy_0=18.0) == [True] * 9
    assert signals(**of, long_term_debt_ccy_0=39.0)[4] is True
    assert signals(**of, long_term_debt_ccy_0=40.0)[4] is False


def scored(true: int, false: int, vendor: int | None, *, mixes: bool = False) -> tuple[Any, ...]:
    """`f_score`, `f_available`, `f_source` and the gate's reason for a number of signals."""
    nine = [True] * true + [False] * false + [None] * (9 - true - false)
    frame = pl.DataFrame([nine], schema=dict.fromkeys(SIGNALS, pl.Boolean), orient="row")
    frame = frame.with_columns(vendor_f_score=pl.lit(vendor, dtype=pl.Int8), mixes_periods=mixes)
    frame = frame.with_columns(*factors.f_score())
    gate = first_reason(dict(STRATEGIES["sammansatt_momentum"].screens))
    return frame.select("f_score", "f_available", "f_source", gate).row(0)


@pytest.mark.parametrize(
    ("true", "false", "vendor", "expected"),
    [
        (5, 4, None, (5, 9, "computed", None)),
        (4, 5, None, (4, 9, "computed", "low_f_score")),
        (5, 4, 9, (5, 9, "computed", None)),  # nine of our own need no vendor
        (8, 0, 4, (4, 9, "vendor", "low_f_score")),
        (0, 0, 5, (5, 9, "vendor", None)),
        (0, 8, 0, (0, 9, "vendor", "low_f_score")),
        (2, 1, None, (2, 3, "computed", None)),
        (1, 2, None, (1, 3, "computed", "low_f_score")),
        (2, 0, None, (2, 2, "computed", "no_f_score")),
        (0, 0, None, (0, 0, "computed", "no_f_score")),
        (4, 3, None, (4, 7, "computed", None)),  # 4 / 7 > 5 / 9
    ],
)
def test_the_score_and_its_gate(true: int, false: int, vendor: int | None, expected: Any) -> None:
    assert scored(true, false, vendor) == expected


def test_the_vendors_score_is_used_where_periods_mix() -> None:
    assert scored(5, 4, 2) == (5, 9, "computed", None)
    assert scored(5, 4, 2, mixes=True) == (2, 9, "vendor", "low_f_score")
    assert scored(5, 4, None, mixes=True) == (5, 9, "computed", None)
