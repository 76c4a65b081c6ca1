"""Sweeps in spawned processes and on a Dask cluster: equal to those in one, whatever dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.bars import silent
from pipelines.errors import Unfinished
from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES, Every, first_days, many
from pipelines.research import Inputs, backtests
from pipelines.sweep import Driver, Ranking, here, on_cluster, write_history
from pipelines.sweep import dask as on_dask
from pipelines.sweep.processes import TRIES, spawned
from pipelines.sweep.task import Counts, Failed, Task
from pipelines.universe import SWEDEN
from tests.processes import children, end_of

SINCE = "2026-06-01"


@pytest.fixture(scope="module")
def lake(demo_market: Path) -> Lake:
    return Lake(demo_market / "lake")


@pytest.fixture(scope="module", autouse=True)
def _small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "TOGETHER", 120 * 16)
        yield


@pytest.fixture(scope="module")
def write(lake: Lake, _small_blocks: None) -> Callable[..., Any]:
    dates = first_days(lake, since=date.fromisoformat(SINCE), every=Every.DAY)

    def write(out: Path, driver: Driver, **options: Any) -> Any:
        return write_history(
            lake, out, dates=dates, universe=SWEDEN, progress=silent, driver=driver, **options
        )

    return write


@pytest.fixture(scope="module")
def expected(
    lake: Lake, write: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("expected") / "out"
    write(out, here(lake))
    return content(out)


def content(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*.parquet"))}


def test_processes_write_what_one_does(
    tmp_path: Path, write: Callable[..., Any], expected: dict[str, bytes]
) -> None:
    done = write(tmp_path / "out", spawned(2))
    assert content(tmp_path / "out") == expected
    assert (done.blocks, len(done.peaks)) == (len(expected), 2)
    assert all(50 < peak < 700 for peak in done.peaks.values())
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def acting_at_a_third(driver: Driver, act: Callable[[Counts], object]) -> Driver:
    """Return the driver that acts after a third of the results, on the one that came last."""

    def acting(tasks: Sequence[Task]) -> Generator[object]:
        for number, result in enumerate(driver(tasks)):
            yield result
            if number == len(tasks) // 3:
                assert isinstance(result, Counts)
                act(result)

    return acting


def test_the_block_of_a_process_that_is_killed_is_done_by_another(
    tmp_path: Path, write: Callable[..., Any], expected: dict[str, bytes]
) -> None:
    killed: list[str] = []

    def kill(result: Counts) -> None:
        """Kill the process that sent it, which has the next block by then."""
        killed.append(result.worker)
        os.kill(int(result.worker.rpartition(":")[2]), signal.SIGKILL)

    done = write(tmp_path / "out", acting_at_a_third(spawned(2), kill))
    assert content(tmp_path / "out") == expected
    assert len(done.peaks) == 3
    assert set(killed) < set(done.peaks)


class Deadly:
    """A task that ends whoever reads it."""

    number = 0
    dates = (date(2026, 1, 2), date(2026, 1, 30))

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


def test_a_block_that_ends_every_process_is_given_up() -> None:
    (failed,) = spawned(2)([Deadly()])  # type: ignore[list-item]
    assert isinstance(failed, Failed)
    assert failed.why == (
        f"the process that ranked 2026-01-02 to 2026-01-30 ended with 9, {TRIES} times; see that "
        "there is memory enough"
    )


def test_a_sweep_that_fails_leaves_no_process(tmp_path: Path, write: Callable[..., Any]) -> None:
    before = children(os.getpid())

    def failing(tasks: Sequence[Task]) -> Generator[object]:
        results = spawned(2)(tasks)
        yield next(results)
        try:
            yield None
        finally:
            results.close()

    with pytest.raises(Unfinished, match="NoneType"):
        write(tmp_path / "out", failing)
    assert children(os.getpid()) == before


def test_a_backtest_by_processes_is_that_of_one(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "RANKS_TOGETHER", 120 * 2)
    inputs = Inputs(universe=SWEDEN, since=date(2026, 1, 1), until=lake.as_of)
    chosen = [STRATEGIES["trendande_varde"], STRATEGIES["sammansatt_momentum"]]
    (first, second) = backtests(lake, chosen, inputs, silent)
    with Ranking(driver_of=lambda *_: spawned(2), beside=tmp_path / "out") as ranked:
        found = backtests(lake, chosen, inputs, silent, ranked)
    assert len(ranked.swept[0].peaks) == 2
    for one, other in zip((first, second), found, strict=True):
        assert one.nav.equals(other.nav)
        assert one.ledger.equals(other.ledger)
        assert one.sheet.metrics == other.sheet.metrics
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------- the command


def begun(lake: Lake, out: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipelines.history", "--lake", str(lake.path.parents[1]),
               "--out", str(out), "--every", "day", "--from", "2024-01-01",
               *words]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(is_true: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_its_parts_and_no_process(
    lake: Lake, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    with begun(lake, out, "--processes", "2") as process:
        until(lambda: list(tmp_path.glob(".parts-out-*/0*")))
        workers = children(process.pid)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert len(workers) == 2
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(number, -number)
    if number is signal.SIGINT:
        assert told.startswith("error: stopped; ")
        assert "give --resume" in told
    end_of(*workers, seconds=60)
    assert not out.exists()
    if number is not signal.SIGINT:
        return
    with begun(lake, out, "--processes", "2", "--resume") as process:
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "taken from before" in told
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


# ---------------------------------------------------------------------------- a Dask cluster


@dataclass(frozen=True)
class Cluster:
    """A scheduler with two workers, and the workers' processes."""

    process: subprocess.Popen[str]
    address: str

    @property
    def workers(self) -> list[int]:
        return [child for child in children(self.process.pid) if "spawn_main" in command_of(child)]


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pytest.importorskip("distributed", reason="the extra `cluster` is absent")
    command = [sys.executable, "-m", "pipelines.cluster", "--workers", "2", "--port", "0"]
    env = os.environ | {"TMPDIR": str(tmp_path_factory.mktemp("cluster"))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            told = process.stdout.readline() if process.stdout else ""
            started = Cluster(process, told.split(" at ")[1].split(";")[0])
            workers = started.workers
            yield started
        finally:
            process.send_signal(signal.SIGINT)
    end_of(*workers, seconds=60)


def test_a_cluster_listens_on_loopback_alone(cluster: Cluster) -> None:
    """The scheduler, the workers, and their pages."""
    sockets = set()
    for pid in (cluster.process.pid, *cluster.workers):
        links = Path(f"/proc/{pid}/fd").iterdir()
        sockets |= {str(link.readlink()).strip("socket:[]") for link in links if link.is_symlink()}
    rows = [line.split() for name in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]  # fmt: skip
    listening = [row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets]
    assert len(listening) >= 8
    assert set(listening) == {"0100007F"}


def test_a_cluster_writes_what_one_process_does(
    tmp_path: Path, write: Callable[..., Any], expected: dict[str, bytes], cluster: Cluster
) -> None:
    done = write(tmp_path / "out", on_cluster(cluster.address))
    assert content(tmp_path / "out") == expected
    assert done.blocks == len(expected)
    assert len(done.peaks) in {1, 2}  # the scheduler may leave all to one
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_worker_of_a_cluster_that_is_killed(
    tmp_path: Path, write: Callable[..., Any], expected: dict[str, bytes], cluster: Cluster
) -> None:
    driver = acting_at_a_third(
        on_cluster(cluster.address), lambda _: os.kill(cluster.workers[0], signal.SIGKILL)
    )
    write(tmp_path / "out", driver)
    assert content(tmp_path / "out") == expected


def test_a_cluster_whose_workers_are_gone(
    tmp_path: Path, write: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is absent")
    monkeypatch.setattr(on_dask, "WITHOUT_WORKERS", 1.0)
    monkeypatch.setattr(on_dask, "LOOK_SECONDS", 0.2)
    loopback = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, **loopback) as own:
        driver = acting_at_a_third(on_cluster(own.scheduler_address), lambda _: own.scale(0))
        with pytest.raises(Unfinished, match=r" has had no worker for 1 s; start some; "):
            write(tmp_path / "out", driver)


def test_a_scheduler_that_hangs(
    tmp_path: Path, write: Callable[..., Any], cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_dask, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(on_dask, "LOOK_SECONDS", 0.2)
    started = time.monotonic()
    try:
        with pytest.raises(Unfinished, match=r"^the scheduler at .* does not answer any more; "):
            write(tmp_path / "out", acting_at_a_third(
                on_cluster(cluster.address), lambda _: cluster.process.send_signal(signal.SIGSTOP)
            ))  # fmt: skip
    finally:
        cluster.process.send_signal(signal.SIGCONT)
    assert time.monotonic() - started < 60
    assert not (tmp_path / "out").exists()


def test_a_scheduler_that_is_killed_ends_the_command(
    lake: Lake, tmp_path: Path, cluster: Cluster
) -> None:
    """The last test of the cluster."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    with begun(lake, out, "--cluster", cluster.address) as process:
        until(lambda: list(tmp_path.glob(".parts-out-*/0*")))
        cluster.process.kill()
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert told.startswith(f"error: the scheduler at {cluster.address} is gone; ")
    assert "give --resume" in told
    assert not out.exists()
    for folder in (whole, out):
        with begun(lake, folder, "--processes", "1", "--resume") as process:
            told, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    assert "taken from before" in told
    assert content(out) == content(whole)


def test_no_scheduler_is_told_soon(tmp_path: Path, write: Callable[..., Any]) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is absent")
    with pytest.raises(Unfinished, match=r"^no scheduler answers at tcp://127.0.0.1:9: "):
        write(tmp_path / "out", on_cluster("tcp://127.0.0.1:9", seconds=0.5))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "address", "told"),
    [
        ({}, "tls://127.0.0.1:9", "tls://127.0.0.1:9 wants certificates; set DASK_DISTRIBUTED__"),
        ({"require-encryption": True}, "tcp://127.0.0.1:9", "tcp://127.0.0.1:9 is not encrypted, "),
        (
            {"tls.ca-file": "/", "tls.client.cert": "/nix"},
            "tls://127.0.0.1:9",
            "DASK_DISTRIBUTED__COMM__TLS__* name ",
        ),
    ],
)
def test_certificates_that_do_not_fit_the_address(
    tmp_path: Path, write: Callable[..., Any], settings: dict[str, Any], address: str, told: str
) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is absent")
    import dask  # noqa: PLC0415 - an extra

    comm = {f"distributed.comm.{name}": value for name, value in settings.items()}
    with dask.config.set(comm), pytest.raises(Unfinished) as caught:
        write(tmp_path / "out", on_cluster(address))
    assert str(caught.value).startswith(told)
