"""The refresh in the service: what it loads. Its runs are in `tests/e2e/test_refresh.py`."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from app.jobs import Job, refresh
from app.jobs.environment import PASSED_ON, environment
from app.jobs.refresh import Refresher
from app.watch import Events
from pipelines.settings import PREFIX, Settings

HEAVY: Final = {"pandas", "pyarrow", "connectorx", "dataframely", "exchange_calendars"}


def test_the_memory_that_is_left_to_a_refresh_is_never_below_nothing(tmp_path: Path) -> None:
    refresher = Refresher(Settings(lake=tmp_path), tmp_path / "service", Events(), 1.0)
    assert refresher._budget_mb() == 0.0  # noqa: SLF001 - what it tells its child


def test_a_defect_of_the_service_is_in_its_log_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Path) -> None:
        raise KeyError("share")

    monkeypatch.setattr(refresh.lakes, "current_id", fails)

    async def failed() -> Job | None:
        refresher = Refresher(Settings(lake=tmp_path), tmp_path / "service", Events(), 1000.0)
        return await refresher.wait(refresher.start("manual").job_id)

    job = asyncio.run(failed())
    assert job is not None
    assert (job.status, job.error) == ("failed", "the service has a defect; see its log")
    assert f"refresh {job.job_id} failed by a defect" in caplog.text
    assert "KeyError: 'share'" in caplog.text


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"universe": "nordic", "published_universes": "sweden", "keep_versions": 3},
        {"universe": "mine", "universes": {"mine": {"markets": ["oslo"], "currency": "NOK"}}},
    ],
    ids=["none", "some", "universe"],
)
def test_a_refresh_has_the_settings_of_the_service(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, Any]
) -> None:
    settings = Settings(**values)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    found = Settings.load(Path(os.devnull))
    assert found.model_dump(include=PASSED_ON) == settings.model_dump(include=PASSED_ON)


def test_the_refresh_loads_nothing_that_only_the_export_needs() -> None:
    modules = "app.jobs.schedule, app.jobs.refresh"
    code = f"import sys, {modules}; print(sorted(set(sys.modules) & {HEAVY!r}))"
    command = [sys.executable, "-c", code]
    root = Path(__file__).parents[4]
    printed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert printed.stdout == "[]\n"
