"""Tickers that an address has to quote: each stock that is ranked is found."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from pipelines.export import export
from pipelines.settings import Settings
from tests.api.conftest import DAYS, KNOWN, NOW, RATIOS, at, served
from tests.clock import clock_says
from tests.factories import database, stock

RINGS = "A\N{COMBINING RING ABOVE}A\N{COMBINING DIAERESIS} B"
TICKERS = {"BT/A": "BT/A", "50%": "50%", "M&M.NS": "M&M.NS", "A?B#": "A?B#",
           "prices": "prices", "ÖÖ": "ÖÖ", RINGS: "ÅÄ B"}  # fmt: skip
"""Those of the database, with the names that they have in the lake."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    top = tmp_path_factory.mktemp("tickers")
    close = dict.fromkeys(("open", "high", "low", "close"), 100.0)
    known = {"fiscal_date": "2025-12-31", "fetched_date": "2026-11-02", "market_cap": 6e9,
             "piotroski_f_score": 5, **dict(zip(RATIOS, KNOWN["AA B"], strict=True))}  # fmt: skip
    database(
        top / "app.db",
        stocks=[stock(t) for t in TICKERS],
        daily_prices=[{"ticker": t, "date": d, "volume": 1.0, **close}
                      for t in TICKERS for d in DAYS],
        fundamentals=[{"ticker": t, **known} for t in TICKERS],
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        clock_says(patch, NOW)
        export(top / "app.db", top / "lake", Settings().chosen_universe())
    with served(top) as started:
        yield at(started)


@pytest.mark.parametrize("ticker", TICKERS.values())
@pytest.mark.parametrize("base", ["", "/v1"])
def test_every_ranked_stock_is_found(client: TestClient, base: str, ticker: str) -> None:
    ranking = client.get(f"{base}/strategies/sammansatt_momentum").json()
    assert ticker in {row["ticker"] for row in ranking}
    address = quote(ticker, safe="")
    assert client.get(f"{base}/stocks/{address}").json()["ticker"] == ticker
    assert len(client.get(f"{base}/stocks/{address}/prices").json()["prices"]) == len(DAYS)
    path = f"{base}/strategies/sammansatt_momentum/explain/{address}"
    assert client.get(path).json()["ticker"] == ticker
    held = client.post(f"{base}/strategies/sammansatt_momentum/banding-check", json=[ticker])
    assert [place["ticker"] for place in held.json()["keep"]] == [ticker]


def test_a_ticker_in_decomposed_letters_is_the_composed_one(client: TestClient) -> None:
    address = quote(RINGS)
    assert client.get(f"/stocks/{address}").json()["ticker"] == "ÅÄ B"
    held = client.post("/strategies/sammansatt_momentum/banding-check", json=[RINGS])
    assert [place["ticker"] for place in held.json()["keep"]] == ["ÅÄ B"]


def test_routes_of_tickers_are_counted_and_described_as_before(client: TestClient) -> None:
    client.get("/stocks/BT%2FA")
    requests = client.app.state.services.requests  # type: ignore[attr-defined]
    assert requests["GET", "/stocks/{ticker}", 200] >= 1
    assert all(":path" not in route for _, route, _ in requests)
    assert "/v1/stocks/{ticker}/prices" in client.get("/v1/openapi.json").json()["paths"]


def test_what_is_below_a_stock_is_no_stock(client: TestClient) -> None:
    answer = client.get("/stocks/BT%2FA/nothing")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("unknown ticker 'BT/A/nothing'; expected one of ")
