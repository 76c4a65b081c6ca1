"""For how long observations stand, by literal rows, and that no answer depends on it."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.lake import Dataset, Observed, lake_schema, schema_text
from pipelines.lake.version import Lake
from pipelines.ranking import standing
from pipelines.ranking.known import dated_filings, newest_ratios, recent_ratios
from pipelines.ranking.listed import listed_on, listed_on_dates
from pipelines.ranking.many import cross_sections
from pipelines.ranking.standing import (
    NEVER,
    OF_FUNDAMENTALS,
    OF_STOCKS,
    standing_hash,
    with_standing,
)
from pipelines.ranking.statements import recent_statements, statements
from pipelines.refresh import observed_files
from pipelines.refresh.sightings import FUNDAMENTALS, STOCKS, Kind
from pipelines.refresh.task import Task
from tests.factories import frame_lake, stock

Row = dict[str, Any]


def day(text: str) -> date:
    return date.fromisoformat(text)


def seen(kind: Kind, rows: list[Row]) -> pl.DataFrame:
    """Observations with what a row must have."""
    own = {"source": "fundamentals", "why": "new", "state": "kept", "listed": True}
    of_kind = {c: v for c, v in own.items() if c in kind.schema}
    return pl.DataFrame([of_kind | row for row in rows], schema=kind.schema)


def filed(known: str, fiscal: str | None, number: int = 1, **values: Any) -> Row:
    return {
        "ticker": "A", "known_from": day(known), "observed_on": day(known), "id": number,
        "fiscal_date": None if fiscal is None else day(fiscal),
    } | values  # fmt: skip


def days(rows: list[Row]) -> list[tuple[date | None, ...]]:
    marked = with_standing("observed_fundamentals", seen(FUNDAMENTALS, rows))
    return marked.sort("known_from", "id").select(OF_FUNDAMENTALS).rows()


def test_ratios_stand_until_those_of_the_same_or_a_later_year() -> None:
    assert [row[0] for row in days([
        filed("2025-03-01", "2024-12-31", pe=1.0),
        filed("2025-03-08", "2024-12-31", pe=2.0),
        filed("2025-03-15", "2023-12-31", pe=3.0),
        filed("2025-03-22", "2024-12-31", roe=None, net_income_ccy=1.0),
        filed("2025-03-23", "2025-12-31", pe=5.0, state="covered"),
        filed("2025-03-29", "2025-03-29", pe=4.0),
        filed("2025-03-29", "2025-03-29", 2, pe=4.0),
        filed("2025-04-05", None, pe=6.0),
        filed("2025-04-12", None, pe=7.0),
    ])] == [
        day("2025-03-08"), day("2025-03-29"), day("2025-03-15"), NEVER, NEVER, day("2025-03-29"),
        None, day("2025-04-12"), None,
    ]  # fmt: skip


def test_items_stand_as_those_of_the_newest_year_and_of_the_two_before_it() -> None:
    found = days([
        filed("2022-03-01", "2021-12-31", net_income_ccy=1.0),
        filed("2022-06-01", "2021-12-31", net_income_ccy=2.0),
        filed("2023-03-01", "2022-12-31", net_income_ccy=3.0),
        filed("2024-03-01", "2023-12-31", net_income_ccy=4.0),
        filed("2025-03-01", "2024-12-31", net_income_ccy=5.0),
        filed("2025-03-08", "2024-12-31", pe=9.0),
    ])  # fmt: skip
    assert [row[1:] for row in found] == [
        (day("2022-06-01"), day("2022-06-01"), day("2024-03-01")),
        (day("2025-03-01"), day("2023-03-01"), day("2024-03-01")),
        (None, day("2024-03-01"), day("2025-03-01")),
        (None, day("2025-03-01"), None),
        (None, None, None),
        (NEVER, NEVER, NEVER),
    ]


def test_a_score_stands_until_the_next_score_of_its_year() -> None:
    assert [row[1] for row in days([
        filed("2025-03-01", "2024-12-31", piotroski_f_score=5),
        filed("2025-03-08", "2024-12-31", net_income_ccy=1.0),
        filed("2025-03-15", "2024-12-31", piotroski_f_score=6),
        filed("2025-03-22", "2024-12-31", net_income_ccy=1.0),
    ])] == [day("2025-03-15"), day("2025-03-15"), None, None]  # fmt: skip


def test_a_listing_stands_from_its_first_row_on_until_the_next_that_counts() -> None:
    rows = [
        {"ticker": t, "observed_on": day(on), "state": state}
        for t, on, state in (
            ("A", "2026-03-02", "kept"), ("A", "2026-03-09", "struck"), ("A", "2026-03-16", "kept"),
            ("B", "2026-03-09", "covered"),
        )
    ]  # fmt: skip
    marked = with_standing("observed_stocks", seen(STOCKS, rows)).sort("ticker", "observed_on")
    assert marked.select(OF_STOCKS).rows() == [
        (None, day("2026-03-16")),
        (day("2026-03-09"), day("2026-03-09")),
        (day("2026-03-16"), None),
        (day("2026-03-09"), day("2026-03-09")),
    ]


@pytest.mark.parametrize("name", ["ITEMS", "RATIO_COLUMNS", "COUNTING", "YEAR_BEFORE", "SLACK"])
def test_days_of_other_rules_are_told_apart(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = standing_hash()
    monkeypatch.setattr(standing, name, ())
    assert standing_hash() != before


# ------------------------------------------------------------------------- the same answers

FIRST, LAST = date(2018, 1, 1), date(2024, 12, 31)


def some_day(chance: random.Random) -> date:
    return FIRST + timedelta(days=chance.randrange((LAST - FIRST).days))


def filings(chance: random.Random) -> Iterator[Row]:
    for number in range(300):
        known = some_day(chance)
        ago = chance.choice((0, 0, 20, 90, 365, 400, 800))
        fiscal = None if chance.random() < 0.05 else known - timedelta(days=ago)
        if chance.random() < 0.5 and fiscal:
            fiscal = date(fiscal.year - 1, 12, chance.choice((30, 31)))
        yield {
            "ticker": chance.choice("ABC"), "known_from": known, "observed_on": known, "id": number,
            "fiscal_date": fiscal, "fetched_date": chance.choice((known, None)),
            "data_source": chance.choice(("statements", "tradingview", None)),
            "state": chance.choice(("kept", "kept", "kept", "waiting", "covered", "struck")),
            "pe": chance.choice((None, float(number))),
            "net_income_ccy": chance.choice((None, float(number))),
            "total_assets_ccy": chance.choice((None, float(number))),
            "piotroski_f_score": chance.choice((None, None, number % 10)),
        }  # fmt: skip


def listings(chance: random.Random) -> Iterator[Row]:
    places = {(chance.choice("ABC"), some_day(chance)) for _ in range(60)}
    for number, (ticker, on) in enumerate(sorted(places)):
        yield {
            "ticker": ticker, "observed_on": on, "market_cap_msek": float(number),
            "listed": chance.random() < 0.9,
            "state": chance.choice(("kept", "kept", "kept", "covered", "struck")),
        }  # fmt: skip


def written(folder: Path, kind: Kind, rows: list[Row], cuts: list[date]) -> Dataset:
    """Observations in files by the days on which they were seen."""
    task = Task.__new__(Task)
    object.__setattr__(task, "root", folder)
    object.__setattr__(task, "version", "20260101T000000Z-000000")
    ends, all_rows = [*cuts, date.max], seen(kind, rows)
    parts = [
        all_rows.filter(pl.col("observed_on") >= start, pl.col("observed_on") < end)
        for start, end in zip([date.min, *cuts], ends, strict=True)
    ]
    made = [observed_files.write(task, kind, n, part) for n, part in enumerate(parts)]
    counts = Observed(since=FIRST, day=LAST, seen=0, new=0, kept=0, waiting=0, struck=0,
                      marked_by=standing_hash())  # fmt: skip
    return Dataset(
        schema=schema_text(lake_schema(kind.dataset)), rows=len(rows), files=tuple(made),
        observed=counts,
    )  # fmt: skip


@pytest.fixture(params=range(6))
def lakes(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Lake, Lake]:
    """The same version with rows that tell for how long they stand, and with rows that do not."""
    chance = random.Random(request.param)
    cuts = sorted(some_day(chance) for _ in range(request.param % 3))
    made = {
        "observed_fundamentals": written(tmp_path, FUNDAMENTALS, [*filings(chance)], cuts),
        "observed_stocks": written(tmp_path, STOCKS, [*listings(chance)], cuts),
    }
    (folder,) = (tmp_path / "versions").iterdir()
    frames = frame_lake([stock("A")]).datasets
    for name in ("fundamentals", "prices", "jumps", "ratio_prices", "stocks"):
        frames[name].write_parquet(folder / f"{name}.parquet")
        made[name] = Dataset(schema=schema_text(frames[name].schema), rows=0, files=())
    unmarked = {
        name: replace(entry, observed=replace(entry.observed, marked_by=""))
        if entry.observed
        else entry
        for name, entry in made.items()
    }
    return Lake.unfinished(folder, made, LAST), Lake.unfinished(folder, unmarked, LAST)


def answers(lake: Lake, as_of: date) -> list[pl.DataFrame]:
    today = pl.lit(as_of)
    recent, dated = recent_ratios(lake, as_of, as_of), dated_filings(lake, as_of, as_of)
    return pl.collect_all([
        newest_ratios(recent, today, dated=dated),
        statements(recent_statements(lake, as_of, as_of), today),
        listed_on(lake, as_of),
    ])  # fmt: skip


def test_no_answer_depends_on_it(lakes: tuple[Lake, Lake]) -> None:
    marked, unmarked = lakes
    for number in range(-200, 2700, 97):
        as_of = FIRST + timedelta(days=number)
        pairs = zip(answers(marked, as_of), answers(unmarked, as_of), strict=True)
        for ours, theirs in pairs:
            assert_frame_equal(ours.sort("ticker"), theirs.sort("ticker"), check_exact=True)


def test_nor_does_one_of_many_dates(lakes: tuple[Lake, Lake]) -> None:
    dates = [FIRST + timedelta(days=n) for n in (-9, 0, 30, 31, 250, 700, 1500, 1507, 2550)]
    for block in (dates, dates[4:6]):
        for of in (listed_on_dates, cross_sections):
            ours, theirs = (of(lake, block).collect().sort("as_of", "ticker") for lake in lakes)
            assert_frame_equal(ours, theirs, check_exact=True)
    assert ours.height > 2


def test_fewer_rows_are_read(lakes: tuple[Lake, Lake]) -> None:
    as_of = date(2023, 6, 30)
    for of in (recent_ratios, recent_statements):
        ours, theirs = (of(lake, as_of, as_of).collect().height for lake in lakes)
        assert 0 < ours < theirs
