"""The tables of a source → the datasets of a version: read, normalise, check, sort, write."""

import ctypes
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from pipelines import lake
from pipelines.errors import ContractError, RowsMissing
from pipelines.lake import lake_schema
from pipelines.refresh import normalise
from pipelines.refresh.normalise import NOTES, Normalise
from pipelines.refresh.reuse import Kept, newest_of, source_years
from pipelines.refresh.sort import Buckets
from pipelines.refresh.staging import Build
from pipelines.source import ROWID, BadRow, TableReader, UnreadableRow

COMPRESSION_LEVEL: Final = 1
WRITERS: Final = 2
"""Files of a dataset that are written at a time, each in memory a portion of a year."""
GROUP_VALUES: Final = 1_000_000
"""Values of a row group, all columns together: for prices some 600 stocks of a year."""
REJECTS_ROWS: Final = 50_000
"""Rejected rows whose originals are looked up at a time."""

STOCKS_NEWEST: Final = pl.Schema(
    {"ticker": pl.String, "newest_close": pl.Float32, "newest_date": pl.Date}
)
"""What the newest valid price adds to each stock."""


@dataclass
class Tally:
    """What happened to the rows of one dataset."""

    rows_in: int = 0
    widest_text: int = 0
    notes: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)

    def add(self, table: str, notes: pl.DataFrame) -> None:
        """Note what was rejected or given up of a table."""
        if notes.height:
            self.notes.setdefault(table, []).append(notes)

    def reject(self, table: str, notes: pl.DataFrame) -> None:
        """Note rejected rows; what was given up of them before is no warning any more."""
        if notes.height:
            kept = [n.join(notes, on="rowid", how="anti") for n in self.notes.get(table, [])]
            self.notes[table] = [*kept, notes]

    def rejected(self, table: str) -> list[int]:
        """The rowids of a table's rejected rows."""
        notes = pl.concat(self.notes.get(table, [NOTES.to_frame()]))
        return notes.filter(kept=False)["rowid"].to_list()

    def by_reason(self, *, kept: bool) -> dict[str, int]:
        """How many rows were rejected, or kept with a value given up, by reason."""
        if not self.notes:
            return {}
        notes = pl.concat(frame for frames in self.notes.values() for frame in frames)
        counted = notes.filter(kept=kept).group_by("reason").len("rows").sort("reason")
        return dict(counted.iter_rows())

    def _without_range(self) -> dict[str, int]:
        """Daily rows that came without open, high and low: counted, for nothing was given up."""
        nulls = sum(file["nulls"].get("open", 0) for file in self.files)
        given_up = self.by_reason(kept=True).get("ohl_inconsistent", 0)
        return {"ohl_missing": nulls - given_up} if nulls > given_up else {}

    def manifest(self, dataset: str, schema: pl.Schema) -> dict[str, Any]:
        """The dataset's entry; `ContractError` unless every row of the source is accounted for."""
        rejected = self.by_reason(kept=False)
        rows = sum(file["rows"] for file in self.files)
        if self.rows_in != rows + sum(rejected.values()):
            raise ContractError(
                f"{dataset}: {self.rows_in} rows in the source, but {rows} written and "
                f"{sum(rejected.values())} rejected; nothing was published"
            )
        return {
            "schema": lake.schema_text(schema),
            "rows_in": self.rows_in,
            "rows": rows,
            "rejected": rejected,
            "warnings": self.by_reason(kept=True) | self._without_range(),
            "files": self.files,
            "widest_text": self.widest_text,
        }


@dataclass(frozen=True)
class Part:
    """A table that goes into a dataset, and how; `observe` sees the rows that are kept."""

    table: TableReader
    how: Normalise
    observe: Callable[[pl.DataFrame], object] = id
    elsewhere: int = 0  # rows of the table that are taken from the version before


