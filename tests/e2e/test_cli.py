"""The commands, as a person runs them."""

import json
import os
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.demo import make_market
from pipelines.lake import Lake
from pipelines.ranking import rankings
from pipelines.strategies import STRATEGIES
from pipelines.universe import SWEDEN

KEYS = (
    *("strategy", "as_of", "ticker", "name", "rank", "score"),
    *("return_3m", "return_6m", "return_12m", "momentum", "f_score", "f_available", "f_source"),
    *("primary_rank", "market_cap_msek", "excluded_by"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with an exported demo market."""
    top = tmp_path_factory.mktemp("work")
    make_market(top / "data" / "demo.db", stocks=120, years=4)
    assert run(top, "export").returncode == 0
    return top


def run(folder: Path, module: str, *options: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", f"pipelines.{module}", *options]
    root = Path(__file__).parents[2]
    return subprocess.run(
        command, cwd=folder, capture_output=True, check=False,
        env=os.environ | {"PYTHONPATH": str(root), "NO_COLOR": "1", "COLUMNS": "120"} | env,
    )  # fmt: skip


def out(folder: Path, module: str, *options: str) -> str:
    result = run(folder, module, *options)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


def error(result: subprocess.CompletedProcess[bytes]) -> str:
    """The one line that a failed command says."""
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 1, result
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize("module", ["demo", "export", "rank", "versions", "tune"])
def test_help_shows_an_example(folder: Path, module: str) -> None:
    assert f"python -m pipelines.{module}" in out(folder, module, "--help")


@pytest.mark.parametrize("command", ["list", "verify", "rollback", "prune", "diff"])
def test_help_of_each_command_on_versions_shows_an_example(folder: Path, command: str) -> None:
    assert f"python -m pipelines.versions {command}" in out(folder, "versions", command, "--help")


def test_the_tables_hold_the_four_top_tens(folder: Path) -> None:
    text = out(folder, "rank")
    for strategy in STRATEGIES.values():
        assert f"{strategy.title} ({strategy.name}), as of 2026-11-20" in text
    assert len(re.findall(r"stocks ranked; excluded: ", text)) == 4


def test_json_holds_the_promised_keys_and_no_nan(folder: Path) -> None:
    text = out(folder, "rank", "--format", "json", "--strategy", "trendande_varde")
    rows = json.loads(text, parse_constant=pytest.fail)
    assert [row["rank"] for row in rows] == list(range(1, 11))
    assert set(KEYS) <= rows[0].keys()


def test_all_means_the_whole_universe_in_every_format(folder: Path) -> None:
    options = ("--top", "all", "--format")
    published = Lake(folder / "data" / "lake").rankings().collect()
    parquet = pl.read_parquet(BytesIO(run(folder, "rank", *options, "parquet").stdout))
    assert_frame_equal(parquet, published)
    assert len(json.loads(out(folder, "rank", *options, "json"))) == published.height == 480
    assert len(out(folder, "rank", *options, "csv").splitlines()) == 481


def test_published_rankings_are_those_that_are_computed(folder: Path) -> None:
    lake = Lake(folder / "data" / "lake")
    plan = rankings(lake, as_of=lake.as_of, universe=SWEDEN)
    assert_frame_equal(plan.collect(engine="streaming"), lake.rankings().collect())


def test_an_earlier_date_is_ranked_on_demand(folder: Path) -> None:
    options = ("--as-of", "2025-06-30", "--format", "json", "--top", "all")
    rows = json.loads(out(folder, "rank", *options))
    assert {row["as_of"] for row in rows} == {"2025-06-30"}
    assert all((row["close_date"] or "") <= "2025-06-30" for row in rows)


@pytest.mark.parametrize("separator", [" ", "-", "_"])
def test_explain_takes_a_ticker_however_it_is_written(folder: Path, separator: str) -> None:
    tickers = Lake(folder / "data" / "lake").stocks().collect()["ticker"]
    ticker = next(t for t in tickers if t.endswith(" B"))
    text = out(folder, "rank", "--explain", ticker.replace(" ", separator))
    assert text.count(f"{ticker} (") == 4
    assert "net_income_positive" in text
    assert "return 12m" in text


def test_explain_gives_the_first_reason_out(folder: Path) -> None:
    lake = Lake(folder / "data" / "lake").rankings().collect()
    ticker = lake.filter(excluded_by="not_a_stock")["ticker"][0]
    assert "out: not_a_stock" in out(folder, "rank", "--explain", ticker)


def test_errors_name_the_value_and_the_remedy(folder: Path, tmp_path: Path) -> None:
    assert "unknown strategy 'x'; expected" in error(run(folder, "rank", "--strategy", "x"))
    assert "unknown ticker 'XYZZY'; expected" in error(run(folder, "rank", "--explain", "XYZZY"))
    assert "unknown universe 'x'; expected" in error(run(folder, "rank", "--universe", "x"))
    assert "unknown version 'x'; expected" in error(run(folder, "rank", "--version", "x"))
    assert "run python -m pipelines.export" in error(run(tmp_path, "rank"))
    assert "make a demo one with python -m pipelines.demo" in error(run(tmp_path, "export"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [["--nonsense"], ["--top", "0"], ["--as-of", "x"]])
def test_wrong_usage_exits_2(folder: Path, options: list[str]) -> None:
    assert run(folder, "rank", *options).returncode == 2


def test_the_json_of_an_export_is_the_manifest(folder: Path) -> None:
    manifest = json.loads(out(folder, "export", "--json"))
    assert manifest == Lake(folder / "data" / "lake").manifest


def test_logs_are_lines_of_json_if_asked_for(folder: Path) -> None:
    result = run(folder, "export", "--full", "--lake", "other", "--log-format", "json")
    lines = [json.loads(line) for line in result.stderr.decode().splitlines()]
    assert [line["phase"] for line in lines][:3] == ["copy", "changes", "prices"]
    assert all(line["peak_mb"] >= line["before_mb"] > 0 for line in lines)


def test_versions_are_listed_verified_compared_and_rolled_back(folder: Path) -> None:
    lake = folder / "lake2"
    for _ in range(2):
        assert run(folder, "export", "--full", "--lake", str(lake)).returncode == 0
    options = ("--lake", str(lake))
    newest, oldest = re.findall(r"\d{8}T\d{6}Z-\w{6}", out(folder, "versions", "list", *options))
    assert "the same" in out(
        folder, "versions", "verify", *options, "--source", str(folder / "data" / "demo.db")
    )
    assert "0 ranks differ" in out(folder, "versions", "diff", oldest, newest, *options)
    assert f"is {oldest}" in out(folder, "versions", "rollback", *options)
    assert Lake(lake).version == oldest
    assert "rolled back" in out(folder, "versions", "list", *options)
    out(folder, "versions", "prune", "--keep", "1", *options)
    assert Lake(lake).version == oldest


def test_a_damaged_file_is_found(folder: Path) -> None:
    lake = folder / "lake3"
    assert run(folder, "export", "--lake", str(lake)).returncode == 0
    file = next((lake / "current" / "prices").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-9] + b"x" * 9)
    assert "other bytes than were written" in error(
        run(folder, "versions", "verify", "--lake", str(lake))
    )
