"""What is known on a date, and how a strategy ranks it.

`test_methodology` has the cases that are put to the oracle too: market caps, ties, the order.
"""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.ranking import rank as ranking
from pipelines.ranking.factors import SIGNALS, in_window
from pipelines.ranking.rank import rankings
from pipelines.ranking.strategies import STRATEGIES, strategy_named
from pipelines.universe import SWEDEN
from tests.factories import Row, closes, frame_lake, ranked, snapshot, statement, stock

D = date(2024, 5, 31)
DAY = pl.lit(D)
WINDOWS = {n: in_window(DAY, n) for n in ranking.ANCHORS}
MOMENTUM, VALUE, DIVIDEND, QUALITY = STRATEGIES
RISING = {"2023-05-31": 40.0, "2023-11-30": 50.0, "2024-02-29": 80.0, "2024-05-31": 100.0}


def rising(tickers: str) -> list[Row]:
    return [r for t in tickers for r in closes(t, RISING)]


def ranks(frame: pl.DataFrame) -> dict[str, Any]:
    """The rank of each stock, or the reason why it has none."""
    either = pl.coalesce(pl.col("rank").cast(pl.String), "excluded_by")
    return dict(frame.select("ticker", either).iter_rows())


# ------------------------------------------------------------------------------------ prices


@pytest.mark.parametrize(
    ("months", "base"), [(3, date(2024, 2, 29)), (6, date(2023, 11, 30)), (12, date(2023, 5, 31))]
)
def test_a_base_is_the_last_close_of_ten_days(months: int, base: date) -> None:
    def found(*ages: int) -> list[tuple[Any, ...]]:
        days = {str(base - timedelta(days=n)): float(n + 20) for n in (*ages, -1)}
        frame = ranking.closes(frame_lake([], closes("A", days)).prices(), WINDOWS).collect()
        return frame.select(f"base_close_{months}m", f"base_date_{months}m").rows()

    assert found(10, 11) == [(30.0, base - timedelta(days=10))]
    assert found(4, 0, 9) == [(20.0, base)]
    assert found(11) == [(None, None)]


@pytest.mark.parametrize(("age", "rank"), [(10, "1"), (11, "no_momentum")])
@pytest.mark.parametrize("base", list(RISING)[:3])
def test_without_a_base_there_is_no_momentum(base: str, age: int, rank: str) -> None:
    old = str(date.fromisoformat(base) - timedelta(days=age))
    days = {old if day == base else day: close for day, close in RISING.items()}
    rows = [statement("A", "2023-12-31", "2024-03-30", dividend_yield=0.1)]
    assert ranks(ranked(DIVIDEND, D, [stock("A")], closes("A", days), rows)) == {"A": rank}


# ------------------------------------------------------------------------------------ ratios

OLD, NEW = "2022-12-31", "2023-12-31"


def ratio(fiscal: str | None, known: str, *, number: int = 1, **values: float) -> Row:
    if fiscal is None:
        return snapshot("A", known, number=number, **values)
    return statement("A", fiscal, known, number=number, **values)


