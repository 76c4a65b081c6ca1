"""`python -m pipelines.versions`: list, verify, roll back, prune and compare versions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from pipelines import console, lake
from pipelines.errors import ContractError, LakeError, NothingPublished
from pipelines.lake import Lake, Manifest
from pipelines.ranking import STRATEGIES
from pipelines.settings import Settings

LakeOption = Annotated[
    Path | None, typer.Option("--lake", help="Folder of the lake.", readable=False)
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file.")]
VersionArgument = Annotated[str | None, typer.Argument(help="A version; see list.")]

HELP = """List, verify, roll back, prune and compare the versions of the lake.

Example: python -m pipelines.versions list
"""


def _root(root: Path | None, config: Path | None) -> Path:
    return root or Settings.load(config).lake


# -------------------------------------------------------------------------------------- list


def list_versions(*, root: LakeOption = None, config: ConfigOption = None) -> None:
    """Show the versions, the newest first, and what changed in each.

    Example: python -m pipelines.versions list
    """
    folder = _root(root, config)
    if not (ids := lake.version_ids(folder)):
        raise NothingPublished(folder)
    rows, before = [], None
    for version in ids:
        try:
            manifest = lake.manifest_of(folder, version)
        except lake.Damaged:
            rows.append((version, "damaged", *[""] * 5))
        else:
            rows.append(_line(folder, manifest, before))
            before = manifest
    columns = ("version", "state", "age", "rows", "as of", "MB", "changed since the one before")
    console.show(console.Table(f"versions of {folder}", columns, rows[::-1]))


def _line(root: Path, manifest: Manifest, before: Manifest | None) -> tuple[str, ...]:
    version = manifest["version"]
    age = datetime.now(UTC) - datetime.fromisoformat(manifest["created_at"])
    datasets = manifest["datasets"].values()
    return (
        version,
        _state(root, manifest),
        _age(age),
        f"{sum(d['rows'] for d in datasets):,}",
        manifest["as_of"],
        f"{sum(f['bytes'] for d in datasets for f in d['files']) / 1e6:.1f}",
        ", ".join(changes(manifest, before)) or "nothing",
    )


def _state(root: Path, manifest: Manifest) -> str:
    states = {
        "current": lake.current_id(root) == manifest["version"],
        "rolled back": lake.is_withdrawn(root, manifest["version"]),
        "forced": bool(manifest.get("failed_checks")),
    }
    return ", ".join(state for state, holds in states.items() if holds)


def _age(age: timedelta) -> str:
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    seconds = max(int(age.total_seconds()), 1)
    size, unit = next(u for u in units if seconds >= u[0])
    return f"{seconds // size} {unit}"


def changes(manifest: Manifest, before: Manifest | None) -> Iterator[str]:
    """What is new in a version against the one before it: rows and files of each dataset."""
    if before is None:
        yield "first"
        return
    for name, entry in manifest["datasets"].items():
        was = before["datasets"].get(name, {"rows": 0, "files": []})
        old = {f["path"]: f["sha256"] for f in was["files"]}
        new = {f["path"]: f["sha256"] for f in entry["files"]}
        differ = sum(old.get(path) != new.get(path) for path in old.keys() | new.keys())
        if differ:
            yield f"{name} {entry['rows'] - was['rows']:+,} rows in {differ} files"


# ------------------------------------------------------------------------------------ verify


def verify(
    version: VersionArgument = None,
    *,
    source: Annotated[
        Path | None, typer.Option(help="Compare with this database.", readable=False)
    ] = None,
    root: LakeOption = None,
    config: ConfigOption = None,
) -> None:
    """Check a version's files against its manifest, and with --source every value.

    Example: python -m pipelines.versions verify --source data/demo.db
    """
    from pipelines.refresh import verify as verifying  # noqa: PLC0415 - heavy

    opened = Lake(_root(root, config), version)
    found = [verifying.files(opened)]
    if source is not None and not found[0].problems:
        found.append(verifying.against_source(opened, source))
    console.show(*(table for part in found for table in part.tables))
    if problems := [problem for part in found for problem in part.problems]:
        raise ContractError(f"version {opened.version}: {'; '.join(problems)}")


# ---------------------------------------------------------------------------------- rollback


def rollback(
    version: VersionArgument = None, *, root: LakeOption = None, config: ConfigOption = None
) -> None:
    """Publish the version before the current one, or the one that is named, at once.

    Example: python -m pipelines.versions rollback
    """
    folder = _root(root, config)
    was, now = lake.rollback(folder, version)
    console.write(f"current was {was}, is {now}")
    try:
        console.show(*_differences(Lake(folder, was), Lake(folder, now)))
    except LakeError as error:
        console.write(f"their rankings cannot be compared: {error}")


def prune(
    *,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest stay.")] = 5,
    root: LakeOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete old versions, never the current one and none in use.

    Example: python -m pipelines.versions prune --keep 3
    """
    folder = _root(root, config)
    if lake.current_id(folder) is None:
        raise NothingPublished(folder)
    with lake.writing(folder):
        gone = lake.prune(folder, keep=keep)
    console.write(f"deleted {', '.join(gone) or 'nothing'}")


# -------------------------------------------------------------------------------------- diff


def diff(
    a: Annotated[str, typer.Argument(help="A version.")],
    b: Annotated[str, typer.Argument(help="Another version.")],
    *,
    root: LakeOption = None,
    config: ConfigOption = None,
) -> None:
    """Show whose rank moved from version A to version B, and who came and went.

    Example: python -m pipelines.versions diff 20261123T170500Z-3fa1c2 20261124T170500Z-91be07
    """
    folder = _root(root, config)
    console.show(*_differences(Lake(folder, a), Lake(folder, b)))


def differences(a: Lake, b: Lake) -> pl.DataFrame:
    """Ranks that differ: `strategy, ticker, rank_a, rank_b, moved`, the largest moves first.

    A rank is null where the stock is not ranked; `moved` is positive for a better rank in B.
    """
    ranks = [
        version.rankings().select("strategy", "ticker", pl.col("rank").cast(pl.Int64).alias(name))
        for version, name in ((a, "rank_a"), (b, "rank_b"))
    ]
    both = ranks[0].join(ranks[1], on=["strategy", "ticker"], how="full", coalesce=True)
    moved = pl.col("rank_a") - pl.col("rank_b")
    return (
        both.filter(pl.col("rank_a").ne_missing(pl.col("rank_b")))
        .with_columns(moved=moved)
        .sort("strategy", moved.abs(), "ticker", descending=[False, True, False], nulls_last=False)
        .collect()
    )


def _differences(a: Lake, b: Lake) -> Iterator[console.Table]:
    changed = differences(a, b)
    for strategy in STRATEGIES.values():
        rows = changed.filter(strategy=strategy.name)
        shown = [_move(row) for row in rows.head(20).iter_rows(named=True)]
        more = f", the first {len(shown)}" if rows.height > len(shown) else ""
        title = f"{strategy.title}: {rows.height} ranks differ{more}"
        yield console.Table(title, ("ticker", "rank was", "rank is", "moved"), shown)


def _move(row: dict[str, Any]) -> tuple[str, ...]:
    was, now = (str(row[c] or "") for c in ("rank_a", "rank_b"))
    how = "came" if not was else "went" if not now else f"{row['moved']:+}"
    return row["ticker"], was, now, how


if __name__ == "__main__":
    list_versions.__name__ = "list"
    console.run(list_versions, verify, rollback, prune, diff, help_=HELP)
