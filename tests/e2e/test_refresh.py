"""Refreshes in real processes: what is published, what is told, and what is left of them."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from app.jobs import Job
from app.jobs.refresh import EXPORT, Refresher, Running, Stopping
from app.watch import rules
from app.watch.events import Events
from pipelines import lake
from pipelines.lake import Lake, layout
from pipelines.lake.publishing import writing
from pipelines.refresh import recorded_export
from pipelines.runtime import resident_mb
from pipelines.settings import Settings, UniverseSettings
from pipelines.universe import SWEDEN
from tests.factories import change, database, stock, trading_year
from tests.processes import end_of, is_gone

pytestmark = pytest.mark.slow

END: Final = date(2026, 11, 20)
PLENTY_MB: Final = 4000.0
ROOT: Final = Path(__file__).parents[2]

HANG: Final = "import time\ntime.sleep(600)"
PARENT: Final = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {HANG!r}])
print(f"child {{child.pid}}", file=sys.stderr, flush=True)
child.wait()
"""
HOG: Final = """
import sys, time
print('{"begins": "rankings"}', file=sys.stderr, flush=True)
block = b"x" * 700_000_000
time.sleep(600)
"""
EXPORTS: Final = f"import os\nos.execv({sys.executable!r}, {list(EXPORT)!r})"
FRUGAL: Final = f"""
import os
if os.environ.get("POLARS_MAX_THREADS") == "1":
    {EXPORTS.splitlines()[1]}
{HOG}
"""


class World:
    """A service's refreshes, and what a subscriber hears of them."""

    def __init__(self, folder: Path) -> None:
        self.source: Final = folder / "app.db"
        self.lake: Final = folder / "lake"
        self.folder: Final = self.lake / "service"
        self.settings = Settings(source=self.source, lake=self.lake)
        self.heard: list[dict[str, Any]] = []

    def refresher(self, script: str | None = None, **options: Any) -> Refresher:
        """One that runs a script in place of the export, if there is one."""
        command: Sequence[str] = EXPORT if script is None else (sys.executable, "-c", script)
        self.events = Events()
        given = {"command": command, "limit_mb": PLENTY_MB} | options
        return Refresher(self.settings, self.folder, self.events, **given)

    def run(self, body: Callable[[], Awaitable[Any]]) -> Any:
        """What a coroutine returns; `heard` are the events meanwhile."""

        async def main() -> Any:
            async with self.events.subscribe() as subscription:
                result = await body()
                subscription.close()
                self.heard += [e.data async for e in subscription if e.kind == "refresh"]
            return result

        return asyncio.run(asyncio.wait_for(main(), 120))

    def refresh(self, script: str | None = None, **options: Any) -> Job:
        """A refresh from its start to its end."""
        refresher = self.refresher(script, **options)

        async def body() -> Job | None:
            job = refresher.start("manual")
            assert refresher.current == job
            ended = await refresher.wait(job.job_id)
            assert refresher.current is None
            assert refresher.child_pid() is None
            assert refresher.history() == [ended, *self.older]
            await refresher.close()
            return ended

        self.older = refresher.history()
        job = self.run(body)
        assert isinstance(job, Job)
        assert job.finished_at
        assert job.started_at <= job.finished_at
        return job

    def while_running(
        self, refresher: Refresher, act: Callable[[int], Awaitable[Any] | None], until: str = ""
    ) -> Job:
        """The job of a refresh to which something is done once its log says so."""

        async def body() -> Job | None:
            job = refresher.start("manual")
            while not (pid := refresher.child_pid()) or until not in self.log(job):
                await asyncio.sleep(0.01)
            done = act(pid)
            if done is not None:
                await done
            return await refresher.wait(job.job_id)

        job = self.run(body)
        assert isinstance(job, Job)
        return job

    def log(self, job: Job) -> str:
        path = self.folder / "logs" / f"{job.job_id}.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    tickers = ["GOOD", *(f"S{n}" for n in range(8))]
    database(
        world.source,
        stocks=[stock(ticker) for ticker in tickers],
        daily_prices=[
            row for n, t in enumerate(tickers) for row in trading_year(t, END, growth=n / 50)
        ],
        fundamentals=[
            {
                "ticker": ticker,
                "fiscal_date": "2026-06-30",
                "fetched_date": "2026-08-01",
                "data_source": "avanza",
                "pe": 9.0 + n,
                "piotroski_f_score": 7,
            }
            for n, ticker in enumerate(tickers)
        ],
    )
    return world


# ------------------------------------------------------------------------------- succeeded


