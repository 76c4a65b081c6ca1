"""The commands, as a person runs them."""

import contextlib
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import lake
from pipelines.lake import Lake
from pipelines.ranking import rankings
from pipelines.ranking.strategies import STRATEGIES
from pipelines.universe import SWEDEN
from tests import commands

ROOT = Path(__file__).parents[2]
KEYS = (
    *("strategy", "as_of", "ticker", "name", "rank", "score"),
    *("return_3m", "return_6m", "return_12m", "momentum", "f_score", "f_available", "f_source"),
    *("primary_rank", "market_cap_msek", "excluded_by"),
)


@pytest.fixture(scope="module")
def folder(demo_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a demo market, exported by the command itself."""
    top = tmp_path_factory.mktemp("work")
    (top / "data").mkdir()
    shutil.copy(demo_market / "demo.db", top / "data")
    assert run(top, "export").returncode == 0
    return top


def run(folder: Path, module: str, *options: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """A command in the folder; in a new Python where its environment says how that starts."""
    ours = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120"}
    if not env:
        return commands.run(folder, f"pipelines.{module}", *options, env=ours)
    return subprocess.run(
        [sys.executable, "-m", f"pipelines.{module}", *options],
        cwd=folder, capture_output=True, check=False, env=ours | env,
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


def test_an_export_leaves_a_record_unless_told_not_to(folder: Path) -> None:
    records = folder / "data" / "lake" / "refreshes"
    assert run(folder, "export", "--no-record").returncode == 0
    (first,) = lake.ended_runs(folder / "data" / "lake")
    assert [path.stem for path in records.iterdir()] == [first.id]
    assert (first.outcome, first.version) == ("published", lake.current_id(records.parent))
    assert first.peak_mb
    assert first.peak_mb > 50
    assert run(folder, "export").returncode == 0
    _, second = lake.ended_runs(folder / "data" / "lake")
    assert (second.outcome, second.version) == ("unchanged", first.version)


ENDED = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup leaves ignored
from pipelines import console, export
from pipelines.refresh import run
def copy(task):
    (task.work / "source.db").write_bytes(b"half")
    print("copying", flush=True)
    sys.stdin.read()
run.snapshot = copy
console.run(export.main)
"""


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM,
     *(pytest.param(n, marks=pytest.mark.slow) for n in (signal.SIGINT, signal.SIGHUP))],
)  # fmt: skip
def test_an_export_that_is_ended_leaves_no_copy_and_a_record(
    folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    source = str(folder / "data" / "demo.db")
    root, place = tmp_path / "lake", Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", ENDED, "--source", source, "--lake", str(root)], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(place)}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == b"copying\n"
        assert [path.name for path in (root / "versions").rglob("source.db")] == ["source.db"]
        process.send_signal(number)
        process.communicate()  # closes its input, on which the copy waits
        assert process.returncode != 0
    assert list((root / "versions").iterdir()) == []
    (run,) = lake.ended_runs(root)
    assert run.outcome == "failed"
    assert "the refresh was ended before it was done" in (run.error or "")


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


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("vendor", "the vendor's score, used in place of these signals"),
        ("computed", "counted from these signals"),
    ],
)
def test_explain_says_whether_the_signals_are_what_was_counted(
    folder: Path, source: str, told: str
) -> None:
    momentum = Lake(folder / "data" / "lake").rankings().filter(strategy="sammansatt_momentum")
    ticker = momentum.filter(f_source=source).collect()["ticker"][0]
    text = out(folder, "rank", "--strategy", "sammansatt_momentum", "--explain", ticker)
    line = next(line for line in text.splitlines() if line.startswith("F-score"))
    assert told in line


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
    shown = out(folder, "export", "--json")
    assert shown == (folder / "data" / "lake" / "current" / "manifest.json").read_text()
    assert lake.parse(shown.encode()) == Lake(folder / "data" / "lake").manifest


@pytest.mark.slow
def test_a_manifest_is_the_same_text_in_every_locale(folder: Path) -> None:
    source = folder / "Börs" / "demo.db"
    source.parent.mkdir()
    shutil.copy(folder / "data" / "demo.db", source)
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    options = ("--json", "--source", str(source), "--lake", "lake5")
    shown = run(folder, "export", *options, **ascii_only)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == (folder / "lake5" / "current" / "manifest.json").read_bytes()
    assert rb'/B\u00f6rs/demo.db",' in shown.stdout
    assert out(folder, "export", *options) == shown.stdout.decode("ascii")


