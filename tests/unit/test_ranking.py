"""Rules at their edges, and the streaming plans."""

import re
from datetime import date

import polars as pl
import pytest

from pipelines import factors, ranking
from pipelines.factors import SIGNALS
from pipelines.ranking import rankings
from pipelines.strategies import STRATEGIES, Strategy, strategy_named
from pipelines.universe import SWEDEN, Universe, first_reason
from tests.factories import closes, frame_lake, ranked, snapshot, statement, stock

D = date(2024, 5, 31)
RISING = {"2023-05-31": 40.0, "2023-11-30": 50.0, "2024-02-29": 80.0, "2024-05-31": 100.0}


def assets_of_years(fiscal_dates: list[str]) -> tuple[float | None, float | None, float | None]:
    """The total assets that are taken for t, t-1 and t-2, where each year's are its place."""
    rows = [
        statement("A", day, "2024-04-01", number=n, total_assets_ccy=float(n))
        for n, day in enumerate(fiscal_dates)
    ]
    frame = ranking.statements(frame_lake([], [], rows).fundamentals(), pl.lit(D)).collect()
    return tuple(frame[f"total_assets_ccy_{year}"][0] for year in (0, 1, 2))  # type: ignore[return-value]


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


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        ([True] * 5 + [False] * 4, None),
        ([True] * 4 + [False] * 5, "low_f_score"),
        ([True, True, False] + [None] * 6, None),
        ([True, False, False] + [None] * 6, "low_f_score"),
        ([True, True] + [None] * 7, "no_f_score"),
        ([True] * 4 + [False] * 3 + [None] * 2, None),
    ],
)
def test_the_gate_of_the_f_score(signals: list[bool | None], reason: str | None) -> None:
    frame = pl.DataFrame({s: [v] for s, v in zip(SIGNALS, signals, strict=True)},
                         schema=dict.fromkeys(SIGNALS, pl.Boolean))  # fmt: skip
    frame = frame.with_columns(vendor_f_score=pl.lit(None, dtype=pl.Int8))
    frame = frame.with_columns(*factors.f_score())
    gate = dict(STRATEGIES["sammansatt_momentum"].screens)
    assert frame.select(first_reason(gate)).item() == reason


@pytest.mark.parametrize(("known", "source"), [(8, "vendor"), (9, "computed")])
def test_the_vendors_score_stands_in_for_fewer_than_nine_signals(known: int, source: str) -> None:
    frame = pl.DataFrame({s: [True if n < known else None] for n, s in enumerate(SIGNALS)},
                         schema=dict.fromkeys(SIGNALS, pl.Boolean))  # fmt: skip
    frame = frame.with_columns(vendor_f_score=pl.lit(2, dtype=pl.Int8))
    row = frame.select(*factors.f_score()).row(0)
    assert row == ((2, 9, "vendor") if source == "vendor" else (9, 9, "computed"))


@pytest.mark.parametrize(
    ("day", "floor"),
    [(date(1950, 1, 1), 500), (date(2023, 5, 31), 500), (date(2023, 6, 1), 2000)],
)
def test_the_floor_of_sweden(day: date, floor: float) -> None:
    assert pl.select(SWEDEN.floor(pl.lit(day))).item() == floor


@pytest.mark.parametrize("rows", [1, 2, 3, 1000])
@pytest.mark.parametrize("by", [3.0, 6.0, 100.0, 1e6])
def test_quotients_are_correctly_rounded(rows: int, by: float) -> None:
    values = [57.0 + n for n in range(rows)]
    frame = pl.DataFrame({"x": values, "all": [True] * rows})
    constant = pl.when("all").then(pl.lit(by)).otherwise(pl.lit(1.0))
    quotients = frame.select(a=factors.divided(pl.col("x"), by),
                             b=factors.divided(pl.col("x"), constant))  # fmt: skip
    assert quotients.rows() == [(x / by, x / by) for x in values]


def test_an_empty_universe_says_why() -> None:
    rows = ranked("trendande_varde", D, [stock("A", market="oslo"), stock("B")])
    assert rows["rank"].to_list() == [None, None]
    assert rows["excluded_by"].to_list() == ["other_market", "inactive"]


def test_nothing_in_the_lake_ranks_nothing() -> None:
    assert ranked("trendande_kvalitet", D, []).is_empty()


def test_rankings_are_in_the_order_of_the_strategies_and_ranks() -> None:
    stocks = [stock(t) for t in "CAB"]
    prices = [r for t, f in zip("CAB", (1.0, 3.0, 2.0), strict=True)
              for r in closes(t, RISING | {"2024-05-31": 100 * f})]  # fmt: skip
    filed = [snapshot(t, "2024-05-01", number=n, dividend_yield=0.1) for n, t in enumerate("CAB")]
    plan = rankings(frame_lake(stocks, prices, filed), as_of=D, universe=SWEDEN)
    frame = plan.collect(engine="streaming")
    assert frame["strategy"].unique(maintain_order=True).to_list() == list(STRATEGIES)
    dividend = frame.filter(strategy="trendande_utdelning")
    assert dividend["ticker"].to_list() == ["A", "B", "C"]
    assert dividend["rank"].to_list() == [1, 2, 3]


def test_an_unknown_strategy_names_those_there_are() -> None:
    with pytest.raises(
        Exception, match="unknown strategy 'x'; expected one of sammansatt_momentum"
    ):
        strategy_named("x")


# ------------------------------------------------------------------------------------- plans

FALLBACK = re.compile(
    r'label="(in-memory-(?!source)[^"\\]*|columnar-function[^"\\]*|python[^"\\]*)'
)


def fallbacks(plan: pl.LazyFrame) -> list[str]:
    """The nodes of the physical plan that leave the streaming engine."""
    graph = plan.show_graph(engine="streaming", plan_stage="physical", raw_output=True)
    assert graph is not None
    assert "label=" in graph
    return FALLBACK.findall(graph)


@pytest.mark.parametrize("chosen", [*([s] for s in STRATEGIES.values()), [*STRATEGIES.values()]])
def test_no_plan_of_a_ranking_leaves_the_streaming_engine(chosen: list[Strategy]) -> None:
    lake = frame_lake([stock("A")])
    assert fallbacks(rankings(lake, as_of=D, universe=SWEDEN, strategies=chosen)) == []


def test_a_window_inside_a_window_would_leave_it() -> None:
    frame = pl.LazyFrame({"a": ["x"], "b": [1]})
    inner = pl.when(pl.col("b") == pl.col("b").max().over("a")).then("b")
    assert fallbacks(frame.with_columns(c=inner.min().over("a"))) != []


def test_a_universe_survives_json() -> None:
    assert Universe.from_dict(SWEDEN.as_dict()) == SWEDEN
