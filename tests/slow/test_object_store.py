"""Pushing and pulling with an S3 server, and with a store that fails."""

import shutil
import socket
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import httpx2
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from werkzeug.serving import make_server

from pipelines.errors import RemoteError
from pipelines.lake import Lake, current_id, marks, rollback, verified
from pipelines.ranking import rankings
from pipelines.store import Bucket, publications, pull, push
from pipelines.store.publications import publish
from pipelines.universe import SWEDEN
from tests.unit.store.test_store import V1, V2, made

pytestmark = pytest.mark.slow

RACERS, TIMES = 4, 20


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server in a thread, with a bucket."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    app = moto.DomainDispatcherApplication(moto.create_backend_app)
    # One request after the other: with several at a time, moto looks and writes in two steps.
    running = make_server("127.0.0.1", 0, app, threaded=False)
    thread = Thread(target=running.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{running.server_port}"
    httpx2.put(f"{url}/stocks").raise_for_status()
    yield url
    running.shutdown()
    thread.join()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key")


def at(monkeypatch: pytest.MonkeyPatch, server: str, folder: str, *, seconds: float = 30) -> Bucket:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    return Bucket(f"s3://stocks/{folder}", seconds=seconds)


def test_a_market_is_the_same_after_push_and_pull(
    server: str, monkeypatch: pytest.MonkeyPatch, demo_market: Path, tmp_path: Path
) -> None:
    bucket, root, copy = at(monkeypatch, server, "market"), tmp_path / "lake", tmp_path / "copy"
    shutil.copytree(demo_market / "lake", root, symlinks=True)
    push(root, bucket)
    assert pull(copy, bucket).publication.version == current_id(root)
    assert not any(found.problems for found in verified(Lake(copy)))
    there, here = (ranked(Lake(lake)) for lake in (root, copy))
    assert_frame_equal(there, here)
    assert not there.is_empty()


def ranked(lake: Lake) -> pl.DataFrame:
    return rankings(lake, as_of=lake.as_of, universe=SWEDEN).collect(engine="streaming")


def raced(url: str, version: str) -> list[int]:
    bucket = Bucket(url, make=True)
    return [publish(bucket, version).number for _ in range(TIMES)]


@pytest.mark.parametrize("kind", ["s3", "file"])
def test_racing_publications_never_share_a_number(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    url = "s3://stocks/race" if kind == "s3" else f"file://{tmp_path}/store"
    with get_context("spawn").Pool(RACERS) as pool:
        numbers = pool.starmap(raced, [(url, V1)] * RACERS)
    assert sorted(n for many in numbers for n in many) == list(range(1, RACERS * TIMES + 1))
    assert len(publications(Bucket(url))) == RACERS * TIMES


def test_a_roll_back_reaches_those_who_pull(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket, root, copy = at(monkeypatch, server, "back"), tmp_path / "lake", tmp_path / "copy"
    made(root, V1, "old")
    push(root, bucket)
    made(root, V2, "new")
    push(root, bucket)
    pull(copy, bucket)
    assert current_id(copy) == V2
    rollback(root)
    push(root, bucket)
    pull(copy, bucket)
    assert current_id(copy) == V1
    assert marks.rolled_back(copy, V1) == V2


# ------------------------------------------------------------------------- a store that fails


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made(tmp_path / "lake", V1, "old")
    return tmp_path / "lake"


def refused(bucket: Bucket, root: Path) -> str:
    """Return what a push and a pull say, each within a minute; the lake stays as it was."""
    told = []
    for act in (push, pull):
        begun = time.monotonic()
        with pytest.raises(RemoteError) as error:
            act(root, bucket)
        assert time.monotonic() - begun < 60
        told.append(str(error.value))
    assert current_id(root) == V1
    assert told[0] == told[1]
    assert "secret" not in told[0]
    return told[0]


def test_a_silent_store(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bucket = at(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}", "x", seconds=1)
        assert "the store does not answer" in refused(bucket, root)


def test_a_store_that_is_down(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "the store does not answer" in refused(
        at(monkeypatch, f"http://127.0.0.1:{port}", "x", seconds=1), root
    )


def test_no_such_bucket(server: str, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    assert "no such bucket" in refused(Bucket("s3://nowhere/lake"), root)
