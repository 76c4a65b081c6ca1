"""Strategies from their definitions, and what is said of those that cannot be used."""

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines.definition import Definition, definition_of
from pipelines.errors import BadDefinition, Unknown
from pipelines.ranking.as_data import strategy_of
from pipelines.ranking.rank import rankings
from pipelines.ranking.strategies import STRATEGIES, strategies_of, strategy_named
from pipelines.universe import SWEDEN
from tests.factories import closes, frame_lake, statement, stock

D = date(2024, 5, 31)
BASE: dict[str, Any] = {
    "title": "Mine", "description": "Mine.", "type": "other", "rebalance_months": [1],
}  # fmt: skip
RISING = {"2023-05-31": 40.0, "2023-11-30": 50.0, "2024-02-29": 80.0, "2024-05-31": 100.0}


def mine(**keys: Any) -> Definition:
    return definition_of("mine", BASE | keys)


def ranked(*ratios: dict[str, float], **keys: Any) -> dict[str, str]:
    """The ranks or reasons of A, B, ..., which have these ratios and the same returns."""
    tickers = [chr(ord("A") + n) for n in range(len(ratios))]
    lake = frame_lake(
        [stock(t, market_cap_msek=5000.0 + n) for n, t in enumerate(tickers)],
        [row for t in tickers for row in closes(t, RISING)],
        [statement(t, "2023-12-31", "2024-03-30", number=n, **values)
         for n, (t, values) in enumerate(zip(tickers, ratios, strict=True))],
    )  # fmt: skip
    plan = rankings(lake, as_of=D, universe=SWEDEN, strategies=[strategy_of(mine(**keys))])
    rows = plan.collect(engine="streaming").sort("ticker")
    return {t: str(r or e) for t, r, e in rows.select("ticker", "rank", "excluded_by").iter_rows()}


# ------------------------------------------------------------------------------------ meaning


def test_screens_leave_in_order() -> None:
    found = ranked(
        {"pe": 5.0}, {"pe": 50.0}, {"pe": 500.0}, {"roe": 0.1},
        screens={"dear": "pe > 100", "not_cheap": "pe > 10"},
    )  # fmt: skip
    # Of those that stay, the larger one is first: their returns are the same.
    assert found == {"A": "2", "B": "not_cheap", "C": "dear", "D": "1"}


def test_a_score_that_is_a_factor() -> None:
    ratios = [{"roe": 0.1}, {"roe": 0.3}, {}, {"roe": 0.2}]
    assert ranked(*ratios, score={"factor": "roe"}) == {
        "A": "3",
        "B": "1",
        "C": "no_score",
        "D": "2",
    }
    lowest = {"factor": "roe", "order": "lowest"}
    assert ranked(*ratios, score=lowest) == {"A": "1", "B": "3", "C": "no_score", "D": "2"}


def test_a_negative_multiple_is_the_worst_and_zero_is_missing() -> None:
    ratios = [{"pe": -5.0}, {"pe": 50.0}, {"pe": 5.0}, {"pe": 0.0}]
    assert ranked(*ratios, score={"factor": "pe"}) == {
        "A": "3",
        "B": "2",
        "C": "1",
        "D": "no_score",
    }


def test_a_score_that_is_an_expression() -> None:
    ratios = [{"roe": 0.1, "roa": 0.3}, {"roe": 0.3, "roa": 0.0}, {"roe": 0.2}]
    assert ranked(*ratios, score="roe + roa") == {"A": "1", "B": "2", "C": "no_score"}
    lowest = {"expression": "roe + roa", "order": "lowest"}
    assert ranked(*ratios, score=lowest) == {"A": "2", "B": "1", "C": "no_score"}


def test_a_score_that_is_the_composite() -> None:
    ratios = [{"roe": 0.1, "pe": 5.0}, {"roe": 0.2, "pe": 10.0}, {"roe": 0.3, "pe": 6.0}]
    composite = {"factors": ["roe", "pe"], "at_least": 2, "keep_percent": 100}
    score = {"factor": "composite", "order": "lowest"}
    assert ranked(*ratios, composite=composite, score=score) == {"A": "2", "B": "3", "C": "1"}


def test_the_percent_that_a_composite_keeps() -> None:
    ratios = [{"roe": n / 10} for n in range(1, 5)]
    found = ranked(*ratios, composite={"factors": ["roe"], "at_least": 1, "keep_percent": 50})
    assert found == {"A": "outside_best_50_percent", "B": "outside_best_50_percent",
                     "C": "2", "D": "1"}  # fmt: skip


