"""Refreshes, versions, alerts, the cache and memory: answers that change while the service runs."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.watch.memory import Level
from pipelines.errors import SourceError
from pipelines.export import export
from pipelines.lake import publishing as publish
from pipelines.lake import version as lakes
from pipelines.lake.version import Lake
from pipelines.refresh import recorded_export
from pipelines.universe import SWEDEN
from tests.api.conftest import at, served
from tests.factories import change

MOMENTUM = "/v1/strategies/sammansatt_momentum"
DEADLINE = 60.0


def until(found: Callable[[], Any]) -> Any:
    """What is found, as soon as it is anything; a failure after a minute."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("it never came")


def make_bb_first(folder: Path) -> None:
    """A close that puts BB ahead of AA B."""
    change(folder / "app.db", "UPDATE daily_prices SET close = 200, high = 200, low = 100 "
                   "WHERE ticker = 'BB' AND date = '2026-11-20'")  # fmt: skip


def first(client: TestClient) -> str:
    return str(client.get(MOMENTUM).json()[0]["ticker"])


# ------------------------------------------------------------------------------------ refresh


def test_a_refresh_from_start_to_end(place: Path) -> None:
    make_bb_first(place)
    with served(place) as client:
        assert first(client) == "AA B"
        started = client.post("/v1/data/sync-now")
        assert started.status_code == 202
        job = started.json()
        assert job == {
            "job_id": job["job_id"], "status": job["status"], "started_at": job["started_at"],
            "status_url": f"/v1/data/jobs/{job['job_id']}",
        }  # fmt: skip
        assert job["status"] in ("queued", "running")
        again = client.post("/v1/data/sync-now")
        assert again.status_code == 409
        assert job["job_id"] in again.json()["detail"]

        def done() -> Any:
            found = client.get(job["status_url"]).json()
            return found if found["status"] in ("succeeded", "failed") else None

        ended = until(done)
        assert {**ended, "finished_at": None, "peak_memory_mb": None, "phase": None} == {
            "job_id": job["job_id"], "status": "succeeded", "phase": None, "progress": 1.0,
            "rows": 33 + 28, "started_at": job["started_at"], "finished_at": None, "error": None,
            "peak_memory_mb": None, "outcome": "published", "estimated_seconds": None,
            "elapsed_seconds": ended["elapsed_seconds"],
        }  # fmt: skip
        assert ended["elapsed_seconds"] > 0
        assert ended["peak_memory_mb"] > 50
        assert first(client) == "BB"


def test_waiting_for_a_refresh(place: Path) -> None:
    make_bb_first(place)
    with served(place) as client:
        answer = client.post("/v1/data/sync-now?wait=true")
        assert answer.status_code == 200
        version = Lake(place / "lake").version
        result = answer.json()["sync_result"]
        assert result.pop("seconds") > 0
        assert result.pop("peak_memory_mb") > 0
        assert result == {
            "version": version, "rows": 33 + 28, "rejected": 0, "unchanged": False,
            "strategies": {"sammansatt_momentum": 2, "trendande_varde": 1,
                           "trendande_utdelning": 1, "trendande_kvalitet": 1},
        }  # fmt: skip
        history = client.get("/v1/data/sync-history").json()
        (entry,) = history["history"]
        assert entry.pop("peak_memory_mb") > 0
        assert entry.pop("duration_seconds") > 0
        assert entry == {
            "id": entry["id"], "timestamp": entry["timestamp"], "sync_type": "manual",
            "success": True, "stocks_updated": 4, "prices_updated": 24, "error_message": None,
            "outcome": "published", "rows": 33 + 28,
        }  # fmt: skip
        counts = ("total_syncs", "successful_syncs", "failed_syncs")
        assert [history[c] for c in counts] == [1, 1, 0]
        assert history["last_successful_sync"]
        before = client.get("/v1/dashboard/top").json()
        ranks = {p["ticker"]: p["rank_before"] for p in before["strategies"][0]["rankings"]}
        assert ranks == {"BB": 2, "AA B": 1}
        assert before["previous_version"] < version


