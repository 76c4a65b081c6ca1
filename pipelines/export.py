"""`python -m pipelines.export`: SQLite → a new version of the lake, with its rankings."""

import hashlib
import json
import logging
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from importlib import import_module
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer

from pipelines import console, lake, normalise, source
from pipelines.buckets import Buckets
from pipelines.errors import ContractError, LakeError
from pipelines.lake import Lake, Manifest
from pipelines.memory import peak_mb, resident_mb
from pipelines.normalise import NOTES, Normalise
from pipelines.ranking import rankings
from pipelines.schemas import lake_schema
from pipelines.settings import Settings
from pipelines.source import BadRow, Table, UnreadableRow
from pipelines.universe import Universe

logger = logging.getLogger(__name__)

COMPRESSION_LEVEL: Final = 1
LIBRARIES: Final = ("polars", "pyarrow", "connectorx", "dataframely")

Progress = Callable[[str, int, int], None]
"""Called with a dataset, the rows done and the rows in all."""


def silent(dataset: str, done: int, total: int) -> None:
    """No progress."""


# ------------------------------------------------------------------------------------ a run


@dataclass
class Tally:
    """What happened to the rows of one dataset."""

    rows_in: int = 0
    rows: int = 0
    notes: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    files: list[dict[str, Any]] = field(default_factory=list)

    def add(self, table: str, notes: pl.DataFrame) -> None:
        """Note what was rejected or given up of a table."""
        if notes.height:
            self.notes.setdefault(table, []).append(notes)

    def by_reason(self, *, kept: bool) -> dict[str, int]:
        """How many rows were rejected, or kept with a value given up, by reason."""
        if not self.notes:
            return {}
        notes = pl.concat(frame for frames in self.notes.values() for frame in frames)
        counted = notes.filter(kept=kept).group_by("reason").len("rows").sort("reason")
        return dict(counted.iter_rows())

    def manifest(self, dataset: str, schema: pl.Schema) -> dict[str, Any]:
        """The dataset's entry; `ContractError` unless every row of the source is accounted for."""
        rejected = self.by_reason(kept=False)
        if self.rows_in != self.rows + sum(rejected.values()):
            raise ContractError(
                f"{dataset}: {self.rows_in} rows in the source, but {self.rows} written and "
                f"{sum(rejected.values())} rejected; nothing was published"
            )
        return {
            "schema": lake.schema_text(schema),
            "rows_in": self.rows_in,
            "rows": self.rows,
            "rejected": rejected,
            "warnings": self.by_reason(kept=True) | dict(sorted(self.counts.items())),
            "files": self.files,
        }


