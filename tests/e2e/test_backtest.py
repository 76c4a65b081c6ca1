"""`python -m pipelines.backtest`, as a person runs it."""

import csv
import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake import current_id, prepared, prepared_backtest
from pipelines.ranking import rules_hash
from pipelines.universe import SWEDEN
from tests import commands

QUARTERS = ("--from", "2024-01-01", "--rebalance", "quarter", "--strategy", "trendande_kvalitet")


def run(demo_market: Path, folder: Path, *options: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of the command."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("STOCKRANK_")}
    words = ("--lake", str(demo_market / "lake"), *options)
    done = commands.run(folder, "pipelines.backtest", *words, env=env | {"COLUMNS": "120"})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_all_formats_and_files(demo_market: Path, tmp_path: Path) -> None:
    files = ("--nav", "nav.parquet", "--ledger", "ledger.csv", "--format", "json", "--with-days")
    code, out, err = run(demo_market, tmp_path, *QUARTERS, *files)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["inputs"]["rebalance"] == "quarter"
    assert told["inputs"]["universe"]["markets"] == list(SWEDEN.markets)
    assert told["inputs"]["universe"]["floors"][0][1] == SWEDEN.floors[0][1]
    nav = pl.read_parquet(tmp_path / "nav.parquet")
    assert nav.columns == ["strategy", "date", "nav", "cash", "holdings"]
    with (tmp_path / "ledger.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == told["trades"] == len(told["ledger"])
    assert len(told["nav"]) == nav.height
    assert ",".join(rows[0]) == (
        "strategy,date,signal_date,ticker,side,shares,price,cost,cash_after,rank,score,reason"
    )
    assert {row["reason"] for row in rows} >= {"entered", "rebalanced"}


def test_the_table_tells_figures_bounds_and_caveats(demo_market: Path, tmp_path: Path) -> None:
    code, out, _ = run(demo_market, tmp_path, *QUARTERS, "--benchmark", "none")
    assert code == 0
    assert "Trendande Kvalitet (trendande_kvalitet), 2024-01-02 to " in out
    assert "max_drawdown" in out
    assert "delisted at 0" in out
    assert "no rank is investment advice" in out


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--nav", "nav.txt"), 2, "nav.txt ends in neither .csv nor .parquet"),
        (("--sell-rank", "3"), 2, "the sell rank 3 is above the buy rank 10"),
        (("--from", "2026-01-01", "--to", "2025-01-01"), 2, "give the earlier date as --from"),
        (("--strategy", "trendande"), 1, "unknown strategy 'trendande'"),
    ],
)
def test_wrong_options(
    demo_market: Path, tmp_path: Path, options: tuple[str, ...], code: int, told: str
) -> None:
    ended, out, err = run(demo_market, tmp_path, *options)
    assert (ended, out) == (code, "")
    assert told in err
    assert err.count("\n") == 1


def test_a_search_and_a_factor_report(demo_market: Path, tmp_path: Path) -> None:
    lake, env = str(demo_market / "lake"), {**os.environ, "COLUMNS": "160"}
    grid = 'strategies = ["trendande_kvalitet"]\nfrom = 2024-06-01\n[grid]\nsize = [2, 4]\n'
    (tmp_path / "grid.toml").write_text(grid, encoding="utf-8")
    words = ("grid.toml", "--lake", lake, "--out", "all.parquet", "--html", "page.html")
    done = commands.run(tmp_path, "pipelines.search", *words, env=env)
    assert done.stdout.decode().startswith("2 variants were tried.")
    assert pl.read_parquet(tmp_path / "all.parquet").height == 2
    assert (tmp_path / "page.html").exists()
    words = ("--factor", "pe", "--from", "2025-01-01", "--lake", lake)
    done = commands.run(tmp_path, "pipelines.factor_report", *words, env=env)
    assert "12 months" in done.stdout.decode()
    none = commands.run(tmp_path, "pipelines.factor_report", "--lake", lake, env=env)
    assert none.stderr.decode() == "error: give either --factor or --strategy\n"


@pytest.mark.slow
def test_a_refresh_computes_the_backtests_of_what_it_published(
    demo_market: Path, tmp_path: Path
) -> None:
    shutil.copytree(demo_market / "lake", tmp_path / "lake", symlinks=True)
    root, version = tmp_path / "lake", str(current_id(tmp_path / "lake"))
    words = ("--source", str(demo_market / "demo.db"), "--lake", str(root), "--json")
    env = {**os.environ, "PYTHONPATH": str(commands.ROOT)}
    left_out = commands.run(tmp_path, "pipelines.export", *words, "--no-backtests", env=env)
    assert (left_out.returncode, prepared(root, version)) == (0, None)
    done = commands.run(tmp_path, "pipelines.export", *words, "--backtests", env=env)
    assert json.loads(done.stdout)["version"] == version
    found = prepared(root, version)
    assert found is not None
    assert (found.universe, found.rules, found.error) == ("sweden", rules_hash(), None)
    options = ("--strategy", "trendande_varde", "--format", "json", "--with-days")
    _, alone, _ = run(tmp_path, tmp_path, *options)
    assert prepared_backtest(root, version, "trendande_varde") == alone.encode()
