"""What the commands show on a terminal.

`tests/golden/terminal` holds it for four widths. A file that is missing is written, and the test
fails once: look at what it shows.
"""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from pipelines import console, demo, history, rank, tune, versions
from pipelines.__main__ import main as list_commands
from pipelines.export import export, summary
from pipelines.lake import Listed
from pipelines.lake.manifest import Manifest, Phase
from pipelines.ranking import STRATEGIES, Every
from pipelines.terminal_table import Table
from pipelines.universe import SWEDEN
from tests import factories

ROOT: Final = Path(__file__).parents[2]
GOLDEN: Final = ROOT / "tests" / "golden" / "terminal"
WIDTHS: Final = (60, 80, 100, 140)
END: Final = date(2026, 11, 20)


# --------------------------------------------------------------------------------- snapshots


RANKED: Final = (
    ("FURN SDB", "Furunäs Spelstudio SDB", 1.408, 0.183, 0.275, 2.766, 4, 9, 14, 6_999.0, None),
    ("MALM", "Malmnäs Data", 0.264, -0.029, 0.114, 0.707, 6, 9, 2, 169_682.4, None),
    ("OSTM B", "Östermo Bredband B", 0.048, 0.559, 0.281, -0.697, 7, 9, 13, 11_549.0, None),
    ("ASKH", "Askhult Bio", None, None, -0.02, 0.1, 1, 5, None, None, "outside_best_40_percent"),
    ("ÅKES A", "Åkesholm Fastighetsutveckling A", -0.1, -0.1, -0.1, -0.1, 0, 0, None, 499.0,
     "below_market_cap"),
)  # fmt: skip
"""Ticker, name, score, returns, F-score, its signals, primary rank, market cap, reason."""


def rows(strategy: str) -> pl.DataFrame:
    """Literal rows of a strategy; a momentum strategy has no primary rank."""
    columns = ("ticker", "name", "score", "return_3m", "return_6m", "return_12m", "f_score",
               "f_available", "primary_rank", "market_cap_msek", "excluded_by")  # fmt: skip
    has_composite = strategy != "sammansatt_momentum"
    return pl.DataFrame(
        [{"strategy": strategy, "rank": n if row[-1] is None else None,
          **dict(zip(columns, row, strict=True))} for n, row in enumerate(RANKED, 1)],
    ).with_columns(pl.col("primary_rank").replace({} if has_composite else dict.fromkeys(
        (14, 2, 13))))  # fmt: skip


def show_rankings() -> None:
    for name in ("sammansatt_momentum", "trendande_varde"):
        rank.WRITE_AS[rank.OutputFormat.TABLE](rows(name), [STRATEGIES[name]], END, 3)


def show_excluded() -> None:
    strategy = STRATEGIES["trendande_varde"]
    rank.WRITE_AS[rank.OutputFormat.TABLE](rows(strategy.name), [strategy], END, None)


def explain() -> None:
    rank.main(lake=Path("lake"), strategy="trendande_varde", explain="MALM")


def show_export() -> None:
    prices = factories.dataset(
        rows_in=2_121_612, rows=2_121_600, rejected={"unknown_ticker": 8, "bad_date": 4},
        warnings={"ohl_missing": 8_436, "bad_volume": 12, "bad_open": 3},
    )  # fmt: skip
    datasets = {"prices": prices, "fundamentals": factories.dataset(rows_in=58_453, rows=58_453),
                "rankings": factories.dataset(rows=2_920)}  # fmt: skip
    phases = (Phase(phase="copy", rows=None, seconds=0.49, before_mb=69, peak_mb=105.3),
              Phase(phase="prices", rows=1, seconds=16.9, before_mb=69, peak_mb=282.3))  # fmt: skip
    console.show(*summary(factories.manifest(datasets=datasets, phases=phases)))


def list_versions() -> None:
    versions.list_versions(root=Path("lake"))


