"""`python -m pipelines.versions`: list, verify, roll back, prune and compare versions."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer

from pipelines import console, lake
from pipelines.errors import ContractError, LakeError, NothingPublished, Unknown
from pipelines.lake import Lake, Listed, listed, marks, writing
from pipelines.lake import prune as prune_versions
from pipelines.lake import rollback as roll_back
from pipelines.place import place
from pipelines.ranking import STRATEGIES, canonical_ticker
from pipelines.runtime import end_in_order
from pipelines.settings import Settings
from pipelines.terminal_table import Column, Table

LakeOption = Annotated[
    Path | None, typer.Option("--lake", help="Folder of the lake.", readable=False)
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file.")]
VersionArgument = Annotated[str | None, typer.Argument(help="A version; see list.")]

HELP = """List, verify, roll back, prune and compare the versions of the lake; strike observations.

Example: python -m pipelines.versions list
"""


def _root(root: Path | None, config: Path | None) -> Path:
    settings = Settings.load(config)
    return root or settings.lake


# -------------------------------------------------------------------------------------- list


def list_versions(*, root: LakeOption = None, config: ConfigOption = None) -> None:
    """Show the versions, the newest first, and what changed in each.

    Example: python -m pipelines.versions list
    """
    folder = _root(root, config)
    if not (found := listed(folder)):
        raise NothingPublished(folder)
    rows = [_line(version) for version in reversed(found)]
    console.show(Table(f"versions of {folder}", LIST_COLUMNS, rows))


LIST_COLUMNS: Final = (
    "version", Column("state", wraps=True), Column("age", extra=2),
    Column("rows", extra=3), Column("as of", extra=4),
    Column("MB", extra=5), Column("changes", 1, wraps=True),
)  # fmt: skip


def _line(listed: Listed) -> tuple[str, ...]:
    manifest = listed.manifest
    if manifest is None:
        return (listed.version, _state(listed), *[""] * 5)
    age = datetime.now(UTC) - manifest.created_at
    return (
        listed.version,
        _state(listed),
        _age(age),
        f"{manifest.rows:,}",
        manifest.as_of.isoformat(),
        f"{manifest.bytes / 1e6:.1f}",
        ", ".join(listed.changes()) or "nothing",
    )


def _state(listed: Listed) -> str:
    states = {
        "current": listed.is_current,
        "rolled back": listed.is_withdrawn,
        "forced": bool(listed.manifest and listed.manifest.failed_checks),
        str(listed.problem): listed.problem is not None,
    }
    return ", ".join(state for state, holds in states.items() if holds)


def _age(age: timedelta) -> str:
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    seconds = max(int(age.total_seconds()), 1)
    size, unit = next(u for u in units if seconds >= u[0])
    return f"{seconds // size} {unit}"


# ------------------------------------------------------------------------------------ verify


def verify(
    version: VersionArgument = None,
    *,
    source: Annotated[
        str | None, typer.Option(help="Compare with this database.", metavar="PLACE")
    ] = None,
    root: LakeOption = None,
    config: ConfigOption = None,
) -> None:
    """Check a version's files against its manifest, and with --source every value.

    Example: python -m pipelines.versions verify --source data/demo.db
    """
    from pipelines.refresh import verify_against_source, verify_files  # noqa: PLC0415 - heavy

    end_in_order()
    folder = _root(root, config)
    opened = Lake(folder, version, check_files=False)
    found = [verify_files(opened)]
    found[0].problems += _note(folder, opened.version, found[0].problems)
    if source is not None and not found[0].problems:
        found.append(verify_against_source(opened, place(source)))
    console.show(*(table for part in found for table in part.tables))
    if problems := [problem for part in found for problem in part.problems]:
        raise ContractError(f"version {opened.version}: {'; '.join(problems)}")


def _note(root: Path, version: str, problems: list[str]) -> list[str]:
    """Mark a version as damaged or whole for the next refresh; return the error if that fails."""
    try:
        marks.note_damage(root, version, problems)
    except LakeError as error:
        return [str(error)]
    except OSError as error:
        return [f"the next refresh will not know of it: {error.filename}: {error.strerror}"]
    return []


# ---------------------------------------------------------------------------------- rollback


def rollback(
    version: VersionArgument = None, *, root: LakeOption = None, config: ConfigOption = None
) -> None:
    """Publish the newest older version that is whole, or the one that is named, at once.

    Example: python -m pipelines.versions rollback
    """
    folder = _root(root, config)
    was, now = roll_back(folder, version)
    console.write(f"current was {was}, is {now}")
    try:
        console.show(*_differences(Lake(folder, was), Lake(folder, now)))
    except (LakeError, Unknown) as error:
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
    with writing(folder):
        gone = prune_versions(folder, keep=keep)
    console.write(f"deleted {', '.join(gone) or 'nothing'}")


def forget(
    ticker: Annotated[str, typer.Argument(help="The ticker.")],
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day of the refresh.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept with what is struck.")],
    stocks: Annotated[
        bool, typer.Option("--stocks", help="Strike what was seen in stocks, not in fundamentals.")
    ] = False,
    root: LakeOption = None,
    config: ConfigOption = None,
) -> None:
    """Strike what refreshes of a day saw of a stock: it stays, with the reason, and counts no more.

    Example: python -m pipelines.versions forget VOLV-B 2026-11-24 --reason "pence for pounds"
    """
    from pipelines.refresh import forget as strike_out  # noqa: PLC0415 - heavy
    from pipelines.refresh import strike_on  # noqa: PLC0415

    dataset = "stocks" if stocks else "fundamentals"
    strike = strike_on(day.date(), dataset, canonical_ticker(ticker), reason)
    settings = Settings.load(config)
    made = strike_out(root or settings.lake, strike, keep=settings.keep_versions)
    counts = made.datasets[f"observed_{dataset}"].observed
    struck = counts.struck if counts else 0
    console.write(f"version {made.version} is current; {struck} observations are struck in all")


# -------------------------------------------------------------------------------------- diff


def diff(
    a: Annotated[str, typer.Argument(help="A version.")],
    b: Annotated[str, typer.Argument(help="Another version.")],
    *,
    root: LakeOption = None,
    config: ConfigOption = None,
) -> None:
    """Show which stocks moved, came or went from the ranks of version A to those of version B.

    Example: python -m pipelines.versions diff 20261123T170500Z-3fa1c2 20261124T170500Z-91be07
    """
    folder = _root(root, config)
    console.show(*_differences(Lake(folder, a), Lake(folder, b)))


def differences(a: Lake, b: Lake) -> pl.DataFrame:
    """Return ranks that differ: `strategy, ticker, rank_a, rank_b, moved`, largest moves first.

    A rank is null if the stock is not ranked; `moved` is positive for a better rank in B.
    """
    ranks = [
        version.rankings().select("strategy", "ticker", pl.col("rank").cast(pl.Int64).alias(name))
        for version, name in ((a, "rank_a"), (b, "rank_b"))
    ]
    both = ranks[0].join(ranks[1], on=["strategy", "ticker"], how="full", coalesce=True)
    moved = pl.col("rank_a") - pl.col("rank_b")
    plan = (
        both.filter(pl.col("rank_a").ne_missing(pl.col("rank_b")))
        .with_columns(moved=moved)
        .sort("strategy", moved.abs(), "ticker", descending=[False, True, False], nulls_last=False)
    )
    with lake.readable():
        return plan.collect()


def _differences(a: Lake, b: Lake) -> Iterator[Table]:
    changed = differences(a, b)
    own = [one for version in (a, b) for one in version.manifest.universe.strategies]
    titles = {s.name: s.title for s in own} | {s.name: s.title for s in STRATEGIES.values()}
    names = dict.fromkeys((*STRATEGIES, *titles))
    same = [titles[name] for name in names if name not in changed["strategy"]]
    for name in names:
        rows = changed.filter(strategy=name)
        if rows.is_empty():
            continue
        ranks = rows.head(20).select("ticker", "rank_a", "rank_b")
        shown = [_move(*row) for row in ranks.iter_rows()]
        more = f", the first {len(shown)}" if rows.height > len(shown) else ""
        title = f"{titles[name]}: {rows.height} ranks differ{more}"
        yield Table(title, ("ticker", "rank was", "rank is", "moved"), shown)
    if same:
        yield Table(f"no rank differs: {', '.join(same)}", (), ())


def _move(ticker: str, was: int | None, now: int | None) -> tuple[str, ...]:
    how = "came" if was is None else "went" if now is None else f"{was - now:+}"
    return ticker, str(was or ""), str(now or ""), how


if __name__ == "__main__":
    list_versions.__name__ = "list"
    console.run(list_versions, verify, rollback, prune, forget, diff, help_=HELP)