def test_a_refresh_publishes_a_version_and_tells_how_far_it_is(world: World) -> None:
    job = world.refresh()
    assert job.finished_at
    version = Lake(world.lake)
    rows = {name: entry.rows for name, entry in version.manifest.datasets.items()}
    ranks = version.rankings().drop_nulls("rank").collect()["strategy"].to_list()
    assert (job.status, job.progress, job.phase, job.error) == ("succeeded", 1.0, None, None)
    assert (job.version, job.unchanged, job.low_memory) == (version.version, False, False)
    assert (job.datasets, job.rows, job.rejected) == (rows, sum(rows.values()), 0)
    assert job.peak_memory_mb
    assert job.peak_memory_mb >= max(p.peak_mb for p in version.manifest.phases)
    assert job.result
    assert asdict(job.result) == {
        "version": version.version, "rows": job.rows, "rejected": 0,
        "seconds": round((job.finished_at - job.started_at).total_seconds(), 3),
        "peak_memory_mb": job.peak_memory_mb,
        "strategies": {name: ranks.count(name) for name in version.manifest.strategies},
        "unchanged": False,
    }  # fmt: skip
    assert job.result.strategies["sammansatt_momentum"] == 9
    assert [line["begins"] for line in map(json.loads, world.log(job).splitlines())
            if "begins" in line] == [*(p.phase for p in version.manifest.phases),
                                     "checks", "publish"]  # fmt: skip


def test_subscribers_hear_every_change_and_progress_never_goes_back(world: World) -> None:
    job = world.refresh()
    statuses = [heard["status"] for heard in world.heard]
    assert statuses == ["queued", *["running"] * (len(statuses) - 2), "succeeded"]
    progress = [heard["progress"] for heard in world.heard]
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0.0, 1.0)
    assert len(set(progress)) > 3
    assert all(a != b for a, b in pairwise(world.heard))
    assert world.heard[-1] == job.as_dict()


def test_a_refresh_of_an_unchanged_database_keeps_the_version(world: World) -> None:
    first, second = world.refresh(), world.refresh()
    assert (second.status, second.progress, second.unchanged) == ("succeeded", 1.0, True)
    assert second.version == first.version == lake.current_id(world.lake)
    assert lake.ended_runs(world.lake) == []  # the service itself remembers them
    assert (second.outcome, second.rows, second.datasets) == ("checked, nothing new", 0, None)
    assert second.estimated_seconds == round(first.seconds or 0, 1)
    assert second.result
    assert first.result
    assert second.result.strategies == first.result.strategies
    assert first.job_id != second.job_id


def test_the_log_tells_of_each_refresh(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "app.jobs"):
        first, second = world.refresh(), world.refresh()
        world.source.unlink()
        third = world.refresh()
    told = [record.__dict__.get("fields", {}) for record in caplog.records]
    states = [(line["refresh"], line["state"]) for line in told if "state" in line]
    assert states == [
        (first.job_id, "began"), (first.job_id, "published"),
        (second.job_id, "began"), (second.job_id, "checked, nothing new"),
        (third.job_id, "began"), (third.job_id, "failed"),
    ]  # fmt: skip
    assert told[-1]["log"] == str(world.folder / "logs" / f"{third.job_id}.log")
    assert str(world.source) in told[-1]["error"]
    assert {line["phase"] for line in told if "phase" in line} & set(lake.PHASES)
    assert "executed" not in caplog.text


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_files_of_the_lake_and_logs_follow_the_umask(world: World, mask: int) -> None:
    before = os.umask(mask)
    try:
        world.refresh()
        change(world.source, "UPDATE stocks SET name = 'other' WHERE ticker = 'S1'")
        recorded_export(world.source, world.lake, SWEDEN)
    finally:
        os.umask(before)
    modes = {p: p.stat().st_mode & 0o777 for p in world.lake.rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o666 & ~mask}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o777 & ~mask}
    names = {path.name for path in modes}
    assert {"manifest.json", "jobs.jsonl", "logs", "refreshes", ".lock"} <= names


def test_rejected_rows_are_counted(world: World) -> None:
    change(world.source, "INSERT INTO daily_prices (ticker, date, close) VALUES ('GOOD', 'x', 1)")
    job = world.refresh()
    assert job.status == "succeeded"
    assert job.rejected == 1
    assert job.result
    assert job.result.rejected == 1


