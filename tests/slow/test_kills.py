"""Refreshes that record observations, killed at random: none is lost, and none is kept twice."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from pipelines.demo_market import lived, make_market
from pipelines.lake import Lake
from tests.recorder import Recorder

ROOT: Final = Path(__file__).parents[2]
END: Final = date(2025, 10, 24)
TRIES: Final = 4
"""How many refreshes of a day are killed, or end first, ahead of the one that is left alone."""
HALF_MADE: Final = "killed with a version half made"
REFRESH: Final = """
import sys
from datetime import date
from pathlib import Path
import connectorx, dataframely
from pipelines.refresh import export, make, trading_days
from pipelines.universe import SWEDEN
from tests.trading_days import known_sessions
trading_days.sessions = known_sessions
database, lake, day = sys.argv[1:]
sys.stdout.write("r")
sys.stdout.flush()
export(Path(database), Path(lake), SWEDEN, today=date.fromisoformat(day), keep=3)
"""
"""A refresh as of a day, which writes a letter once all is imported."""
REPORTED: Final = (
    "ticker", "data_source", "known_from", "observed_on", "net_income_ccy", "pe",
)  # fmt: skip
LISTED: Final = ("ticker", "observed_on", "listed", "sector", "market_cap_msek")

Kept = Counter[tuple[Any, ...]]


class Place:
    """A market of few stocks, its lake, and what a recorder wrote down of the market."""

    def __init__(self, folder: Path) -> None:
        self.database, self.lake = folder / "demo.db", folder / "lake"
        make_market(self.database, stocks=20, years=2, end=END)
        self.recorder = Recorder()
        self.seconds = 1.0
        self.figures: Counter[str] = Counter()

    def live(self, kills: int, seed: int) -> None:
        """Let days pass until so many refreshes were killed; compare after each day."""
        rng = random.Random(seed)
        for day, _ in lived(self.database, 10 * kills):
            for _ in range(TRIES):
                self._kill(day, after=rng.uniform(0, self.seconds))
            self._refresh(day)
            self.recorder.see(self.database, day)
            self.figures["days"] += 1
            assert self.remembered() == self.written_down(), day
            if self.figures["killed"] >= kills and self.figures[HALF_MADE]:
                return

    def _start(self, day: date) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", REFRESH, str(self.database), str(self.lake), str(day)]
        child = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout
        assert child.stdout.read(1) == b"r"
        return child

    def _kill(self, day: date, *, after: float) -> None:
        with self._start(day) as child:
            time.sleep(after)
            is_there = child.poll() is None
            child.kill()
        self.figures["killed" if is_there else "ended before"] += 1
        if any((self.lake / "versions").glob(".partial-*")):
            self.figures[HALF_MADE] += 1

    def _refresh(self, day: date) -> None:
        with self._start(day) as child:
            started = time.perf_counter()
            assert child.wait() == 0
        self.seconds = (self.seconds + time.perf_counter() - started) / 2

    def remembered(self) -> tuple[Kept, Kept]:
        """What the lake keeps of fundamentals and stocks, counted."""
        lake = Lake(self.lake)
        rows = (lake.observed(n).filter(state="kept") for n in ("fundamentals", "stocks"))
        filed, listed = (found.collect().to_dicts() for found in rows)
        return counted(filed, REPORTED), counted(listed, LISTED)

    def written_down(self) -> tuple[Kept, Kept]:
        """The same of the recorder."""
        return counted(self.recorder.kept, REPORTED), counted(self.recorder.listed, LISTED)


def counted(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...]) -> Kept:
    return Counter(tuple(row[c] for c in columns) for row in rows)


def test_no_observation_is_lost_or_kept_twice_by_a_kill(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.live(kills=5, seed=4)
    assert place.figures[HALF_MADE] > 0


@pytest.mark.torture
def test_none_is_by_hundreds_of_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`KILLS` in the environment is another number than 200."""
    place = Place(tmp_path)
    place.live(kills=int(os.environ.get("KILLS", "200")), seed=5)
    rows = [kept.total() for kept in place.remembered()]
    with capsys.disabled():
        sys.stdout.write(f"\n{dict(place.figures)}, observations kept: {rows}\n")
