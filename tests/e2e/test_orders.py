"""`python -m pipelines.orders`, as a person runs it."""

import csv
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests import commands


@pytest.fixture
def holdings(demo_market: Path, tmp_path: Path) -> Path:
    """A file of a broker: a stock by its ISIN, one by its name, a fund, and one misspelt."""
    with closing(sqlite3.connect(demo_market / "demo.db")) as database:
        (a, isin), (_, name) = (
            database.execute(
                f"SELECT ticker, {column} FROM stocks WHERE market = 'stockholmsborsen' "
                "AND stock_type = 'stock' ORDER BY ticker LIMIT 1 OFFSET ?",
                (at,),
            ).fetchone()
            for at, column in enumerate(("isin", "name"))
        )
    lines = ["Namn\tKortnamn\tVolym\tISIN", f"\t{a}\t1 000\t{isin}", f"{name}\t\t10\t",
             "Global\t\t1,5\t", "Nobody AB\tNOBO\t5\t"]  # fmt: skip
    path = tmp_path / "mine.csv"
    path.write_bytes("\r\n".join(lines).encode("utf-16"))
    return path


def run(demo_market: Path, folder: Path, *options: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of the command."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("STOCKRANK_")}
    words = ("--lake", str(demo_market / "lake"), *options)
    done = commands.run(folder, "pipelines.orders", *words, env=env | {"COLUMNS": "80"})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_table_tells_orders_and_what_is_left_out(
    demo_market: Path, holdings: Path, tmp_path: Path
) -> None:
    options = ("--holdings", str(holdings), "--cash", "50000", "--min-fee", "39")
    code, out, err = run(demo_market, tmp_path, *options)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "Sammansatt Momentum (sammansatt_momentum), as of " in out
    flat = " ".join(out.split())
    assert "line 4, 'Global', is left out: 1,5 is no whole number of shares" in flat
    assert "line 5, 'NOBO', is left out: no stock of this ISIN, ticker or name" in flat
    assert "cash 50,000.00 + sales " in flat
    assert "no rank is investment advice" in flat


def test_json_and_csv_tell_the_same(demo_market: Path, holdings: Path, tmp_path: Path) -> None:
    options = ("--holdings", str(holdings), "--cash", "50000.5", "--strategy", "trendande_varde")
    code, out, _ = run(demo_market, tmp_path, *options, "--format", "json")
    told = json.loads(out)
    assert (code, told["strategy"], len(told["not_matched"])) == (0, "trendande_varde", 2)
    spent = sum(o["value"] for o in told["buy"]) + told["costs"]["total"]
    sold = sum(o["value"] for o in told["sell"])
    assert round(50000.5 + sold - spent, 2) == told["cash_left"] >= 0
    code, out, err = run(demo_market, tmp_path, *options, "--format", "csv")
    rows = [row for row in csv.DictReader(out.splitlines()) if row["order"] == "buy"]
    assert [(row["ticker"], int(row["shares"])) for row in rows] == [
        (o["ticker"], o["shares"]) for o in told["buy"]
    ]
    assert "line 5, 'NOBO', is left out" in err


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--holdings", "none.csv"), 1, "cannot read none.csv: No such file or directory"),
        (("--cash", "1.001"), 2, "--cash = 1.001 is finer than a hundredth"),
        (("--mode", "sell"), 2, "expected one of rebalance, add_cash, fix_drift"),
        (("--strategy", "none"), 1, "unknown strategy 'none'"),
        (("--buy-rank", "0"), 2, "a portfolio of no stock holds nothing"),
    ],
)
def test_an_error_is_one_line(
    demo_market: Path, tmp_path: Path, options: tuple[str, ...], code: int, told: str
) -> None:
    found = run(demo_market, tmp_path, *options)
    assert found[:2] == (code, "")
    assert told in found[2]
    assert found[2].count("\n") == 1
