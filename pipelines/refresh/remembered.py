"""From which version a refresh takes the observations, which must not be lost."""

import logging
from collections.abc import Iterator
from pathlib import Path

from pipelines import lake
from pipelines.errors import ContractError
from pipelines.lake import Lake, Memory, layout, marks

logger = logging.getLogger(__name__)


def remembered(root: Path, after: str | None, before: Lake | None, *, force: bool) -> Memory | None:
    """Return the observations to go on from; None in a lake that has none.

    They are those of the current version, `after`, or where they cannot be read, of the newest
    version before it that can. `before` is the current version if all of it is as it was written.
    `ContractError` if that has none although another version has, unless forced: then they are
    lost.
    """
    if before is not None and before.manifest.version == after:
        if known := of_whole(before):
            return known
        _refuse_loss(root, before.version, force=force)
        return None
    for version in _newest_first(root, after):
        try:
            known = lake.memory_of(root, version)
        except lake.Damaged as error:
            logger.warning("the observations of version %s cannot be taken: %s", version, error)
            continue
        if known is not None:
            if version != after:
                logger.warning("the observations are those of version %s", version)
            return known
        if version == after:
            _refuse_loss(root, version, force=force)
            return None
    return None


def of_whole(before: Lake) -> Memory | None:
    """Return the observations of a version whose files were compared with its manifest."""
    names = {name for name, entry in before.datasets.items() if entry.observed}
    if not names:
        return None
    names.update(lake.OBSERVED)
    return Memory(before.path, {n: before.datasets[n] for n in names if n in before.datasets})


def _newest_first(root: Path, after: str | None) -> Iterator[str]:
    """Return the current version, then those before it that were not rolled back."""
    ids = layout.version_ids(root)
    if after in ids:
        yield after
    for version in reversed(ids):
        if (after is None or version < after) and not marks.is_withdrawn(root, version):
            yield version


def _refuse_loss(root: Path, version: str, *, force: bool) -> None:
    """Raise `ContractError` if another version has observations; if forced, say what is lost."""
    for other in reversed(layout.version_ids(root)):
        try:
            known = lake.memory_of(root, other)
        except lake.Damaged:
            continue
        if known is None:
            continue
        what = f"{known.rows:,} observations up to {known.day}, which version {other} has"
        if not force:
            raise ContractError(
                f"version {version} has no observations, and a new one would lose {what}; publish "
                f"that one with python -m pipelines.versions rollback {other}, or lose them with "
                "--force"
            )
        logger.warning("lost with --force: %s", what)
        return