def test_logs_are_lines_of_json_if_asked_for(folder: Path) -> None:
    result = run(folder, "export", "--full", "--lake", "other", "--log-format", "json")
    lines = [json.loads(line) for line in result.stderr.decode().splitlines()]
    phases = [line for line in lines if "phase" in line]
    assert [line["phase"] for line in phases][:3] == ["copy", "changes", "prices"]
    assert all(line["peak_mb"] >= line["before_mb"] > 0 for line in phases)
    begun = [line["begins"] for line in lines if "begins" in line]
    assert begun == [*(line["phase"] for line in phases), "checks", "publish"]
    read = [line for line in lines if line.get("table") == "daily_prices"]
    assert read[-1]["done"] == read[-1]["total"] == phases[2]["rows"]


def test_an_error_is_a_line_of_a_json_log(folder: Path) -> None:
    result = run(folder, "export", "--source", "gone.db", "--log-format", "json")
    assert result.returncode == 1
    (line,) = map(json.loads, result.stderr.decode().splitlines())
    assert line["type"] == "SourceError"
    assert line["error"].startswith("no database at gone.db; ")


@pytest.mark.slow
def test_versions_are_listed_verified_compared_and_rolled_back(folder: Path) -> None:
    lake = folder / "lake2"
    for _ in range(2):
        assert run(folder, "export", "--full", "--lake", str(lake)).returncode == 0
    options = ("--lake", str(lake))
    newest, oldest = re.findall(r"\d{8}T\d{6}Z-\w{6}", out(folder, "versions", "list", *options))
    assert "the same" in out(
        folder, "versions", "verify", *options, "--source", str(folder / "data" / "demo.db")
    )
    assert "no rank differs: Sammansatt Momentum, Trendande" in out(
        folder, "versions", "diff", oldest, newest, *options
    )
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


# ------------------------------------------------------------------- as a person pastes them


CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
EXAMPLES = (
    "demo", "export", "rank", "versions", "versions list", "versions verify", "versions prune",
    "tune", "export", "versions diff", "versions rollback",
)  # fmt: skip
HELP = """
import contextlib, runpy, sys
for command in sys.argv[1:]:
    module, *words = command.split()
    sys.argv = [module, *words, "--help"]
    with contextlib.suppress(SystemExit):
        runpy.run_module(f"pipelines.{module}", run_name="__main__")
"""


def examples(folder: Path) -> list[list[str]]:
    """The words of the example in the help of each command, however it is folded."""
    command = [sys.executable, "-c", HELP, *EXAMPLES]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    shown = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=True)
    found = re.findall(r"Example: (.*?)\n\n", shown.stdout.decode(), re.DOTALL)
    return [shlex.split(text) for text in found]


@pytest.mark.slow
def test_the_examples_of_the_help_run_one_after_the_other(tmp_path: Path) -> None:
    """In a new folder; the ids of versions are put in the place of those that are shown."""
    for command, words in zip(EXAMPLES, examples(tmp_path), strict=True):
        module, *subcommand = command.split()
        assert words[:3] == ["python", "-m", f"pipelines.{module}"]
        assert words[3 : 3 + len(subcommand)] == subcommand
        if "diff" in subcommand:
            words[-2:] = lake.version_ids(tmp_path / "data" / "lake")
        assert out(tmp_path, module, *words[3:])


def test_a_piped_ranking_is_plain_text_and_nothing_else_is_said(folder: Path) -> None:
    result = run(folder, "rank")
    assert result.stderr == b""
    assert not CONTROL.search(result.stdout)