def test_the_room_for_a_refresh_is_told(place: Path) -> None:
    size = sum(file.stat().st_size for file in place.glob("app.db*")) / 1e6
    with served(place) as client:
        disk = client.get("/v1/system/disk").json()
        version = client.get("/v1/data/versions").json()[0]
        metrics = client.get("/metrics").text
    lake, work = disk.pop("folders")
    assert (lake["name"], work["name"]) == ("lake", "work")
    assert 0 < lake["free_mb"] <= lake["total_mb"]
    files = round(version["bytes"] / 1e6, 1)
    assert disk == {
        "copy_mb": round(size, 1), "files_mb": files,
        "needed_mb": round(size + version["bytes"] / 1e6, 1), "enough": True,
    }  # fmt: skip
    assert 'stockrank_disk_free_bytes{folder="work"}' in metrics


def test_a_refresh_that_fails(place: Path) -> None:
    (place / "app.db").write_bytes(b"no database")
    with served(place) as client:
        answer = client.post("/v1/data/sync-now?wait=true")
        assert answer.status_code == 503
        assert "is not a SQLite database" in answer.json()["detail"]
        assert first(client) == "AA B"
        history = client.get("/v1/data/sync-history").json()
        assert history["failed_syncs"] == 1
        assert history["history"][0]["success"] is False
        alert = until(lambda: [a for a in client.get("/v1/data/alerts").json()
                               if a["key"] == "refresh_failed"])[0]  # fmt: skip
        assert (alert["state"], alert["severity"]) == ("firing", "warning")
        assert set(alert) == {"id", "key", "severity", "message", "state", "since", "resolved_at"}


def test_a_refresh_that_finds_nothing_new_says_so(place: Path) -> None:
    export(place / "app.db", place / "lake", SWEDEN)
    with served(place) as client:
        result = client.post("/v1/data/sync-now?wait=true").json()["sync_result"]
        assert (result["unchanged"], result["rows"]) == (True, 33 + 28)
        (entry,) = client.get("/v1/data/sync-history").json()["history"]
        outcome = (entry["success"], entry["outcome"], entry["rows"], entry["prices_updated"])
        assert outcome == (True, "checked, nothing new", 0, 0)
        job = client.get(f"/v1/data/jobs/{entry['id']}").json()
        assert (job["status"], job["outcome"], job["rows"]) == (
            "succeeded", "checked, nothing new", 0,
        )  # fmt: skip


def test_a_refresh_from_outside_is_in_the_history_and_ends_the_alert(place: Path) -> None:
    source, lake = place / "app.db", place / "lake"
    good = source.read_bytes()
    with served(place) as client:

        def firing() -> bool:
            return any(a["key"] == "refresh_failed" for a in client.get("/v1/data/alerts").json())

        source.write_bytes(b"no database")
        with pytest.raises(SourceError):
            recorded_export(source, lake, SWEDEN)
        assert until(firing)
        source.write_bytes(good)
        recorded_export(source, lake, SWEDEN)
        assert until(lambda: not firing())
        make_bb_first(place)
        recorded_export(source, lake, SWEDEN)
        history = until(lambda: len(found := client.get("/v1/data/sync-history").json()["history"])
                        == 3 and found)  # fmt: skip
    assert [(e["sync_type"], e["outcome"], e["rows"], e["prices_updated"]) for e in history] == [
        ("outside", "published", 33 + 28, 24),
        # The bytes of the database came back, but at another time: the datasets are made anew.
        ("outside", "published", 33 + 28, 24),
        ("outside", "failed", 0, 0),
    ]
    assert history[0]["peak_memory_mb"] > 50
    assert history[0]["duration_seconds"] > 0
    assert history[2]["error_message"].startswith("app.db is not a SQLite database")


def test_a_failed_export_of_another_database_fires_no_alert(place: Path) -> None:
    with served(place) as client:
        with pytest.raises(SourceError):
            recorded_export(place / "nosuch.db", place / "lake", SWEDEN)
        (entry,) = until(lambda: client.get("/v1/data/sync-history").json()["history"])
        recorded_export(place / "app.db", place / "lake", SWEDEN)
        assert until(lambda: len(client.get("/v1/data/sync-history").json()["history"]) == 2)
        alerts = client.get("/v1/data/alerts").json()
    assert (entry["sync_type"], entry["outcome"]) == ("outside", "failed")
    assert entry["error_message"].startswith(
        "of another database, nosuch.db: no database at nosuch.db; name one"
    )
    assert [a["key"] for a in alerts if a["key"] == "refresh_failed"] == []