def test_the_export_obeys_the_services_settings_and_not_its_surroundings(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stockrank.toml").write_text("nonsense = 1\n")
    monkeypatch.chdir(tmp_path)
    mine = UniverseSettings(markets=("first_north",), currency="SEK", min_market_cap=7.0)
    change(world.source, "UPDATE stocks SET market = 'first_north' WHERE ticker > 'S5'")
    world.settings = Settings(
        source=Path("app.db"), lake=Path("lake"), universe="mine", universes={"mine": mine},
        keep_versions=1,
    )  # fmt: skip
    monkeypatch.setenv("STOCKRANK_LAKE", "elsewhere")
    monkeypatch.setenv("STOCKRANK_WRONG", "x")
    monkeypatch.setenv("PYTHONPATH", "nowhere")
    made = []
    for number in range(3):
        job = world.refresh()
        assert job.status == "succeeded", job.error
        made.append(job.version)
        change(world.source, f"UPDATE stocks SET name = 'name {number}' WHERE ticker = 'S1'")
    assert job.result
    assert job.result.strategies["sammansatt_momentum"] == 2
    assert Lake(world.lake).manifest.universe.name == "mine"
    assert made[0] not in lake.version_ids(world.lake)
    assert not (tmp_path / "elsewhere").exists()


def test_the_export_does_not_learn_the_services_secrets(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOCKRANK_API_TOKEN", "hush-hush")
    monkeypatch.setenv("OTHER", "is passed on")
    job = world.refresh("import os, sys\nprint(dict(os.environ), file=sys.stderr)")
    assert "is passed on" in world.log(job)
    assert "hush-hush" not in world.log(job)
    assert "API_TOKEN" not in world.log(job)


# ---------------------------------------------------------------------------------- failed


def test_an_error_of_the_export_is_the_error_of_the_refresh(world: World) -> None:
    before = world.refresh().version
    world.source.unlink()
    job = world.refresh()
    assert (job.status, job.error_type, job.version) == ("failed", "SourceError", None)
    assert job.error
    assert job.error.startswith("no database at app.db; ")
    assert str(world.source.parent) not in job.error
    assert (job.result, job.low_memory) == (None, False)
    assert lake.current_id(world.lake) == before


def test_a_version_that_fails_its_checks_is_told_by_its_type(world: World) -> None:
    before = world.refresh().version
    change(world.source, f"DELETE FROM daily_prices WHERE date = '{END}'")
    job = world.refresh()
    assert (job.status, job.phase, job.error_type) == ("failed", "checks", "ChecksFailed")
    assert job.error
    assert job.error.startswith("not published: the newest price is of 2026-11-19")
    assert 0.5 < job.progress < 1
    assert lake.current_id(world.lake) == before


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("raise MemoryError('of a list')", "ended with exit code 1: MemoryError: of a list; "),
        ("raise SystemExit(7)", "ended with exit code 7; "),
        ("print('no manifest')", "ended with exit code 0; "),
        ("print('[1]')", "ended with exit code 0; "),
        ("import os\nos.write(2, b'half a line')\nos.abort()",
         "was ended by signal 6 (Aborted): half a line; "),
    ],
    ids=["exception", "exit", "no JSON", "no manifest", "abort"],
)  # fmt: skip
def test_a_crash_says_how_and_where_its_log_is(world: World, script: str, error: str) -> None:
    job = world.refresh(script)
    expected = f"the export {error}see logs/{job.job_id}.log, and try again"
    assert (job.status, job.error) == ("failed", expected)
    assert job.error_type == ("Killed" if "signal" in error else "Crashed")
    assert (world.folder / "logs" / f"{job.job_id}.log").exists()


def test_the_phase_of_a_crash_is_told(world: World) -> None:
    script = """
import sys
print('{"begins": "prices"}', file=sys.stderr)
print('{"table": "daily_prices", "done": 5, "total": 10}', file=sys.stderr)
sys.exit(3)
"""
    job = world.refresh(script)
    assert job.error
    assert job.error.startswith("the export ended with exit code 3 in prices; see ")
    assert (job.phase, job.rows) == ("prices", 5)
    assert job.progress == pytest.approx(0.12 + lake.PHASES["prices"] * 0.8 / 2)


def test_an_export_that_hangs_is_ended(world: World) -> None:
    world.settings = world.settings.model_copy(update={"refresh_timeout_minutes": 0.005})
    job = world.refresh(HANG)
    assert (job.status, job.error_type) == ("failed", "Hung")
    assert job.error == (
        "the export made no progress for 0.005 minutes and was ended; "
        f"see logs/{job.job_id}.log, and try again"
    )