def listed(_: Path) -> list[Listed]:
    """Versions in every state."""
    files = factories.dataset(
        factories.data_file("prices/a.parquet", rows=1_234_567, bytes=34_000_000)
    )
    other = factories.dataset(
        factories.data_file("prices/a.parquet", rows=1_234_560, sha256="11" * 32)
    )

    def version(number: int, age: timedelta, **known: object) -> Manifest:
        made = datetime.now(UTC) - age
        return factories.manifest(f"2026112{number}T170000Z-abcdef", created_at=made, **known)

    first = version(0, timedelta(days=3), datasets={"prices": other})
    second = version(1, timedelta(hours=5), datasets={"prices": files}, failed_checks=("rows",))
    third = version(2, timedelta(minutes=7), datasets={"prices": files})
    return [
        Listed("20261119T170000Z-abcdef", None, None, "other layout",
               is_current=False, is_withdrawn=False),
        Listed(first.version, first, None, None, is_current=False, is_withdrawn=False),
        Listed(second.version, second, first, None, is_current=True, is_withdrawn=False),
        Listed(third.version, third, second, "damaged", is_current=False, is_withdrawn=True),
    ]  # fmt: skip


def show_tuning() -> None:
    tune.main(source=Path("demo.db"))


def show_market() -> None:
    rows = Counter(daily_prices=2_121_600, fundamentals=3_537, strategy_signals=0)
    console.show(demo.summary(Path("demo.db"), rows, 9.87))


def rank_many_dates(out: Path) -> None:
    history.main(lake=Path("lake"), since=datetime(2026, 4, 1), every=Every.QUARTER, out=out)


SNAPSHOTS: Final[dict[str, Callable[[], None]]] = {
    "rank": show_rankings,
    "rank-all": show_excluded,
    "explain": explain,
    "export": show_export,
    "versions-list": list_versions,
    "tune": show_tuning,
    "demo": show_market,
    "stockrank": list_commands,
}


def tidy(shown: str) -> str:
    """What was shown without blanks at the ends of lines, and with one version and time."""
    text = "\n".join(line.rstrip() for line in shown.splitlines())
    text = re.sub(r"\d{8}T\d{6}Z-(?!abcdef)\w{6}", "20261120T170000Z-000000", text)
    text = re.sub(r"at most \d+ MB each$", "at most 300 MB each", text, flags=re.MULTILINE)
    return re.sub(r"\d\.\d s$", "0.5 s", text, flags=re.MULTILINE)


def assert_snapshot(name: str, width: int, shown: str) -> None:
    file = GOLDEN / f"{name}-{width}.txt"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.write_text(tidy(shown) + "\n", encoding="utf-8")
        pytest.fail(f"{file} was written; see that it shows what it should")
    assert tidy(shown) + "\n" == file.read_text(encoding="utf-8")
    assert max(map(len, shown.splitlines())) <= width


@pytest.fixture(params=WIDTHS)
def width(
    request: pytest.FixtureRequest, demo_market: Path, monkeypatch: pytest.MonkeyPatch
) -> int:
    """The width of a terminal, in the folder of the demo market."""
    monkeypatch.chdir(demo_market)
    monkeypatch.setenv("COLUMNS", str(request.param))
    monkeypatch.setattr(versions, "listed", listed)
    monkeypatch.setattr(sys, "argv", ["stockrank"])
    return int(request.param)


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_terminal_shows(name: str, width: int, capsys: pytest.CaptureFixture[str]) -> None:
    SNAPSHOTS[name]()
    assert_snapshot(name, width, capsys.readouterr().out)


def test_a_terminal_shows_what_many_dates_gave(
    width: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    rank_many_dates(tmp_path / "out")
    shown = capsys.readouterr().out.replace(str(tmp_path / "out"), "data/history")
    monkeypatch.setenv("COLUMNS", str(width))
    for sentence in shown.splitlines():
        console.write(sentence)
    assert_snapshot("history", width, capsys.readouterr().out)


@pytest.fixture(scope="module")
def verified(demo_market: Path) -> list[Table]:
    """The tables of a comparison with the database."""
    shown: list[Table] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "show", lambda *tables: shown.extend(tables))
        versions.verify(root=demo_market / "lake", source=demo_market / "demo.db")
    return shown


