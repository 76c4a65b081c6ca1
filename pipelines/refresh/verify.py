"""Whether a version is what its manifest says, and what the database holds."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import polars as pl

from pipelines import lake, source
from pipelines.console import Table
from pipelines.errors import LakeError
from pipelines.fingerprint import fingerprint
from pipelines.lake import Lake, layout
from pipelines.refresh import build
from pipelines.refresh.task import Task, staging
from pipelines.source import TABLES, SourceState

KEYS: Final = {table.dataset: table.key for table in TABLES.values()}


@dataclass
class Found:
    """Tables to show, and what is wrong in a few words each."""

    tables: list[Table] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


# ------------------------------------------------------------------------------------- files


def problems(version: Lake) -> list[str]:
    """Return what is wrong with the files of a version, in a few words each."""
    return verify_files(version).problems


def verify_files(version: Lake) -> Found:
    """Compare every file of a version with the manifest: bytes, hash, columns and types, rows."""
    found = lake.verified(version)
    rows = [
        (one.dataset, f"{one.files}", f"{one.rows:,}", "; ".join(one.problems) or "as made")
        for one in found
    ]
    table = Table(
        f"files of version {version.version}", ("dataset", "files", "rows", "result"), rows
    )
    wrong = [problem for one in found for problem in one.problems]
    return Found([table], [*_state(version.path / layout.STATE), *wrong])


def _state(path: Path) -> Iterator[str]:
    try:
        SourceState.load(path)
    except LakeError as error:
        yield str(error)


# ------------------------------------------------------------------------------------ source


def verify_against_source(opened: Lake, database: Path) -> Found:
    """Compare a version with the database as it is now, value by value.

    The database is read again with Float64 in place of every Float32: the differences are those
    of the compact types, and the rankings of both should be the same.
    """
    made = opened.manifest
    with TemporaryDirectory(prefix="stockrank-verify-") as folder:
        state = fingerprint(database)
        task = Task(
            database=database,
            root=Path(folder),
            version=made.version,
            universe=made.universe,
            tables=tuple(source.preflight(database)),
            source=state,
            today=made.created_at.astimezone(UTC).date(),
            exact=True,
        )
        with staging(task):
            source.copy(database, task.copy)
            content = build.read(task)
            exact = Lake.unfinished(task.staged, content.datasets, content.as_of)
            found = _values(opened, exact)
            _add_rankings(found, opened, exact)
    if found.problems and replace(state, path=made.source.path) != made.source:
        found.problems.insert(0, "the database was written to since the version was made")
    return found


def _values(opened: Lake, exact: Lake) -> Found:
    found, rows = Found(), []
    for name, keys in KEYS.items():
        if name not in opened.datasets:
            continue
        for column, missing, absolute, relative in _differences(opened, exact, name, keys):
            rows.append((name, column, f"{missing:,}", f"{absolute:.3g}", f"{relative:.3g}"))
            if missing or relative > 2**-24:
                found.problems.append(f"{name}.{column} differs from the database")
    columns = ("dataset", "column", "values that differ in kind", "absolute", "relative")
    found.tables = [Table("largest differences from the database", columns, rows)]
    return found


def _differences(
    opened: Lake, exact: Lake, name: str, keys: tuple[str, ...]
) -> Iterator[tuple[str, int, float, float]]:
    """Of each column: values null, absent or of another text, and the largest differences."""
    years = {f.year for v in (opened, exact) for f in v.datasets[name].files}
    totals: dict[str, tuple[int, float, float]] = {}
    for year in sorted(years, key=lambda y: y or 0):
        both = _both(opened, exact, name, keys, year)
        for column in opened.datasets[name].schema:
            totals[column] = _add(totals.get(column, (0, 0.0, 0.0)), _compared(both, column))
    for column, (missing, absolute, relative) in totals.items():
        yield column, missing, absolute, relative


def _both(
    opened: Lake, exact: Lake, name: str, keys: tuple[str, ...], year: int | None
) -> pl.DataFrame:
    """The rows of both, side by side by key; a row of one only is null on the other side."""
    ours, theirs = (
        v.year(name, year).with_columns(there_=pl.lit(value=True)) for v in (opened, exact)
    )
    return ours.join(theirs, on=keys, how="full", suffix="_exact").collect(engine="streaming")


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


def _add_rankings(found: Found, opened: Lake, exact: Lake) -> None:
    """Whether both rank the same stocks in the same order for the same reasons."""
    columns = ("strategy", "ticker", "rank", "excluded_by", "primary_rank")
    ours, theirs = (v.rankings().select(columns).collect() for v in (opened, exact))
    odd = ours.join(theirs, on=columns, how="anti", nulls_equal=True)
    result = "the same" if odd.is_empty() and ours.height == theirs.height else "not the same"
    if result != "the same":
        found.problems.append(f"{odd.height} ranks differ from those of Float64, {_such(odd)}")
    rows = [(f"{ours.height:,}", f"{odd.height:,}", result)]
    title = "rankings from the database's Float64 values"
    found.tables.append(Table(title, ("ranks", "that differ", "result"), rows))


def _such(odd: pl.DataFrame) -> str:
    return f"such as {odd['ticker'][0]} in {odd['strategy'][0]}" if odd.height else "none is ours"