def test_a_weight_and_an_order_in_a_composite() -> None:
    ratios = [{"roe": 0.1, "roa": 0.3}, {"roe": 0.3, "roa": 0.1}]
    score = {"factor": "composite"}

    def composite(**roa: Any) -> dict[str, Any]:
        factors = ["roe", {"factor": "roa", **roa}]
        return {"factors": factors, "at_least": 2, "keep_percent": 100}

    assert ranked(*ratios, composite=composite(weight=2), score=score) == {"A": "1", "B": "2"}
    assert ranked(*ratios, composite=composite(weight=0.5), score=score) == {"A": "2", "B": "1"}
    assert ranked(*ratios, composite=composite(order="lowest"), score=score) == {"A": "2", "B": "1"}


def test_a_condition_on_a_factor_of_a_composite() -> None:
    ratios = [{"dividend_yield": 0.0}, {"dividend_yield": 0.02}, {"dividend_yield": 0.05}]
    factor = {"factor": "dividend_yield", "where": "dividend_yield > 0"}
    composite = {"factors": [factor], "at_least": 1, "keep_percent": 100}
    score = {"factor": "composite"}
    assert ranked(*ratios, composite=composite, score=score) == {
        "A": "missing_metrics", "B": "2", "C": "1"
    }  # fmt: skip


def test_ties_are_broken_by_factors_and_then_the_ticker() -> None:
    ratios = [{"roe": 0.1, "pe": 9.0}, {"roe": 0.1, "pe": 8.0}, {"roe": 0.2, "pe": 8.0}]
    score = {"expression": "0 * roe"}
    assert ranked(*ratios, score=score, ties=["roe", "pe"]) == {"A": "3", "B": "2", "C": "1"}
    assert ranked(*ratios, score=score, ties=[]) == {"A": "1", "B": "2", "C": "3"}
    smallest = [{"factor": "market_cap_msek", "order": "lowest"}]
    assert ranked(*ratios, score=score, ties=smallest) == {"A": "1", "B": "2", "C": "3"}
    assert ranked(*ratios, score=score) == {"A": "3", "B": "2", "C": "1"}


def test_the_columns_of_a_ranking_show_what_its_rules_read() -> None:
    lake = frame_lake([stock("A")], closes("A", RISING))
    own = strategy_of(mine(screens={"x": "asset_growth > 1"}, score={"factor": "earnings_yield"}))
    frame = rankings(lake, as_of=D, universe=SWEDEN, strategies=[own]).collect()
    four = rankings(lake, as_of=D, universe=SWEDEN).collect()
    assert frame.columns == [*four.columns, "asset_growth", "earnings_yield"]
    both = rankings(
        lake, as_of=D, universe=SWEDEN, strategies=[own, *STRATEGIES.values()]
    ).collect()
    assert both["strategy"].unique(maintain_order=True).to_list() == ["mine", *STRATEGIES]


def test_a_universe_is_ranked_by_its_own_strategies_too() -> None:
    universe = replace(SWEDEN, strategies=(mine(),))
    assert [*strategies_of(universe)] == [*STRATEGIES, "mine"]
    assert strategy_named("mine", universe).title == "Mine"
    with pytest.raises(Unknown, match="unknown strategy 'mine'; expected one of sammansatt"):
        strategy_named("mine", SWEDEN)
    frame = rankings(frame_lake([stock("A")]), as_of=D, universe=universe).collect()
    assert frame["strategy"].to_list() == [*STRATEGIES, "mine"]
    assert repr(universe).endswith("; also ranked by mine")


def test_a_strategy_of_the_house_may_be_repeated_but_not_changed() -> None:
    house = STRATEGIES["trendande_varde"].definition
    assert house is not None
    assert [*strategies_of(replace(SWEDEN, strategies=(house,)))] == [*STRATEGIES]
    other = definition_of("trendande_varde", BASE)
    with pytest.raises(BadDefinition, match="is a strategy of the house; give yours another name"):
        strategies_of(replace(SWEDEN, strategies=(other,)))


def test_the_band_and_the_sentences() -> None:
    short = strategy_of(mine(portfolio_size=5))
    assert (short.buy_rank, short.sell_rank) == (5, 10)
    best = {"factors": ["pe"], "at_least": 1, "keep_percent": 30}
    screens = {"dear": "pe > 9"}
    own = strategy_of(
        mine(portfolio_size=5, buy_rank=7, sell_rank=9, screens=screens, composite=best)
    )
    assert (own.buy_rank, own.sell_rank) == (7, 9)
    assert own.reasons["dear"] == "its screen is true: pe > 9"
    assert own.reasons["outside_best_30_percent"] == "it is outside the best 30%"
    assert [*own.reasons][-4:] == ["dear", "missing_metrics", "outside_best_30_percent",
                                   "no_momentum"]  # fmt: skip
    assert STRATEGIES["sammansatt_momentum"].reasons["low_f_score"] == "its F-score is below 5 of 9"


