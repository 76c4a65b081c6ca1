"""Whatever is done to a database, a refresh of what changed publishes what a full one does.

Both go on from the same version, for a lake remembers what earlier refreshes saw. The rankings and
the report on integrity follow from the files of a version, which are compared: one script of five
makes them, the others make the datasets only.

`STOCKRANK_SCRIPTS=2000` runs as many scripts in the slow part.
"""

import os
import random
import shutil
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pipelines.errors import StockRankError
from pipelines.export import export
from pipelines.lake import Lake
from pipelines.lake.layout import STATE
from pipelines.universe import SWEDEN
from tests.bare import bare
from tests.edits import Market, market

FAST = 2
SLOW = int(os.environ.get("STOCKRANK_SCRIPTS", "200"))
QUARTERS = 4
"""Parts of the scripts: each is a class, for a class stays in one process."""
WHOLE = 5
"""One script of so many makes all rankings and the report."""
OWN = ("version", "created_at", "phases", "failed_checks")
"""What a manifest says of the refresh and not of the data."""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database and its first version."""
    folder = tmp_path_factory.mktemp("first")
    market(folder / "first.db")
    shutil.copyfile(folder / "first.db", folder / "app.db")
    shutil.copyfile(folder / "first.db", folder / "other.db")
    export(folder / "app.db", folder / "incremental", SWEDEN)
    return folder


def refresh(script: Market, lake: str, **how: Any) -> str:
    """Export; the error, if any, but for what differs from run to run."""
    try:
        export(script.path, script.folder / lake, script.universe, keep=script.keep, **how)
    except StockRankError as error:
        return type(error).__name__
    return ""


def contents(lake: Lake) -> dict[str, Any]:
    """All that a version holds: the manifest but for how wide a text may be, and every file."""
    names = (field.name for field in fields(lake.manifest))
    manifest = {name: getattr(lake.manifest, name) for name in names if name not in OWN}
    # A bound: it depends on which rows were read together.
    datasets = {name: replace(entry, widest_text=None) for name, entry in lake.datasets.items()}
    files = {str(p.relative_to(lake.path)): sha256(p.read_bytes()).hexdigest()
             for p in lake.path.rglob("*.parquet")}  # fmt: skip
    state = sha256((lake.path / STATE).read_bytes()).hexdigest()
    return manifest | {"datasets": datasets, "files": files, "state": state}


def rounds(rng: random.Random) -> list[list[str]]:
    """The edits before each refresh; an empty name is any edit.

    In a third of the scripts a row is gone later beside an odd date, either of a year of its own.
    """
    if rng.random() < 1 / 3:
        return [["insert_an_odd_date", "insert_a_lone_row"], ["delete_lone_rows"]]
    return [[""] * rng.randint(0, 3) for _ in range(rng.randint(1, 3))]


def run(first: Path, folder: Path, seed: int) -> int:
    """Run one script; how many files of prices its last version took from the one before."""
    shutil.copytree(first, folder, symlinks=True)
    script = Market(folder, folder / "app.db", random.Random(seed))
    with closing(script):
        edits = rounds(script.rng)
        for number, names in enumerate(edits, start=1):
            script.turn()
            for name in names:
                script.edit(name)
            script.done.append("refresh")
            if number == len(edits):
                shutil.copytree(folder / "incremental", folder / "full", symlinks=True)
            unforced = script.rng.random() < 0.3
            failed = unforced and refresh(script, "incremental")
            if failed or not unforced:
                failed = refresh(script, "incremental", force=True)
        said = f"seed {seed}: {', '.join(script.done)}"
        assert failed == refresh(script, "full", full=True, force=True), said
        if failed:
            return 0
        ours, whole = contents(Lake(folder / "incremental")), contents(Lake(folder / "full"))
        odd = {k: (ours.get(k), whole.get(k)) for k in ours | whole if ours.get(k) != whole.get(k)}
        assert not odd, f"{said}\n{odd}"
        prices = (folder / "incremental" / "current" / "prices").rglob("*.parquet")
        return sum(path.stat().st_nlink > 1 for path in prices)


def made_of(seed: int) -> AbstractContextManager[None]:
    """Make all that a version has, or, in four scripts of five, its datasets."""
    return bare() if seed >= FAST and seed % WHOLE else nullcontext()


def run_all(first: Path, folder: Path, seeds: range) -> None:
    """Run the scripts of all seeds, and tell every one that fails."""
    failures, took = [], 0
    for seed in seeds:
        try:
            with made_of(seed):
                took += run(first, folder / f"{seed}", seed) > 0
        except AssertionError as error:
            failures.append(f"{error}"[:2000])
        shutil.rmtree(folder / f"{seed}")
    assert not failures, f"{len(failures)} of {len(seeds)} failed\n" + "\n\n".join(failures[:5])
    assert took > len(seeds) / 8, f"only {took} of {len(seeds)} took a file of the version before"


def test_a_few_edit_scripts(first: Path, tmp_path: Path) -> None:
    run_all(first, tmp_path, range(FAST))


class Quarter:
    """A quarter of the scripts of the slow part."""

    number: ClassVar[int]

    @pytest.mark.slow
    def test_many_edit_scripts(self, first: Path, tmp_path: Path) -> None:
        run_all(first, tmp_path, range(FAST + self.number, FAST + SLOW, QUARTERS))


class TestFirstQuarter(Quarter):
    number = 0


class TestSecondQuarter(Quarter):
    number = 1


class TestThirdQuarter(Quarter):
    number = 2


class TestFourthQuarter(Quarter):
    number = 3