@dataclass
class Run:
    """A version that is being built."""

    staged: Path
    universe: Universe
    today: date
    progress: Progress
    datasets: dict[str, Any] = field(default_factory=dict)
    phases: list[dict[str, Any]] = field(default_factory=list)
    newest: list[pl.DataFrame] = field(default_factory=list)

    @property
    def work(self) -> Path:
        """A folder for the copy and the spills; it is gone before the version is published."""
        return self.staged / ".work"

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase, note its memory, and log a line on it."""
        before, start = resident_mb(), time.perf_counter()
        yield
        rows = self.datasets.get(name, {}).get("rows")
        seconds, peak = time.perf_counter() - start, peak_mb()
        self.phases.append({"phase": name, "rows": rows, "seconds": round(seconds, 3),
                            "before_mb": round(before, 1), "peak_mb": round(peak, 1)})  # fmt: skip
        logger.info("%s rows=%s seconds=%.2f before_mb=%.0f peak_mb=%.0f",
                    name, rows, seconds, before, peak)  # fmt: skip


def export(
    database: Path, root: Path, universe: Universe, *, progress: Progress = silent
) -> Manifest:
    """Publish a new version of the lake from a database and return its manifest.

    On any error `SourceError`, `ContractError` or `LakeError` is raised, the version that was
    current still is, and nothing of the new one is left.
    """
    tables = source.preflight(database)
    version = lake.new_version_id()
    staged = root / "versions" / f"{lake.PARTIAL}{version}"
    run = Run(staged, universe, datetime.now(UTC).date(), progress)
    try:
        run.work.mkdir(parents=True)
        manifest = _build(run, database, tables, version)
        shutil.rmtree(run.work)
        lake.publish(root, staged, version)
    except OSError as error:
        raise LakeError(f"cannot write {error.filename or root}: {error.strerror}") from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return manifest


def _build(run: Run, database: Path, tables: list[str], version: str) -> Manifest:
    private = run.work / "source.db"
    with run.phase("copy"):
        _copy_while_importing(database, private)
    there = {name: Table(private, name) for name in tables}
    with run.phase("prices"):
        today = partial(normalise.prices, today=run.today)
        _partitioned(run, "prices", "ticker", "date", lambda: [Part(there["daily_prices"], today)])
    if "index_prices" in there:
        with run.phase("index_prices"):
            levels = partial(normalise.quotes, key="index_id", today=run.today)
            _partitioned(run, "index_prices", "index_id", "date",
                         lambda: [Part(there["index_prices"], levels)])  # fmt: skip
    with run.phase("fundamentals"):
        _fundamentals(run, there)
    with run.phase("stocks"):
        _stocks(run, there["stocks"])
    manifest = _manifest(run, database, version)
    with run.phase("rankings"):
        _rankings(run, manifest)
    (run.staged / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def _copy_while_importing(database: Path, private: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        copied = pool.submit(source.copy, database, private)
        import_module("connectorx")
        copied.result()


def _manifest(run: Run, database: Path, version: str) -> Manifest:
    newest = pl.concat(run.newest).get_column("newest_date").max() if run.newest else None
    if not isinstance(newest, date):
        raise ContractError(f"{database} has no valid row in daily_prices, so there is no date to rank")
    return {
        "schema_version": lake.SCHEMA_VERSION,
        "version": version,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "as_of": newest.isoformat(),
        "universe": run.universe.as_dict(),
        "source": {"path": str(database), "bytes": database.stat().st_size},
        "datasets": run.datasets,
        "phases": run.phases,
        "libraries": {name: library_version(name) for name in LIBRARIES},
        "python": platform.python_version(),
    }


# --------------------------------------------------------------------------------- datasets


@dataclass(frozen=True)
class Part:
    """A table that goes into a dataset, and how; `observe` sees the rows that are kept."""

    table: Table
    how: Normalise
    observe: Callable[[pl.DataFrame], object] = id


def _read(
    run: Run, dataset: str, parts: Callable[[], list[Part]], add: Callable[[], Any]
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
                _read_part(run, dataset, part, bad.get(part.table.name, []), tally, sink)
        except UnreadableRow as unreadable:
            table = next(p.table for p in parts() if p.table.name == unreadable.table)
            if table.name in bad or not (rows := table.unreadable()):
                raise
            bad[table.name] = rows
        else:
            return tally, sink


def _read_part(
    run: Run, dataset: str, part: Part, bad: list[BadRow], tally: Tally, sink: Any
) -> None:
    table, done = part.table, len(bad)
    tally.add(table.name, _noted(bad))
    for raw in table.batches(bad):
        batch = normalise.apply(raw, dataset, part.how)
        tally.add(table.name, batch.notes)
        tally.counts.update(batch.counts)
        part.observe(batch.rows)
        sink.add(batch.rows)
        done += raw.height
        run.progress(table.name, done, table.rows)
    if done != table.rows:
        raise ContractError(
            f"{table.name}: read {done} of {table.rows} rows; nothing was published, try again"
        )
    tally.rows_in += done


def _noted(bad: list[BadRow]) -> pl.DataFrame:
    rows = {"rowid": [b.rowid for b in bad], "reason": [b.reason for b in bad], "kept": False}
    return pl.DataFrame(rows, schema=NOTES) if bad else NOTES.to_frame()


def _partitioned(
    run: Run, dataset: str, name: str, day: str, parts: Callable[[], list[Part]]
) -> None:
    """Read the parts, and write one file a year of `day`, sorted by name and day."""
    spills = run.work / dataset
    spills.mkdir()
    tally, buckets = _read(run, dataset, parts, lambda: Buckets(spills, name=name, day=day))
    for year in buckets.years():
        rows = buckets.take(year)
        if dataset != "fundamentals":
            rows = _without_duplicates(rows, tally, parts()[0].table.name, name)
        if dataset == "prices":
            run.newest.append(_last_of_each(rows))
        _write(run, tally, dataset, rows.select(*lake_schema(dataset)), year)
    _finish(run, dataset, tally, lake_schema(dataset), [part.table for part in parts()])


def _without_duplicates(rows: pl.DataFrame, tally: Tally, table: str, name: str) -> pl.DataFrame:
    """Of rows with one name and date the last that arrived, which has the highest rowid."""
    again = (pl.col(name) == pl.col(name).shift(-1)) & (pl.col("date") == pl.col("date").shift(-1))
    again = again.fill_null(value=False)
    tally.add(table, _duplicates(rows.filter(again)))
    return rows.filter(~again)


def _duplicates(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        rowid=normalise.ROWID, reason=pl.lit("duplicate_key"), kept=pl.lit(value=False)
    )


def _last_of_each(prices: pl.DataFrame) -> pl.DataFrame:
    last = prices.unique("ticker", keep="last", maintain_order=True)
    return last.select("ticker", newest_close="close", newest_date="date")


def _fundamentals(run: Run, there: dict[str, Table]) -> None:
    def parts() -> list[Part]:
        seen: list[pl.DataFrame] = []

        def how(batch: pl.DataFrame) -> pl.DataFrame:
            return normalise.snapshots(batch, percent=normalise.percent_tickers(pl.concat(seen)))

        def observe(rows: pl.DataFrame) -> None:
            seen.append(normalise.units(rows))

        observe(lake_schema("fundamentals").to_frame())
        found = [Part(there["fundamentals"], normalise.fundamentals, observe)]
        if "fundamentals_snapshots" in there:
            found.append(Part(there["fundamentals_snapshots"], how))
        return found

    _partitioned(run, "fundamentals", "ticker", "known_from", parts)


class _Rows:
    """All rows of a small dataset."""

    def __init__(self) -> None:
        self.frames: Final = [pl.DataFrame(schema={**lake_schema("stocks"), normalise.ROWID: pl.Int64})]
        self.add: Final = self.frames.append


def _stocks(run: Run, table: Table) -> None:
    """Write the stocks, of those that become one ticker the last updated, with newest closes."""
    tally, sink = _read(run, "stocks", lambda: [Part(table, normalise.stocks)], _Rows)
    rows = pl.concat(sink.frames).sort("ticker", "last_updated", normalise.ROWID, nulls_last=False)
    kept = rows.unique("ticker", keep="last", maintain_order=True)
    tally.add(table.name, _duplicates(rows.join(kept, on=normalise.ROWID, how="anti")))
    newest = pl.concat([STOCKS_NEWEST.to_frame(), *run.newest]).sort("newest_date")
    newest = newest.unique("ticker", keep="last")
    schema = pl.Schema({**lake_schema("stocks"), **STOCKS_NEWEST})
    joined = kept.join(newest, on="ticker", how="left", maintain_order="left")
    _write(run, tally, "stocks", joined.select(*schema), None)
    _finish(run, "stocks", tally, schema, [table])


STOCKS_NEWEST: Final = pl.Schema(
    {"ticker": pl.String, "newest_close": pl.Float32, "newest_date": pl.Date}
)
"""What the newest valid price adds to each stock."""


def _rankings(run: Run, manifest: Manifest) -> None:
    lake_ = Lake.at(run.staged, manifest)
    plan = rankings(lake_, as_of=lake_.as_of, universe=run.universe)
    frame, tally = plan.collect(engine="streaming"), Tally()
    _write(run, tally, "rankings", frame, None)
    run.datasets["rankings"] = {
        "schema": lake.schema_text(frame.schema), "rows": frame.height, "files": tally.files,
    }  # fmt: skip


# ------------------------------------------------------------------------------------- files


def _write(run: Run, tally: Tally, dataset: str, rows: pl.DataFrame, year: int | None) -> None:
    folder = run.staged / dataset
    folder = folder if year is None else folder / f"year={year}"
    folder.mkdir(parents=True)
    path = folder / "0.parquet"
    rows.write_parquet(
        path, compression="zstd", compression_level=COMPRESSION_LEVEL, statistics=True
    )
    tally.rows += rows.height
    tally.files.append(
        {"path": str(path.relative_to(run.staged)), "year": year, "rows": rows.height,
         "bytes": path.stat().st_size, "sha256": _sha256(path)}
    )  # fmt: skip


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _finish(
    run: Run, dataset: str, tally: Tally, schema: pl.Schema, tables: list[Table]
) -> None:
    """Write the rejects beside the dataset, and enter it into the manifest."""
    if tally.notes:
        _write_rejects(run.staged / "rejects" / f"{dataset}.parquet", tally, tables)
    run.datasets[dataset] = tally.manifest(dataset, schema)


def _write_rejects(path: Path, tally: Tally, tables: list[Table]) -> None:
    """Rows `table, rowid, reason, kept` with the source's values as text.

    `kept` is true for a row that stays and lost a value only.
    """
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - only where something is rejected

    columns = dict.fromkeys(c for table in tables for c in table.kinds)
    schema = pl.Schema({"table": pl.String, **NOTES, **dict.fromkeys(columns, pl.String)})
    path.parent.mkdir(exist_ok=True)
    with ParquetWriter(path, schema.to_frame().to_arrow().schema, compression="zstd") as writer:
        for table in tables:
            notes = pl.concat(tally.notes.get(table.name, [NOTES.to_frame()])).sort("rowid")
            for part in notes.iter_slices(source.BATCH_ROWS):
                rows = [dict(zip(table.kinds, row, strict=True))
                        for row in table.originals(part["rowid"].to_list())]  # fmt: skip
                originals = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String))
                full = part.with_columns(table=pl.lit(table.name)).hstack(originals)
                writer.write_table(full.select(*schema).to_arrow())


# ----------------------------------------------------------------------------------- command


def main(
    source: Annotated[Path | None, typer.Option(help="SQLite database.")] = None,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    universe: Annotated[str | None, typer.Option(help="Universe to rank.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Export a SQLite database to a new version of the lake, with the four rankings.

    Example: python -m pipelines.export --source data/demo.db --lake data/lake
    """
    settings = Settings.load(config)
    chosen = settings.chosen_universe(universe)
    with console.progress() as progress:
        manifest = export(source or settings.source, lake or settings.lake, chosen, progress=progress)
    if as_json:
        console.write(json.dumps(manifest, indent=1))
    else:
        console.show(*_summary(manifest))


