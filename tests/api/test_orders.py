"""Orders over HTTP: the shapes of the answers, amounts that add up, and errors that name the key.

Of the market of `conftest.py`, `sammansatt_momentum` ranks AA B (150 kr) and BB (125 kr); CC
(80 kr) has a low F-score, and DD (50 kr) is on another market.
"""

from typing import Any

import pytest
from fastapi.testclient import TestClient

ORDERS = "/v1/portfolio/orders"
MOMENTUM = "sammansatt_momentum"


def asked(client: TestClient, **sent: object) -> Any:
    answer = client.post(ORDERS, json={"strategy": MOMENTUM, "min_fee": 1} | sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def shares(lines: list[dict[str, Any]]) -> dict[str, int]:
    return {line["ticker"]: line["shares"] for line in lines}


def test_money_is_put_into_equal_parts(client: TestClient) -> None:
    found = asked(client, cash=3000)
    assert shares(found["buy"]) == {"AA B": 10, "BB": 11}
    assert found["buy"][0] == {
        "ticker": "AA B", "name": "Aa B", "shares": 10, "price": 150.0, "value": 1500.0,
        "currency": "SEK", "rank": 1, "reason": "inside_rank_10", "fee": 3.75,
    }  # fmt: skip
    assert found["costs"] == {"total": 7.19}
    assert found["cash_left"] == 3000 - 1500 - 1375 - 7.19
    assert (found["keep"], found["sell"], found["kept_unpriced"]) == ([], [], [])
    assert (found["account_currency"], found["as_of"]) == ("SEK", "2026-11-20")


def test_what_left_is_sold_and_what_is_unknown_is_kept(client: TestClient) -> None:
    held = [{"ticker": "cc", "shares": 10}, {"ticker": "FUND", "shares": 3},
            {"ticker": "AA-B", "shares": 4}]  # fmt: skip
    found = asked(client, holdings=held, cash=0.5, cost_bps=0, min_fee=0)
    assert [(s["ticker"], s["shares"], s["reason"]) for s in found["sell"]] == [
        ("CC", 10, "low_f_score")
    ]
    assert found["kept_unpriced"] == [{"ticker": "FUND", "shares": 3, "reason": "unknown_ticker"}]
    assert [(k["ticker"], k["shares"], k["reason"]) for k in found["keep"]] == [
        ("AA B", 4, "inside_rank_20")
    ]
    assert shares(found["buy"]) == {"AA B": 1, "BB": 5}
    assert found["cash_left"] == 25.5


@pytest.mark.parametrize("mode", ["rebalance", "add_cash", "fix_drift"])
def test_a_second_request_proposes_nothing(client: TestClient, mode: str) -> None:
    held = [{"ticker": "AA B", "shares": 1}, {"ticker": "BB", "shares": 90}]
    first = asked(client, holdings=held, cash=1000.01, mode=mode)
    after = {t: n for line in ("keep", "buy") for t, n in shares(first[line]).items()}
    for line in first["buy"]:
        after[line["ticker"]] = line["shares"] + shares(first["keep"]).get(line["ticker"], 0)
    again = asked(
        client,
        holdings=[{"ticker": t, "shares": n} for t, n in after.items()],
        cash=first["cash_left"],
        mode=mode,
    )
    assert (again["sell"], again["buy"]) == ([], [])


def test_an_amount_is_allocated(client: TestClient) -> None:
    sent = {"strategy": MOMENTUM, "amount": 3000, "min_fee": 1}
    found = client.post("/v1/portfolio/allocate", json=sent).json()
    assert shares(found["buy"]) == {"AA B": 10, "BB": 11}
    assert found["costs"] == {"total": 7.19}
    first = client.post("/v1/portfolio/allocate", json=sent | {"size": 1}).json()
    assert shares(first["buy"]) == {"AA B": 19}


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        ({"strategy": "nothing"}, 404, "unknown strategy 'nothing'"),
        ({"cash": -1}, 422, "body cash = -1"),
        ({"cash": 1.001}, 422, "body cash = 1.001"),
        ({"holdings": [{"ticker": "BB", "shares": 1.5}]}, 422, "body holdings 0 shares = 1.5"),
        ({"holdings": [{"ticker": "BB", "shares": -1}]}, 422, "body holdings 0 shares = -1"),
        ({"mode": "sell_all"}, 422, "body mode = 'sell_all'"),
        ({"cahs": 1}, 422, "body cahs = 1"),
        ({"cost_bps": False}, 422, "body cost_bps"),
        ({"size": True}, 422, "body size"),
        ({"holdings": [{"ticker": "BB", "shares": False}]}, 422, "body holdings"),
        ({"tolerance": "0.1"}, 422, "body tolerance"),
        ({"buy_rank": 5, "sell_rank": 4}, 422, "the sell rank 4 is above the buy rank 5"),
        ({"universe": "moon"}, 422, "unknown universe 'moon'"),
        ({"as_of": "2030-01-01"}, 422, "as_of 2030-01-01 lies in the future"),
        ({"holdings": [{"ticker": "BB", "shares": 1}] * 1001}, 422, "body holdings"),
    ],
)
def test_an_error_names_the_key_and_the_value(
    client: TestClient, sent: dict[str, object], status: int, told: str
) -> None:
    answer = client.post(ORDERS, json={"strategy": MOMENTUM} | sent)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


# ------------------------------------------------------------------- holdings, and the search


def test_a_file_of_holdings_is_read(client: TestClient) -> None:
    text = "Namn;Kortnamn;Volym;ISIN\nAa B;AA B;1 100;\n;BB;5;\nBbb;;7;\n"
    answer = client.post("/v1/portfolio/holdings", content=text.encode("utf-16"),
                         headers={"Content-Type": "text/csv"})  # fmt: skip
    assert answer.json() == {
        "holdings": [
            {"ticker": "AA B", "shares": 1100, "name": "Aa B", "matched_by": "ticker"},
            {"ticker": "BB", "shares": 5, "name": "Bb", "matched_by": "ticker"},
        ],
        "not_matched": [
            {
                "line": 4, "text": "Bbb", "reason": "no stock of this ISIN, ticker or name",
                "nearest": [{"ticker": "BB", "name": "Bb", "isin": None,
                             "market": "stockholmsborsen", "currency": "SEK", "last_seen": None}],
            }
        ],
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/vnd.ms-excel", None])
def test_any_type_of_content_is_read(client: TestClient, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = client.post("/v1/portfolio/holdings", content=b"aa-b;5", headers=headers)
    assert [one["ticker"] for one in answer.json()["holdings"]] == ["AA B"]


def test_a_text_without_holdings_is_refused(client: TestClient) -> None:
    for sent in (b"", b"x;y"):
        answer = client.post("/v1/portfolio/holdings", content=sent)
        assert (answer.status_code, "VOLV B;100" in answer.text) == (422, bool(sent))
    assert client.post("/v1/portfolio/holdings", content=b"A;1\n" * 20_000).status_code == 413


def test_stocks_are_found_by_their_names(client: TestClient) -> None:
    found = client.get("/v1/stocks/search", params={"q": "aa"}).json()
    assert [(one["ticker"], one["name"], one["last_seen"]) for one in found] == [
        ("AA B", "Aa B", None)
    ]
    assert client.get("/v1/stocks/search", params={"q": "zzzz"}).json() == []
    assert client.get("/v1/stocks/search").status_code == 422