def test_a_refresh_from_outside_is_noticed(place: Path) -> None:
    make_bb_first(place)
    with served(place) as client:
        assert first(client) == "AA B"
        export(place / "app.db", place / "lake", SWEDEN)
        assert first(client) == "BB"


# ----------------------------------------------------------------------------------- versions


def test_versions_and_back(place: Path) -> None:
    old = Lake(place / "lake").version
    make_bb_first(place)
    export(place / "app.db", place / "lake", SWEDEN)
    new = Lake(place / "lake").version
    with served(place) as client:
        assert first(client) == "BB"
        listed = client.get("/v1/data/versions").json()
        size = [entry.pop("bytes") for entry in listed]
        assert all(size)
        made = [entry.pop("created_at") for entry in listed]
        assert made == sorted(made, reverse=True)
        common = {"as_of": "2026-11-20", "rows": 61, "withdrawn": False}
        changed = listed[0].pop("changed")
        assert changed == ["prices other values in 1 file", "stocks other values in 1 file",
                           "rankings other values in 1 file"]  # fmt: skip
        assert listed == [
            {"version": new, "current": True, "state": "current", **common},
            {"version": old, "current": False, "state": "kept", "changed": ["first"], **common},
        ]
        assert client.post("/v1/data/versions/nothing/rollback").status_code == 404
        back = client.post(f"/v1/data/versions/{old}/rollback")
        assert back.json() == {"previous": new, "version": old, "as_of": "2026-11-20"}
        assert first(client) == "AA B"
        states = {v["version"]: (v["current"], v["withdrawn"], v["state"])
                  for v in client.get("/v1/data/versions").json()}  # fmt: skip
        assert states == {new: (False, True, "withdrawn"), old: (True, False, "current")}
        assert [len(client.get(f"/v1/rankings/history/{name}").json()) for name in
                ("trendande_varde", "sammansatt_momentum")] == [1, 1]  # fmt: skip
        dashboard = client.get("/v1/dashboard/top").json()
        assert (dashboard["version"], dashboard["previous_version"]) == (old, None)


def test_history_has_one_ranking_a_date(place: Path) -> None:
    change(place / "app.db", *(f"INSERT INTO daily_prices (ticker, date, close) VALUES ('{t}', "
                    f"'2026-11-23', {c})" for t, c in (("AA B", 300), ("BB", 125))))  # fmt: skip
    export(place / "app.db", place / "lake", SWEDEN)
    with served(place) as client:
        history = client.get("/v1/rankings/history/sammansatt_momentum").json()
        assert [entry["date"] for entry in history] == ["2026-11-23", "2026-11-20"]
        assert [entry["rankings"][0]["ticker"] for entry in history] == ["AA B", "AA B"]
        assert len(client.get("/v1/rankings/history/trendande_varde?limit=1").json()) == 1


# -------------------------------------------------------------------------------------- rules


def test_banding(client: TestClient) -> None:
    path = "/v1/strategies/sammansatt_momentum/banding-check"
    assert client.post(path, json=["BB", "cc", "ZZ", "BB", "DD"]).json() == {
        "keep": [{"ticker": "BB", "rank": 2}],
        "sell": [
            {"ticker": "CC", "rank": None, "reason": "low_f_score"},
            {"ticker": "ZZ", "rank": None, "reason": "unknown_ticker"},
            {"ticker": "DD", "rank": None, "reason": "other_market"},
        ],
        "buy": [{"ticker": "AA B", "rank": 1}],
        "portfolio": ["AA B", "BB"],
    }
    assert client.post(path, json=[]).json()["buy"] == [
        {"ticker": "AA B", "rank": 1}, {"ticker": "BB", "rank": 2}
    ]  # fmt: skip


def test_integrity(client: TestClient) -> None:
    found = client.get("/v1/data/integrity").json()
    checks = found.pop("checks")
    assert found == {
        "status": "OK", "recommendation": "the data is fresh and complete; safe to trade on",
        "checked_at": "2026-11-23", "issues": [], "warnings": [], "safe_to_trade": True,
    }  # fmt: skip
    assert {tuple(check) for check in checks} == {("name", "status", "message", "value")}
    assert [check["name"] for check in checks] == [
        "freshness", "calendar", "price_coverage", "newest_day", "missing_days",
        "fundamentals_coverage", "outliers", "splits", "jumps", "ratios", "f_score_signals",
        "remembered", "orphans", "isins", "markets", "sectors", "units", "unit_breaks",
    ]  # fmt: skip