def _read(
    build: Build, dataset: str, parts: Callable[[], list[Part]], add: Callable[[], Any]
) -> tuple[Tally, Any]:
    """The tally of all rows of the parts, and what `add` made of the valid ones.

    connectorx ends at the first value that it cannot read. Only then are such rows looked for,
    at the price of a scan, and everything is read again without them.
    """
    bad: dict[str, list[BadRow]] = {}
    while True:
        tally, sink = Tally(), add()
        try:
            for part in parts():
                _read_part(build, dataset, part, bad.get(part.table.name, []), tally, sink)
        except UnreadableRow as unreadable:
            table = next(p.table for p in parts() if p.table.name == unreadable.table)
            if table.name in bad or not (rows := table.unreadable()):
                raise
            bad[table.name] = rows
        else:
            return tally, sink


def _read_part(
    build: Build, dataset: str, part: Part, bad: list[BadRow], tally: Tally, sink: Any
) -> None:
    table, done = part.table, len(bad) + part.elsewhere
    tally.add(table.name, _noted(bad))
    for raw in table.batches(bad):
        batch = normalise.apply(raw, dataset, part.how)
        tally.add(table.name, batch.notes)
        part.observe(batch.rows)
        tally.widest_text = max(tally.widest_text, _widest(raw))
        sink.add(_exact(batch.rows, raw) if build.exact else batch.rows)
        done += raw.height
        build.progress(table.name, done, table.rows)
    if done != table.rows:
        raise RowsMissing(
            f"{table.name}: read {done} of {table.rows} rows; nothing was published, try again"
        )
    tally.rows_in += done


def _widest(raw: pl.DataFrame) -> int:
    """At least as many bytes as the texts of any one row have."""
    texts = raw.select(pl.col(pl.String).str.len_bytes().max()).row(0)
    return sum(width or 0 for width in texts)


