"""The datasets of a version: each is read, checked, sorted, deduplicated and written."""

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Final

import polars as pl

from pipelines.lake import (
    DataFile,
    Dataset,
    Lake,
    lake_schema,
    schema_text,
)
from pipelines.refresh import events, files, normalise
from pipelines.refresh.duplicates import without_duplicates
from pipelines.refresh.held import hold
from pipelines.refresh.jumps import NO_SPLITS, Closes, Search, judged
from pipelines.refresh.normalise import NOTES, Normalise
from pipelines.refresh.reading import Part, Parts, read_parts
from pipelines.refresh.reuse import Reused, source_years
from pipelines.refresh.sort import Buckets
from pipelines.refresh.splits import DECIDED, NONE_KNOWN, decide
from pipelines.refresh.tally import Tally, finish
from pipelines.refresh.task import Task
from pipelines.source import ROWID, TableReader

FILES_AT_ONCE: Final = 2
"""How many files of a dataset are written at a time; a portion of each is in memory."""
FULL: Final = 10_000
"""The rows with which a file is full: years with fewer share one, for each file has its cost."""
NEWEST_CLOSES: Final = pl.Schema(
    {"ticker": pl.String, "newest_close": pl.Float32, "newest_date": pl.Date}
)
"""The columns that each stock gets from its newest valid price."""


@dataclass(frozen=True)
class WrittenPrices:
    """The dataset of prices, the newest close of each ticker, and the far pairs of closes.

    `newest` has the columns of `NEWEST_CLOSES`, `pairs` those of `pipelines.refresh.jumps`.
    """

    dataset: Dataset
    newest: pl.DataFrame
    pairs: pl.DataFrame


def prices(task: Task, table: TableReader, reused: Reused | None) -> WrittenPrices:
    """Write the years of prices that may have changed, and link the others."""
    how = partial(normalise.prices, today=task.today)
    part = Part(table, how)
    if reused:
        part = Part(reused.rest(table), how, elsewhere=reused.rows_in)
    schema = _schema(task, lake_schema("prices"))
    least = task.universe.jump_threshold
    search = Search(schema.to_frame(), reused.closes(least) if reused else {}, least)
    by_year = _Years(task, "prices", schema, name="ticker", day="date", full=1, observe=search.add)
    tally = by_year.write(lambda: [part])
    search.finish()
    if reused:
        tally.widest_text = max(tally.widest_text, reused.widest_text)
        reused.link(task.staged)
        tally.files = sorted([*tally.files, *reused.files], key=attrgetter("year"))
        tally.add(table.name, reused.notes(table))
    dataset = finish(task.staged, "prices", schema, tally, [table])
    years = source_years(tally.files, table.source_years(tally.rejected(table.name)))
    newest = search.newest.select("ticker", newest_close="close", newest_date="date")
    return WrittenPrices(replace(dataset, source_years=years), newest, search.pairs)


def jumps(task: Task, pairs: pl.DataFrame, splits: pl.LazyFrame | None) -> Dataset:
    """Write the jumps, of pairs of closes that are far apart and the splits that are applied."""
    schema = _schema(task, lake_schema("jumps"))
    applied = NO_SPLITS if splits is None else splits.select(*NO_SPLITS.columns).collect()
    rows = judged(pairs, applied, task.universe.jump_threshold).select(*schema)
    hold(rows, "jumps")
    file = files.write_file(task.staged, "jumps", schema, [rows])
    return Dataset(schema=schema_text(schema), rows=rows.height, files=(file,))


def index_prices(task: Task, table: TableReader) -> Dataset:
    """Write daily levels of indices."""
    how = partial(normalise.quotes, key="index_id", today=task.today)
    schema = _schema(task, lake_schema("index_prices"))
    by_year = _Years(task, "index_prices", schema, name="index_id", day="date")
    tally = by_year.write(lambda: [Part(table, how)])
    return finish(task.staged, "index_prices", schema, tally, [table])


def splits(task: Task, table: TableReader, prices: Lake, reused: Reused | None) -> Dataset:
    """Write splits as one file, each with its decision; of rows with one key, keep the last.

    `prices` is the version with its prices.
    """
    schema = pl.Schema({**lake_schema("splits"), **_schema(task, DECIDED)})
    tally, kept = _whole(task, table, events.splits, key=table.table.key, age=(ROWID,))
    known = reused.splits(prices.datasets["prices"].files) if reused else NONE_KNOWN
    decided = decide(kept, prices.prices(), known).select(*schema).cast(schema)
    tally.files.append(files.write_file(task.staged, "splits", schema, [decided]))
    return finish(task.staged, "splits", schema, tally, [table])


def dividends(task: Task, table: TableReader) -> Dataset:
    """Write dividends by the year of the ex-date; several may share one."""
    schema = lake_schema("dividends")
    by_year = _Years(task, "dividends", schema, name="ticker", day="ex_date", unique=False)
    tally = by_year.write(lambda: [Part(table, events.dividends)])
    return finish(task.staged, "dividends", schema, tally, [table])


def fx_rates(task: Task, table: TableReader) -> Dataset:
    """Write daily rates of currencies."""
    how = partial(events.fx_rates, today=task.today)
    schema = lake_schema("fx_rates")
    by_year = _Years(task, "fx_rates", schema, name="currency", day="date")
    tally = by_year.write(lambda: [Part(table, how)])
    return finish(task.staged, "fx_rates", schema, tally, [table])


