"""`python -m pipelines.remote`: push versions to an object store, and pull them from one."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from pipelines import console, store
from pipelines.lake import current_id
from pipelines.runtime import end_in_order
from pipelines.settings import Settings
from pipelines.store import Bucket, Publication, publications
from pipelines.terminal_table import Column, Table

UrlArgument = Annotated[
    str, typer.Argument(help="s3://BUCKET/FOLDER, gs://…, az://… or file:///FOLDER.")
]
LakeOption = Annotated[
    Path | None, typer.Option("--lake", help="Folder of the lake.", readable=False)
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file.")]
SecondsOption = Annotated[
    float, typer.Option(min=0.1, help="Longest wait for an answer of the store; tried twice.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Publish over a version that is not known here.")
]

HELP = """Push versions to an object store, pull them, list what it has, and collect what is old.

Example: python -m pipelines.remote push file:///srv/stockrank
"""


def push(
    url: UrlArgument,
    *,
    root: LakeOption = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Send every file, and publish over what is not known here."),
    ] = False,
    seconds: SecondsOption = store.SECONDS,
    config: ConfigOption = None,
) -> None:
    """Send the current version to a store and publish it there; only new files are sent.

    Example: python -m pipelines.remote push s3://stocks/lake
    """
    end_in_order()
    bucket = Bucket(url, seconds=seconds, make=True)
    with console.progress() as progress:
        done = store.push(_root(root, config), bucket, force=force, progress=progress)
    _tell(bucket, done.publication, "sent", f"{done.objects} objects", done.bytes)


def pull(
    url: UrlArgument,
    *,
    root: LakeOption = None,
    force: ForceOption = False,
    seconds: SecondsOption = store.SECONDS,
    config: ConfigOption = None,
) -> None:
    """Fetch the published version of a store and make it current here; only new files are fetched.

    Example: python -m pipelines.remote pull s3://stocks/lake --lake data/copy
    """
    end_in_order()
    bucket = Bucket(url, seconds=seconds)
    keep = Settings.load(config).keep_versions
    with console.progress() as progress:
        done = store.pull(_root(root, config), bucket, keep=keep, force=force, progress=progress)
    _tell(bucket, done.publication, "fetched", f"{done.files} files", done.bytes)


def _tell(bucket: Bucket, made: Publication, how: str, count: str, size: int) -> None:
    what = f"{count}, {size / 1e6:.1f} MB, {how}" if size else f"nothing {how}"
    console.write(f"{bucket}: publication {made.number} is version {made.version}; {what}")


def list_publications(
    url: UrlArgument,
    *,
    root: LakeOption = None,
    seconds: SecondsOption = store.SECONDS,
    config: ConfigOption = None,
) -> None:
    """Show the publications of a store, the newest first; the first is the current one.

    Example: python -m pipelines.remote list s3://stocks/lake
    """
    bucket, here = Bucket(url, seconds=seconds), current_id(_root(root, config))
    found = publications(bucket)[::-1]
    rows = [
        (
            str(publication.number),
            publication.version,
            f"{publication.at:%Y-%m-%d %H:%M}",
            ", ".join(_states(publication, found[0], here)),
        )
        for publication in found
    ]
    columns = ("publication", "version", Column("published (UTC)", extra=1), "state")
    console.show(Table(f"publications of {bucket}: {len(rows)}", columns, rows))


def _states(publication: Publication, newest: Publication, here: str | None) -> list[str]:
    states = {"current": publication is newest, "here": publication.version == here}
    return [state for state, holds in states.items() if holds]


def collect(
    url: UrlArgument,
    *,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest stay.")] = 5,
    grace_hours: Annotated[
        float, typer.Option(min=0, help="What was needed within these hours stays, too.")
    ] = 24,
    seconds: SecondsOption = store.SECONDS,
) -> None:
    """Delete old publications of a store, and what only they need.

    Example: python -m pipelines.remote collect s3://stocks/lake --keep 10
    """
    bucket = Bucket(url, seconds=seconds)
    gone = store.collect(bucket, keep=keep, grace=timedelta(hours=grace_hours))
    console.write(
        f"{bucket}: deleted {gone.publications} publications, and {gone.objects} files, "
        f"{gone.bytes / 1e6:.1f} MB"
    )


def _root(root: Path | None, config: Path | None) -> Path:
    return root or Settings.load(config).lake


if __name__ == "__main__":
    list_publications.__name__ = "list"
    console.run(push, pull, list_publications, collect, help_=HELP)
