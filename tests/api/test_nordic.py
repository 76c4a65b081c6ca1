"""The Nordic paths keep the shapes that the existing frontend reads, on the demo market."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from pipelines.export import export
from pipelines.ranking import NORDIC_MOMENTUM
from pipelines.settings import Settings
from pipelines.universe import SWEDEN

MOMENTUM = "/v1/strategies/nordic/momentum"
HOLDING = {"ticker", "name", "shares", "price", "value", "value_sek", "currency", "rank"}
ROOT = Path(__file__).parents[2]
RATES = {"EUR": 11.1234, "DKK": 1.4912}
"""What is known of rates; that of NOK is not."""


@pytest.fixture(scope="module")
def client(demo_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    place = tmp_path_factory.mktemp("nordic")
    shutil.copy(demo_market / "demo.db", place / "app.db")
    with closing(sqlite3.connect(place / "app.db")) as database, database:
        database.execute("CREATE TABLE fx_rates (currency TEXT, date DATE, rate FLOAT)")
        database.executemany("INSERT INTO fx_rates VALUES (?, '2026-11-19', ?)", RATES.items())
    export(place / "app.db", place / "lake", SWEDEN)
    settings = Settings(source=place / "app.db", lake=place / "lake")
    with TestClient(create_app(settings)) as started:
        yield started


@pytest.fixture(scope="module")
def ranking(client: TestClient) -> Any:
    return client.get(MOMENTUM).json()


@pytest.fixture(scope="module")
def priced(ranking: Any) -> Any:
    """The ranked stocks that have a price in SEK, best first."""
    return [one for one in ranking["rankings"] if one["price"] is not None]


def test_the_strategy_is_that_of_the_documents() -> None:
    texts = [ROOT / "docs/strategies", ROOT / "pipelines/ranking"]
    one, other = ((folder / "nordic_momentum.toml").read_text("utf-8") for folder in texts)
    assert one == other
    assert NORDIC_MOMENTUM.name == "nordic_momentum"


def test_the_ranking(ranking: Any) -> None:
    assert set(ranking) == {
        "strategy", "computed_at", "total_universe", "after_filters", "rankings", "by_market",
        "fx_alert",
    }  # fmt: skip
    places = ranking["rankings"]
    assert set(places[0]) == {
        "rank", "ticker", "isin", "name", "market", "currency", "price", "price_local",
        "market_cap_sek", "momentum", "perf_3m", "perf_6m", "perf_12m", "f_score", "sector",
        "rank_1d", "rank_1w", "rank_1m",
    }  # fmt: skip
    assert [one["rank"] for one in places] == list(range(1, ranking["after_filters"] + 1))
    assert sum(ranking["by_market"].values()) == len(places) < ranking["total_universe"]
    assert ranking["fx_alert"].startswith("no rate of NOK is known on 2026-11-20, so that ")
    for one in places:
        mean = (one["perf_3m"] + one["perf_6m"] + one["perf_12m"]) / 3
        assert one["momentum"] == pytest.approx(mean, abs=1e-3)
        falls = sum(one[f"perf_{n}m"] < 0 for n in (3, 6, 12))
        assert falls < 2
        rate = {"SEK": 1.0, **RATES}.get(one["currency"])
        expected = rate and pytest.approx(one["price_local"] * rate, abs=0.0051)
        assert one["price"] == expected
    assert {"DKK", "NOK"} <= {one["currency"] for one in places}


def test_earlier_ranks_are_those_of_their_days(client: TestClient, ranking: Any) -> None:
    """The rank a month before is the rank that is answered for that day."""
    day = client.get("/v1/data/sync-status").json()["latest_price_date"]
    year, month, rest = day.split("-")
    before = f"{year}-{int(month) - 1:02}-{min(int(rest), 28)}"
    past = client.get(MOMENTUM, params={"as_of": before}).json()["rankings"]
    ranks = {one["ticker"]: one["rank"] for one in past}
    found = {one["ticker"]: one["rank_1m"] for one in ranking["rankings"]}
    assert found == {ticker: ranks.get(ticker) for ticker in found}
    assert any(one["rank_1d"] != one["rank"] for one in ranking["rankings"])
    assert any(one["rank_1w"] != one["rank_1d"] for one in ranking["rankings"])


def rebalance(client: TestClient, **sent: object) -> Any:
    answer = client.post(f"{MOMENTUM}/rebalance", json=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_rebalance_adds_up(client: TestClient, priced: Any) -> None:
    first, last = priced[0], priced[-1]
    held = [{"ticker": first["ticker"], "shares": 10}, {"ticker": last["ticker"], "shares": 50},
            {"ticker": "NOBODY", "shares": 5}]  # fmt: skip
    found = rebalance(client, holdings=held, new_investment=100_000, cost_bps=25, min_fee=39)
    assert set(found) == {
        "mode", "current_holdings_count", "hold", "sell", "buy", "final_portfolio",
        "kept_unpriced", "drift_analysis", "max_drift", "drift_recommendation", "summary", "costs",
        "fx_alert",
    }  # fmt: skip
    assert (found["mode"], found["current_holdings_count"]) == ("full", 3)
    assert set(found["hold"][0]) == set(found["buy"][0]) == HOLDING
    sold = found["sell"][0]
    assert set(sold) == HOLDING | {"reason", "why"}
    assert (sold["ticker"], sold["reason"]) == (last["ticker"], "below_threshold")
    assert found["kept_unpriced"] == [{"ticker": "NOBODY", "shares": 5, "reason": "unknown_ticker"}]
    assert set(found["final_portfolio"][0]) == HOLDING | {"action", "weight", "drift"}
    assert found["final_portfolio"][0]["action"] == "HOLD"
    assert len(found["final_portfolio"]) == 10
    assert sum(one["weight"] for one in found["final_portfolio"]) == pytest.approx(100, abs=0.1)
    money = found["summary"]
    assert set(money) == {
        "stocks_held", "stocks_sold", "stocks_bought", "sell_proceeds", "new_investment",
        "total_cash_used", "cash_remaining", "final_portfolio_value", "final_stock_count",
    }  # fmt: skip
    left = money["new_investment"] + money["sell_proceeds"] - money["total_cash_used"]
    assert money["cash_remaining"] == pytest.approx(left, abs=0.005)
    assert money["cash_remaining"] >= 0
    spent = sum(one["value_sek"] for one in found["buy"]) + found["costs"]["total"]
    assert money["total_cash_used"] == pytest.approx(spent, abs=0.005)
    after = [{"ticker": o["ticker"], "shares": o["shares"]} for o in found["final_portfolio"]]
    again = rebalance(client, holdings=after, new_investment=money["cash_remaining"],
                      cost_bps=25, min_fee=39)  # fmt: skip
    assert (again["sell"], again["buy"]) == ([], [])
    assert again["drift_recommendation"].startswith("no weight is more than 2 percent")


def test_the_other_modes(client: TestClient, priced: Any) -> None:
    first, second = (one["ticker"] for one in priced[:2])
    held = [{"ticker": first, "shares": 900}, {"ticker": second, "shares": 1}]
    added = rebalance(client, holdings=held, new_investment=10_000, mode="add_only")
    assert (added["sell"], added["mode"]) == ([], "add_only")
    fixed = rebalance(client, holdings=held, mode="fix_drift")
    assert [one["ticker"] for one in fixed["sell"]] == [first]
    assert [one["reason"] for one in fixed["sell"]] == ["above_target"]
    assert {one["ticker"] for one in fixed["final_portfolio"]} == {first, second}
    assert fixed["max_drift"] == max(abs(one["drift"]) for one in fixed["drift_analysis"])
    assert set(fixed["drift_analysis"][0]) == {"ticker", "weight", "target_weight", "drift"}


def allocate(client: TestClient, **sent: object) -> Any:
    answer = client.post(f"{MOMENTUM}/allocate", json=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_allocation(client: TestClient, priced: Any) -> None:
    ten = [one["ticker"] for one in priced[:10]]
    found = allocate(client, amount=100_000)
    assert set(found) == {
        "investment_amount", "target_per_stock", "allocations", "summary", "warnings",
        "substitutes", "optimal_amounts",
    }  # fmt: skip
    parts = found["allocations"]
    assert [one["ticker"] for one in parts] == ten
    assert set(parts[0]) == {
        "rank", "ticker", "name", "price", "price_local", "currency", "shares", "target_amount",
        "actual_amount", "target_weight", "actual_weight", "deviation", "too_expensive",
        "included",
    }  # fmt: skip
    assert (found["target_per_stock"], parts[0]["target_weight"]) == (10_000, 10)
    money = found["summary"]
    assert money["total_invested"] == pytest.approx(sum(p["actual_amount"] for p in parts))
    assert money["total_invested"] + money["cash_remaining"] == pytest.approx(100_000)
    assert money["utilization"] == pytest.approx(money["total_invested"] / 1000, abs=0.01)
    assert money["max_deviation"] == max(abs(p["deviation"]) for p in parts)
    for one in parts:
        assert abs(one["actual_amount"] - 10_000) < one["price"] + 0.01
    for better in found["optimal_amounts"]:
        again = allocate(client, amount=better["amount"])["summary"]
        assert again["max_deviation"] == better["max_deviation"] < money["max_deviation"]


def test_what_is_left_out_and_what_is_bought_by_all_means(client: TestClient, priced: Any) -> None:
    ten = priced[:10]
    out = allocate(client, amount=100_000, excluded_tickers=[ten[2]["ticker"].lower()])
    assert [one["rank"] for one in out["allocations"]] == [
        one["rank"] for one in priced[:11] if one != ten[2]
    ]
    dear = max(ten, key=lambda one: one["price"])
    amount = round(dear["price"] * 9)
    plain = allocate(client, amount=amount)
    part = next(p for p in plain["allocations"] if p["ticker"] == dear["ticker"])
    assert (part["too_expensive"], part["included"], part["shares"]) == (True, False, 0)
    dearest = sum(p["too_expensive"] for p in plain["allocations"])
    assert plain["summary"]["stocks_skipped"] == dearest
    assert any(f"one share of {dear['ticker']} costs" in one for one in plain["warnings"])
    forced = allocate(client, amount=amount, force_include_tickers=[dear["ticker"]])
    part = next(p for p in forced["allocations"] if p["ticker"] == dear["ticker"])
    assert (part["too_expensive"], part["included"], part["shares"]) == (True, True, 1)
    assert forced["summary"]["cash_remaining"] >= 0
    poor = allocate(client, amount=1, force_include_tickers=[dear["ticker"]])
    assert any("for which the amount is too small" in one for one in poor["warnings"])


@pytest.mark.parametrize(
    ("path", "sent", "told"),
    [
        ("allocate", {"amount": 0}, "body amount = 0"),
        ("allocate", {}, "body amount: Field required"),
        ("rebalance", {"mode": "sell"}, "body mode = 'sell'"),
        ("rebalance", {"new_investment": -1}, "body new_investment = -1"),
    ],
)
def test_an_error_names_the_key(
    client: TestClient, path: str, sent: dict[str, object], told: str
) -> None:
    answer = client.post(f"{MOMENTUM}/{path}", json=sent)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_reminders_and_alerts_have_the_shape_of_the_frontend(client: TestClient) -> None:
    found = client.get("/v1/alerts").json()
    assert list(found) == ["alerts"]
    assert list(found["alerts"]) == ["alerts"]
    for one in found["alerts"]["alerts"]:
        assert set(one) == {"message", "priority", "type", "strategy", "days_until"}
        assert one["priority"] in {"high", "medium"}
