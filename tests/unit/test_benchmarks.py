"""The contenders of the benchmark give one answer, and what differs is seen and void."""

import random
import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.export import export
from pipelines.lake.version import Lake
from pipelines.ranking.rank import rankings
from pipelines.ranking.strategies import STRATEGIES
from pipelines.universe import SWEDEN
from tests import oracle
from tests.benchmarks import factors, replicas, report
from tests.benchmarks import rankings as bench
from tests.benchmarks.contenders.task import COLUMNS, Task
from tests.factories import Row, database, stock

D: Final = date(2024, 5, 31)
SECTORS: Final = ("Industri", "investmentbolag", "FINANCE", None, "Teknik", "Handel")
MARKETS: Final = ("stockholmsborsen", "stockholmsborsen", "first_north", "oslo", None)
TYPES: Final = ("stock", "stock", "stock", "SDB", "preference", None)
VALUES: Final = (None, -2.0, 0.0, 0.5, 1.0, 3.0, 7.0)
RATIOS: Final = tuple(r.removesuffix("_ccy") for r in oracle.RATIOS[1:])
ITEMS: Final = tuple(i.removesuffix("_ccy") for i in oracle.STATEMENT_ITEMS[:-1])


def make_market(path: Path) -> Path:
    """A random market in which every reason, tie and gap occurs."""
    rng = random.Random(5)
    tickers = [f"S{n:03}{cls}" for n in range(180) for cls in rng.choice(("", " A| B", " B|-C"))
               .split("|")]  # fmt: skip
    return database(
        path,
        stocks=[_stock(t, rng) for t in tickers],
        daily_prices=[row for t in tickers for row in _prices(t, rng)],
        fundamentals=[row | {"id": n} for n, row in enumerate(
            row for t in tickers for row in _statements(t, rng))],
        fundamentals_snapshots=[row | {"id": n} for n, row in enumerate(
            row for t in tickers for row in _snapshots(t, rng))],
    )  # fmt: skip


def _stock(ticker: str, rng: random.Random) -> Row:
    return stock(
        ticker, market_cap_msek=rng.choice((None, 0.0, 1999.0, 2000.0, 3000.0, 9000.0)),
        sector=rng.choice(SECTORS), market=rng.choice(MARKETS), stock_type=rng.choice(TYPES),
    )  # fmt: skip


def _prices(ticker: str, rng: random.Random) -> list[Row]:
    ends = [oracle.months_back(D, n) for n in (0, 3, 6, 12)]
    days = {
        end - timedelta(rng.randint(0, 12)) for end in ends if rng.random() < 0.95 for _ in range(3)
    }
    closes = (100.0, 110.0, 121.0)
    return [{"ticker": ticker, "date": d.isoformat(), "close": rng.choice(closes)}
            for d in sorted(days) if rng.random() < 0.9]  # fmt: skip


def _values(names: tuple[str, ...], rng: random.Random) -> Row:
    return {name: rng.choice(VALUES) for name in names}


def _statements(ticker: str, rng: random.Random) -> list[Row]:
    return [
        {
            "ticker": ticker,
            "fiscal_date": (date(year, 12, 31) - timedelta(rng.randint(0, 60))).isoformat(),
            "fetched_date": rng.choice((None, f"{year + 1}-03-30", f"{year + 2}-06-01")),
            "data_source": rng.choice(("avanza", "tradingview", "statements", None)),
            "piotroski_f_score": rng.choice((None, None, 4, 8)),
            "market_cap": rng.choice((None, None, 1.9e9, 4e9)),
            **_values(RATIOS, rng),
            **_values(ITEMS, rng),
        }
        for year in (2019, 2020, 2021, 2022, 2022, 2023)
        if rng.random() < 0.8
    ]


def _snapshots(ticker: str, rng: random.Random) -> list[Row]:
    days = (D - timedelta(rng.randint(-5, 500)) for _ in range(rng.randint(0, 4)))
    return [{"ticker": ticker, "snapshot_date": d.isoformat(), **_values(RATIOS, rng)}
            for d in days]  # fmt: skip


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("bench")
    source = make_market(folder / "app.db")
    export(source, folder / "lake", SWEDEN, force=True)  # its ratios are not plausible
    return bench.task_of(source, folder / "lake")


Answers = dict[str, tuple[bench.Run, pl.DataFrame | None]]


@pytest.fixture(scope="module")
def answers(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("answers")
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda name: bench.answer_of(name, task, folder), bench.CONTENDERS)
        return dict(zip(bench.CONTENDERS, found, strict=True))