# ----------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"screens": {"thin": "turnover3m < 4"}},
         "screens.thin, position 1: unknown column 'turnover3m'; the nearest is turnover_3m"),
        ({"screens": {"Thin": "pe < 4"}},
         "screens.Thin: is no name of a reason; use a letter, then letters, digits and _, "
         "all lower case"),
        ({"screens": {"inactive": "pe < 4"}},
         "screens.inactive: is a reason of every strategy; name the screen otherwise"),
        ({"screens": {"outside_best_9_percent": "pe < 4"}},
         "screens.outside_best_9_percent: is a reason of every strategy; "
         "name the screen otherwise"),
        ({"composite": {"factors": ["roe", "rao"], "at_least": 1}},
         "composite.factors[1]: unknown factor 'rao'; the nearest is roe"),
        ({"composite": {"factors": ["roe", "roe"], "at_least": 1}},
         "composite.factors[1]: 'roe' is named twice; give it a weight"),
        ({"composite": {"factors": ["payout_ratio"], "at_least": 1}},
         "composite.factors[0]: say which values of payout_ratio are best: add order"),
        ({"composite": {"factors": [{"factor": "pe", "where": "pe >"}], "at_least": 1}},
         "composite.factors[0].where, position 5: expected a value, found the end"),
        ({"score": "momentun"},
         "score, position 1: unknown column 'momentun'; the nearest is momentum"),
        ({"score": {"expression": "pe < 3"}},
         "score.expression, position 1: is a condition; write a number, such as "
         "return_12m - return_1m"),
        ({"score": {"factor": "volatility"}},
         "score.factor: unknown factor 'volatility'; the nearest is volatility_3m"),
        ({"score": {}}, "score: needs a factor or an expression, and not both"),
        ({"score": {"factor": "pe", "expression": "pe"}},
         "score: needs a factor or an expression, and not both"),
        ({"score": {"factor": "close"}},
         "score: say which values of close are best: add order"),
        ({"score": {"factor": "composite"}},
         "score: there is no composite; add one, or name a factor"),
        ({"score": {"factor": "composite", "order": "highest"},
          "composite": {"factors": ["pe"], "at_least": 1}},
         "score.order: the lowest composite is the best one"),
        ({"ties": ["pe", "size"]}, "ties[1].factor: unknown factor 'size'; expected one of "),
        ({"keeps_sectors": ["investmentbolaget"]},
         "keeps_sectors[0]: unknown sector 'investmentbolaget'; the nearest is investmentbolag"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_strategy_the_key_and_the_nearest(
    keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadDefinition) as error:
        strategy_of(mine(**keys))
    assert str(error.value).startswith(f"strategy 'mine', {message}")


def test_nothing_of_a_condition_is_run() -> None:
    for text in ("read_parquet('/etc/passwd') = 1", "__import__('os') = 1", "pl.col('pe') > 1"):
        with pytest.raises(BadDefinition, match=r"screens\.x, position"):
            strategy_of(mine(screens={"x": text}))
    assert isinstance(strategy_of(mine(screens={"x": "pe > 1"})).screens[0][1], pl.Expr)


def test_a_score_of_whole_numbers_is_ranked_beside_others() -> None:
    of_signals = strategy_of(mine(score={"factor": "f_score"}))
    plan = rankings(
        frame_lake([stock("A")], closes("A", RISING)),
        as_of=D, universe=SWEDEN, strategies=[of_signals, STRATEGIES["sammansatt_momentum"]],
    )  # fmt: skip
    rows = plan.collect(engine="streaming")
    assert rows.select("strategy", "rank", "score").row(0) == ("mine", 1, 0.0)


def test_scores_that_differ_in_a_late_digit_have_orders_of_their_own() -> None:
    both = [
        strategy_of(definition_of(name, BASE | {"score": {"expression": text, "order": "lowest"}}))
        for name, text in (("low", "ABS(pe - 123456789.1)"), ("high", "ABS(pe - 123456789.2)"))
    ]
    lake = frame_lake(
        [stock("A"), stock("B")],
        [row for t in "AB" for row in closes(t, RISING)],
        [statement(t, "2023-12-31", "2024-03-30", number=n, data_source="x", pe=pe)
         for n, (t, pe) in enumerate((("A", 123456789.14), ("B", 123456789.16)))],
    )  # fmt: skip
    rows = rankings(lake, as_of=D, universe=SWEDEN, strategies=both).collect(engine="streaming")
    assert rows.select("strategy", "ticker").filter(rows["rank"] == 1).rows() == [
        ("low", "A"), ("high", "B")
    ]  # fmt: skip
