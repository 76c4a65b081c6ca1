"""No query of a ranking leaves the streaming engine, and a lake of files gives the same answer."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.definition import Definition, definitions_from
from pipelines.lake.version import Lake, schema_text
from pipelines.ranking.adjusted import adjusted_closes, applied_splits
from pipelines.ranking.as_data import strategy_of
from pipelines.ranking.jumps import good_prices
from pipelines.ranking.known import closes as closes_of
from pipelines.ranking.known import cross_section, newest_ratios, price_return
from pipelines.ranking.many import history, history_of_ranks
from pipelines.ranking.rank import rankings
from pipelines.ranking.statements import statements
from pipelines.ranking.strategies import STRATEGIES, Strategy
from pipelines.ranking.windows import ANCHORS, in_window
from pipelines.universe import NORDIC, SWEDEN, TrustedJump
from tests.factories import (
    FrameLake,
    closes,
    data_file,
    dataset,
    frame_lake,
    snapshot,
    statement,
    stock,
)

D = date(2024, 5, 31)
TRUSTING: Final = replace(
    SWEDEN, trusted_jumps=(TrustedJump("A A", D), TrustedJump("B", date(2020, 1, 2)))
)
DAY = pl.lit(D)
WINDOWS = {n: in_window(DAY, n) for n in ANCHORS}
# `columnar-function` collects its whole input before it runs, as `in-memory-map` does.
FALLBACK: Final = re.compile(
    r'label="(in-memory-(?!source)[^"\\]*|columnar-function[^"\\]*|python[^"\\]*)'
)
FRAMES: Final = frame_lake(
    [stock("A A"), stock("A B"), stock("C", market="oslo")],
    [r for t in ("A A", "A B", "C") for r in closes(t, {
        "2023-05-31": 40.0, "2023-11-30": 50.0, "2024-02-29": 80.0, "2024-05-31": 100.0})],
    [statement("A B", "2022-12-31", "2023-03-30", gross_margin=0.3),
     statement("A B", "2023-12-31", "2024-03-30", number=2, gross_margin=0.4, roe=0.1,
               piotroski_f_score=7),
     snapshot("A B", "2024-05-03", number=3, pe=9.0, dividend_yield=0.1)],
    [{"ticker": "A B", "date": date(2024, 5, 31), "ratio": 0.5}],
)  # fmt: skip
WORKED: Final = definitions_from(Path(__file__).parents[3] / "docs" / "strategies")
CHOICES: Final = [*([s] for s in STRATEGIES.values()), [*STRATEGIES.values()]]


def fallbacks(plan: pl.LazyFrame) -> list[str]:
    """The nodes of the physical plan that leave the streaming engine."""
    graph = plan.show_graph(engine="streaming", plan_stage="physical", raw_output=True)
    assert graph is not None
    assert "label=" in graph
    return FALLBACK.findall(graph)


@pytest.fixture
def files(tmp_path: Path) -> Lake:
    """The frames as a version of the lake: a file a year, and of fundamentals by `known_from`."""
    datasets = {}
    days = {"stocks": None, "prices": "date", "fundamentals": "known_from", "jumps": None,
            "ratio_prices": None, "splits": None}  # fmt: skip
    for name, day in days.items():
        rows = FRAMES.datasets[name]
        parts = rows.group_by(pl.col(day).dt.year()) if day else [((None,), rows)]
        entries = []
        for (year,), part in parts:
            part.write_parquet(tmp_path / f"{name}-{year}.parquet")
            entries.append(data_file(f"{name}-{year}.parquet", year=year, rows=part.height))
        datasets[name] = dataset(*entries, schema=schema_text(rows.schema))
    return Lake.unfinished(tmp_path, datasets, D)


@pytest.mark.parametrize("chosen", CHOICES, ids=lambda c: c[0].name if len(c) == 1 else "all")
def test_no_ranking_leaves_the_streaming_engine(files: Lake, chosen: list[Strategy]) -> None:
    for lake in (files, FRAMES):
        for universe in (SWEDEN, TRUSTING):
            plan = rankings(lake, as_of=D, universe=universe, strategies=chosen)
            assert fallbacks(plan) == []


@pytest.mark.parametrize("definition", WORKED, ids=lambda d: d.name)
def test_no_worked_strategy_leaves_it(files: Lake, definition: Definition) -> None:
    plan = rankings(files, as_of=D, universe=SWEDEN, strategies=[strategy_of(definition)])
    assert fallbacks(plan) == []


def test_no_part_of_a_cross_section_leaves_it(files: Lake) -> None:
    known = files.fundamentals(known_by=D)
    assert fallbacks(cross_section(files, as_of=D)) == []
    assert fallbacks(closes_of(files.prices(until=D), WINDOWS)) == []
    good = good_prices(files, since=D, until=D, as_of=D, universe=TRUSTING)
    assert fallbacks(good) == []
    assert fallbacks(newest_ratios(known, DAY)) == []
    assert fallbacks(statements(known, DAY)) == []
    splits = applied_splits(files)
    assert fallbacks(price_return(files.prices(until=D), splits, as_of=D, months=1)) == []
    assert fallbacks(adjusted_closes(files.prices(until=D), splits, D)) == []


def test_no_scan_of_the_lake_leaves_it(files: Lake) -> None:
    one = files.prices(since=date(2024, 1, 1), until=D).filter(ticker="A B").select("close")
    assert fallbacks(one) == []
    assert fallbacks(files.fundamentals(known_by=D)) == []
    assert fallbacks(files.stocks().filter(market="oslo")) == []


def test_no_ranking_of_many_dates_leaves_it(files: Lake) -> None:
    dates = [date(2024, 3, 1), date(2024, 4, 2), D]
    for lake in (files, FRAMES):
        (plan,) = history(lake, dates=dates, universe=SWEDEN)
        assert fallbacks(plan) == []
        (ranks,) = history_of_ranks(
            lake, dates=dates, universe=SWEDEN, strategies=STRATEGIES.values()
        )
        assert fallbacks(ranks) == []


def test_no_ranking_with_returns_in_kronor_leaves_it() -> None:
    rates = pl.DataFrame({"currency": ["EUR"], "date": [D], "rate": [11.0]})
    lake = FrameLake(**FRAMES.datasets, fx_rates=rates)
    universe = replace(NORDIC, returns_in="SEK")
    assert fallbacks(rankings(lake, as_of=D, universe=universe)) == []
    (plan,) = history(lake, dates=[date(2024, 4, 2), D], universe=universe)
    assert fallbacks(plan) == []


def test_files_by_year_change_nothing(files: Lake) -> None:
    of_files, of_frames = (
        rankings(lake, as_of=D, universe=SWEDEN).collect(engine="streaming")
        for lake in (files, FRAMES)
    )
    assert of_frames["rank"].drop_nulls().to_list() == [1, 1]
    assert_frame_equal(of_files, of_frames, check_exact=True)


FRAME: Final = pl.LazyFrame({"a": ["x", "y"], "b": [1, 2]})
INNER: Final = pl.when(pl.col("b") == pl.col("b").max().over("a")).then("b")


@pytest.mark.parametrize(
    ("plan", "node"),
    [
        (FRAME.with_columns(c=INNER.min().over("a")), "in-memory-map"),
        (FRAME.sort("b").join_asof(FRAME.sort("b"), on="b", by="a"), "in-memory-join"),
        (FRAME.unique("a", keep="last", maintain_order=True), "in-memory-map"),
        (FRAME.with_columns(pl.col("b").rank()), "columnar-function"),
    ],
    ids=["a window inside a window", "join_asof by", "unique in order", "rank of a column"],
)
def test_what_leaves_it_is_seen(plan: pl.LazyFrame, node: str) -> None:
    assert node in fallbacks(plan)


def test_ratios_are_read_from_the_years_that_count(files: Lake) -> None:
    """Of the years before, only fiscal dates and statements are read."""
    plan = cross_section(files, as_of=date(2025, 6, 30)).explain(engine="streaming")
    scans = [part.split("]")[0] for part in plan.split("Parquet SCAN [")[1:]]
    read = ["2024" if "," not in scan else "all" for scan in scans if "fundamentals-20" in scan]
    assert read.count("2024") == 1
    assert set(read) == {"2024", "all"}
