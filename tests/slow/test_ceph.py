"""Pushing and pulling with Ceph's radosgw, an S3 server that answers many at a time."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import pytest
from polars.testing import assert_frame_equal

from pipelines.lake import Lake, current_id
from pipelines.store import Bucket, collect, publications, pull, push
from tests.documents import ROOT
from tests.slow.test_object_store import RACERS, TIMES, raced, ranked, refused
from tests.unit.store.test_store import V1, V2, made

SCRIPT: Final = ROOT.parent / "shared" / "tools" / "ceph_up.sh"
URL: Final = "http://127.0.0.1:7480"
KEYS: Final = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "a-secret-key"}


@pytest.fixture(scope="module")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with a user and a bucket; it is gone afterwards."""
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    if not SCRIPT.exists():
        pytest.skip("../shared is absent, which holds the script that starts Ceph")
    if not shutil.which("radosgw") or os.geteuid():
        pytest.skip("radosgw is not installed, or this is not root")
    folder = tmp_path_factory.mktemp("ceph")
    try:
        _run("bash", str(SCRIPT), str(folder))
        os.environ["CEPH_CONF"] = str(folder / "ceph.conf")
        _run(
            "radosgw-admin", "user", "create", "--uid=tests", "--display-name=tests",
            "--access-key=somebody", "--secret-key=a-secret-key",
        )  # fmt: skip
        client = boto3.client(
            "s3", endpoint_url=URL, region_name="us-east-1",
            aws_access_key_id="somebody", aws_secret_access_key="a-secret-key",
        )  # fmt: skip
        client.create_bucket(Bucket="stocks")
        yield URL
    finally:
        os.environ.pop("CEPH_CONF", None)
        for file in (folder / "run").glob("*.pid"):
            with suppress(ProcessLookupError, ValueError):
                os.kill(int(file.read_text()), signal.SIGKILL)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=120)


@pytest.fixture(autouse=True)
def credentials(ceph: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ({"AWS_ENDPOINT_URL": ceph} | KEYS).items():
        monkeypatch.setenv(name, value)


def test_a_market_is_the_same_after_push_and_pull(demo_market: Path, tmp_path: Path) -> None:
    bucket, root, copy = Bucket("s3://stocks/market"), tmp_path / "lake", tmp_path / "copy"
    shutil.copytree(demo_market / "lake", root, symlinks=True)
    push(root, bucket)
    assert pull(copy, bucket).publication.version == current_id(root)
    assert_frame_equal(ranked(Lake(copy)), ranked(Lake(root)))


def test_racing_publications_never_share_a_number() -> None:
    with get_context("spawn").Pool(RACERS) as pool:
        numbers = pool.starmap(raced, [("s3://stocks/race", V1)] * RACERS)
    assert sorted(n for many in numbers for n in many) == list(range(1, RACERS * TIMES + 1))
    assert len(publications(Bucket("s3://stocks/race"))) == RACERS * TIMES


def test_what_is_collected_is_what_nobody_needs(tmp_path: Path) -> None:
    bucket, root, copy = Bucket("s3://stocks/collected"), tmp_path / "lake", tmp_path / "copy"
    for version, text in ((V1, "old"), (V2, "new")):
        made(root, version, text)
        push(root, bucket)
    collect(bucket, keep=1, grace=timedelta(0))
    assert [one.version for one in publications(bucket)] == [V2]
    assert pull(copy, bucket).publication.version == V2


def test_a_wrong_key_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made(tmp_path / "lake", V1, "old")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret-key")
    told = refused(Bucket("s3://stocks/market", seconds=1), tmp_path / "lake")
    assert "the store refuses the credentials" in told
