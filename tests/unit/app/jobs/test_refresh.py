"""The refresh in the service: what it loads. Its runs are in `tests/e2e/test_refresh.py`."""

import subprocess
import sys
from pathlib import Path
from typing import Final

HEAVY: Final = {"pandas", "pyarrow", "connectorx", "dataframely", "exchange_calendars"}


def test_the_refresh_loads_nothing_that_only_the_export_needs() -> None:
    modules = "app.jobs.schedule, app.jobs.refresh"
    code = f"import sys, {modules}; print(sorted(set(sys.modules) & {HEAVY!r}))"
    command = [sys.executable, "-c", code]
    root = Path(__file__).parents[4]
    printed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert printed.stdout == "[]\n"
