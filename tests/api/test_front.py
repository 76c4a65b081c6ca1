"""What the investors' pages are made of, on a market that can be worked out by hand."""

import gzip
from datetime import date

import pytest
from fastapi.testclient import TestClient

from pipelines.ranking import STRATEGIES, last_rebalance

FRIDAY = "2026-11-20"


def test_the_front_has_each_portfolio_with_what_a_line_shows(client: TestClient) -> None:
    front = client.get("/v1/front").json()
    assert (front["as_of"], front["newest"], front["age_days"]) == (FRIDAY, FRIDAY, 1)
    assert (front["universe"], front["universes"]) == ("sweden", ["sweden", "nordic"])
    assert front["notice"] is None
    momentum = front["strategies"][0]
    assert (momentum["name"], momentum["ranked"]) == ("sammansatt_momentum", 2)
    assert (momentum["next_rebalance"], momentum["trading_days"]) == ("2026-12-01", 6)
    assert momentum["rankings"][0] == {
        "rank": 1, "ticker": "AA B", "name": "Aa B", "sector": "Industri", "currency": "SEK",
        "close": 150.0, "score": pytest.approx((150 / 125 + 150 / 120 + 150 / 100) / 3 - 1),
    }  # fmt: skip


def test_a_past_date_looks_ahead_from_itself(client: TestClient) -> None:
    past = client.get("/v1/front?as_of=2026-10-30").json()
    assert (past["as_of"], past["newest"]) == ("2026-10-30", FRIDAY)
    assert past["strategies"][0]["next_rebalance"] == "2026-12-01"
    assert past["strategies"][0]["trading_days"] == 22
    assert client.get("/v1/front?as_of=2027-01-04").status_code == 422


def test_the_moves_are_from_the_last_day_of_rebalancing(client: TestClient) -> None:
    moves = client.get("/v1/front/moves").json()
    assert moves["as_of"] == FRIDAY
    assert moves["strategies"]["sammansatt_momentum"] == {
        "since": "2025-12-30",  # when none was ranked
        "ranks": {},
    }


def test_the_last_rebalancing_is_the_newest_first_day_of_its_months() -> None:
    momentum = STRATEGIES["sammansatt_momentum"]
    days = [date(2026, 6, 1), date(2026, 8, 3), date(2026, 9, 1), date(2026, 12, 1)]
    assert last_rebalance(momentum, days, date(2026, 11, 20)) == date(2026, 9, 1)
    assert last_rebalance(momentum, days, date(2026, 9, 1)) == date(2026, 9, 1)
    assert last_rebalance(momentum, days, date(2026, 8, 31)) == date(2026, 6, 1)
    assert last_rebalance(momentum, days[1:2], date(2026, 11, 20)) is None


def test_no_curve_is_told_before_its_backtest_is_computed(client: TestClient) -> None:
    assert client.get("/v1/front/curves").json() == {"curves": {}}


def test_the_table_holds_every_stock_by_column(client: TestClient) -> None:
    answer = client.get("/v1/strategies/sammansatt_momentum/table")
    assert answer.headers["content-encoding"] == "gzip"  # which the client takes
    table = answer.json()
    assert (table["strategy"], table["as_of"]) == ("sammansatt_momentum", FRIDAY)
    columns = table["columns"]
    assert columns["ticker"] == ["AA B", "BB", "CC", "DD"]
    assert columns["rank"] == [1, 2, None, None]
    assert columns["excluded_by"] == [None, None, "low_f_score", "other_market"]
    assert columns["close"] == [150.0, 125.0, 80.0, 50.0]
    assert columns["return_12m"] == [0.5, 0.25, -0.6, 0.0]
    assert columns["turnover"] == [None] * 4  # of fewer than 40 days
    assert all(len(values) == 4 for values in columns.values())


# ---------------------------------------------------------------------------------------- files


def test_a_file_is_sent_small_to_a_client_that_takes_it_so(client: TestClient) -> None:
    path = "/static/pages/main.js"
    with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as small:
        body = b"".join(small.iter_raw())
    whole = client.get(path, headers={"accept-encoding": "identity"})
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == whole.content
    assert len(body) < len(whole.content) / 2
    assert small.headers["etag"] != whole.headers["etag"]
    assert small.headers["vary"] == whole.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in whole.headers
    tag = {"accept-encoding": "gzip", "if-none-match": small.headers["etag"]}
    again = client.get(path, headers=tag)
    assert (again.status_code, again.headers["etag"]) == (304, small.headers["etag"])


@pytest.mark.parametrize("refusing", ["gzip;q=0", "br", ""])
def test_nor_is_it_to_one_that_refuses(client: TestClient, refusing: str) -> None:
    answer = client.get("/static/pages/main.js", headers={"accept-encoding": refusing})
    assert "content-encoding" not in answer.headers


def test_a_typeface_is_sent_as_it_is(client: TestClient) -> None:
    answer = client.get("/static/vendor/inter-latin.woff2", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers


# ---------------------------------------------------------------------------------------- pages


def test_the_dashboard_leads_to_the_status(client: TestClient) -> None:
    moved = client.get("/dashboard", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (307, "/status")
    assert client.get("/status").text == client.get("/").text


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "accept", "media"),
    [
        ("/strategies/trendande_varde", BROWSER, "text/html; charset=utf-8"),
        ("/strategies/trendande_varde", "*/*", "application/json"),
        ("/strategies/trendande_varde", "", "application/json"),
        ("/strategies/trendande_varde", "text/html;q=0.5,application/json", "application/json"),
        ("/strategies/trendande_varde", "text/html;q=0", "application/json"),
        ("/strategies/trendande_varde?format=csv", BROWSER, "text/csv"),
        ("/v1/strategies/trendande_varde", "text/html,*/*", "application/json"),
        ("/strategies/compare", BROWSER, "application/json"),
        ("/strategies/performance", BROWSER, "application/json"),
        ("/", "*/*", "text/html; charset=utf-8"),
        ("/stock/AA%20B", "*/*", "text/html; charset=utf-8"),
    ],
)
def test_a_page_is_for_those_who_prefer_one(
    client: TestClient, path: str, accept: str, media: str
) -> None:
    for _ in range(2):  # the second time a ranking is recalled
        answer = client.get(path, headers={"accept": accept})
        if accept == "text/html;q=0":
            assert answer.status_code == 406
        else:
            assert (answer.status_code, answer.headers["content-type"]) == (200, media)
    if "performance" not in path and "compare" not in path and path.startswith("/strategies"):
        assert answer.headers.get("vary", "Accept") == "Accept"


def test_the_methodology_is_served_as_it_is_written(client: TestClient) -> None:
    answer = client.get("/method.md")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text.startswith("# Methodology\n")
