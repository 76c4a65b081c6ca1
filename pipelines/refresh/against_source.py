"""A version compared with the database that it was made from, value by value."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Final

import polars as pl

from pipelines import lake
from pipelines.lake import Lake, disk_errors
from pipelines.place import Place
from pipelines.refresh import build
from pipelines.refresh.intact import Comparison
from pipelines.refresh.remembered import of_whole
from pipelines.refresh.sightings import FUNDAMENTALS, of_fundamentals, own_fiscal
from pipelines.refresh.task import Task, snapshot, staging
from pipelines.source import TABLES, opened
from pipelines.terminal_table import Column, Table
from pipelines.universe import Universe

KEYS: Final = {
    **{table.dataset: table.key for table in TABLES.values()},
    "jumps": ("ticker", "date"),
    "ratio_prices": ("ticker", "priced_on", "close_date"),
}
ROUNDED: Final = 2**-24
"""The largest relative difference of a number in single precision."""
QUOTIENTS: Final = {("jumps", "ratio"): 4 * ROUNDED}
"""The same for quotients of two such numbers, in whatever precision they are stored."""


SWAPS: Final = 4 * ROUNDED
"""How far two scores may differ by that, each a quotient of two; as a part of 1 + the score."""
STOCK: Final = ["universe", "strategy", "ticker"]
RANKED: Final = [*STOCK, "rank", "excluded_by", "primary_rank"]


def verify_against_source(version: Lake, database: Place) -> Comparison:
    """Compare a version with the database as it is now, value by value.

    The database is read again with Float64 in place of every Float32. Columns that are stored as
    Float32 may differ by their rounding, others not at all; the rankings must be the same.
    All of it is written below the lake, where there is room for a refresh, and is removed.
    """
    made, root = version.manifest, version.path.parents[1]
    with opened(database) as source, disk_errors(root):
        tables = tuple(source.preflight())
        with lake.scratch(root) as folder:
            lake.check_room(root, database, made)
            task = Task(
                database=source,
                root=folder,
                version=made.version,
                universe=made.universe,
                others=made.other_universes,
                tables=tables,
                source=source.fingerprint(),
                today=made.created_at.astimezone(UTC).date(),
                memory=of_whole(version),
                exact=True,
            )
            found = _compared_with_exact(version, task)
    if found.problems and replace(task.source, path=made.source.path) != made.source:
        found.problems.insert(0, "the database was written to since the version was made")
    return found


def _compared_with_exact(version: Lake, task: Task) -> Comparison:
    """Make the version anew with the source's own numbers, and compare both."""
    with staging(task):
        content = build.from_database(task, snapshot(task))
        exact = Lake.unfinished(task.staged, content.datasets, content.as_of)
        found = _values(version, exact)
        _add_rankings(found, version, exact)
        found.tables.extend(_remembered(version, exact))
        return found


def _values(opened: Lake, exact: Lake) -> Comparison:
    found, rows, compared = Comparison(), [], 0
    for name, keys in KEYS.items():
        ours, theirs = (name in version.datasets for version in (opened, exact))
        if ours != theirs:
            found.problems.append(_alone(name, in_version=ours))
        if not (ours and theirs):
            continue
        for column, missing, absolute, relative in _differences(opened, exact, name, keys):
            compared += 1
            if missing or absolute:
                rows.append((name, column, f"{missing:,}", f"{absolute:.3g}", f"{relative:.3g}"))
            if missing or relative > _allowed(opened, name, column):
                found.problems.append(f"{name}.{column} differs from the database")
    largest = (Column("absolute", extra=1), "relative")
    columns = ("dataset", "column", "values that do not match", *largest)
    same = f"{compared - len(rows)} of {compared} columns are the same to the last digit"
    found.tables = [Table("largest differences from the database", columns, rows, same)]
    return found


def _allowed(version: Lake, name: str, column: str) -> float:
    """Return the relative difference that comes from how a column is stored; 0 for Float64."""
    rounded = ROUNDED if version.datasets[name].schema[column] == "Float32" else 0.0
    return QUOTIENTS.get((name, column), rounded)


def _alone(name: str, *, in_version: bool) -> str:
    there, absent = ("version", "database") if in_version else ("database", "version")
    return f"the dataset {name} is in the {there}, but not in the {absent}"


def _differences(
    opened: Lake, exact: Lake, name: str, keys: tuple[str, ...]
) -> Iterator[tuple[str, int, float, float]]:
    """Return each column, how many values do not match, and its largest differences."""
    files = [f for v in (opened, exact) for f in v.datasets[name].files]
    years = sorted({f.year for f in files}, key=lambda y: y or 0)
    # Where a file has several years, that of the other may have fewer, or more.
    is_divided_alike = all(f.first_year is None for f in files)
    totals: dict[str, tuple[int, float, float]] = {}
    for together in ([year] for year in years) if is_divided_alike else [years]:
        both = _both(opened, exact, name, keys, together)
        for column in opened.datasets[name].schema:
            totals[column] = _add(totals.get(column, (0, 0.0, 0.0)), _compared(both, column))
    for column, (missing, absolute, relative) in totals.items():
        yield column, missing, absolute, relative


