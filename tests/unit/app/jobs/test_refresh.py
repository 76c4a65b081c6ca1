"""The refresh in the service: what it loads. Its runs are in `tests/e2e/test_refresh.py`."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from app.jobs.refresh import Refresher
from app.watch import Events
from pipelines.settings import Settings

HEAVY: Final = {"pandas", "pyarrow", "connectorx", "dataframely", "exchange_calendars"}


def test_the_memory_that_is_left_to_a_refresh_is_never_below_nothing(tmp_path: Path) -> None:
    refresher = Refresher(Settings(lake=tmp_path), tmp_path / "service", Events(), 1.0)
    assert refresher._budget_mb() == 0.0  # noqa: SLF001 - what it tells its child


def test_the_refresh_loads_nothing_that_only_the_export_needs() -> None:
    modules = "app.jobs.schedule, app.jobs.refresh"
    code = f"import sys, {modules}; print(sorted(set(sys.modules) & {HEAVY!r}))"
    command = [sys.executable, "-c", code]
    root = Path(__file__).parents[4]
    printed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert printed.stdout == "[]\n"