def test_old_prices_are_said_to_be_old(place: Path) -> None:
    with served(place) as client:
        late = at(client, datetime(2026, 11, 27, 8, tzinfo=UTC))
        assert late.get(MOMENTUM).json()[0] | {"score": 0, "name": ""} == {
            "ticker": "AA B", "name": "", "rank": 1, "score": 0, "last_updated": "2026-11-20",
            "data_age_days": 5, "freshness": "very_stale",
        }  # fmt: skip
        status = late.get("/v1/data/freshness").json()
        assert (status["system_status"], status["can_run_strategies"]) == ("VERY_STALE", False)
        validation = late.get("/v1/strategies/trendande_varde/validate").json()
        assert validation["safe_to_trade"] is False
        assert validation["issues"] == ["closes are of 2026-11-20, 5 trading days of XSTO ago"]
        assert late.get("/v1/data/integrity/quick").json()["critical_issues"]


# ------------------------------------------------------------------------- cache and memory


def test_the_cache(place: Path) -> None:
    with served(place) as client:
        zero = {"hits": 0, "misses": 0, "entries": 0, "bytes": 0}
        assert client.get("/v1/cache/stats").json() == zero
        body = client.get(MOMENTUM).content
        assert client.get(MOMENTUM).content == body
        stats = client.get("/v1/cache/stats").json()
        assert stats == {"hits": 1, "misses": 1, "entries": 1, "bytes": len(body)}
        assert client.post("/v1/cache/invalidate").json() == {"removed": 1}
        assert client.get("/v1/cache/stats").json() == {**zero, "hits": 1, "misses": 1}
        client.get(MOMENTUM)
        assert client.post("/v1/cache/clear").json() == {"removed": 1}
        assert client.get("/v1/cache/stats").json() == zero


def test_memory(client: TestClient) -> None:
    found = client.get("/v1/system/memory").json()
    assert {name: type(value) for name, value in found.items()} == {
        "usage_mb": float, "percent": float, "available_mb": float, "status": str,
        "action_needed": bool, "recommendations": list, "limit_mb": float, "peak_mb": float,
        "processes": list,
    }  # fmt: skip
    assert found["percent"] == pytest.approx(100 * found["usage_mb"] / found["limit_mb"], abs=0.1)


def test_critical_memory_sheds_computations_only(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(place) as client:
        guard = client.app.state.services.guard  # type: ignore[attr-defined]
        computed = client.get(f"{MOMENTUM}?as_of=2026-11-19")
        monkeypatch.setattr(type(guard), "level", Level.CRITICAL)
        refused = client.get(f"{MOMENTUM}?as_of=2026-11-18")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json()["detail"].startswith("memory is critical")
        assert client.get(MOMENTUM).status_code == 200
        assert client.get(f"{MOMENTUM}?as_of=2026-11-19").content == computed.content
        assert client.get("/v1/health").json()["status"] == "degraded"
        monkeypatch.setattr(type(guard), "level", Level.OK)
        assert client.get(f"{MOMENTUM}?as_of=2026-11-18").status_code == 200


def test_metrics_keep_the_names_that_are_scraped(client: TestClient) -> None:
    text = client.get("/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines["borslabbet_stocks_total"]) == 4
    assert float(lines["borslabbet_prices_total"]) == 24
    assert float(lines["borslabbet_signals_total"]) == 5
    assert float(lines["borslabbet_memory_usage_mb"]) > 10
    assert float(lines["borslabbet_memory_percent"]) > 0
    assert float(lines["stockrank_data_age_sessions"]) == 1


def test_a_version_that_is_served_is_not_pruned(place: Path) -> None:
    old = Lake(place / "lake").version
    with served(place) as client:
        client.get(MOMENTUM)
        make_bb_first(place)
        export(place / "app.db", place / "lake", SWEDEN)
        publish.prune(place / "lake", keep=1)
        assert old in lakes.version_ids(place / "lake")
        assert first(client) == "BB"