def _summary(manifest: Manifest) -> list[console.Table]:
    sizes = [_dataset_row(name, entry) for name, entry in manifest["datasets"].items()]
    phases = [
        (p["phase"], f"{p['seconds']:.2f}", f"{p['peak_mb']:.0f}") for p in manifest["phases"]
    ]
    total = sum(p["seconds"] for p in manifest["phases"])
    phases.append(("all", f"{total:.2f}", f"{manifest['phases'][-1]['peak_mb']:.0f}"))
    parquet = sum(f["bytes"] for e in manifest["datasets"].values() for f in e["files"])
    database = manifest["source"]["bytes"]
    share = f"{database / 1e6:.1f} MB SQLite → {parquet / 1e6:.1f} MB Parquet"
    version = f"version {manifest['version']}, as of {manifest['as_of']}"
    return [
        console.Table(version, ("dataset", "rows in", "rows out", "rejected", "warnings", "MB"), sizes),
        console.Table(
            f"{share} ({parquet / database:.1%})", ("phase", "seconds", "peak MB so far"), phases
        ),
    ]


def _dataset_row(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    size = sum(f["bytes"] for f in entry["files"]) / 1e6
    rows_in = f"{entry['rows_in']:,}" if "rows_in" in entry else ""
    reasons = (_reasons(entry.get(kind, {})) for kind in ("rejected", "warnings"))
    return (name, rows_in, f"{entry['rows']:,}", *reasons, f"{size:.1f}")


def _reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason} {n:,}" for reason, n in counts.items()) or "0"


if __name__ == "__main__":
    console.run(main)
