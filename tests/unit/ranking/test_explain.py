"""The explanation of a stock, from its row of a ranking."""

from datetime import date

import pytest

from pipelines.ranking.explain import Explanation, MetricFact, ReturnFact, explanations
from pipelines.ranking.factors import SIGNALS
from tests.factories import closes, ranked, statement, stock

D = date(2024, 5, 31)
RISING = {"2023-05-31": 40.0, "2023-11-30": 50.0, "2024-02-29": 80.0, "2024-05-31": 100.0}


def why(strategy: str, **ratios: float) -> Explanation:
    """The explanation of A, which is ranked beside B by these ratios."""
    rows = [statement(t, "2023-12-31", "2024-03-30", number=n, **ratios)
            for n, t in enumerate("AB")]  # fmt: skip
    prices = [*closes("A", RISING), *closes("B", {"2024-05-31": 1.0})]
    frame = ranked(strategy, D, [stock("A"), stock("B")], prices, rows)
    return next(explanations(frame))


def test_a_ranked_stock() -> None:
    found = why("trendande_kvalitet", roe=0.2, roa=0.1, roic=0.3)
    assert (found.ticker, found.display_name, found.rank) == ("A", "Trendande Kvalitet", 1)
    assert found.returns[0] == ReturnFact(
        months=3, value=0.25, local=0.25, rate_change=None, base_date=date(2024, 2, 29),
        base_close=80.0,
    )  # fmt: skip
    assert [r.months for r in found.returns] == [3, 6, 12]
    assert found.metrics == (
        MetricFact(name="roe", value=0.2, reported=0.2, percentile=0.5, higher_is_better=True),
        MetricFact(name="roa", value=0.1, reported=0.1, percentile=0.5, higher_is_better=True),
        MetricFact(name="roic", value=0.3, reported=0.3, percentile=0.5, higher_is_better=True),
        MetricFact(
            name="fcfroe", value=None, reported=None, percentile=None, higher_is_better=True
        ),
    )
    assert found.ratios_known_from == date(2024, 3, 30)
    assert found.is_compared


def test_a_low_multiple_is_the_better_one() -> None:
    better = {m.name: m.higher_is_better for m in why("trendande_varde", pe=9.0).metrics}
    assert better == dict.fromkeys(("pe", "pb", "ps", "p_fcf", "ev_ebitda"), False) | {
        "dividend_yield": True
    }


@pytest.mark.parametrize(
    ("strategy", "excluded_by", "is_compared"),
    [("trendande_kvalitet", "missing_metrics", True), ("sammansatt_momentum", None, False)],
)
def test_whose_metrics_are_compared(
    strategy: str, excluded_by: str | None, is_compared: bool
) -> None:
    found = why(strategy, net_income_ccy=1.0, operating_cf_ccy=2.0)
    if excluded_by:
        assert found.excluded_by == excluded_by
    assert found.is_compared == is_compared


def test_momentum_has_signals_and_no_metrics() -> None:
    found = why("sammansatt_momentum", net_income_ccy=1.0, operating_cf_ccy=2.0)
    assert found.metrics == ()
    signals = {s.name: s.value for s in found.f_signals}
    known = dict.fromkeys((SIGNALS[0], SIGNALS[1], SIGNALS[3]), True)
    assert signals == dict.fromkeys(SIGNALS) | known
    assert (found.f_score, found.f_available, found.f_source) == (3, 3, "computed")
