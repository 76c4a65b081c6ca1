"""The rankings of every month since 1990: by blocks of dates, against the query of a single date.

Example: python -m tests.benchmarks.history --folder data --runs 3

Measured as `tests.benchmarks.rankings` measures: fresh processes, alternating, without the
imports, the answers compared first, which must be equal to the last digit.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import polars as pl

from pipelines import console
from tests.benchmarks import rankings
from tests.benchmarks.contenders.task import Task
from tests.benchmarks.rankings import Contender, Result, answer_of, market, run

BLOCKS, LOOP = "history_blocks", "history_loop"
CONTENDERS: Final = {
    BLOCKS: Contender(title="blocks of dates"),
    LOOP: Contender(title="loop of the single-date query"),
}
KEYS: Final = ["as_of", "strategy", "ticker"]


def measure(task: Task, runs: int) -> list[Result]:
    """The results of both; the loop's is void where a value differs."""
    with TemporaryDirectory(prefix="stockrank-bench-") as folder:
        ours, loop = (answer_of(name, task, Path(folder))[1] for name in CONTENDERS)
    assert ours is not None
    assert loop is not None
    results = [Result(BLOCKS, 1), Result(LOOP, 1, void=difference(ours, loop))]
    for _ in range(runs):
        for result in results:
            if not result.void:
                result.runs.append(run(result.name, task))
    return results


def difference(ours: pl.DataFrame, loop: pl.DataFrame) -> str:
    """What is not equal, as the number of rows; an empty text for nothing."""
    if ours.sort(KEYS).equals(loop.sort(KEYS)):
        return ""
    either = ours.height + loop.height - 2 * ours.join(loop, on=ours.columns, nulls_equal=True,
                                                       how="semi").height  # fmt: skip
    return f"{either} rows differ"


def main(*, folder: rankings.Folder = Path("data"), runs: rankings.Runs = 3) -> None:
    """Measure the history of the rankings against a loop.

    Example: python -m tests.benchmarks.history --folder data --runs 3
    """
    with market(1, folder) as task:
        results = measure(task, runs)
    told = [rankings.table(results, CONTENDERS)]
    if not results[1].void:
        told.append(rankings.goals(results, CONTENDERS))
    console.write_data("\n".join(told))


if __name__ == "__main__":
    console.run(main)