def ours(answers: Answers) -> pl.DataFrame:
    answer = answers[bench.OURS][1]
    assert answer is not None
    return answer


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n for n in bench.CONTENDERS if n not in (bench.OURS, bench.FLOOR)]
)
def test_every_contender_gives_our_answer(answers: Answers, name: str) -> None:
    theirs = answers[name][1]
    assert theirs is not None
    assert bench.difference(ours(answers), theirs) == ""


@pytest.mark.slow
def test_our_answer_is_the_oracles(answers: Answers, task: Task) -> None:
    lake = Lake(task.lake)
    rows = [x.collect().to_dicts() for x in (lake.stocks(), lake.prices(), lake.fundamentals())]
    expected = [
        {c: {"strategy": name, **row}[c] for c in COLUMNS}
        for name in STRATEGIES
        for row in oracle.rank(*rows, strategy=name, as_of=D, universe=SWEDEN)
    ]
    schema = bench.comparable(ours(answers)).schema
    assert bench.difference(ours(answers), pl.DataFrame(expected, schema=schema)) == ""


@pytest.mark.slow
def test_the_market_has_every_case(answers: Answers) -> None:
    table = ours(answers)
    reasons = table["excluded_by"].drop_nulls().unique()
    assert set(reasons) == {
        "not_a_stock", "other_market", "inactive", "no_market_cap", "below_market_cap",
        "financial", "other_share_class", "no_f_score", "low_f_score", "missing_metrics",
        "outside_best_40_percent", "no_momentum",
    }  # fmt: skip
    ranked = table.drop_nulls("rank")
    assert min(ranked["strategy"].value_counts()["count"]) >= 5
    assert ranked.filter(strategy="trendande_varde")["score"].is_duplicated().any()


@pytest.mark.slow
@pytest.mark.parametrize("name", bench.CONTENDERS)
def test_nothing_is_imported_while_the_clock_runs(answers: Answers, name: str) -> None:
    assert answers[name][0].late == ()


# --------------------------------------------------------------------------- what differs

SMALL: Final = pl.DataFrame({
    "strategy": ["s"] * 3, "ticker": ["A", "B", "C"], "rank": [1, 2, None],
    "excluded_by": [None, None, "inactive"], "score": [0.5, 0.25, None],
    "composite": [None, 0.5, 0.5], "primary_rank": [None, 1, 1], "f_score": [9, 5, 0],
})  # fmt: skip
FIRST: Final = pl.col("ticker") == "A"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.head(2), "2 rows for 3"),
        (lambda t: t.with_columns(ticker=pl.col("ticker").replace("A", "X")), "3 rows for 3"),
        (lambda t: pl.concat([t, t.head(1)]), "4 rows for 3"),
        (lambda t: t.with_columns(rank=3 - pl.col("rank")), "rank of A in s is 2, not 1"),
        (lambda t: t.with_columns(score=pl.col("score") + 2e-6),
         "score of A in s is 0.500002, not 0.5"),
        (lambda t: t.with_columns(score=pl.when(~FIRST).then("score")),
         "score of A in s is None, not 0.5"),
        (lambda t: t.with_columns(excluded_by=pl.lit("inactive")),
         "excluded_by of A in s is inactive, not None"),
        (lambda t: t.with_columns(composite=pl.lit(0.5)), "composite of A in s is 0.5, not None"),
    ],
    ids=["row gone", "other stock", "row twice", "rank", "score", "null", "reason", "value"],
)  # fmt: skip
def test_a_difference_is_told(change: Callable[[pl.DataFrame], pl.DataFrame], told: str) -> None:
    assert bench.difference(SMALL, change(SMALL)) == told


def test_rounding_is_no_difference() -> None:
    rounded = SMALL.with_columns(score=pl.col("score") + 1e-7)
    assert bench.difference(SMALL, rounded) == ""
    assert bench.difference(SMALL, SMALL.cast({"rank": pl.Float64, "f_score": pl.Int8})) == ""


def result(name: str, *seconds: float, **values: Any) -> bench.Result:
    runs = [bench.Run(s, s, s + 1, 100 * s, 50, ()) for s in seconds]
    return bench.Result(name, 1, runs, **values)


RESULTS: Final = [
    result(bench.OURS, 1.0, 2.0, 1.5),
    result("pandas_sql", 3.0, 8.0, 4.5),
    result("duckdb_parquet", void="rank of A in s is 2, not 1"),
]