@pytest.mark.slow
def test_progress_is_shown_on_a_terminal_and_not_on_stdout(folder: Path) -> None:
    ours, theirs = pty.openpty()
    words = ["pipelines.export", "--full", "--lake", "lake4"]
    with subprocess.Popen(
        [sys.executable, "-m", *words], cwd=folder, stdout=subprocess.PIPE, stderr=theirs,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        # Read while it runs, for a terminal holds little; its end is an error.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 1 << 16):
                shown += part
        stdout = process.communicate()[0]
    os.close(ours)
    assert process.returncode == 0
    assert b"daily_prices" in shown
    assert stdout.startswith(b"version ")
    assert not CONTROL.search(stdout)


# ---------------------------------------------------------------------------------- rankings


def frame(folder: Path, *options: str) -> pl.DataFrame:
    result = run(folder, "rank", "--format", "parquet", *options)
    assert result.returncode == 0, result.stderr.decode()
    return pl.read_parquet(BytesIO(result.stdout))


@pytest.fixture(scope="module")
def everything(folder: Path) -> pl.DataFrame:
    """All strategies and all stocks."""
    return frame(folder, "--strategy", "all", "--top", "all")


@pytest.mark.parametrize("top", [3, 10_000])
def test_one_strategy_to_a_rank(folder: Path, everything: pl.DataFrame, top: int) -> None:
    shown = frame(folder, "--strategy", "trendande_kvalitet", "--top", str(top))
    expected = everything.filter(pl.col("rank") <= top, strategy="trendande_kvalitet")
    assert_frame_equal(shown, expected)


def test_csv_holds_the_same_rows(folder: Path, everything: pl.DataFrame) -> None:
    text = out(folder, "rank", "--top", "all", "--format", "csv")
    assert_frame_equal(pl.read_csv(BytesIO(text.encode()), schema=everything.schema), everything)


def test_swedish_csv_has_a_mark_semicolons_and_decimal_commas(
    folder: Path, everything: pl.DataFrame
) -> None:
    text = out(folder, "rank", "--top", "all", "--format", "csv-sv")
    assert text.startswith("\ufeff")
    found = pl.read_csv(BytesIO(text.removeprefix("\ufeff").encode()), separator=";",
                        decimal_comma=True, schema=everything.schema)  # fmt: skip
    assert_frame_equal(found, everything)


def test_json_of_all_strategies_has_no_nan_and_only_null_for_what_is_missing(folder: Path) -> None:
    text = out(folder, "rank", "--top", "all", "--format", "json")
    rows = json.loads(text, parse_constant=pytest.fail)
    assert all(set(KEYS) <= row.keys() for row in rows)
    assert all((row["rank"] is None) != (row["excluded_by"] is None) for row in rows)
    assert {row["strategy"] for row in rows} == set(STRATEGIES)


def test_computed_and_published_rankings_are_equal(
    folder: Path, everything: pl.DataFrame, tmp_path: Path
) -> None:
    """The same universe under another name is not the one that was published."""
    (tmp_path / "stockrank.toml").write_text(
        '[universes.again]\ncurrency = "SEK"\nmarkets = ["stockholmsborsen", "first_north"]\n'
        "min_market_cap = { 0001-01-01 = 500, 2023-06-01 = 2000 }\n"
    )
    options = ("--lake", str(folder / "data" / "lake"), "--top", "all", "--universe", "again")
    assert_frame_equal(frame(tmp_path, *options), everything)


# ------------------------------------------------------------------------------------- edges


@pytest.mark.parametrize(
    "form",
    [
        "json",
        pytest.param("parquet", marks=pytest.mark.slow),
    ],
)
def test_a_reader_that_went_away_is_no_traceback(folder: Path, form: str) -> None:
    read, write = os.pipe()
    os.close(read)
    words = ["pipelines.rank", "--top", "all", "--format", form]
    result = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, stdout=write, stderr=subprocess.PIPE,
        check=False, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    os.close(write)
    assert result.stderr == b""


def test_a_date_before_all_is_an_empty_ranking(folder: Path) -> None:
    text = out(folder, "rank", "--as-of", "0001-01-05")
    assert "none of 120 stocks ranked" in text
    oldest = Lake(folder / "data" / "lake").prices().select(pl.col("date").min()).collect().item()
    assert text.splitlines()[-2] == f"0001-01-05 is before the oldest price, which is of {oldest}"


@pytest.mark.slow
def test_names_can_be_shown_where_the_terminal_has_no_such_letters(folder: Path) -> None:
    assert run(folder, "rank", PYTHONIOENCODING="ascii").returncode == 0


def test_explain_does_not_call_the_metrics_of_an_excluded_stock_missing(folder: Path) -> None:
    market = Lake(folder / "data" / "lake").rankings().collect()
    excluded = market.filter(
        pl.col("pe").is_not_null(), strategy="trendande_varde", excluded_by="below_market_cap"
    )
    text = out(folder, "rank", "--strategy", "trendande_varde", "--explain", excluded["ticker"][0])
    line = next(line for line in text.splitlines() if line.startswith("pe "))
    assert "missing" not in line
    assert text.count("the stock is not eligible, so that its metrics are not ranked") == 1


@pytest.mark.slow
def test_a_strategy_that_was_not_there_when_the_version_was_made_is_computed(
    folder: Path, tmp_path: Path
) -> None:
    root = Path(__file__).parents[2]
    shutil.copytree(root / "pipelines", tmp_path / "pipelines")
    file = tmp_path / "pipelines" / "ranking" / "strategies.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(".trendande_kvalitet]", ".en_till]"), encoding="utf-8")
    options = ("--strategy", "en_till", "--lake", str(folder / "data" / "lake"))
    result = run(tmp_path, "rank", *options, PYTHONPATH=str(tmp_path))
    assert b"of 120 stocks ranked" in result.stdout