def test_an_export_that_is_stopped_is_ended_with_an_alert_and_leaves_no_copy(world: World) -> None:
    before = world.refresh().version
    change(world.source, "UPDATE stocks SET name = 'other' WHERE ticker = 'S1'")
    world.settings = world.settings.model_copy(update={"refresh_timeout_minutes": 0.05})
    refresher = world.refresher()
    seen: list[Path] = []

    def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        seen.extend(layout.leftovers(world.lake))

    job = world.while_running(refresher, stop, until='"begins": "copy"')
    assert (job.status, job.error_type) == ("failed", "Hung")
    assert len(seen) == 1  # it had begun to write
    assert list(layout.leftovers(world.lake)) == []
    assert lake.current_id(world.lake) == before
    alert = {seen.key: seen.message for seen in rules.of_jobs(refresher.history())}
    assert "made no progress for 0.05 minutes and was ended" in (alert["refresh_failed"] or "")


def test_what_cannot_be_started_has_failed(world: World) -> None:
    world.folder.mkdir(parents=True)
    (world.folder / "logs").touch()
    job = world.refresh()
    assert (job.status, job.error_type) == ("failed", "NotStarted")
    assert job.error == (
        "the export cannot be started: lake/service/logs: File exists; mend that first"
    )


def test_a_lake_that_cannot_be_read_is_the_error_of_the_refresh(world: World) -> None:
    (world.lake / "current").mkdir(parents=True)
    job = world.refresh()
    assert (job.status, job.error_type) == ("failed", "LakeError")
    assert job.error
    assert job.error.startswith("lake/current is no link to a version; move it away")


def test_a_refresh_that_another_process_writes_beside_has_failed(world: World) -> None:
    with writing(world.lake):
        job = world.refresh()
    assert (job.status, job.error_type) == ("failed", "Locked")


# ---------------------------------------------------------------------------------- memory


def test_an_export_above_its_budget_is_ended_and_tried_once_more(world: World) -> None:
    limit = resident_mb() + 500
    job = world.refresh(HOG, limit_mb=limit)
    assert (job.status, job.error_type, job.low_memory) == ("failed", "OutOfMemory", True)
    assert job.error
    assert job.error.startswith("the export used ")
    assert f"MB that are left to it, also in low-memory mode; raise the memory limit of {limit:,.0f} MB" in job.error  # fmt: skip # noqa: E501
    assert job.peak_memory_mb
    assert 500 < job.peak_memory_mb < 800
    assert len(set(map(str, (heard["low_memory"] for heard in world.heard)))) == 2


def test_the_second_attempt_may_succeed(world: World) -> None:
    job = world.refresh(FRUGAL, limit_mb=resident_mb() + 500)
    assert (job.status, job.error, job.low_memory) == ("succeeded", None, True)
    assert job.version == lake.current_id(world.lake)
    assert job.peak_memory_mb
    assert job.peak_memory_mb > 500, "the peak of the first attempt counts too"
    progress = [heard["progress"] for heard in world.heard]
    assert progress == sorted(progress)
    assert progress[-1] == 1


def test_a_peak_between_two_samples_is_known_from_the_log(world: World) -> None:
    line = '{"phase": "prices", "peak_mb": 12345.6}'
    assert world.refresh(f"import sys\nsys.exit({line!r})").peak_memory_mb == 12345.6


def test_an_export_that_the_kernel_ends_for_memory_is_tried_once_more(world: World) -> None:
    kills = iter([5, 6, 6, 6])
    killing = "import os\nif 'POLARS_MAX_THREADS' not in os.environ: os.kill(os.getpid(), 9)\n"
    job = world.refresh(killing + EXPORTS, oom_kills=lambda: next(kills))
    assert (job.status, job.low_memory) == ("succeeded", True)


def test_an_export_that_the_kernel_ends_twice_has_failed(world: World) -> None:
    kills = iter([5, 6, 6, 7])
    job = world.refresh("import os\nos.kill(os.getpid(), 9)", oom_kills=lambda: next(kills))
    assert (job.status, job.low_memory, job.error_type) == ("failed", True, "OutOfMemory")
    assert job.error
    assert "the kernel ended the export" in job.error


# --------------------------------------------------------------------------- ended from out


def test_a_kill_from_outside_is_told_and_not_tried_again(world: World) -> None:
    refresher = world.refresher(HANG)
    job = world.while_running(refresher, lambda pid: os.kill(pid, signal.SIGKILL))
    assert (job.status, job.error_type, job.low_memory) == ("failed", "Killed", False)
    assert job.error
    assert job.error.startswith("the export was ended by signal 9 (Killed); see ")