def test_a_different_answer_voids_its_row() -> None:
    rows = bench.table(RESULTS).splitlines()
    assert rows[3] == (
        "| good pandas, from SQLite | 4.500 | 3.000 to 8.000 | 3.0 | 4.500 | 5.50 | 450 | 50 |"
    )
    assert rows[4] == "| DuckDB, from Parquet | void | rank of A in s is 2, not 1 |  |  |  |  |  |"


def test_ratios_are_those_of_the_rounds() -> None:
    rows = bench.goals(RESULTS).splitlines()
    assert rows[2:] == ["| good pandas, from SQLite | 0.333 | 0.33 |"]


def test_copies_of_a_lake_rank_alike(task: Task, tmp_path: Path) -> None:
    lake = Lake(task.lake)
    twice = replicas.multiply(lake, tmp_path / "twice", 2)
    known = twice.fundamentals().collect()
    assert known.height == 2 * lake.fundamentals().collect().height
    assert known.select("source", "id").is_unique().all()
    one, two = (rankings(x, as_of=D, universe=SWEDEN).collect() for x in (lake, twice))
    excluded, ranked = ({"01" + t for t in one.filter(x)["ticker"]} for x in (
        pl.col("excluded_by") == "inactive", pl.col("rank") == 1))  # fmt: skip
    assert excluded == set(two.filter(pl.col("excluded_by") == "inactive")["ticker"]
                           .str.replace("^00", "01"))  # fmt: skip
    assert ranked <= set(two.filter(pl.col("rank") <= 2)["ticker"])


def test_the_report_has_tables_chart_and_parts(tmp_path: Path) -> None:
    results = {1: RESULTS[:2], 10: RESULTS}
    report.chart(results).save(tmp_path / "chart.svg")
    drawn = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert drawn.count("StockRank, from Parquet</text>") == 2
    assert "DuckDB" not in drawn, "a void row is drawn"
    text = report.document(results, {"API": "told"}, "where\n")
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Benchmarks", "## Rankings", "### Size 1", "### Size 10", "## API",
    ]  # fmt: skip
    assert "VmHWM" in text
    assert "Both servers are processes of their own" in text.split("## API")[1]
    assert "![" in text


def test_a_part_that_fails_says_so_in_the_report(tmp_path: Path) -> None:
    assert report.part(("tests.benchmarks.missing",), tmp_path).startswith("```\nnot measured: ")
    assert "Linux" in report.part(("platform",), tmp_path) or sys.platform != "linux"
    assert report.there(("platform",))
    assert not report.there(("tests.benchmarks.missing",))


def test_a_table_of_a_part_is_markdown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_part.py").write_text("print('| a |\\n|---|\\n| 1 |')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert report.part(("a_part",), tmp_path) == "| a |\n|---|\n| 1 |\n"


def test_the_market_is_without_jumps() -> None:
    con = sqlite3.connect(":memory:")
    con.execute("CREATE TABLE daily_prices (ticker, date, open, high, low, close)")
    closes = {"A": [100.0, 120.0, 30.0, 33.0, 330.0], "B": [10.0, 20.0]}
    con.executemany(
        "INSERT INTO daily_prices VALUES (?, ?, NULL, ?, ?, ?)",
        [(t, n, c, c, c) for t, series in closes.items() for n, c in enumerate(series)],
    )
    bench.smooth(con)
    rows = con.execute("SELECT close, high FROM daily_prices ORDER BY ticker, date").fetchall()
    smoothed = [250.0, 300.0, 300.0, 330.0, 330.0, 10.0, 20.0]
    assert [close for close, _ in rows] == pytest.approx(smoothed)
    assert all(close == high for close, high in rows)


# ----------------------------------------------------------------------------------- factors


def test_the_price_windows_of_all_contenders_are_the_same(tmp_path: Path) -> None:
    factors.write(tmp_path, 40)
    first, *others = (
        contender(tmp_path).sort("ticker").select("ticker", *factors.NAMES)
        for contender in factors.CONTENDERS.values()
    )
    assert first.height == 40
    assert first.null_count().sum_horizontal().item() == 0
    for other in others:
        assert_frame_equal(other, first, rel_tol=1e-7)


def test_the_catalogue_is_a_part_of_the_report() -> None:
    assert report.PARTS["Factors"] == ("tests.benchmarks.factors",)
    assert report.there(report.PARTS["Factors"])
