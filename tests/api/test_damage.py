"""A service whose current version is damaged, gone or of another layout."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient

from app.serving import published
from pipelines.export import export
from pipelines.lake import MANIFEST, SCHEMA_VERSION, Lake
from pipelines.lake import publishing as publish
from pipelines.universe import SWEDEN
from tests.api.conftest import at, served
from tests.api.test_data import MOMENTUM, first, make_bb_first

NOTHING = "20991231T000000Z-abcdef"
YEAR = "prices/year=2026/0.parquet"


def remove_current(root: Path) -> str:
    """Delete the folder that `current` names, which stays as it is."""
    version = Lake(root).version
    shutil.rmtree(root / "versions" / version)
    return version


def point_to_nothing(root: Path) -> str:
    publish.point_current_to(root, NOTHING)
    return NOTHING


def health(client: TestClient) -> tuple[str, str | None]:
    found = client.get("/v1/health").json()
    return found["status"], found["reason"]


@pytest.mark.parametrize(
    "hurt", [remove_current, pytest.param(point_to_nothing, marks=pytest.mark.slow)]
)
def test_the_version_in_memory_is_served_until_another_can_be_read(
    place: Path, hurt: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "REREAD_SECONDS", 0.0)
    with served(place) as client:
        assert (first(client), health(client)) == ("AA B", ("healthy", None))
        gone = hurt(place / "lake")
        for _ in range(2):
            assert first(client) == "AA B"
        assert health(client) == (
            "degraded",
            f"version {gone} is gone: current points to it, but its folder is missing; "
            "start a refresh, or roll back",
        )
        assert client.get("/v1/health").json()["lake"] == "unreadable"
        assert client.get("/v1/health/ready").status_code == 503
        assert not client.get("/v1/data/integrity/quick").json()["safe_to_trade"]
        listed = client.get("/v1/data/versions").json()[0]
        assert listed == {
            "version": gone, "created_at": None, "as_of": None, "rows": None, "bytes": None,
            "current": True, "withdrawn": False, "state": "damaged", "changed": [],
        }  # fmt: skip
        make_bb_first(place)
        answer = client.post("/v1/data/sync-now?wait=true")
        assert (answer.status_code, first(client)) == (200, "BB")
        assert health(client) == ("healthy", None)
        assert client.get("/v1/health/ready").status_code == 200


def test_a_file_at_which_polars_panics_is_a_version_that_cannot_be_read(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panics(*_: object, **__: object) -> None:
        raise pl.exceptions.PanicException("called `Result::unwrap()` on an `Err` value")

    version = (place / "lake" / "current").readlink().name
    with monkeypatch.context() as patch, served(place) as client:
        patch.setattr(pl.LazyFrame, "collect", panics)
        assert client.get(MOMENTUM).json() == {
            "detail": "the data cannot be read now; /health says why"
        }
        assert client.get("/metrics").status_code == 200
        reason = f"version {version} cannot be read; start a refresh, or roll back"
        assert health(client) == ("degraded", reason)


def test_a_service_that_starts_on_a_damaged_version_says_so(place: Path) -> None:
    (place / "lake" / "current" / YEAR).write_bytes(b"PAR1")
    version = (place / "lake" / "current").readlink().name
    with served(place) as client:
        assert client.get(MOMENTUM).status_code == 503
        assert client.get("/metrics").status_code == 200
        reason = f"version {version} is damaged: {YEAR} has other bytes than were written"
        assert health(client) == ("degraded", f"{reason}; start a refresh, or roll back")
        assert [v["state"] for v in client.get("/v1/data/versions").json()] == ["damaged"]
        export(place / "app.db", place / "lake", SWEDEN)
        assert first(client) == "AA B"
        states = [v["state"] for v in client.get("/v1/data/versions").json()]
        assert states == ["current", "damaged"]


def test_a_manifest_that_the_system_does_not_read_is_told_by_health_and_metrics(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == MANIFEST:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with served(place) as client:
        version = (place / "lake" / "current").readlink().name
        reason = f"cannot read versions/{version}/{MANIFEST}: Permission denied"
        assert health(client) == ("degraded", reason)
        assert client.get("/metrics").status_code == 200
        assert [client.get(p).status_code for p in (MOMENTUM, "/data/versions")] == [503, 503]


def cut_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("{")


def cut_year(folder: Path) -> None:
    (folder / YEAR).write_bytes(b"PAR1")


def make_older(folder: Path) -> None:
    (folder / MANIFEST).write_text(json.dumps({"schema_version": 0}))


UNKNOWN = {"created_at": None, "as_of": None, "rows": None, "bytes": None}


@pytest.mark.parametrize(
    ("hurt", "state", "known", "told"),
    [
        (cut_manifest, "damaged", UNKNOWN, "the manifest.json of version {} is damaged; "),
        (cut_year, "damaged", {"rows": 61}, "version {} is damaged: " + YEAR + " has other bytes"),
        (
            make_older,
            "other layout",
            UNKNOWN,
            f"version {{}} has layout 0, this release reads {SCHEMA_VERSION}; ",
        ),
    ],
    ids=["manifest", "year", "layout"],
)
def test_what_cannot_be_read_is_listed_and_not_rolled_back_to(
    place: Path, hurt: Callable[[Path], None], state: str, known: dict[str, Any], told: str
) -> None:
    old = Lake(place / "lake").version
    make_bb_first(place)
    export(place / "app.db", place / "lake", SWEDEN)
    new = Lake(place / "lake").version
    hurt(place / "lake" / "versions" / old)
    with served(place) as client:
        listed = client.get("/v1/data/versions").json()
        assert [(v["version"], v["state"]) for v in listed] == [(new, "current"), (old, state)]
        assert {name: listed[1][name] for name in known} == known
        refused = client.post(f"/v1/data/versions/{old}/rollback")
        assert refused.status_code == 409
        assert refused.json()["detail"].startswith(told.format(old))
        assert str(place) not in refused.text
        assert (first(client), health(client)) == ("BB", ("healthy", None))


def test_a_service_on_a_version_of_another_layout_says_so_with_its_own_remedy(place: Path) -> None:
    version = Lake(place / "lake").version
    make_older(place / "lake" / "versions" / version)
    with served(place) as client:
        reason = f"version {version} has layout 0, this release reads {SCHEMA_VERSION}"
        assert health(client) == ("degraded", f"{reason}; start a refresh, or roll back")


def test_from_a_version_that_is_gone_one_rolls_back(place: Path) -> None:
    old = Lake(place / "lake").version
    make_bb_first(place)
    export(place / "app.db", place / "lake", SWEDEN)
    with served(place) as client:
        assert first(client) == "BB"
        gone = remove_current(place / "lake")
        back = client.post(f"/v1/data/versions/{old}/rollback")
        assert back.json() == {"previous": gone, "version": old, "as_of": "2026-11-20"}
        assert (first(client), health(client)) == ("AA B", ("healthy", None))


def lake_moved(folder: Path) -> Path:
    return (folder / "lake").rename(folder / "away")


def test_a_lake_that_is_moved_away_is_served_from_memory_and_nothing_is_made_in_its_place(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "REREAD_SECONDS", 0.0)
    with served(place) as client:
        assert first(client) == "AA B"
        away = lake_moved(place)
        told = "the lake is gone with all its versions; put it back, or start a refresh"
        assert health(client) == ("degraded", told)
        assert first(client) == "AA B"
        alerts = client.app.state.services.alerts  # type: ignore[attr-defined]
        client.portal.call(alerts.observe, "x", "warning", "it is")  # type: ignore[union-attr]
        assert not (place / "lake").exists()
        away.rename(place / "lake")
        assert health(client) == ("healthy", None)


LAKE = "version {} is damaged: " + YEAR + " is missing; start a refresh, or roll back"


def test_on_a_damaged_version_nobody_is_told_that_it_is_safe_to_trade(place: Path) -> None:
    with served(place) as client:
        safe = at(client).get("/v1/data/integrity").json()
        assert safe["safe_to_trade"]
        assert "lake" not in [check["name"] for check in safe["checks"]]
        (place / "lake" / "current" / YEAR).unlink()
        told = LAKE.format((place / "lake" / "current").readlink().name)
        found = client.get("/v1/data/integrity").json()
        assert found["issues"] == [{"type": "lake", "message": told}]
        assert not found["safe_to_trade"]
        assert not client.get("/v1/data/integrity/quick").json()["safe_to_trade"]
        assert not client.get("/v1/data/freshness").json()["can_run_strategies"]
        assert client.get(f"{MOMENTUM}/validate").json()["issues"] == [told]
        metrics = client.get("/metrics").text
        assert "stockrank_safe_to_trade 0.0" in metrics
        assert "stockrank_version_damaged 1.0" in metrics
        assert client.get("/v1/health/ready").status_code == 200  # it is in memory


def test_bytes_that_cannot_be_opened_are_damage_that_the_next_refresh_heals(place: Path) -> None:
    path = place / "lake" / "current" / "rankings" / "0.parquet"
    path.write_bytes(bytes(path.stat().st_size))
    version = path.resolve().parents[1].name
    with served(place) as client:
        assert client.get(MOMENTUM).status_code == 503
        reason = f"version {version} is damaged: rankings/0.parquet has other bytes than were"
        assert str(health(client)[1]).startswith(reason)
        assert client.post("/v1/data/sync-now?wait=true").status_code == 200
        assert (first(client), health(client)) == ("AA B", ("healthy", None))


def test_a_lake_without_a_current_version_lists_its_versions(place: Path) -> None:
    (place / "lake" / "current").unlink()
    with served(place) as client:
        told = "current is missing, though there are versions; start a refresh"
        assert health(client) == ("degraded", told)
        listed = client.get("/v1/data/versions").json()
        assert [(v["state"], v["current"]) for v in listed] == [("kept", False)]
        assert client.get(MOMENTUM).json()["detail"] == (
            "the data cannot be read now; /health says why"
        )


def test_a_request_that_meets_an_unreadable_lake_logs_nothing(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (place / "lake" / "current" / MANIFEST).write_text("{")
    with served(place) as client:
        for _ in range(3):
            assert client.get(MOMENTUM).status_code == 503
        told = [m for m in caplog.messages if "manifest.json" in m]
        assert [m for m in told if not m.startswith("lake_unreadable firing")] == []