@pytest.mark.parametrize(
    ("rows", "pe"),
    [
        ([], None),
        ([(NEW, "2024-02-01", 1), (OLD, "2024-05-01", 9)], 0),  # restated late: an older period
        ([(NEW, "2024-02-01", 9), (NEW, "2024-03-01", 1)], 1),  # restated: the same period
        ([(NEW, "2024-02-01", 1), (NEW, "2024-02-01", 2)], 1),  # the highest id
        ([(None, "2024-02-01", 2), (None, "2024-02-01", 1)], 0),
        ([(None, "2024-02-02", 1), (NEW, "2024-02-01", 9)], 0),  # a snapshot known later
        ([(None, "2024-02-01", 9), (NEW, "2024-02-01", 1)], 1),  # on the same day not
        ([(NEW, "2024-02-01", 1), (OLD, "2024-05-01", 2), (None, "2024-03-01", 3)], 2),
        ([(NEW, "2024-02-01", 1), (NEW, "2024-06-01", 2)], 0),  # known tomorrow
        ([(OLD, "2024-02-01", 1), (NEW, "2024-06-01", 2)], 0),
        ([(NEW, "2024-05-31", 1)], 0),
        ([(NEW, "2023-05-31", 1)], 0),  # twelve months
        ([(NEW, "2023-05-30", 1)], None),  # a day more
        ([(None, "2023-05-30", 1)], None),
        ([(NEW, "2023-05-30", 1), (OLD, "2024-05-01", 2)], None),  # superseded all the same
    ],
)
def test_the_row_of_the_ratios(rows: list[Any], pe: float | None) -> None:
    for order in (1, -1):
        filed = [ratio(f, k, number=i, pe=float(n)) for n, (f, k, i) in enumerate(rows)][::order]
        known = frame_lake([], [], filed).fundamentals(known_by=D)
        found = ranking.ratios(known, DAY).collect()["pe"].to_list()
        assert found == ([] if pe is None else [pe])


def test_ratios_come_from_one_row_and_a_row_without_any_supersedes_nothing() -> None:
    rows = [ratio(OLD, "2024-02-01", pe=1.0, pb=2.0), ratio(NEW, "2024-03-01", net_income_ccy=1.0)]
    rows += [ratio(None, "2024-02-02", number=7, pe=3.0)]
    frame = ranking.ratios(frame_lake([], [], rows).fundamentals(), DAY).collect()
    assert frame.select("pe", "pb", "ratios_known_from").row(0) == (3.0, None, date(2024, 2, 2))


# -------------------------------------------------------------------------------- statements


def years(rows: list[Row]) -> Row:
    """What the F-score of A is made from."""
    known = frame_lake([], [], rows).fundamentals(known_by=D)
    return next(ranking.statements(known, DAY).collect().iter_rows(named=True), {})


def filed(fiscal: str, known: str, number: int, **values: Any) -> Row:
    return statement("A", fiscal, known, number=number, net_income_ccy=float(number), **values)


@pytest.mark.parametrize(
    ("rows", "income"),
    [
        ([(NEW, "2024-02-01", 1), (OLD, "2024-05-01", 9)], 1),
        ([(NEW, "2024-02-01", 9), (NEW, "2024-03-01", 1)], 1),
        ([(NEW, "2024-02-01", 1), (NEW, "2024-02-01", 2)], 2),
        ([(OLD, "2024-02-01", 1), (NEW, "2024-06-01", 2)], 1),
        ([("2022-11-30", "2023-02-28", 1)], 1),  # eighteen months
        ([("2022-11-29", "2024-02-28", 1)], None),  # a day more
    ],
)
def test_the_statements_of_the_newest_year(rows: list[Any], income: float | None) -> None:
    for order in (1, -1):
        assert years([filed(*row) for row in rows[::order]]).get("net_income_ccy_0") == income


def test_a_restatement_replaces_a_year_as_a_whole() -> None:
    rows = [filed(NEW, "2024-02-01", 1), filed(OLD, "2023-02-01", 2, gross_margin=0.5)]
    row = years([*rows, filed(OLD, "2024-04-01", 3, current_ratio=2.0)])
    assert (row["net_income_ccy_0"], row["net_income_ccy_1"]) == (1.0, 3.0)
    assert (row["gross_margin_1"], row["current_ratio_1"]) == (None, 2.0)