def _both(
    opened: Lake, exact: Lake, name: str, keys: tuple[str, ...], years: Sequence[int | None]
) -> pl.DataFrame:
    """Return the rows of both side by side, by key; nulls where one has no such row."""
    ours, theirs = (
        pl.concat(v.year(name, year) for year in years).with_columns(there_=pl.lit(value=True))
        for v in (opened, exact)
    )
    return ours.join(theirs, on=keys, how="full", suffix="_exact", nulls_equal=True).collect(
        engine="streaming"
    )


def _compared(both: pl.DataFrame, column: str) -> tuple[int, float, float]:
    ours, theirs = pl.col(column), pl.col(f"{column}_exact")
    if both.schema[column] not in (pl.Float32, pl.Float64):
        return both.select((ours.ne_missing(theirs)).sum()).item(), 0.0, 0.0
    exact = theirs.cast(pl.Float64)
    gap = (ours.cast(pl.Float64) - exact).abs()
    missing = (ours.is_null() != theirs.is_null()).sum()
    relative = pl.when(exact != 0).then(gap / exact.abs()).otherwise(gap)
    row = both.select(missing.alias("n"), gap.max().alias("a"), relative.max().alias("r")).row(0)
    return row[0], row[1] or 0.0, row[2] or 0.0


def _add(a: tuple[int, float, float], b: tuple[int, float, float]) -> tuple[int, float, float]:
    return a[0] + b[0], max(a[1], b[1]), max(a[2], b[2])


def _add_rankings(found: Comparison, opened: Lake, exact: Lake) -> None:
    """Add a table that compares the ranks and the reasons of both; note any difference.

    Stocks whose scores are the same but for the rounding of closes may swap places.
    """
    ours, theirs = (_ranks(version, opened.manifest.other_universes) for version in (opened, exact))
    differ = ours.join(theirs, on=RANKED, how="anti", nulls_equal=True)
    odd = differ.join(_swapped(differ, theirs), on=STOCK, how="anti")
    result = "the same" if odd.is_empty() and ours.height == theirs.height else "not the same"
    if result != "the same":
        found.problems.append(f"{odd.height} ranks differ from those of Float64, {_such(odd)}")
    rows = [(f"{ours.height:,}", f"{odd.height:,}", result)]
    title = "rankings from the database's Float64 values"
    swaps = differ.height - odd.height
    note = f"{swaps} swapped places where scores differ by rounding alone" if swaps else ""
    found.tables.append(Table(title, ("ranks", "that differ", "result"), rows, note))


def _swapped(differ: pl.DataFrame, exact: pl.DataFrame) -> pl.DataFrame:
    """Return the stocks whose exact score is that of the exact holder of their place."""
    same_but_rank = [c for c in RANKED if c != "rank"]
    place = exact.drop_nulls("rank").select("universe", "strategy", "rank", held="score")
    both = differ.drop("score").join(exact.drop("rank"), on=same_but_rank, nulls_equal=True)
    beside = both.join(place, on=["universe", "strategy", "rank"])
    gap, scale = (pl.col("score") - pl.col("held")).abs(), 1 + pl.col("score").abs()
    return beside.filter(gap <= SWAPS * scale).select(STOCK)


def _remembered(opened: Lake, exact: Lake) -> Iterator[Table]:
    """Return a table of what the version remembers, if the database has a part of it no more."""
    if not of_whole(opened):
        return
    counting = pl.col("state").is_in(lake.COUNTING)
    seen = opened.observed("fundamentals").filter(counting).with_columns(own_fiscal()).collect()
    now = of_fundamentals(exact.source_fundamentals())
    beyond = seen.join(now, on=FUNDAMENTALS.content, how="anti", nulls_equal=True).height
    tickers = opened.observed("stocks").filter(counting).select(pl.col("ticker").unique())
    gone = tickers.join(exact.stocks(), on="ticker", how="anti").collect().height
    rows = [
        ("rows of fundamentals", f"{seen.height - beyond:,}", f"{beyond:,}"),
        ("stocks", f"{tickers.collect().height - gone:,}", f"{gone:,}"),
    ]
    if beyond or gone:
        yield Table("remembered", ("", "also in the database", "beyond it"), rows)


def _ranks(version: Lake, others: Sequence[Universe]) -> pl.DataFrame:
    """Return the ranks and reasons of a version: of its universe, and of the others that it has."""
    columns = ("strategy", "ticker", "rank", "excluded_by", "primary_rank", "score")
    plans = {"": version.rankings()} | {u.name: version.other_rankings(u.name) for u in others}
    return pl.concat(
        plan.select(pl.lit(name).alias("universe"), *columns) for name, plan in plans.items()
    ).collect()


def _such(odd: pl.DataFrame) -> str:
    if odd.is_empty():
        return "and others are missing"
    universe = f" of {name}" if (name := odd["universe"][0]) else ""
    return f"such as {odd['ticker'][0]} in {odd['strategy'][0]}{universe}"
