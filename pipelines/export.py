"""`python -m pipelines.export`: a database → a new version of the lake, with its rankings."""

if __name__ == "__main__":
    from pipelines.runtime import prepare_export, stop_at_once

    stop_at_once()
    prepare_export()

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from pipelines import console, store
from pipelines import lake as lakes
from pipelines.console import LogFormat
from pipelines.errors import RemoteError, StockRankError, Stopped
from pipelines.lake import Dataset, Manifest, current_id
from pipelines.place import SCHEMES, place
from pipelines.prepare import prepare_backtests
from pipelines.refresh import export, recorded_export
from pipelines.runtime import end_in_order
from pipelines.settings import Settings
from pipelines.terminal_table import Column, Table

__all__ = ["export"]


def main(  # noqa: PLR0913 - one parameter an option
    *,
    source: Annotated[
        str | None, typer.Option(help="SQLite database, or postgresql://…", metavar="PLACE")
    ] = None,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.", readable=False)] = None,
    universe: Annotated[str | None, typer.Option(help="Universe to rank.")] = None,
    full: Annotated[
        bool, typer.Option(help="Read and write everything again.", show_default=False)
    ] = False,
    force: Annotated[
        bool, typer.Option(help="Publish even if a check fails.", show_default=False)
    ] = False,
    record: Annotated[
        bool, typer.Option(help="Leave a record for the service, as is usual.", show_default=False)
    ] = True,
    backtests: Annotated[
        bool | None,
        typer.Option(
            "--backtests/--no-backtests",
            show_default=False,
            help="Compute the backtests after publication, as is set.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
    log_format: Annotated[LogFormat, typer.Option(help="Format of the log.")] = LogFormat.TEXT,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Export a database to a new version of the lake, with the four rankings.

    Example: python -m pipelines.export --source data/demo.db --lake data/lake
    """
    console.log_to_stderr(log_format)
    end_in_order()
    settings = Settings.load(config)
    root = lake or settings.lake
    chosen = settings.chosen_universe(universe)
    before = current_id(root)
    with _nothing_published(root, before), console.progress(log_format) as progress:
        manifest = (recorded_export if record else export)(
            place(source) if source else settings.source,
            root,
            chosen,
            others=settings.other_universes(chosen),
            full=full,
            force=force,
            keep=settings.keep_versions,
            progress=progress,
        )
    _tell(manifest, before, as_json=as_json)
    if settings.remote and not settings.is_reader:
        _push(root, settings.remote)
    if settings.backtests if backtests is None else backtests:
        # Whatever becomes of them, the version is published and told.
        sys.stdout.flush()
        words = ["--universe", chosen.name, *(["--config", str(config)] if config else [])]
        with _nothing_published(root, before):
            prepare_backtests(root, manifest, words)


def _tell(manifest: Manifest, before: str | None, *, as_json: bool) -> None:
    if as_json:
        console.write_data(lakes.text(manifest))
    elif manifest.version == before:
        console.write(f"nothing was written to the database since version {before}, which stays")
    else:
        console.show(*summary(manifest))
        if manifest.demo:
            console.write(lakes.DEMO_NOTICE)


def _push(root: Path, url: str) -> None:
    try:
        store.push(root, store.Bucket(url, make=True))
    except StockRankError as error:
        raise RemoteError(f"published here, but not in the object store: {error}") from None


@contextmanager
def _nothing_published(root: Path, before: str | None) -> Iterator[None]:
    """Say what Ctrl-C leaves: the version of before, or one that was published just then."""
    try:
        yield
    except KeyboardInterrupt:
        now = current_id(root)
        if now != before:
            raise Stopped(f"stopped after version {now} was published") from None
        stays = f"version {now} stays" if now else "there is no version yet"
        raise Stopped(f"stopped; nothing was published, {stays}") from None


DATASET_COLUMNS: Final = (
    "dataset", Column("rows in", extra=1), "rows out", Column("rejected", wraps=True),
    Column("warnings", wraps=True), Column("MB", extra=2),
)  # fmt: skip


def summary(manifest: Manifest) -> list[Table]:
    """Return what an export did: rows in and out of each dataset, seconds and memory of phases."""
    datasets = [_dataset_row(name, entry) for name, entry in manifest.datasets.items()]
    phases = [(p.phase, f"{p.seconds:.2f}", f"{p.peak_mb:.0f}") for p in manifest.phases]
    total = sum(p.seconds for p in manifest.phases)
    phases.append(("all", f"{total:.2f}", phases[-1][2]))
    database = manifest.source.bytes
    kind = "PostgreSQL" if manifest.source.path.startswith(SCHEMES) else "SQLite"
    return [
        Table(
            f"version {manifest.version}, as of {manifest.as_of}",
            DATASET_COLUMNS,
            datasets,
        ),
        Table(
            f"{database / 1e6:.1f} MB {kind} → {manifest.bytes / 1e6:.1f} MB Parquet "
            f"({manifest.bytes / database:.1%})",
            ("phase", "seconds", "peak MB so far"),
            phases,
        ),
    ]


def _dataset_row(name: str, entry: Dataset) -> tuple[str, ...]:
    rows_in = "" if entry.rows_in is None else f"{entry.rows_in:,}"
    reasons = (_reasons(counts) for counts in (entry.rejected, entry.warnings))
    return (name, rows_in, f"{entry.rows:,}", *reasons, f"{entry.bytes / 1e6:.1f}")


def _reasons(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {n:,}" for reason, n in counts.items()) or "0"


if __name__ == "__main__":
    console.run(main, option="--source")
