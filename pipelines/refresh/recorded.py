"""A refresh that no service started, and that leaves a record for the service to read."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.bars import Progress, silent
from pipelines.lake import Manifest, recorded
from pipelines.place import Place
from pipelines.refresh.run import export
from pipelines.runtime import peak_mb
from pipelines.universe import Universe


def recorded_export(  # noqa: PLR0913 - one parameter an option
    database: Place,
    root: Path,
    universe: Universe,
    *,
    others: Sequence[Universe] = (),
    full: bool = False,
    force: bool = False,
    keep: int = 5,
    progress: Progress = silent,
) -> Manifest:
    """Do as `export` does, and leave a record of how it ended."""
    with recorded(root, database) as record:
        manifest = export(
            database,
            root,
            universe,
            others=others,
            full=full,
            force=force,
            keep=keep,
            progress=progress,
            makes=record.makes,
        )
        record.succeeded(manifest, peak_mb())
    return manifest