def assets_of_years(fiscal_dates: list[str]) -> tuple[float | None, ...]:
    """The total assets that are taken for t, t-1 and t-2, where each year's are its place."""
    row = years([filed(day, "2024-04-01", n, total_assets_ccy=float(n))
                 for n, day in enumerate(fiscal_dates)])  # fmt: skip
    return tuple(row[f"total_assets_ccy_{year}"] for year in (0, 1, 2))


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (["2022-12-31"], 1),  # twelve months before
        (["2022-10-31"], 1),  # fourteen
        (["2022-10-30"], None),  # a day more
        (["2023-02-28"], 1),  # ten
        (["2023-03-01"], None),  # a day less
        (["2022-12-01", "2023-01-15"], 2),  # the nearer of two
        (["2022-12-26", "2023-01-05"], 2),  # five days on either side: the later
        (["2022-12-27", "2023-01-05"], 1),  # four days against five: the nearer
    ],
)
def test_the_year_before(earlier: list[str], expected: int | None) -> None:
    assert assets_of_years(["2023-12-31", *earlier])[1] == expected


def test_the_year_two_before_is_counted_from_the_year_before() -> None:
    assert assets_of_years(["2023-12-31", "2022-11-30", "2021-11-30"]) == (0, 1, 2)
    assert assets_of_years(["2023-12-31", "2022-11-30", "2020-12-31"]) == (0, 1, None)
    assert assets_of_years(["2023-12-31", "2021-12-31"]) == (0, None, None)


@pytest.mark.parametrize(
    ("rows", "vendor"),
    [
        ([(NEW, "2024-02-01", 1, 4), (OLD, "2024-05-01", 9, 7)], 4),
        ([(NEW, "2024-02-01", 1, None), (OLD, "2023-02-01", 2, 7)], 7),
        ([(NEW, "2024-02-01", 9, 4), (NEW, "2024-03-01", 1, 5)], 5),
        ([(NEW, "2024-02-01", 9, 4), (NEW, "2024-03-01", 1, None)], 4),
        ([(NEW, "2024-02-01", 2, 3), (NEW, "2024-02-01", 1, 8)], 3),
        ([(NEW, "2024-06-01", 2, 3), (OLD, "2024-02-01", 1, 8)], 8),  # known tomorrow
        ([(NEW, "2024-02-01", 1, None), ("2009-12-31", "2010-02-01", 2, 6)], 6),  # of any age
        ([("2022-11-29", "2024-02-01", 1, 6)], None),  # but not without a year
    ],
)
def test_the_vendors_score_of_the_newest_row_that_has_one(rows: list[Any], vendor: Any) -> None:
    for order in (1, -1):
        scored = [filed(f, k, i, piotroski_f_score=score) for f, k, i, score in rows[::order]]
        assert years(scored).get("vendor_f_score") == vendor


def test_the_f_score_of_a_ranking() -> None:
    known = [filed(NEW, "2024-02-01", 1, operating_cf_ccy=2.0, gross_margin=0.4),
             filed(OLD, "2023-02-01", 9, gross_margin=0.3)]  # fmt: skip
    frame = ranked(MOMENTUM, D, [stock("A")], rising("A"), known)
    row = frame.select("rank", "f_score", "f_available", "f_source", "fiscal_date").row(0)
    assert row == (1, 4, 4, "computed", date(2023, 12, 31))
    assert [s for s in SIGNALS if frame[s][0]] == [SIGNALS[n] for n in (0, 1, 3, 7)]


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


def test_the_four_strategies() -> None:
    march = (3,)
    months = {s.title: s.rebalance_months for s in STRATEGIES.values()}
    assert months == {"Sammansatt Momentum": (3, 6, 9, 12), "Trendande Värde": march,
                      "Trendande Utdelning": march, "Trendande Kvalitet": march}  # fmt: skip
    assert {s.portfolio_size for s in STRATEGIES.values()} == {10}
    assert list(STRATEGIES) == [s.name for s in STRATEGIES.values()]


def test_an_unknown_strategy_names_those_there_are() -> None:
    with pytest.raises(
        Exception, match="unknown strategy 'x'; expected one of sammansatt_momentum"
    ):
        strategy_named("x")


def test_rankings_are_in_the_order_of_the_strategies_and_ranks() -> None:
    prices = [r for t, f in zip("CAB", (1.0, 3.0, 2.0), strict=True)
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
