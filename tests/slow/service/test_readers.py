"""A writer, an object store and two readers, as processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slow.service.conftest import small_market
from tests.slow.service.serving import Server, command, serving, until, version


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers")


@pytest.fixture(scope="module")
def store(place: Path) -> Path:
    return place / "store"


@pytest.fixture(scope="module")
def writer(place: Path, store: Path) -> Iterator[Server]:
    (place / "writer").mkdir()
    small_market(place / "writer")
    with serving(place / "writer", remote=f"file://{store}", remote_seconds="1") as started:
        yield started


@pytest.fixture(scope="module")
def readers(place: Path, store: Path) -> Iterator[list[Server]]:
    folders = [place / "first", place / "second"]
    for folder in folders:
        folder.mkdir()
    options = {"role": "reader", "remote": f"file://{store}", "remote_seconds": "1"}
    with serving(folders[0], **options) as first, serving(folders[1], **options) as second:
        yield [first, second]


def firing(server: Server) -> set[str]:
    return {alert["key"] for alert in server.json("/data/alerts")}


def test_what_the_writer_publishes_is_served_by_the_readers(
    writer: Server, readers: list[Server]
) -> None:
    assert [reader.get("/health/ready").status_code for reader in readers] == [503, 503]
    writer.refresh()
    for reader in readers:
        until(lambda reader=reader: version(reader) == version(writer), "the version of the writer")
        ranked = "/strategies/sammansatt_momentum"
        assert reader.json(ranked) == writer.json(ranked)
        until(lambda reader=reader: reader.json("/health")["status"] == "healthy", "health")
        assert reader.post("/data/sync-now").status_code == 409


def test_a_roll_back_reaches_the_readers(writer: Server, readers: list[Server]) -> None:
    before = version(writer)
    command(writer.folder, "pipelines.export", "--full", "--no-record")
    until(lambda: version(readers[0]) != before, "another version")
    command(writer.folder, "pipelines.versions", "rollback")
    for reader in readers:
        until(lambda reader=reader: version(reader) == before, "the version of before")


def test_a_store_that_fails_is_an_alert_and_harms_nobody(
    readers: list[Server], store: Path
) -> None:
    served = version(readers[0])
    aside = store.rename(store.with_name("aside"))
    store.write_text("no folder")
    for reader in readers:
        until(lambda reader=reader: "remote_failing" in firing(reader), "the alert")
        assert reader.json("/health")["status"] == "degraded"
        assert version(reader) == served
        assert str(store) not in reader.get("/health").text
    store.unlink()
    aside.rename(store)
    for reader in readers:
        until(lambda reader=reader: "remote_failing" not in firing(reader), "its end")
