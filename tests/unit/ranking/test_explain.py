"""The explanation of a stock, from its row of a ranking."""

from datetime import date

import pytest

from pipelines.definition import definition_of
from pipelines.ranking.as_data import strategy_of
from pipelines.ranking.explain import (
    Explanation,
    MetricFact,
    ReturnFact,
    _rate_change,
    explanations,
)
from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.rank import rankings
from pipelines.ranking.verdicts import CutFact
from pipelines.universe import SWEDEN
from tests.factories import closes, frame_lake, ranked, statement, stock

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


def test_a_quoted_close_is_no_change_of_a_rate() -> None:
    """41.16 / 37.6 is 1.094680851; of the same closes as Float32 it is 1.094680896."""
    assert _rate_change(0.094680896, 0.094680851) is None
    assert _rate_change(0.0951, 0.0950) == pytest.approx(1.0951 / 1.0950 - 1)


# --------------------------------------------------------------------- among the whole ranking


CHEAP = strategy_of(definition_of("cheap", {
    "title": "Cheap", "description": "Cheap.", "type": "value", "rebalance_months": [3],
    "screens": {"weak": "roe < 0.1", "odd": "sector LIKE 'X%' OR roa > 1"},
    "composite": {"factors": ["pe", "pb"], "at_least": 1}, "score": {"factor": "pe"},
}))  # fmt: skip
PES = {"A": 1.0, "B": 2.0, "C": 3.0, "D": 4.0, "E": 5.0, "F": 6.0, "G": 7.0, "H": 8.0}


def among_eight() -> dict[str, Explanation]:
    """The explanations of eight stocks with their P/E, P/B of two, and ROE of 0.05 for A alone.

    `A C` is a class of the company of A, and `H2` another ticker of the share H.
    """
    market = [stock(t) for t in PES] + [
        stock("A C", market_cap_msek=3000.0), stock("H2", isin="SE0000115446"),
    ]  # fmt: skip
    market = [one | {"isin": "SE0000115446"} if one["ticker"] == "H" else one for one in market]
    rows = [
        statement(t, "2023-12-31", "2024-03-30", number=n, pe=pe, roe=0.05 if t == "A" else 0.2,
                  **({"pb": pe} if t in "AB" else {}))
        for n, (t, pe) in enumerate(PES.items())
    ]  # fmt: skip
    prices = [row for one in market for row in closes(one["ticker"], {"2024-05-31": 1.0})]
    lake = frame_lake(market, prices, rows)
    frame = rankings(lake, as_of=D, universe=SWEDEN, strategies=[CHEAP]).collect()
    isins = {str(one["ticker"]): one.get("isin") for one in market}
    found = explanations(frame, {"cheap": CHEAP}, among=frame, isins=isins)
    return {why.ticker: why for why in found}


def test_the_counts_and_the_cut_of_a_composite() -> None:
    found = among_eight()
    assert found["H"].cut == CutFact(compared=8, kept=3, keep_percent=40, distance=5)
    assert found["D"].cut == CutFact(compared=8, kept=3, keep_percent=40, distance=0)
    assert {m.name: m.compared for m in found["H"].metrics} == {"pe": 8, "pb": 2}
    assert found["H"].excluded_by == "outside_best_40_percent"


def test_a_screen_with_the_value_that_decided_the_cut_and_how_far_off_it_is() -> None:
    weak, odd = among_eight()["A"].screens
    assert (weak.reason, weak.excludes, weak.value, weak.cut) == ("weak", True, 0.05, 0.1)
    assert weak.distance == pytest.approx(-0.05)
    assert (odd.excludes, odd.value, odd.cut, odd.distance) == (None, None, None, None)
    assert {r.name: r.value for r in odd.values} == {"sector": "Industri", "roa": None}
    assert among_eight()["B"].screens[0].excludes is False


@pytest.mark.parametrize(
    ("ticker", "reason", "instead"),
    [("A C", "other_share_class", "A"), ("H2", "same_share", "H"), ("B", None, None)],
)
def test_which_share_is_ranked_instead(
    ticker: str, reason: str | None, instead: str | None
) -> None:
    found = among_eight()[ticker]
    assert (found.excluded_by, found.ranked_instead) == (reason, instead)
