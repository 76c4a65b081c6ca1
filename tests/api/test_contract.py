"""Every path of the contract, against exact JSON."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient

from pipelines import __version__
from pipelines.lake import Lake
from pipelines.ranking import REASONS

ID = "VERSION"
TIME = "2026-11-23T08:00:00Z"
AA = (0.2 + 0.25 + 0.5) / 3
BB = (0.25 + 0.25 + 0.25) / 3
PLACE_AA = {
    "ticker": "AA B", "name": "Aa B", "rank": 1, "score": AA, "last_updated": "2026-11-20",
    "data_age_days": 1, "freshness": "fresh",
}  # fmt: skip
PLACE_BB = PLACE_AA | {"ticker": "BB", "name": "Bb", "rank": 2, "score": BB}
SHORT_AA = {"rank": 1, "ticker": "AA B", "name": "Aa B", "score": AA}
SHORT_BB = {"rank": 2, "ticker": "BB", "name": "Bb", "score": BB}
TOP_AA = SHORT_AA | {
    "return_3m": 0.2, "return_6m": 0.25, "return_12m": 0.5, "f_score": 8, "f_available": 9,
    "rank_before": None,
}  # fmt: skip
TOP_BB = SHORT_BB | {
    "return_3m": 0.25, "return_6m": 0.25, "return_12m": 0.25, "f_score": 6, "f_available": 9,
    "rank_before": None,
}  # fmt: skip
STRATEGIES = ("sammansatt_momentum", "trendande_varde", "trendande_utdelning", "trendande_kvalitet")
TITLES = ("Sammansatt Momentum", "Trendande Värde", "Trendande Utdelning", "Trendande Kvalitet")
TOPS = {
    "sammansatt_momentum": [SHORT_AA, SHORT_BB],
    "trendande_varde": [SHORT_AA],
    "trendande_utdelning": [SHORT_BB | {"rank": 1}],
    "trendande_kvalitet": [SHORT_AA],
}
SCORED_AA = {"ticker": "AA B", "rank": 1, "score": AA}
SCORED_BB = {"ticker": "BB", "rank": 2, "score": BB}
SIGNALS = (
    "net_income_positive", "operating_cf_positive", "roa_rose", "cash_exceeds_income",
    "leverage_fell", "current_ratio_rose", "shares_did_not_rise",
    "gross_margin_rose", "asset_turnover_rose",
)  # fmt: skip


def returns(*values: tuple[int, float, str, float]) -> list[dict[str, Any]]:
    names = ("months", "value", "base_date", "base_close")
    rows = [dict(zip(names, value, strict=True)) for value in values]
    return [row | {"local": row["value"], "rate_change": None} for row in rows]


AA_RETURNS = returns(
    (3, 0.2, "2026-08-20", 125.0), (6, 0.25, "2026-05-20", 120.0), (12, 0.5, "2025-11-20", 100.0)
)
FACTS_AA: dict[str, Any] = {
    "score_name": "momentum", "score_is_fraction": True, "score_is_best": "highest",
    "ranked_instead": None,
    "ticker": "AA B", "name": "Aa B", "as_of": "2026-11-20", "market_cap_msek": 6000.0,
    "market_cap_source": "reported", "market": "stockholmsborsen", "sector": "Industri",
    "stock_type": "stock", "currency": "SEK", "close": 150.0, "close_date": "2026-11-20",
    "jump": None, "returns": AA_RETURNS, "f_score": 8, "f_available": 9, "f_source": "vendor",
    "fiscal_date": "2025-12-31", "f_signals": [{"name": s, "value": None} for s in SIGNALS],
    "ratios_known_from": "2026-11-02", "multiples_as_of": "2026-11-02",
    "origins": [
        {"fact": fact, "source": source, "known_from": known, "observed_on": "2026-11-23"}
        for fact, source, known in (
            ("listing", "stocks", "2026-11-23"), ("ratios", "fundamentals", "2026-11-02"),
            ("statements", "fundamentals", "2026-11-02"),
        )
    ],
}  # fmt: skip


def metric(name: str, value: float, percentile: float, *, higher: bool) -> dict[str, Any]:
    return {"name": name, "value": value, "reported": value, "percentile": percentile,
            "higher_is_better": higher, "weight": 1.0, "compared": 3}  # fmt: skip


def screen(reason: str, condition: str, **known: Any) -> dict[str, Any]:
    found = {"excludes": False, "value": None, "cut": None, "distance": None}
    return {"reason": reason, "condition": condition} | found | known


CASES: dict[str, Any] = {
    "/strategies": [
        {"name": "sammansatt_momentum", "display_name": "Sammansatt Momentum",
         "description": "Mean of the 3, 6 and 12 month returns among stocks with an F-score of "
         "at least 5 of 9.",
         "type": "momentum", "portfolio_size": 10, "rebalance_frequency": "quarterly"},
        {"name": "trendande_varde", "display_name": "Trendande Värde",
         "description": "Momentum among the cheapest 40 % by P/E, P/B, P/S, P/FCF, EV/EBITDA "
         "and dividend yield.",
         "type": "value", "portfolio_size": 10, "rebalance_frequency": "annual"},
        {"name": "trendande_utdelning", "display_name": "Trendande Utdelning",
         "description": "Momentum among the 40 % with the highest dividend yield.",
         "type": "dividend", "portfolio_size": 10, "rebalance_frequency": "annual"},
        {"name": "trendande_kvalitet", "display_name": "Trendande Kvalitet",
         "description": "Momentum among the best 40 % by ROE, ROA, ROIC and FCFROE.",
         "type": "quality", "portfolio_size": 10, "rebalance_frequency": "annual"},
    ],
    "/strategies/sammansatt_momentum": [PLACE_AA, PLACE_BB],
    "/strategies/sammansatt_momentum?limit=1": [PLACE_AA],
    "/strategies/sammansatt_momentum?limit=5&offset=1": [PLACE_BB],
    "/strategies/sammansatt_momentum?offset=7": [],
    "/strategies/sammansatt_momentum?as_of=2026-11-20": [PLACE_AA, PLACE_BB],
    "/strategies/sammansatt_momentum?as_of=2026-11-23": [PLACE_AA, PLACE_BB],
    "/strategies/sammansatt_momentum?as_of=2026-02-02": [],
    "/strategies/sammansatt_momentum?universe=sweden": [PLACE_AA, PLACE_BB],
    "/strategies/trendande_utdelning/top10": [PLACE_BB | {"rank": 1}],
    "/strategies/compare": TOPS,
    "/strategies/performance": {
        "strategies": [
            {"strategy": name, "display_name": title, "ytd_return": ytd, "stocks_counted": n,
             "strategy_return": None}
            for name, title, ytd, n in zip(
                STRATEGIES, TITLES, (22.5, 20.0, 25.0, 20.0), (2, 1, 1, 1), strict=True
            )
        ],
        "as_of": "2026-11-20",
        "method": "ytd_return is the mean return of the stocks that are in the portfolio today, "
        "which is no result of the strategy; strategy_return is that of its backtest, after costs.",
    },
    "/strategies/trendande_utdelning/exclusions": {
        "strategy": "trendande_utdelning", "as_of": "2026-11-20", "stocks": 4, "ranked": 1,
        "excluded": [
            {"reason": reason, "meaning": REASONS[reason], "stocks": n}
            for reason, n in dict.fromkeys(
                ("other_market", "missing_metrics", "outside_best_40_percent"), 1
            ).items()
        ],
        "composite": {"compared": 2, "kept": 1, "keep_percent": 40},
        "left_out": [
            {"ticker": "DD", "name": "Dd", "reason": "other_market"},
            {"ticker": "CC", "name": "Cc", "reason": "missing_metrics"},
            {"ticker": "AA B", "name": "Aa B", "reason": "outside_best_40_percent"},
        ],
    },
    "/strategies/trendande_varde/explain/AA%20B": FACTS_AA | {
        "strategy": "trendande_varde", "display_name": "Trendande Värde", "rank": 1,
        "excluded_by": None, "score": AA, "composite": (5 / 6 + 0.5) / 6, "primary_rank": 1,
        "metrics": [
            metric("pe", 10.0, 1 / 6, higher=False), metric("pb", 1.0, 1 / 6, higher=False),
            metric("ps", 1.0, 1 / 6, higher=False), metric("p_fcf", 10.0, 1 / 6, higher=False),
            metric("ev_ebitda", 8.0, 1 / 6, higher=False),
            metric("dividend_yield", 0.01, 0.5, higher=True),
        ],
        "screens": [], "cut": {"compared": 3, "kept": 1, "keep_percent": 40, "distance": 0},
    },
    "/strategies/sammansatt_momentum/explain/aa_b": FACTS_AA | {
        "strategy": "sammansatt_momentum", "display_name": "Sammansatt Momentum", "rank": 1,
        "excluded_by": None, "score": AA, "composite": None, "primary_rank": None, "metrics": [],
        "screens": [
            screen("no_f_score", "f_available < 3", value=9.0, cut=3.0, distance=6.0,
                   values=[{"name": "f_available", "value": 9}]),
            screen("low_f_score", "f_score * 9 < f_available * 5",
                   values=[{"name": "f_available", "value": 9}, {"name": "f_score", "value": 8}]),
        ],
        "cut": None,
    },
    "/portfolio/sverige": {
        "holdings": [
            {"ticker": row["ticker"], "name": row["name"], "weight": 0.2, "strategy": name}
            for name, rows in TOPS.items() for row in rows
        ],
        "as_of_date": "2026-11-20", "next_rebalance_date": "2026-12-01",
    },
    "/portfolio/rebalance-dates": [
        {"strategy_name": "sammansatt_momentum", "next_date": "2026-12-01"},
        {"strategy_name": "trendande_varde", "next_date": "2027-03-01"},
        {"strategy_name": "trendande_utdelning", "next_date": "2027-03-01"},
        {"strategy_name": "trendande_kvalitet", "next_date": "2027-03-01"},
    ],
    "/rankings/on-date?strategy=sammansatt_momentum&target_date=2026-11-22": {
        "strategy": "sammansatt_momentum", "date": "2026-11-20", "target_date": "2026-11-22",
        "rankings": [SCORED_AA, SCORED_BB],
    },
    "/rankings/compute-historical?strategy=trendande_varde&target_date=2026-06-01": {
        "strategy": "trendande_varde", "date": "2026-06-01", "target_date": "2026-06-01",
        "rankings": [],
    },
    "/rankings/history/trendande_utdelning?limit=12": [
        {"date": "2026-11-20", "rankings": [SCORED_BB | {"rank": 1}]}
    ],
    "/fundamentals/snapshots": {
        "snapshots": [{"date": "2026-10-12", "stocks": 1}, {"date": "2026-10-05", "stocks": 1}],
        "total_snapshots": 2,
    },
    "/dashboard/top": {
        "version": ID, "as_of": "2026-11-20", "previous_version": None,
        "strategies": [
            {"name": name, "display_name": title, "score_name": "momentum",
             "score_is_fraction": True, "rankings": rows}
            for name, title, rows in zip(
                STRATEGIES, TITLES,
                ([TOP_AA, TOP_BB], [TOP_AA], [TOP_BB | {"rank": 1}], [TOP_AA]), strict=True,
            )
        ],
    },
    "/stocks/AA-B": {
        "ticker": "AA B", "name": "Aa B", "market_cap_msek": 6000.0, "sector": "Industri",
        "pe": 10.0, "pb": 1.0, "ps": 1.0, "pfcf": 10.0, "ev_ebitda": 8.0, "roe": 0.2, "roa": 0.1,
        "roic": 0.2, "fcfroe": 0.2, "dividend_yield": 0.01, "payout_ratio": None,
        "return_1m": 0.25, "return_3m": 0.2, "return_6m": 0.25, "return_12m": 0.5,
    },
    "/stocks/BB/prices?days=2": {
        "prices": [{"date": "2026-10-20", "close": 100.0}, {"date": "2026-11-20", "close": 125.0}]
    },
    "/data/sync-status": {
        "stocks": 4, "prices": 24, "fundamentals": 5, "latest_price_date": "2026-11-20",
        "latest_fundamental_date": "2026-11-02",
    },
    "/data/sync-history?days=7": {
        "history": [], "last_successful_sync": None, "next_scheduled_sync": None,
        "sync_hour_utc": None, "total_syncs": 0, "successful_syncs": 0, "failed_syncs": 0,
    },
    "/data/status/detailed": {
        "system_status": "FRESH",
        "system_message": "closes are of 2026-11-20, 1 trading day of XSTO ago",
        "can_run_strategies": True, "last_checked": TIME,
        "summary": {"total_stocks": 3, "fresh_count": 3, "fresh_percentage": 100.0,
                    "stale_count": 0, "very_stale_count": 0, "no_data_count": 0},
    },
    "/data/integrity/quick": {
        "safe_to_trade": True, "status": "OK",
        "recommendation": "the data is fresh and complete; safe to trade on",
        "critical_issues": [], "warning_count": 0,
    },
    "/strategies/trendande_varde/validate": {
        "strategy": "trendande_varde", "safe_to_trade": True,
        "message": "the data is fresh and complete; safe to trade on", "issues": [],
        "checked_at": TIME,
    },
    "/data/scheduler-status": {"running": False, "jobs": []},
    "/health": {"status": "healthy", "database": "connected", "role": "all",
                "instance": None, "lake": "readable",
                "timestamp": TIME,
                "version": __version__, "reason": None, "rolled_back": None, "notice": None},
    "/health/live": {"status": "ok"},
    "/health/ready": {"status": "ok"},
}  # fmt: skip


def same(found: Any) -> Any:
    """JSON with its floats to twelve decimals."""
    if isinstance(found, float):
        return round(found, 12)
    if isinstance(found, dict):
        return {key: same(value) for key, value in found.items()}
    return [same(value) for value in found] if isinstance(found, list) else found


@pytest.mark.parametrize("base", ["/v1", ""])
@pytest.mark.parametrize("path", CASES)
def test_answers(client: TestClient, made: Any, base: str, path: str) -> None:
    answer = client.get(base + path)
    assert answer.status_code == 200, answer.text
    found = answer.text.replace(Lake(made / "lake").version, ID)
    assert same(json.loads(found)) == same(CASES[path])


def test_frames_are_never_worked_with_in_the_event_loop(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def watched(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with suppress(RuntimeError):  # no loop runs in this thread
                asyncio.get_running_loop()
                seen.append(name)
            return method(*args, **kwargs)

        return call

    for name in ("filter", "select", "with_columns", "join", "sort", "to_dicts", "write_json"):
        monkeypatch.setattr(pl.DataFrame, name, watched(name, getattr(pl.DataFrame, name)))
    client.post("/v1/cache/clear")
    posted = client.post("/v1/strategies/sammansatt_momentum/banding-check", json=["BB"])
    assert posted.status_code == 200
    for path in CASES:
        assert client.get(path).status_code == 200
        assert (path, seen) == (path, [])
