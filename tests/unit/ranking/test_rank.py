"""How a strategy ranks what is known on a date.

`test_methodology` has the cases that are put to the oracle too: market caps, ties, the order.
"""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.rank import rankings
from pipelines.ranking.strategies import STRATEGIES
from pipelines.universe import SWEDEN
from tests.factories import Row, closes, frame_lake, ranked, snapshot, statement, stock

D = date(2024, 5, 31)
OLD, NEW = "2022-12-31", "2023-12-31"
MOMENTUM, VALUE, DIVIDEND, QUALITY = STRATEGIES
RISING = {"2023-05-31": 40.0, "2023-11-30": 50.0, "2024-02-29": 80.0, "2024-05-31": 100.0}


def rising(tickers: str) -> list[Row]:
    return [r for t in tickers for r in closes(t, RISING)]


def ranks(frame: pl.DataFrame) -> dict[str, Any]:
    """The rank of each stock, or the reason why it has none."""
    either = pl.coalesce(pl.col("rank").cast(pl.String), "excluded_by")
    return dict(frame.select("ticker", either).iter_rows())


@pytest.mark.parametrize(("age", "rank"), [(10, "1"), (11, "no_momentum")])
@pytest.mark.parametrize("base", list(RISING)[:3])
def test_without_a_base_there_is_no_momentum(base: str, age: int, rank: str) -> None:
    old = str(date.fromisoformat(base) - timedelta(days=age))
    days = {old if day == base else day: close for day, close in RISING.items()}
    rows = [statement("A", "2023-12-31", "2024-03-30", dividend_yield=0.1)]
    assert ranks(ranked(DIVIDEND, D, [stock("A")], closes("A", days), rows)) == {"A": rank}


def test_the_f_score_of_a_ranking() -> None:
    newest = {"net_income_ccy": 1.0, "operating_cf_ccy": 2.0, "gross_margin": 0.4}
    before = {"net_income_ccy": 9.0, "gross_margin": 0.3}
    known = [statement("A", NEW, "2024-02-01", number=1, **newest),
             statement("A", OLD, "2023-02-01", number=9, **before)]  # fmt: skip
    frame = ranked(MOMENTUM, D, [stock("A")], rising("A"), known)
    row = frame.select("rank", "f_score", "f_available", "f_source", "fiscal_date").row(0)
    assert row == (1, 4, 4, "computed", date(2023, 12, 31))
    assert [s for s in SIGNALS if frame[s][0]] == [SIGNALS[n] for n in (0, 1, 3, 7)]


@pytest.mark.parametrize(("percent", "stay"), [(40, 2), (25, 1), (80, 4)])
def test_the_reason_of_the_rest_says_how_many_percent_stay(percent: int, stay: int) -> None:
    known = [statement(t, NEW, "2024-03-30", dividend_yield=0.9 - n / 10)
             for n, t in enumerate("ABCDE")]  # fmt: skip
    lake = frame_lake([stock(t) for t in "ABCDE"], rising("ABCDE"), known)
    dividend = STRATEGIES[DIVIDEND]
    assert dividend.composite is not None
    chosen = replace(dividend, composite=replace(dividend.composite, keep_percent=percent))
    frame = rankings(lake, as_of=D, universe=SWEDEN, strategies=[chosen]).collect()
    reasons = dict(frame.select("ticker", "excluded_by").iter_rows())
    outside = f"outside_best_{percent}_percent"
    assert reasons == {t: None if n < stay else outside for n, t in enumerate("ABCDE")}


# -------------------------------------------------------------------------------- market cap


def test_a_market_cap_is_scaled_by_the_ratio_of_the_closes() -> None:
    prices = [*rising("A"), *closes("A", {"2024-06-03": 110.0})]
    row = ranked(MOMENTUM, D, [stock("A", market_cap_msek=3000.0)], prices)
    # The ratio first: 3000 * 100 / 110 is 2727.2727272727275.
    assert row["market_cap_msek"].to_list() == [2727.272727272727]
    assert row["market_cap_source"].to_list() == ["price_scaled"]


