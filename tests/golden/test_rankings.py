"""The rankings of a small demo market are exactly those that are committed beside this file.

After a change that is meant to change them, write them anew and look at the difference:

    python -m tests.golden.test_rankings

A missing file is a failure; nothing but this command writes one.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import polars as pl
import pytest

from tests import commands

FOLDER: Final = Path(__file__).parent
DAYS: Final = ("2026-11-20", "2023-05-31")
"""The newest, as published, and the last day of the lower market-cap floor, computed."""
COLUMNS: Final = ("strategy", "rank", "ticker", "excluded_by", "score", "composite")


def command(*words: str) -> bytes:
    """The output of `python -m pipelines.…`."""
    ended = commands.run(FOLDER.parents[1], *words, env=os.environ)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout


def make_lake(folder: Path) -> Path:
    """Export a demo market of 120 stocks and four years."""
    database, lake = folder / "demo.db", folder / "lake"
    size = ("--stocks", "120", "--years", "4", "--end", DAYS[0])
    command("pipelines.demo", "--no-plants", "--out", str(database), *size)
    command("pipelines.export", "--source", str(database), "--lake", str(lake))
    return lake


def rankings(lake: Path, day: str) -> str:
    """All strategies and all stocks of a day as CSV, numbers to 9 decimals."""
    shown = command(
        "pipelines.rank", "--lake", str(lake), "--as-of", day, "--top", "all", "--format", "parquet"
    )
    return pl.read_parquet(shown).select(COLUMNS).write_csv(float_precision=9)


def committed(day: str) -> Path:
    """The file of the rankings of a day."""
    return FOLDER / f"rankings-{day}.csv"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lake(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("day", DAYS)
def test_rankings_are_those_that_are_committed(lake: Path, day: str) -> None:
    expected = committed(day).read_text(encoding="utf-8")
    assert rankings(lake, day).splitlines() == expected.splitlines()


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        made = make_lake(Path(temporary))
        for day in DAYS:
            committed(day).write_text(rankings(made, day), encoding="utf-8")
