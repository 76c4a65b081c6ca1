"""Lakes of the real data beside the project, each made once for all tests."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pipelines.settings import PREFIX
from tests.made_once import made_once

ROOT: Final = Path(__file__).parents[1]
SHARED: Final = ROOT.parent / "shared"
TOOL: Final = SHARED / "tools" / "build_real_db.py"
needs_real_data = pytest.mark.skipif(
    not TOOL.exists(), reason="there is no real data: ../shared is absent"
)
SETTINGS: Final = {
    "sp500": 'universe = "sp500"\n[universes.sp500]\n'
    'markets = ["sp500"]\ncurrency = "USD"\nmin_market_cap = 0\n',
    "nordic": "",
}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run Python in a folder, with no settings but those of its file."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=env | {"PYTHONPATH": str(ROOT)},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done


def real_market(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a folder with `app.db`, its settings, its `data/lake`, and the `manifest.json` of it.

    `name` is sp500 or nordic.
    """
    return made_once(factory, name, lambda folder: _make(folder, name))


def _make(folder: Path, name: str) -> None:
    (folder / "stockrank.toml").write_text(SETTINGS[name])
    run(folder, str(TOOL), name, "app.db")
    words = ("--source", "app.db", "--lake", "data/lake", "--no-backtests", "--json")
    (folder / "manifest.json").write_bytes(run(folder, "-m", "pipelines.export", *words).stdout)