def test_a_terminal_shows_a_comparison(
    width: int, verified: list[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    for table in verified:
        rows = [row for row in table.rows if row[0] in ("prices", "480")]
        console.show(replace(table, rows=rows))
    assert_snapshot("verify", width, capsys.readouterr().out)


@pytest.mark.parametrize("name", ["rank", "rank-all", "export", "versions-list"])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_id_and_no_ticker_is_broken(name: str, width: int) -> None:
    text = (GOLDEN / f"{name}-{width}.txt").read_text(encoding="utf-8")
    widest = (GOLDEN / f"{name}-140.txt").read_text(encoding="utf-8")
    ids = re.compile(r"\d{8}T\d{6}Z-\w{6}|^ {,3}\d+ {2}[A-ZÅÄÖ]+(?: [A-Z]+)?  ", re.MULTILINE)
    assert ids.findall(text) == ids.findall(widest) != []


def test_a_history_of_one_strategy_to_a_date(demo_market: Path, tmp_path: Path) -> None:
    history.main(
        lake=demo_market / "lake", since=datetime(2026, 1, 1), until=datetime(2026, 4, 1),
        every=Every.QUARTER, strategy="trendande_varde", out=tmp_path / "out",
    )  # fmt: skip
    rows = pl.read_parquet(tmp_path / "out")
    assert [str(day) for day in rows["as_of"].unique().sort()] == ["2026-01-02", "2026-04-01"]
    assert rows["strategy"].unique().to_list() == ["trendande_varde"]
    assert rows.height == 240


# ---------------------------------------------------------------------------------- progress


def on_screen(written: str) -> list[str]:
    """The lines that a terminal shows in the end."""
    lines, row, column = [""], 0, 0
    for code, letter, char in re.findall(r"\x1b\[([?\d;]*)([A-Za-z])|(.)", written, re.DOTALL):
        if letter == "A":
            row -= int(code or 1)
        elif letter == "K":
            lines[row] = ""
        elif char == "\r":
            column = 0
        elif char == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif char:
            old = lines[row].ljust(column)
            lines[row], column = old[:column] + char + old[column + 1 :], column + 1
    return lines


@pytest.mark.slow
def test_progress_and_log_lines_never_share_a_line(demo_market: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
    words = ["pipelines.export", "--source", str(demo_market / "demo.db"), "--lake", "lake"]
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(
        [sys.executable, "-m", *words], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=theirs,
        env=env | {"PYTHONPATH": str(ROOT), "TERM": "xterm"},
    ):  # fmt: skip
        os.close(theirs)
        written = b""
        with contextlib.suppress(OSError):  # the end of a terminal is an error
            while part := os.read(ours, 1 << 16):
                written += part
    os.close(ours)
    lines = [line.rstrip() for line in on_screen(written.decode())]
    log = [line for line in lines if "phase=" in line]
    assert all(re.fullmatch(r"\S+Z phase=\w+( \w+=[\d.]+)+", line) for line in log)
    assert [line.split()[1] for line in log][-2:] == ["phase=rankings", "phase=integrity"]
    bars = [line for line in lines if "━" in line]
    assert [line.split()[0] for line in bars] == [
        "daily_prices", "fundamentals", "fundamentals_snapshots", "stocks", "index_prices",
    ]  # fmt: skip


# ------------------------------------------------------------------------- names from a database


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A lake whose names and sectors look like markup, emoji codes and commands of a terminal."""
    names = {"AA": "Nord [publ] AB", "BB": "Tre :cat: Kronor", "CC": "Nord [/b] \x1b[31m AB"}
    stocks = [
        {**factories.stock(ticker), "name": name, "sector": "Data [/it]", "country": "sweden",
         "is_active": 1}
        for ticker, name in names.items()
    ]  # fmt: skip
    prices = [row for t in names for row in factories.trading_year(t, END, growth=0.1)]
    statements = [
        {"ticker": t, "fiscal_date": "2025-12-31", "fetched_date": "2026-03-01", "pe": 10.0,
         "net_income": 1e6, "operating_cf": 2e6, "piotroski_f_score": 7}
        for t in names
    ]  # fmt: skip
    path = factories.database(
        tmp_path / "app.db", stocks=stocks, daily_prices=prices, fundamentals=statements
    )
    export(path, tmp_path / "lake", SWEDEN)
    return tmp_path / "lake"


def test_names_are_shown_as_they_are(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rank.main(lake=odd, strategy="sammansatt_momentum")
    shown = capsys.readouterr().out
    for name in ("Nord [publ] AB ", "Tre :cat: Kronor ", "Nord [/b] [31m AB "):
        assert name in shown
    assert "\x1b" not in shown


def test_a_sector_is_explained_as_it_is(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rank.main(lake=odd, strategy="sammansatt_momentum", explain="CC")
    shown = capsys.readouterr().out
    assert "sector Data [/it]" in shown
    assert shown.startswith("CC (Nord [/b] [31m AB), ")