def _exact(rows: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    """The rows with the source's Float64 in place of each Float32."""
    compact = [c for c, dtype in rows.schema.items() if dtype == pl.Float32]
    both = rows.join(
        raw.select(ROWID, *compact), on=ROWID, suffix="_exact",
        maintain_order="left",
    )  # fmt: skip
    kept = (pl.when(pl.col(c).is_not_null()).then(f"{c}_exact").alias(c) for c in compact)
    return both.with_columns(kept).select(rows.columns)


def _typed(build: Build, schema: pl.Schema) -> pl.Schema:
    if not build.exact:
        return schema
    return pl.Schema({c: pl.Float64() if t == pl.Float32 else t for c, t in schema.items()})


def _noted(bad: list[BadRow]) -> pl.DataFrame:
    rows = {"rowid": [b.rowid for b in bad], "reason": [b.reason for b in bad], "kept": False}
    return pl.DataFrame(rows, schema=NOTES) if bad else NOTES.to_frame()


def partitioned(
    build: Build, dataset: str, name: str, day: str, parts: Callable[[], list[Part]]
) -> None:
    """Read the parts, and write one file a year of `day`, sorted by name and day."""
    schema = _typed(build, lake_schema(dataset))
    tally = _write_years(build, dataset, name, day, parts)
    _finish(build, dataset, tally, schema, [part.table for part in parts()])


def prices(build: Build, table: TableReader, how: Normalise, kept: Kept | None) -> None:
    """Write the years of prices that may have changed, and take the others."""
    part = Part(table, how)
    if kept:
        part = Part(replace(table, where=kept.where), how, elsewhere=kept.rows_in)
    tally = _write_years(build, "prices", "ticker", "date", lambda: [part])
    if kept:
        tally.widest_text = max(tally.widest_text, kept.widest_text)
        kept.link(build.staged)
        tally.files = sorted([*tally.files, *kept.files()], key=itemgetter("year"))
        tally.add(table.name, kept.notes(table))
        build.newest.extend(kept.last_closes())
    _finish(build, "prices", tally, _typed(build, lake_schema("prices")), [table])
    years = table.source_years(tally.rejected(table.name))
    build.datasets["prices"]["source_years"] = source_years(tally.files, years)


def _write_years(
    build: Build, dataset: str, name: str, day: str, parts: Callable[[], list[Part]]
) -> Tally:
    schema = _typed(build, lake_schema(dataset))
    tally, buckets = _read(build, dataset, parts, lambda: Buckets(build.work, name=name, day=day))
    _give_back()
    table = parts()[0].table.name

    def of_year(year: int) -> tuple[dict[str, Any], list[pl.DataFrame], list[pl.DataFrame]]:
        """The entry of a year's file, its last closes, and notes on its duplicates."""
        last, twice = [], []

        def ready(rows: pl.DataFrame) -> pl.DataFrame:
            if dataset != "fundamentals":
                rows, again = _without_duplicates(rows, name)
                twice.append(again)
            if dataset == "prices":
                last.append(_last_of_each(rows))
            return rows.select(*schema)

        entry = _write(build, dataset, schema, map(ready, buckets.take(year)), year)
        return entry, last, twice

    with ThreadPoolExecutor(WRITERS) as pool:
        for entry, last, twice in pool.map(of_year, buckets.years()):
            tally.files.append(entry)
            if last:
                build.newest = [newest_of([*build.newest, *last])]
            for notes in twice:
                tally.reject(table, notes)
    _give_back()
    return tally


def _give_back() -> None:
    """Return to the system what glibc holds and nobody uses, which it does not do by itself."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


def _without_duplicates(rows: pl.DataFrame, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of rows with one name and date the last that arrived, which has the highest rowid.

    With notes on the others.
    """
    again = (pl.col(name) == pl.col(name).shift(-1)) & (pl.col("date") == pl.col("date").shift(-1))
    twice = rows.select(again.fill_null(value=False)).to_series()
    if not twice.any():
        return rows, NOTES.to_frame()
    return rows.filter(~twice), _duplicates(rows.filter(twice))


def _duplicates(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(rowid=ROWID, reason=pl.lit("duplicate_key"), kept=pl.lit(value=False))


def _last_of_each(prices: pl.DataFrame) -> pl.DataFrame:
    """Of rows that are sorted by ticker and date."""
    is_last = pl.col("ticker").ne_missing(pl.col("ticker").shift(-1))
    return prices.filter(is_last).select("ticker", newest_close="close", newest_date="date")


def fundamentals(build: Build, there: dict[str, TableReader]) -> None:
    """Write both tables of fundamentals as one dataset, by the year of `known_from`."""

    def parts() -> list[Part]:
        units = normalise.units(lake_schema("fundamentals").to_frame())

        def how(batch: pl.DataFrame) -> pl.DataFrame:
            percent = units.filter("percent").get_column("ticker")
            return normalise.snapshots(batch, percent=percent)

        def observe(rows: pl.DataFrame) -> None:
            nonlocal units
            units = normalise.newest_units(pl.concat([units, normalise.units(rows)]))

        found = [Part(there["fundamentals"], normalise.fundamentals, observe)]
        if "fundamentals_snapshots" in there:
            found.append(Part(there["fundamentals_snapshots"], how))
        return found

    partitioned(build, "fundamentals", "ticker", "known_from", parts)


class _Rows:
    """All rows of a small dataset."""

    def __init__(self) -> None:
        self.frames: Final = [pl.DataFrame(schema={**lake_schema("stocks"), ROWID: pl.Int64})]
        self.add: Final = self.frames.append


def stocks(build: Build, table: TableReader) -> None:
    """Write the stocks, of those that become one ticker the last updated, with newest closes."""
    tally, sink = _read(build, "stocks", lambda: [Part(table, normalise.stocks)], _Rows)
    rows = pl.concat(sink.frames).sort("ticker", "last_updated", ROWID, nulls_last=False)
    kept = rows.unique("ticker", keep="last", maintain_order=True)
    tally.reject(table.name, _duplicates(rows.join(kept, on=ROWID, how="anti")))
    added = _typed(build, STOCKS_NEWEST)
    newest = newest_of([added.to_frame(), *build.newest])
    schema = pl.Schema({**lake_schema("stocks"), **added})
    joined = kept.join(newest, on="ticker", how="left", maintain_order="left")
    tally.files.append(write(build, "stocks", joined.select(*schema), None))
    _finish(build, "stocks", tally, schema, [table])


# ------------------------------------------------------------------------------------- files


def write(build: Build, dataset: str, rows: pl.DataFrame, year: int | None) -> dict[str, Any]:
    """Write a file of a dataset and return its entry in the manifest."""
    return _write(build, dataset, rows.schema, [rows], year)


def _write(
    build: Build,
    dataset: str,
    schema: pl.Schema,
    portions: Iterable[pl.DataFrame],
    year: int | None,
) -> dict[str, Any]:
    """As `write`, of rows that come in portions; these leave no trace in the file."""
    folder = build.staged / dataset
    folder = folder if year is None else folder / f"year={year}"
    folder.mkdir(parents=True)
    path = folder / "0.parquet"
    rows, nulls = 0, Counter(dict.fromkeys(schema, 0))
    with _writer(path, schema) as writer:
        for group in _groups(portions, GROUP_VALUES // len(schema)):
            writer.write_table(_arrow(group))
            rows += group.height
            nulls.update(group.null_count().row(0, named=True))
    return {
        "path": str(path.relative_to(build.staged)),
        "year": year,
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": hashed(path),
        "nulls": {c: n for c, n in nulls.items() if n},
    }


def _groups(portions: Iterable[pl.DataFrame], height: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of one height, but for the last; each in one piece."""
    waiting: list[pl.DataFrame] = []
    for portion in portions:
        waiting = [pl.concat([*waiting, portion])]
        while waiting[0].height > height:
            yield waiting[0].head(height).rechunk()
            waiting = [waiting[0].slice(height)]
    yield from (rest.rechunk() for rest in waiting)


def _writer(path: Path, schema: pl.Schema) -> ParquetWriter:
    """A writer of plain Parquet; prices and amounts hardly recur, the rest goes by dictionary."""
    return ParquetWriter(
        path, _arrow_schema(tuple(schema.items())), compression="zstd",
        compression_level=COMPRESSION_LEVEL, store_schema=False,
        use_dictionary=[c for c, t in schema.items() if not (t.is_float() or t == pl.UInt32)],
    )  # fmt: skip


@cache
def _arrow_schema(columns: tuple[tuple[str, pl.DataType], ...]) -> pa.Schema:
    return _arrow(pl.DataFrame(schema=columns)).schema


def _arrow(rows: pl.DataFrame) -> pa.Table:
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())


def hashed(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _finish(
    build: Build, dataset: str, tally: Tally, schema: pl.Schema, tables: list[TableReader]
) -> None:
    """Write the rejects beside the dataset, and enter it into the manifest."""
    path = build.staged / "rejects" / f"{dataset}.parquet"
    if tally.notes:
        _write_rejects(path, tally, tables)
    build.datasets[dataset] = tally.manifest(dataset, schema)
    if tally.notes:
        build.datasets[dataset]["rejects_sha256"] = hashed(path)
        build.datasets[dataset]["rejects_bytes"] = path.stat().st_size


def _write_rejects(path: Path, tally: Tally, tables: list[TableReader]) -> None:
    """Rows `table, rowid, reason, kept` with the source's values as text.

    `kept` is true for a row that stays and lost a value only.
    """
    columns = dict.fromkeys(c for table in tables for c in table.columns)
    schema = pl.Schema({"table": pl.String(), **NOTES, **dict.fromkeys(columns, pl.String())})
    path.parent.mkdir(exist_ok=True)
    with _writer(path, schema) as writer:
        for table in tables:
            notes = pl.concat(tally.notes.get(table.name, [NOTES.to_frame()]))
            notes = notes.sort("rowid", "reason")
            for part in notes.iter_slices(REJECTS_ROWS):
                rows = [dict(zip(table.columns, row, strict=True))
                        for row in table.originals(part["rowid"].to_list())]  # fmt: skip
                originals = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String))
                widths = originals.select(pl.sum_horizontal(pl.all().str.len_bytes())).to_series()
                tally.widest_text = max(tally.widest_text, *widths)
                full = part.with_columns(table=pl.lit(table.name)).hstack(originals)
                writer.write_table(_arrow(full.select(*schema)))