def test_a_service_that_stops_takes_the_export_and_its_children_along(world: World) -> None:
    refresher = world.refresher(PARENT)
    pids = []

    async def close(pid: int) -> None:
        assert not is_gone(pid)
        pids.append(pid)
        await refresher.close()
        assert is_gone(pid)

    job = world.while_running(refresher, close, until="child ")
    assert (job.status, job.error_type) == ("failed", "Stopped")
    assert job.error == "the service was stopped while the refresh ran; start it again"
    end_of(int(world.log(job).split()[1]))
    with pytest.raises(Stopping, match="start the refresh when it is back"):
        refresher.start("manual")


def test_nothing_that_an_export_started_outlives_it(world: World) -> None:
    job = world.refresh(PARENT.replace("child.wait()", "sys.exit(3)"))
    assert job.error_type == "Crashed"
    end_of(int(world.log(job).split()[1]))


def test_a_service_may_stop_before_the_export_has_begun(world: World) -> None:
    refresher = world.refresher(HANG)

    async def body() -> Job | None:
        job = refresher.start("manual")
        await refresher.close()
        return refresher.job(job.job_id)

    job = world.run(body)
    assert (job.status, job.error_type) == ("failed", "Stopped")


SERVICE: Final = """
import asyncio, sys
from pathlib import Path
from app.watch.events import Events
from app.jobs.refresh import Refresher
from pipelines.settings import Settings

async def main():
    folder, script = Path(sys.argv[1]), sys.argv[2]
    command = (sys.executable, "-c", script)
    refresher = Refresher(Settings(), folder, Events(), 4000, command=command)
    job = refresher.start("scheduled")
    while "ready" not in (refresher.log(job.job_id).read_text() if refresher.child_pid() else ""):
        await asyncio.sleep(0.01)
    print(job.job_id, refresher.child_pid(), flush=True)
    await refresher.wait(job.job_id)

asyncio.run(main())
"""


def test_no_export_survives_a_service_that_is_killed(world: World, tmp_path: Path) -> None:
    script = f"import sys\nprint('ready', file=sys.stderr, flush=True)\n{HANG}"
    world.lake.mkdir()
    command = [sys.executable, "-c", SERVICE, str(world.folder), script]
    with subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, text=True,
    ) as service:  # fmt: skip
        assert service.stdout
        job_id, pid = service.stdout.readline().split()
        assert not is_gone(int(pid))
        service.kill()
    end_of(int(pid))
    (job,) = world.refresher().history()
    assert (job.job_id, job.trigger, job.status) == (job_id, "scheduled", "failed")
    assert job.error == "the service ended while the refresh ran; start it again"


def test_the_export_gives_way_to_the_service(world: World) -> None:
    script = """
import os, sys
from pathlib import Path
print(os.nice(0), Path("/proc/self/oom_score_adj").read_text(), file=sys.stderr)
"""
    job = world.refresh(script)
    assert world.log(job).split() == [str(min(19, os.nice(0) + 10)), "1000"]


# --------------------------------------------------------------------------- one at a time


def test_one_refresh_runs_at_a_time(world: World) -> None:
    refresher = world.refresher(HANG)

    async def again(_: int) -> None:
        running = refresher.current
        assert running
        with pytest.raises(Running, match=running.job_id) as raised:
            refresher.start("scheduled")
        assert raised.value.job == running
        assert refresher.job(running.job_id) == running
        assert refresher.history() == []
        await refresher.close()

    world.while_running(refresher, again)
    assert len(refresher.history()) == 1


def test_who_waits_may_give_up_and_the_refresh_goes_on(world: World) -> None:
    refresher = world.refresher(HANG)

    async def wait(_: int) -> None:
        job = refresher.current
        assert job
        with suppress(TimeoutError):
            await asyncio.wait_for(refresher.wait(job.job_id), 0.01)
        assert refresher.current
        assert refresher.current.status == "running"
        await refresher.close()

    job = world.while_running(refresher, wait)
    assert job.error_type == "Stopped"


def test_nobody_waits_for_a_refresh_that_is_not_known(world: World) -> None:
    refresher = world.refresher()
    assert world.run(lambda: refresher.wait("no-such")) is None


def test_a_service_that_stops_after_a_lack_of_memory_makes_no_second_attempt(world: World) -> None:
    refresher = world.refresher(HOG, limit_mb=resident_mb() + 500)

    async def body() -> Job | None:
        job = refresher.start("manual")
        async with world.events.subscribe() as heard:
            async for event in heard:
                if (event.data["peak_memory_mb"] or 0) > 500:
                    # Over its budget, and not yet gone.
                    await refresher.close()
                    return refresher.job(job.job_id)
        return None

    job = world.run(body)
    assert (job.status, job.error_type, job.low_memory) == ("failed", "Stopped", False)
