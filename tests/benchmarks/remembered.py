"""An invented memory for a version: as if its database had been overwritten daily for years.

Each week has a row of ratios and a market cap of every stock, each year other statements: what the
rules keep of a database of which every price, multiple and cap moves each day. As where a demo
market lives, the rows of statements have the end of the year of which they are, 75 days or more
before; the others have none, so the day of their fetch stands for it.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final, cast

import numpy as np
import polars as pl

from pipelines.lake import Dataset, Observed, lake_schema, schema_text, write_manifest
from pipelines.lake.version import Lake
from pipelines.ranking import RATIO_COLUMNS, STATEMENT_ITEMS
from pipelines.refresh import observed_files
from pipelines.refresh.sightings import FUNDAMENTALS, STOCKS, Kind
from pipelines.refresh.task import Task

REPORTED_AFTER: Final = 75
"""Days from the end of a year to its report."""


@dataclass(frozen=True)
class _Folder:
    """What the writer of files needs of a task."""

    staged: Path


def remember(lake: Lake, years: int) -> None:
    """Let a version of a lake remember so many years up to two weeks before its last day."""
    since = lake.as_of - timedelta(days=365 * years + 14)
    mondays = [since + timedelta(days=n) for n in range(7 - since.weekday(), 365 * years, 7)]
    made = {
        kind.dataset: _dataset(lake, kind, rows, since)
        for kind, rows in ((FUNDAMENTALS, _ratios(lake, mondays)), (STOCKS, _caps(lake, mondays)))
    }
    path, manifest = lake.path, lake.manifest
    write_manifest(path, replace(manifest, datasets={**manifest.datasets, **made}))


def _dataset(lake: Lake, kind: Kind, later: pl.DataFrame, since: date) -> Dataset:
    """Write the observations of a table, the first ones and the later ones."""
    entry = lake.datasets[kind.dataset]
    first = lake.files(kind.dataset, entry.files).select(*kind.schema).collect()
    first = first.with_columns(observed_on=pl.lit(since))
    folder = cast("Task", _Folder(lake.path))
    days = pl.concat([first, later.select(first.columns)]).partition_by("observed_on")
    made = [
        observed_files.write(folder, kind, number, rows)
        for number, rows in enumerate(_files(sorted(days, key=lambda day: day["observed_on"][0])))
    ]
    kept = sum(file.rows for file in made)
    counts = replace(cast("Observed", entry.observed), since=since, new=0, kept=kept, waiting=0)
    return Dataset(
        schema=schema_text(lake_schema(kind.dataset)),
        rows=kept,
        files=tuple(made),
        observed=counts,
    )


def _files(days: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """Divide the rows of some days into files as refreshes do, one day after the other."""
    made: list[pl.DataFrame] = []
    for day in days:
        stay = observed_files.staying([rows.height for rows in made], day.height)
        made = [*made[:stay], pl.concat([*made[stay:], day])]
    return made


def _ratios(lake: Lake, mondays: list[date]) -> pl.DataFrame:
    newest = (
        lake.source_fundamentals()
        .filter(source="fundamentals")
        .sort("ticker", "known_from", "fiscal_date")
        .collect()
        .unique("ticker", keep="last", maintain_order=True)
    )
    rows = newest.join(pl.DataFrame({"day_": mondays}), how="cross")
    rows = rows.with_columns(fiscal_date=_end_of_year(), other_=_random(rows.height, 0.1))
    by_year = ("ticker", pl.col("fiscal_date").dt.year())
    is_new = pl.col("day_") == pl.col("day_").min().over(by_year)
    moved, other = _random(rows.height, 0.3), pl.col("other_").first().over(by_year)
    return rows.with_columns(
        *((pl.col(c) * moved).round(2) for c in RATIO_COLUMNS),
        *((pl.col(c) * other).round(4) for c in STATEMENT_ITEMS),
        fetched_date="day_", known_from="day_", observed_on="day_",
        why=pl.when(is_new).then(pl.lit("statement")).otherwise(pl.lit("ratios")),
        state=pl.lit("kept"), struck_on=pl.lit(None, pl.Date), reason=pl.lit(None, pl.String),
    ).drop("other_").cast(dict(FUNDAMENTALS.schema))  # fmt: skip


def _end_of_year() -> pl.Expr:
    """Return the end of the newest year that is reported on `day_`; else the day itself."""
    fiscal, day = pl.col("fiscal_date"), pl.col("day_")
    late = (fiscal - day).dt.total_days() + REPORTED_AFTER
    years = (late / 365.25).ceil().clip(0).cast(pl.Int64)
    reported = fiscal.dt.offset_by(pl.format("-{}mo", years * 12))
    of_statements = pl.col("data_source").eq_missing("statements") & fiscal.is_not_null()
    return pl.when(of_statements).then(reported).otherwise(day)


def _caps(lake: Lake, mondays: list[date]) -> pl.DataFrame:
    first = lake.observed("stocks").select(*STOCKS.schema).collect()
    rows = first.drop("observed_on").join(pl.DataFrame({"observed_on": mondays}), how="cross")
    moved = _random(rows.height, 0.3)
    return rows.with_columns(
        (pl.col("market_cap_msek") * moved).round(2),
        newest_close=(pl.col("newest_close") * moved).round(2).cast(pl.Float32),
        newest_date=pl.col("observed_on") - timedelta(days=3),
        why=pl.lit("cap"),
    )


def _random(rows: int, spread: float) -> pl.Series:
    """A factor for each row, the same in every run."""
    return pl.Series(np.exp(np.random.default_rng(rows).normal(0, spread, rows)))
