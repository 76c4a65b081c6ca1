"""A service whose current version is damaged, gone or of another layout."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.serving import published
from pipelines.export import export
from pipelines.lake import MANIFEST, SCHEMA_VERSION, Lake
from pipelines.lake import publishing as publish
from pipelines.universe import SWEDEN
from tests.api.conftest import served
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


@pytest.mark.parametrize("hurt", [remove_current, point_to_nothing])
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
            f"version {gone} is damaged: its manifest.json cannot be read; "
            "start a refresh, or roll back",
        )
        assert client.get("/v1/health/ready").status_code == 200
        listed = client.get("/v1/data/versions").json()[0]
        assert listed == {
            "version": gone, "created_at": None, "as_of": None, "rows": None, "bytes": None,
            "current": True, "withdrawn": False, "state": "damaged", "changed": [],
        }  # fmt: skip
        make_bb_first(place)
        answer = client.post("/v1/data/sync-now?wait=true")
        assert (answer.status_code, first(client)) == (200, "BB")
        assert health(client) == ("healthy", None)


def test_a_service_that_starts_on_a_damaged_version_says_so(place: Path) -> None:
    (place / "lake" / "current" / YEAR).write_bytes(b"PAR1")
    version = (place / "lake" / "current").readlink().name
    with served(place) as client:
        assert client.get(MOMENTUM).status_code == 503
        assert client.get("/metrics").status_code == 200
        reason = f"version {version} is damaged: {YEAR} has other bytes than were written"
        assert health(client) == ("degraded", f"{reason}; start a refresh, or roll back")
        assert [v["state"] for v in client.get("/v1/data/versions").json()] == ["damaged"]
        assert client.post("/v1/data/sync-now?wait=true").status_code == 200
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
        reason = "the current version cannot be determined; the log of the service says why"
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
        (cut_year, "damaged", {"rows": 49}, "version {} is damaged: " + YEAR + " has other bytes"),
        (make_older, "other layout", UNKNOWN, "version {} has layout 0, this release reads "),
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
