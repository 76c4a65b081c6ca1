"""A refresh from start to end, if anything changed. Little is loaded before that is known."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from pipelines import lake
from pipelines.bars import Progress, silent
from pipelines.errors import ContractError, OtherMarket
from pipelines.fingerprint import Fingerprint
from pipelines.lake import Lake, Manifest, current_id, disk_errors, marks, writing
from pipelines.place import Place
from pipelines.ranking import holds_rankings, strategies_of
from pipelines.refresh.clock import Clock
from pipelines.refresh.intact import give_up
from pipelines.refresh.task import Task, snapshot, staging
from pipelines.refresh.unchanged import is_unchanged
from pipelines.source import Source, opened
from pipelines.universe import Universe


def export(  # noqa: PLR0913 - one parameter an option
    database: Place,
    root: Path,
    universe: Universe,
    *,
    others: Sequence[Universe] = (),
    full: bool = False,
    force: bool = False,
    keep: int = 5,
    progress: Progress = silent,
    makes: Callable[[str], None] = lambda _: None,
    today: date | None = None,
) -> Manifest:
    """Publish a new version of the lake from a database and return its manifest.

    If nothing was written to the database since the current version was made, that version stays,
    and its manifest is returned. If it was made by other rules or for another universe, its
    datasets are taken, and the rankings made anew. If it was written under another contract or by
    other libraries, or is damaged, everything is read again.

    `others` are further universes whose rankings the version holds too.
    `full` reads everything again in any case. `force` also publishes a version that fails its
    checks, and lists them in the manifest. The newest `keep` versions stay.
    `makes` is called with the id of the version that is going to be made.
    `today` is the day on which all this is to be, by default that of the clock in UTC.

    After a `SourceError`, `ContractError` or `LakeError` the current version is the same as before,
    and nothing is left of the new one.
    """
    strategies_of(universe)  # one that cannot be used is told before anything is read
    with opened(database) as source:
        tables = tuple(source.preflight())
        with disk_errors(root), writing(root):
            # Looked up once: whoever moves `current` from here on has the last word.
            after = current_id(root)
            # Before the copy: what is written while it is made counts as a change next time.
            state, today = source.fingerprint(), today or datetime.now(UTC).date()
            current = _current(root, after, full=full)
            unchanged = (
                current is not None
                and not (full or force)
                and is_unchanged(current, state, today, universe)
            )
            if current and unchanged and holds_rankings(current, universe, others):
                return current.manifest
            if not force:
                _refuse_other_market(root, source, current)
                _refuse_withdrawn(root, state)
                _refuse_clock(current, today)
            if not unchanged:
                lake.check_room(root, database, current.manifest if current else None)
            task = Task(
                database=source, root=root, version=lake.new_version_id(root), universe=universe,
                others=tuple(others), tables=tables, source=state, today=today, before=current,
                progress=progress, clock=Clock(progress=progress),
                full=full or _is_behind(today, current),
            )  # fmt: skip
            makes(task.version)
            with staging(task), ThreadPoolExecutor(1) as pool:
                copying = None if unchanged else pool.submit(snapshot, task)
                # Heavy, so it is loaded while the database is copied, and never if nothing changed.
                from pipelines.refresh import make  # noqa: PLC0415

                manifest = make.published(task, copying, after=after, force=force)
            # The version before is no longer held open, so that it can be pruned too.
            del task, current
            lake.prune(root, keep=keep)
            return manifest


# -------------------------------------------------------------------------- what must be made


def _current(root: Path, version: str | None, *, full: bool) -> Lake | None:
    """Return the published version; None if there is none, or it is damaged.

    `OtherLayout` unless a `full` refresh was asked for: then it counts as none, too.
    """
    if version is None:
        return None
    if damage := marks.known_damage(root, version):
        give_up(f"version {version} is damaged: {damage}")
        return None
    try:
        return lake.open_current(root, version)
    except lake.Damaged as error:
        give_up(error)
    except lake.OtherLayout as error:
        if not full:
            raise
        give_up(error)
    return None


def _refuse_other_market(root: Path, source: Source, current: Lake | None) -> None:
    """Raise `OtherMarket` if real data would follow a demo market, or a demo market real data."""
    if current and current.manifest.demo != source.is_demo():
        raise OtherMarket(root, published_is_demo=current.manifest.demo)


def _refuse_withdrawn(root: Path, state: Fingerprint) -> None:
    """Raise `ContractError` if the database is as it was for a version that was rolled back."""
    for version in filter(partial(marks.is_withdrawn, root), lake.version_ids(root)):
        try:
            withdrawn = lake.source_of(root, version)
        except lake.Damaged:
            raise ContractError(
                f"version {version} was rolled back, and its manifest.json is damaged, so it "
                "cannot be told if the database has changed since; check that, then use --force"
            ) from None
        if withdrawn == state:
            raise ContractError(
                f"the database has not changed since version {version}, which was rolled back; "
                "correct the database and export again, or publish it again as it is with --force"
            )


def _is_behind(today: date, current: Lake | None) -> bool:
    """Return True if the clock is so far back that the newest price lies in the future."""
    return current is not None and current.as_of > today + timedelta(days=1)


def _refuse_clock(current: Lake | None, today: date) -> None:
    if current and _is_behind(today, current):
        raise ContractError(
            f"the clock says {today}, but version {current.version} has prices of "
            f"{current.as_of}; set the clock, or publish without later prices with --force"
        )
    seen = current.observed_until if current else None
    if current and seen and seen > today + timedelta(days=1):
        raise ContractError(
            f"the clock says {today}, but version {current.version} saw the database on {seen}; "
            "set the clock; if it was wrong on that day, publish a version of before with "
            f"python -m pipelines.versions rollback, or count all that is seen from {seen} on with "
            "--force"
        )