def fundamentals(task: Task, tables: Mapping[str, TableReader]) -> Dataset:
    """Write both tables of fundamentals as one dataset, by the year of `known_from`."""
    schema = _schema(task, lake_schema("fundamentals"))
    there = [tables[n] for n in ("fundamentals", "fundamentals_snapshots") if n in tables]
    by_year = _Years(task, "fundamentals", schema, name="ticker", day="known_from", unique=False)
    tally = by_year.write(lambda: _fundamentals_parts(*there))
    return finish(task.staged, "fundamentals", schema, tally, there)


def _fundamentals_parts(statements: TableReader, *snapshots: TableReader) -> list[Part]:
    """Return the parts; a snapshot has the unit of its ticker's newest row of fundamentals."""
    units = normalise.units(lake_schema("fundamentals").to_frame())

    def observe(rows: pl.DataFrame) -> None:
        nonlocal units
        units = normalise.newest_units(pl.concat([units, normalise.units(rows)]))

    def how(batch: pl.DataFrame) -> pl.DataFrame:
        percent = units.filter("percent").get_column("ticker")
        return normalise.snapshots(batch, percent=percent)

    first = Part(statements, normalise.fundamentals, observe)
    return [first, *(Part(table, how) for table in snapshots)]


def stocks(task: Task, table: TableReader, newest: pl.DataFrame) -> Dataset:
    """Write the stocks with their newest closes; of rows with one ticker, keep the last updated."""
    how, age = normalise.stocks, ("last_updated", ROWID)
    tally, kept = _whole(task, table, how, key=table.table.key, age=age)
    schema = pl.Schema({**lake_schema("stocks"), **_schema(task, NEWEST_CLOSES)})
    joined = kept.join(newest, on="ticker", how="left", maintain_order="left")
    tally.files.append(files.write_file(task.staged, "stocks", schema, [joined.select(*schema)]))
    return finish(task.staged, "stocks", schema, tally, [table])


OPTIONAL: Final[Mapping[str, Callable[[Task, TableReader], Dataset]]] = {
    "index_prices": index_prices,
    "dividend_events": dividends,
    "fx_rates": fx_rates,
}
"""How the dataset of a table that may be absent is written, if it needs no other dataset."""


def _schema(task: Task, schema: pl.Schema) -> pl.Schema:
    if not task.exact:
        return schema
    return pl.Schema({c: pl.Float64() if t == pl.Float32 else t for c, t in schema.items()})


class _Whole:
    """Takes all rows of a small dataset."""

    def __init__(self, dataset: str) -> None:
        self.frames: Final = [pl.DataFrame(schema={**lake_schema(dataset), ROWID: pl.Int64})]

    def add(self, rows: pl.DataFrame) -> None:
        self.frames.append(rows)


def _whole(
    task: Task, table: TableReader, how: Normalise, *, key: tuple[str, ...], age: tuple[str, ...]
) -> tuple[Tally, pl.DataFrame]:
    """Read a small dataset of one table, sorted by its key; of rows with one key keep the last."""
    dataset = table.table.dataset
    tally, sink = read_parts(task, dataset, lambda: [Part(table, how)], partial(_Whole, dataset))
    rows = pl.concat(sink.frames).sort(*key, *age, nulls_last=False)
    kept, dropped = without_duplicates(rows, key)
    tally.reject(table.name, dropped)
    return tally, kept


# ------------------------------------------------------------------------------------- years


@dataclass
class _Years:
    """Writes a dataset in files by the year of `day`, each sorted by name and day."""

    task: Task
    dataset: str
    schema: pl.Schema
    name: str
    day: str
    unique: bool = True
    """Keep one row of each name and day: the one that arrived last, with the highest rowid."""
    full: int = FULL
    """The rows with which a file is full, and the next year begins another."""
    observe: Callable[[int, Sequence[Closes]], object] | None = None
    """Is given the closes of each file, in parts of the alphabet; the years come in order."""

    def write(self, parts: Parts) -> Tally:
        """Read the parts, write their years and return the tally."""
        tally, buckets = read_parts(self.task, self.dataset, parts, self._buckets)
        _give_back()
        table = parts()[0].table.name
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            for made in pool.map(partial(self._file, buckets), buckets.spans(self.full)):
                tally.files.append(made.file)
                tally.reject(table, made.duplicates)
                if self.observe:
                    self.observe(made.year, made.closes)
        _give_back()
        return tally

    def _buckets(self) -> Buckets:
        return Buckets(self.task.work, name=self.name, day=self.day)

    def _file(self, buckets: Buckets, years: Sequence[int]) -> "_File":
        """Write the file of some years."""
        closes: list[Closes] = []
        duplicates = [NOTES.to_frame()]
        key = (self.name, self.day) if self.unique else ()

        def portions() -> Iterator[pl.DataFrame]:
            for rows in buckets.take(*years):
                kept, dropped = without_duplicates(rows, key)
                duplicates.append(dropped)
                if self.observe:
                    closes.append(Closes.of(kept, self.task.universe.jump_threshold))
                yield kept.select(*self.schema)

        file = files.write_file(self.task.staged, self.dataset, self.schema, portions(), years[-1])
        file = replace(file, first_year=years[0]) if years[1:] else file
        return _File(years[0], file, closes, pl.concat(duplicates))


@dataclass(frozen=True)
class _File:
    """A file that was written: its first year, its closes and the notes on its duplicates."""

    year: int
    file: DataFile
    closes: list[Closes]
    duplicates: pl.DataFrame


def _give_back() -> None:
    """Give free memory back to the system, which glibc does not do by itself."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
