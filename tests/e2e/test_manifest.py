"""The manifest of an export as JSON, key by key: other programs and other releases read it."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines import __version__, lake
from pipelines.export import export
from pipelines.lake import MANIFEST, SCHEMA_VERSION, Lake, Manifest
from pipelines.ranking.rules_version import rules_hash
from pipelines.ranking.standing import standing_hash
from pipelines.refresh.contract_version import contract_hash
from pipelines.universe import SWEDEN
from tests.clock import clock_says
from tests.factories import database, stock, trading_year

NOW = datetime(2024, 6, 1, 18, 5, 7, 999_999, tzinfo=UTC)
END = date(2024, 5, 31)
TOP = (
    "schema_version", "created_at", "version", "as_of", "universe", "strategies", "source",
    "datasets", "phases", "rules", "contract", "release", "libraries", "python", "integrity",
    "failed_checks", "other_universes", "demo",
)  # fmt: skip
COUNTS = ("rows_in", "rows", "rejected", "warnings")
OF_SOURCE = ("schema", *COUNTS, "files", "widest_text")
REJECTS = ("rejects_sha256", "rejects_bytes")
DATASETS = {
    "prices": (*OF_SOURCE, *REJECTS, "source_years"),
    "jumps": ("schema", "rows", "files"),
    "ratio_prices": ("schema", "rows", "files"),
    "fundamentals": OF_SOURCE,
    "stocks": OF_SOURCE,
    "observed_fundamentals": ("schema", "rows", "files", "observed"),
    "observed_stocks": ("schema", "rows", "files", "observed"),
    "index_prices": (*OF_SOURCE, *REJECTS),
    "rankings": ("schema", "rows", "files"),
}
"""The keys of each dataset in their order: what is not known of one is left out, and not null."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """A lake of a few rows, two of them bad, made at `NOW`, and what its export returned."""
    top = tmp_path_factory.mktemp("manifest")
    source = database(
        top / "app.db",
        stocks=[stock("A B")],
        daily_prices=[{"ticker": "A B", "date": "2024-01-01x", "close": 5.0},
                      *trading_year("A B", END)],
        fundamentals=[{"ticker": "A B", "fiscal_date": "2023-12-31", "fetched_date": "2024-03-01"}],
        index_prices=[{"index_id": "X", "date": "2024-05-02", "close": 100.0},
                      {"index_id": "X", "date": "2024-05-03", "close": -1.0}],
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        clock_says(patch, NOW)
        return top / "lake", export(source, top / "lake", SWEDEN)


@pytest.fixture
def root(made: tuple[Path, Manifest]) -> Path:
    """The lake."""
    return made[0]


@pytest.fixture
def written(root: Path) -> dict[str, Any]:
    """The manifest as any program reads it."""
    read: dict[str, Any] = json.loads((root / "current" / MANIFEST).read_bytes())
    return read


def test_the_keys_are_these_in_this_order(written: dict[str, Any]) -> None:
    assert tuple(written) == TOP
    assert {name: tuple(entry) for name, entry in written["datasets"].items()} == DATASETS
    files = [file for entry in written["datasets"].values() for file in entry["files"]]
    assert {tuple(f) for f in files} == {("path", "year", "rows", "bytes", "sha256", "nulls")}
    phases = {tuple(phase) for phase in written["phases"]}
    assert phases == {("phase", "rows", "seconds", "before_mb", "peak_mb")}
    integrity = written["integrity"]
    assert tuple(integrity) == ("as_of", "priced_to", "exchange", "calendar", "checks")
    assert {tuple(c) for c in integrity["checks"]} == {("name", "status", "message", "value")}


def test_times_and_dates_are_text(root: Path, written: dict[str, Any]) -> None:
    assert written["created_at"] == "2024-06-01T18:05:07+00:00"
    assert written["version"] == (root / "current").readlink().name
    assert written["version"].startswith("20240601T180507Z-")
    integrity = written["integrity"]
    told = (written["as_of"], integrity["as_of"], integrity["priced_to"])
    assert told == ("2024-05-31",) * 3
    assert integrity["calendar"][29:31] == ["2024-05-31", "2024-06-03"]


def test_what_made_it_is_told(written: dict[str, Any]) -> None:
    assert written["schema_version"] == SCHEMA_VERSION
    told = (written["rules"], written["contract"], written["release"])
    assert told == (rules_hash(), contract_hash(), __version__)
    assert tuple(written["libraries"]) == ("polars", "pyarrow", "connectorx", "dataframely")
    assert written["failed_checks"] == []
    assert written["universe"] == {
        "name": "sweden", "markets": ["stockholmsborsen", "first_north"], "currency": "SEK",
        "floors": [["0001-01-01", 500.0], ["2023-06-01", 2000.0]],
        "index": "OMXS30", "returns_in": "local", "trusted_jumps": [], "jump_threshold": 2.5,
        "strategies": [],
    }  # fmt: skip


def test_the_state_of_the_database_is_told(root: Path, written: dict[str, Any]) -> None:
    source, stat = written["source"], (root.parent / "app.db").stat()
    times = [stat.st_mtime_ns, stat.st_ctime_ns]
    assert len(source.pop("header")) == 16
    assert source == {
        "path": str(root.parent / "app.db"), "bytes": stat.st_size, "times": times,
        "inode": stat.st_ino, "wal": None, "wal_header": None, "shm_header": None,
    }  # fmt: skip


def test_the_rows_of_each_dataset_are_counted(written: dict[str, Any]) -> None:
    counts = {
        name: [entry.get(key) for key in COUNTS] for name, entry in written["datasets"].items()
    }
    assert counts == {
        "prices": [288, 287, {"bad_date": 1}, {}],
        "jumps": [None, 0, None, None],
        "ratio_prices": [None, 0, None, None],
        "fundamentals": [1, 1, {}, {}],
        "stocks": [1, 1, {}, {}],
        "observed_fundamentals": [None, 1, None, None],
        "observed_stocks": [None, 1, None, None],
        "index_prices": [2, 1, {"close_not_positive": 1}, {"ohl_missing": 1}],
        "rankings": [None, 4, None, None],
    }
    assert written["datasets"]["prices"]["source_years"] == {"2023": 177, "2024": 111}
    assert written["datasets"]["observed_stocks"]["observed"] == {
        "since": "2024-06-01", "day": "2024-06-01",
        "seen": 1, "new": 1, "kept": 1, "waiting": 0, "struck": 0, "marked_by": standing_hash(),
    }  # fmt: skip


def test_files_have_a_year_or_null(written: dict[str, Any]) -> None:
    files = {
        name: [(file["path"], file["year"]) for file in entry["files"]]
        for name, entry in written["datasets"].items()
    }
    assert files == {
        "prices": [("prices/year=2023/0.parquet", 2023), ("prices/year=2024/0.parquet", 2024)],
        "jumps": [("jumps/0.parquet", None)],
        "ratio_prices": [],
        "fundamentals": [("fundamentals/year=2024/0.parquet", 2024)],
        "stocks": [("stocks/0.parquet", None)],
        "observed_fundamentals": [("observed_fundamentals/0.parquet", 2024)],
        "observed_stocks": [("observed_stocks/0.parquet", 2024)],
        "index_prices": [("index_prices/year=2024/0.parquet", 2024)],
        "rankings": [("rankings/0.parquet", None)],
    }
    (levels,) = written["datasets"]["index_prices"]["files"]
    assert levels["nulls"] == {"open": 1, "high": 1, "low": 1}
    schema = written["datasets"]["prices"]["schema"]
    assert schema == {
        "ticker": "String", "date": "Date", "open": "Float32", "high": "Float32",
        "low": "Float32", "close": "Float32", "volume": "UInt32",
    }  # fmt: skip


def test_phases_have_rows_or_null(written: dict[str, Any]) -> None:
    assert [(phase["phase"], phase["rows"]) for phase in written["phases"]] == [
        ("copy", None), ("changes", None), ("prices", 287), ("jumps", 0), ("fundamentals", 1),
        ("stocks", 1), ("index_prices", 1), ("observed_fundamentals", 1),
        ("observed_stocks", 1), ("ratio_prices", 0), ("rankings", 4),
        ("integrity", None),
    ]  # fmt: skip


def test_an_export_returns_what_it_wrote(made: tuple[Path, Manifest]) -> None:
    root, manifest = made
    assert manifest == Lake(root).manifest


def test_what_is_read_and_written_again_is_the_same_text(root: Path) -> None:
    raw = (root / "current" / MANIFEST).read_bytes()
    assert lake.text(lake.parse(raw)).encode() + b"\n" == raw
    assert lake.parse(raw) == Lake(root).manifest


LATER = ("rules", "contract", "release")
"""What the first releases with this layout did not write, beside the bytes of the rejects."""


def test_a_manifest_of_an_older_release_is_read(root: Path, written: dict[str, Any]) -> None:
    for key in LATER:
        del written[key]
    for entry in written["datasets"].values():
        entry.pop("rejects_bytes", None)
    old, new = lake.parse(json.dumps(written).encode()), Lake(root).manifest
    assert (old.rules, old.contract, old.release) == ("", "", "")
    assert old.datasets["prices"].rejects_bytes is None
    assert old.datasets["prices"].rejects_sha256 == new.datasets["prices"].rejects_sha256
    assert old.datasets["rankings"] == new.datasets["rankings"]
    assert (old.as_of, old.source, old.phases) == (new.as_of, new.source, new.phases)
    assert json.loads(lake.text(old)) == written


def test_what_a_later_release_adds_is_passed_over(root: Path, written: dict[str, Any]) -> None:
    written["datasets"]["prices"]["added"] = written["added"] = {"later": 1}
    assert lake.parse(json.dumps(written).encode()) == Lake(root).manifest