def test_a_reported_market_cap_meets_the_floor_of_the_day() -> None:
    caps = {"A": 1.999e9, "B": 2e9, "C": None}
    rows = [snapshot(t, "2024-03-30", market_cap_ccy=c, roe=0.1) for t, c in caps.items()]
    listed = [stock(t, market_cap_msek=None) for t in caps]
    found = ranks(ranked(QUALITY, D, listed, rising("ABC"), rows))
    assert found == {"A": "below_market_cap", "B": "missing_metrics", "C": "no_market_cap"}


# -------------------------------------------------------------------------------- strategies

BEST: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("pe", "pb", "ps", "p_fcf", "ev_ebitda"), (2.0, 3.0)),
    **dict.fromkeys(("dividend_yield", "roe", "roa", "roic", "fcfroe"), (0.2, 0.1)),
}


def of(strategy: str, **metrics: list[float | None]) -> pl.DataFrame:
    """A strategy's ranking of P, Q, R, ... with the same prices and these metrics."""
    tickers = "PQRSTUV"[: len(next(iter(metrics.values())))]
    rows = [
        statement(t, NEW, "2024-03-30", **{m: column[n] for m, column in metrics.items()})
        for n, t in enumerate(tickers)
    ]
    return ranked(strategy, D, [stock(t) for t in tickers], rising(tickers), rows)


@pytest.mark.parametrize(
    ("strategy", "metric"),
    [(s, m.name) for s in (VALUE, DIVIDEND, QUALITY)
     for c in [STRATEGIES[s].composite] if c for m in c.metrics],
)  # fmt: skip
def test_each_metric_prefers_the_better_stock(strategy: str, metric: str) -> None:
    composite = STRATEGIES[strategy].composite
    assert composite is not None
    same = {m.name: [1.0, 1.0] for m in composite.metrics}
    frame = of(strategy, **same | {metric: list(BEST[metric])})
    assert frame[f"p_{metric}"].to_list() == [0.25, 0.75]
    assert ranks(frame) == {"P": "1", "Q": "outside_best_40_percent"}


@pytest.mark.parametrize(("strategy", "least"), [(VALUE, 4), (DIVIDEND, 1), (QUALITY, 3)])
def test_the_least_number_of_metrics(strategy: str, least: int) -> None:
    composite = STRATEGIES[strategy].composite
    assert composite is not None
    names = [m.name for m in composite.metrics]
    columns = {n: [0.1 if i < least else None, 0.1 if i < least - 1 else None]
               for i, n in enumerate(names)}  # fmt: skip
    assert ranks(of(strategy, **columns)) == {"P": "1", "Q": "missing_metrics"}


def test_rankings_are_in_the_order_of_the_strategies_and_ranks() -> None:
    prices = [r for t, f in zip("CAB", (1.0, 1.5, 1.25), strict=True)
              for r in closes(t, RISING | {"2024-05-31": 100 * f})]  # fmt: skip
    yields = [snapshot(t, "2024-05-01", number=n, dividend_yield=0.1) for n, t in enumerate("CAB")]
    plan = rankings(frame_lake([stock(t) for t in "CAB"], prices, yields), as_of=D, universe=SWEDEN)
    frame = plan.collect(engine="streaming")
    assert frame["strategy"].unique(maintain_order=True).to_list() == list(STRATEGIES)
    dividend = frame.filter(strategy="trendande_utdelning")
    assert dividend["ticker"].to_list() == ["A", "B", "C"]
    assert dividend["rank"].to_list() == [1, 2, 3]


def test_in_one_query_each_strategy_has_its_own_universe() -> None:
    lake = frame_lake([stock("A", sector="Investmentbolag")], rising("A"),
                      [statement("A", NEW, "2024-03-30", piotroski_f_score=9)])  # fmt: skip
    frame = rankings(lake, as_of=D, universe=SWEDEN).collect(engine="streaming")
    assert frame["excluded_by"].to_list() == [None, "financial", "financial", "financial"]


def test_nothing_in_the_lake_ranks_nothing() -> None:
    assert ranked(QUALITY, D, []).is_empty()
