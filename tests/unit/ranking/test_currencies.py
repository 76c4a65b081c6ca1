"""Returns in the currency of a universe, from rates that are known on the day."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from pipelines.definition import definition_of
from pipelines.ranking import many
from pipelines.ranking.as_data import strategy_of
from pipelines.ranking.explain import ReturnFact, explanations
from pipelines.ranking.many import history
from pipelines.ranking.rank import rankings
from pipelines.ranking.strategies import STRATEGIES
from pipelines.universe import NORDIC
from tests.factories import FrameLake, Row, closes, frame_lake, stock

D = date(2024, 5, 31)
IN_SEK = replace(NORDIC, name="in_sek", returns_in="SEK")
DOUBLED = {"2023-05-31": 10.0, "2023-11-30": 10.0, "2024-02-29": 10.0, "2024-05-31": 20.0}
RATES = {"2023-05-31": 10.0, "2023-11-30": 16.0, "2024-02-29": 8.0, "2024-05-31": 12.0}


def rates(currency: str, by_day: dict[str, float]) -> list[Row]:
    return [{"currency": currency, "date": date.fromisoformat(d), "rate": r}
            for d, r in by_day.items()]  # fmt: skip


def lake(stocks: list[Row], prices: list[Row], fx: list[Row] | None) -> FrameLake:
    made = frame_lake(stocks, prices)
    if fx is not None:
        schema = {"currency": pl.String, "date": pl.Date, "rate": pl.Float64}
        made.datasets["fx_rates"] = pl.DataFrame(fx, schema=schema)
    return made


def row(
    fx: list[Row] | None,
    prices: dict[str, float] = DOUBLED,
    *,
    returns_in_sek: bool = True,
    currency: str | None = "EUR",
) -> Row:
    """The row of one stock of Helsinki."""
    listed = stock("NOKIA", market="helsinki", currency=currency)
    plan = rankings(
        lake([listed], closes("NOKIA", prices), fx),
        as_of=D,
        universe=IN_SEK if returns_in_sek else NORDIC,
        strategies=[STRATEGIES["sammansatt_momentum"]],
    )
    return plan.collect(engine="streaming").row(0, named=True)


def returns(found: Row) -> list[float | None]:
    return [found[f"return_{months}m"] for months in (3, 6, 12)]


def test_a_return_is_multiplied_by_the_change_of_the_rate() -> None:
    found = row(rates("EUR", RATES))
    assert returns(found) == pytest.approx([2 * 12 / 8 - 1, 2 * 12 / 16 - 1, 2 * 12 / 10 - 1])
    assert found["score"] == pytest.approx((2.0 + 0.5 + 1.4) / 3)
    assert found["excluded_by"] != "no_rate"
    assert (found["close"], found["base_close_12m"]) == (20.0, 10.0)


def test_returns_are_those_of_the_listing_unless_the_universe_says_otherwise() -> None:
    assert returns(row(rates("EUR", RATES), returns_in_sek=False)) == [1.0, 1.0, 1.0]
    assert returns(row(None, returns_in_sek=False)) == [1.0, 1.0, 1.0]


def test_a_stock_in_the_currency_of_the_universe_needs_no_rate_and_keeps_its_returns() -> None:
    thirds = {"2023-05-31": 3.0, "2023-11-30": 7.0, "2024-02-29": 9.0, "2024-05-31": 11.0}
    found = row(None, thirds, currency="SEK")
    assert returns(found) == [11 / 9 - 1, 11 / 7 - 1, 11 / 3 - 1]
    assert found["excluded_by"] == "no_f_score"


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        ({"2024-05-31": None, "2024-05-21": 12.0}, 2 * 12 / 8 - 1),
        ({"2024-05-31": None, "2024-05-20": 12.0}, None),
        ({"2024-02-29": None, "2024-02-19": 8.0}, 2 * 12 / 8 - 1),
        ({"2024-02-29": None, "2024-02-18": 8.0}, None),
        ({"2024-02-28": 99.0}, 2 * 12 / 8 - 1),
        ({"2024-02-29": None, "2024-03-01": 8.0}, None),
        ({"2024-06-03": 99.0}, 2 * 12 / 8 - 1),
    ],
)
def test_the_last_rate_of_the_ten_days_up_to_a_close_counts(
    moved: dict[str, float | None], expected: float | None
) -> None:
    known = {day: rate for day, rate in (RATES | moved).items() if rate is not None}
    found = row(rates("EUR", known))
    assert found["return_3m"] == (expected if expected is None else pytest.approx(expected))
    assert (found["excluded_by"] == "no_rate") is (expected is None)


def test_the_rate_is_that_of_the_day_of_the_close() -> None:
    late = {**DOUBLED, "2024-05-29": 20.0}
    del late["2024-05-31"]
    found = row(rates("EUR", RATES | {"2024-05-29": 24.0}), late)
    assert found["return_3m"] == pytest.approx(2 * 24 / 8 - 1)


@pytest.mark.parametrize("fx", [None, [], rates("NOK", RATES), rates("eur", RATES)])
def test_a_stock_without_a_rate_leaves(fx: list[Row] | None) -> None:
    found = row(fx)
    assert found["excluded_by"] == "no_rate"
    assert (found["rank"], found["score"], *returns(found)) == (None, None, None, None, None)


def test_a_stock_without_a_currency_leaves() -> None:
    assert row(rates("EUR", RATES), currency=None)["excluded_by"] == "no_rate"


def test_a_base_that_is_missing_needs_no_rate() -> None:
    young = {day: close for day, close in DOUBLED.items() if day > "2024"}
    known = {day: rate for day, rate in RATES.items() if day > "2024"}
    found = row(rates("EUR", known), young)
    assert found["excluded_by"] == "no_f_score"
    assert returns(found) == [pytest.approx(2.0), None, None]


def test_an_inactive_stock_is_inactive_first() -> None:
    assert row(None, {"2024-05-20": 1.0})["excluded_by"] == "inactive"


@pytest.mark.parametrize("together", [1, 36_000])
def test_many_dates_have_the_returns_of_each(
    monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(many, "TOGETHER", together)
    months = pl.date_range(date(2023, 1, 4), D, "1mo", eager=True).dt.to_string().to_list()
    prices = {day: 10.0 + n % 5 for n, day in enumerate(months)}
    known = {day: 8.0 + n % 4 for n, day in enumerate(months)}
    listed = [stock("NOKIA", market="helsinki", currency="EUR"), stock("VOLV B")]
    quotes = closes("NOKIA", prices) + closes("VOLV B", prices)
    source = lake(listed, quotes, rates("EUR", known))
    days = [date(2024, 2, 4), date(2024, 3, 4)]
    found = pl.concat([p.collect() for p in history(source, dates=days, universe=IN_SEK)])
    for day in days:
        one = rankings(source, as_of=day, universe=IN_SEK).collect(engine="streaming")
        same = one.select("ticker", "excluded_by", "score").rows()
        assert found.filter(as_of=day).select("ticker", "excluded_by", "score").rows() == same
        assert len({score for *_, score in same} - {None}) == 2


def test_an_explanation_has_both_returns_and_what_the_rate_did() -> None:
    def first(fx: list[Row] | None, *, returns_in_sek: bool = True) -> ReturnFact:
        found = pl.DataFrame([row(fx, returns_in_sek=returns_in_sek)])
        return next(explanations(found)).returns[0]

    found = first(rates("EUR", RATES))
    assert (found.local, found.base_close) == (1.0, 10.0)
    assert found.value == pytest.approx(2.0)
    assert found.rate_change == pytest.approx(12 / 8 - 1)
    assert (first(None).value, first(None).local, first(None).rate_change) == (None, 1.0, None)
    plain = first(None, returns_in_sek=False)
    assert (plain.value, plain.local, plain.rate_change) == (1.0, 1.0, None)


def test_a_rate_that_only_another_strategy_needs_keeps_no_stock_out() -> None:
    by_month = strategy_of(definition_of("mine", {
        "title": "M", "description": "M", "type": "other", "rebalance_months": [1],
        "score": {"factor": "return_1m"},
    }))  # fmt: skip
    prices = closes("NOKIA", DOUBLED | {"2024-04-30": 10.0})
    plan = rankings(
        lake([stock("NOKIA", market="helsinki", currency="EUR")], prices, rates("EUR", RATES)),
        as_of=D, universe=IN_SEK, strategies=[STRATEGIES["sammansatt_momentum"], by_month],
    )  # fmt: skip
    rows = plan.collect(engine="streaming")
    assert rows.select("excluded_by", "return_1m").rows() == [
        ("no_f_score", None), ("no_score", None)
    ]  # fmt: skip
