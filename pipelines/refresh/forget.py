"""A version without some observations: all else is that of the version before."""

from datetime import UTC, date, datetime
from pathlib import Path

from pipelines import lake
from pipelines.errors import LakeError, NothingPublished
from pipelines.lake import Manifest, current_id, disk_errors, writing
from pipelines.refresh import make
from pipelines.refresh.intact import intact
from pipelines.refresh.remembered import of_whole
from pipelines.refresh.task import Strike, Task, staging
from pipelines.source import SqliteSource


def forget(root: Path, strike: Strike, *, keep: int = 5, today: date | None = None) -> Manifest:
    """Publish a version in which observations count no more; they stay in it with the reason.

    `LakeError` if there are none such, or the current version is damaged.
    """
    with disk_errors(root), writing(root):
        if (after := current_id(root)) is None:
            raise NothingPublished(root)
        before = intact(lake.open_current(root, after))
        if before is None:
            raise LakeError(f"version {after} is damaged; run python -m pipelines.export first")
        made = before.manifest
        task = Task(
            database=SqliteSource(Path(made.source.path)), root=root,
            version=lake.new_version_id(root),
            universe=made.universe, others=made.other_universes, tables=(), source=made.source,
            today=today or datetime.now(UTC).date(), before=before, memory=of_whole(before),
            strike=strike,
        )  # fmt: skip
        with staging(task):
            manifest = make.struck(task, before, after=after)
        del task, before
        lake.prune(root, keep=keep)
        return manifest
