"""Memory budgets on the whole demo market, each in a process of its own, as the kernel counts.

Limits are what the README promises, with room for another allocator or machine; `make bench` has
the figures.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from pipelines.demo import make_market
from pipelines.runtime import process_mb

pytestmark = pytest.mark.budget

ROOT = Path(__file__).parents[2]
PEAK = "\nfrom pipelines.runtime import peak_mb; print(peak_mb())"
RANKINGS = """
import sys
from pipelines.lake.version import Lake
from pipelines.ranking.rank import rankings
from pipelines.universe import SWEDEN
lake = Lake(sys.argv[1])
frame = rankings(lake, as_of=lake.as_of, universe=SWEDEN).collect(engine="streaming")
assert frame["rank"].count() > 100
"""
HISTORY = """
import sys
from datetime import date
from pathlib import Path
from pipelines.bars import silent
from pipelines.lake.version import Lake
from pipelines.ranking import Every, first_days
from pipelines.sweep import write_history
from pipelines.universe import SWEDEN
lake = Lake(sys.argv[1])
dates = first_days(lake, since=date(1990, 1, 1), every=Every.MONTH)
out = Path(sys.argv[1]) / "history"
done = write_history(lake, out, dates=dates, universe=SWEDEN, progress=silent)
assert done.rows > 1_000_000
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo market, exported; the export's own account is `manifest.json`."""
    folder = tmp_path_factory.mktemp("budgets")
    make_market(folder / "demo.db")
    command = ["-m", "pipelines.export", "--json", "--source", "demo.db", "--lake", "lake"]
    (folder / "manifest.json").write_bytes(python(folder, *command))
    return folder


def python(folder: Path, *words: str) -> bytes:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=env, capture_output=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def peak(folder: Path, code: str) -> float:
    return float(python(folder, "-c", code + PEAK, "lake"))


def test_the_export(folder: Path) -> None:
    phases = json.loads((folder / "manifest.json").read_text())["phases"]
    assert max(phase["peak_mb"] for phase in phases) < 350


def test_the_rankings(folder: Path) -> None:
    assert peak(folder, RANKINGS) < 160


def test_the_history(folder: Path) -> None:
    assert peak(folder, HISTORY) < 400


def test_the_service_after_some_hundred_requests(folder: Path) -> None:
    command = [sys.executable, "-m", "app", "--port", "0"]
    settings = {"STOCKRANK_SOURCE": "demo.db", "STOCKRANK_LAKE": "lake", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=os.environ | settings, stderr=subprocess.PIPE,
                          text=True) as service:  # fmt: skip
        try:
            assert service.stderr
            line = next(line for line in service.stderr if "running on" in line)
            base = line.split("running on ")[1].split()[0]
            for number in range(300):
                ask(f"{base}/v1/strategies/trendande_varde?limit={number % 50 + 1}")
            for day in range(1, 21):
                ask(f"{base}/v1/strategies/trendande_varde?as_of=2026-01-{day:02}")
            assert (process_mb(service.pid, peak=True) or 0) < 300
        finally:
            service.terminate()


def ask(address: str) -> None:
    with urlopen(address, timeout=60) as answer:  # noqa: S310 - our own address
        assert answer.status == 200
