"""A file at which Polars panics is one line of each command that reads it, and no trace of Rust."""

import os
from pathlib import Path
from typing import Final

import pytest

from tests import commands

PANICS: Final = """
import os, runpy, sys
import polars as pl

def collect(self, *a, **k):
    os.write(2, b"thread 'async-executor-1' panicked at parquet.rs:1\\nstack backtrace:\\n")
    raise pl.exceptions.PanicException("torn")

pl.LazyFrame.collect = collect
sys.argv = {words!r}
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
GRID: Final = """
strategies = ["trendande_kvalitet"]
from = 2025-01-01
[grid]
size = [5, 10]
"""
TOLD: Final = (
    "the files of the version cannot be read: torn; see python -m pipelines.versions verify"
)


@pytest.mark.parametrize(
    "words",
    [
        ("pipelines.rank",),
        ("pipelines.history", "--from", "2026-01-01"),
        ("pipelines.backtest", "--from", "2026-01-01"),
        ("pipelines.factor_report", "--factor", "roe", "--from", "2026-01-01"),
        ("pipelines.search", "grid.toml"),
    ],
    ids=lambda words: words[0].split(".")[1],
)
def test_a_panic_is_one_line(demo_market: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "grid.toml").write_text(GRID)
    asked = [*words, "--lake", str(demo_market / "lake")]
    env = {k: v for k, v in os.environ.items() if not k.startswith("STOCKRANK_")}
    done = commands.run(tmp_path, "-c", PANICS.format(words=asked), env=env)
    assert (done.returncode, done.stdout.decode()) == (1, "")
    assert done.stderr.decode() == f"error: {TOLD}\n"
