"""A version compared with its database: what counts as the same value, and where its copy is."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import DiskFull, SourceError
from pipelines.lake import Lake, layout
from pipelines.refresh import against_source, export, verify_against_source
from pipelines.refresh.task import Task, snapshot
from pipelines.source import Snapshot
from pipelines.universe import SWEDEN
from tests import edits
from tests.factories import change

slow = partial(pytest.param, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def round_numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database whose values are the same in every precision, and its lake."""
    folder = tmp_path_factory.mktemp("round")
    source = edits.market(folder / "app.db")
    change(source, "UPDATE fundamentals SET pe = 10.0", "UPDATE daily_prices SET open = close")
    export(source, folder / "lake", SWEDEN)
    return folder


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        # 5e-8 is less than the rounding of single precision, in which only prices are stored.
        ("UPDATE fundamentals SET pe = pe * (1 + 5e-8)", "fundamentals.pe"),
        slow("UPDATE fundamentals SET pe = pe * (1 + 5e-16)", "fundamentals.pe"),
        slow("UPDATE stocks SET market_cap_msek = market_cap_msek * (1 - 1e-9)",
             "stocks.market_cap_msek"),
        ("UPDATE daily_prices SET open = open * (1 + 1e-6)", "prices.open"),
        ("UPDATE daily_prices SET open = open * (1 + 1e-12)", None),
    ],
)  # fmt: skip
def test_only_what_is_stored_in_single_precision_may_be_rounded(
    round_numbers: Path, tmp_path: Path, statement: str, problem: str | None
) -> None:
    source = Path(shutil.copy(round_numbers / "app.db", tmp_path))
    change(source, statement)
    found = verify_against_source(Lake(round_numbers / "lake"), source).problems
    assert found == (
        [
            "the database was written to since the version was made",
            f"{problem} differs from the database",
        ]
        if problem
        else []
    )


@pytest.mark.parametrize("statements", [
    ("UPDATE splits SET date = '2031-05-10' WHERE ticker < 'T2'",
     "DELETE FROM daily_prices WHERE ticker BETWEEN 'T2' AND 'T5'"),
    slow(["DELETE FROM splits"]),
    slow(["UPDATE splits SET date = '2031-05-10'"]),
    slow(["DELETE FROM daily_prices WHERE ticker < 'T5'"]),
])  # fmt: skip
def test_splits_without_closes_around_are_compared(
    tmp_path: Path, statements: Sequence[str]
) -> None:
    source = edits.market(tmp_path / "app.db")
    change(source, *statements)
    export(source, tmp_path / "lake", SWEDEN)
    assert verify_against_source(Lake(tmp_path / "lake"), source).problems == []


LARGE = replace(SWEDEN, name="large", floors=((date.min, 3000.0),))


@pytest.fixture(scope="module")
def two_universes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, and its lake with the rankings of two universes."""
    folder = tmp_path_factory.mktemp("two")
    export(edits.market(folder / "app.db"), folder / "lake", SWEDEN, others=[LARGE])
    return folder


@pytest.mark.parametrize(("cap", "told"), [
    slow(1000, "8 ranks differ from those of Float64, such as T1 B in sammansatt_momentum"),
    (2500, "4 ranks differ from those of Float64, such as T1 B in sammansatt_momentum of large"),
    (3500, None),
])  # fmt: skip
def test_the_rankings_of_every_universe_are_compared(
    two_universes: Path, tmp_path: Path, cap: float, told: str | None
) -> None:
    source = Path(shutil.copy(two_universes / "app.db", tmp_path))
    change(source, f"UPDATE stocks SET market_cap_msek = {cap} WHERE ticker = 'T1-B'")
    found = verify_against_source(Lake(two_universes / "lake"), source).problems
    assert found[1:] == [
        "stocks.market_cap_msek differs from the database",
        *([told] if told else []),
    ]


@pytest.fixture
def opened(demo_market: Path) -> Lake:
    return Lake(demo_market / "lake")


def test_a_database_that_is_not_there_is_named_before_anything_is_written(
    opened: Lake, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=f"^no database at {tmp_path}/no.db; name one with "):
        verify_against_source(opened, tmp_path / "no.db")


def test_the_copy_is_below_the_lake_and_not_in_the_temporary_folder(
    demo_market: Path, opened: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[Path] = []

    def copy(task: Task) -> Snapshot:
        copies.append(task.work)
        return snapshot(task)

    monkeypatch.setattr(against_source, "snapshot", copy)
    found = verify_against_source(opened, demo_market / "demo.db")
    assert found.problems == []
    (made,) = copies
    assert made.is_relative_to((demo_market / "lake").resolve())
    assert not made.exists()
    assert list(layout.leftover_scratch(demo_market / "lake")) == []


def test_a_comparison_that_does_not_fit_on_the_disk_is_refused(
    demo_market: Path, opened: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = (0, 0, 1000)
    monkeypatch.setattr("pipelines.lake.space.shutil.disk_usage", lambda _: _Usage(*full))
    with pytest.raises(DiskFull, match="is too full: a refresh needs"):
        verify_against_source(opened, demo_market / "demo.db")
    assert list(layout.leftover_scratch(demo_market / "lake")) == []


class _Usage:
    def __init__(self, total: int, used: int, free: int) -> None:
        self.total, self.used, self.free = total, used, free


def ranking(*rows: tuple[str, int | None, float | None]) -> pl.DataFrame:
    """A ranking of these tickers, ranks and scores."""
    schema = {"ticker": pl.String, "rank": pl.UInt32, "score": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        universe=pl.lit(""), strategy=pl.lit("s"), excluded_by=pl.lit(None, dtype=pl.String),
        primary_rank=pl.lit(None, dtype=pl.UInt32),
    )  # fmt: skip


@pytest.mark.parametrize(("gap", "swapped"), [(2e-7, ["A", "B"]), (4e-7, [])])
def test_stocks_whose_scores_differ_by_rounding_may_swap_places(
    gap: float, swapped: list[str]
) -> None:
    exact = ranking(("A", 1, 0.5 + gap), ("B", 2, 0.5), ("C", 3, 0.1))
    differ = ranking(("A", 2, 0.5), ("B", 1, 0.5))
    assert sorted(against_source._swapped(differ, exact)["ticker"]) == swapped  # noqa: SLF001


def test_only_columns_that_differ_are_shown(round_numbers: Path, tmp_path: Path) -> None:
    source = Path(shutil.copy(round_numbers / "app.db", tmp_path))
    lake = Lake(round_numbers / "lake")
    values, _ = verify_against_source(lake, source).tables
    assert (values.rows, values.note) == (
        [], f"{(n := columns(lake))} of {n} columns are the same to the last digit",
    )  # fmt: skip
    change(source, "UPDATE fundamentals SET pe = 11.0")
    values = verify_against_source(lake, source).tables[0]
    assert [row[:2] for row in values.rows] == [("fundamentals", "pe")]


def columns(lake: Lake) -> int:
    names = against_source.KEYS.keys() & lake.datasets.keys()
    return sum(len(lake.datasets[name].schema) for name in names)
