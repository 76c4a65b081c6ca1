"""One sweep from beginning to end: what is missing is computed, and every part is looked at."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from pipelines.bars import Progress
from pipelines.errors import StockRankError, Stopped, Unfinished
from pipelines.lake import Lake
from pipelines.sweep.parts import Parts
from pipelines.sweep.task import Counts, Failed, Task, run

Driver = Callable[[Sequence[Task]], Generator[object]]
"""Runs tasks, and yields what came of each, in any order; closed, it leaves no process behind."""
DATES = "dates"


def here(lake: Lake) -> Driver:
    """Return the driver that runs one task after another in this process."""

    def driver(tasks: Sequence[Task]) -> Generator[object]:
        for task in tasks:
            yield run(task, lake)

    return driver


@dataclass(frozen=True)
class Swept:
    """What became of a sweep: `taken` blocks were there before; `peaks` are in MB, by worker."""

    rows: int = 0
    blocks: int = 0
    taken: int = 0
    peaks: Mapping[str, float] = field(default_factory=dict)

    def told(self) -> str:
        """Return who has computed how many blocks, and with how much memory."""
        taken = f"; {_number(self.taken, 'block')} taken from before" if self.taken else ""
        if not self.peaks:
            return f"nothing was missing{taken}"
        computed, by = self.blocks - self.taken, _number(len(self.peaks), "worker")
        most = f"at most {max(self.peaks.values()):.0f} MB each"
        return f"{_number(computed, 'block')} by {by}, {most}{taken}"


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def sweep(parts: Parts, driver: Driver, progress: Progress, *, resume: bool = False) -> Swept:
    """Compute the parts that are missing, and look that all are there.

    `progress` is called with the dates done and the dates in all. Where it fails, the parts that
    are done stay, and the error says how to go on.
    """
    there = parts.begin(resume=resume)
    try:
        return _swept(parts, there, driver, progress)
    except KeyboardInterrupt:
        raise Stopped(f"stopped{_kept(parts)}") from None
    except StockRankError as error:
        error.args = (f"{error}{_kept(parts)}",)
        raise


def _swept(parts: Parts, there: Mapping[int, int], driver: Driver, progress: Progress) -> Swept:
    rows, peaks = dict(there), {}
    done = sum(len(parts.tasks[number].dates) for number in there)
    if there:
        progress(DATES, done, parts.dates)
    with closing(driver([task for task in parts.tasks if task.number not in there])) as results:
        for result in results:
            counts = _checked(result)
            rows[counts.number] = counts.rows
            peaks[counts.worker] = counts.peak_mb
            done += len(parts.tasks[counts.number].dates)
            progress(DATES, done, parts.dates)
    _look(parts, rows)
    return Swept(sum(rows.values()), len(parts.tasks), len(there), peaks)


def _checked(result: object) -> Counts:
    """Return a result that is one; a library may give an error as if it were a result."""
    if isinstance(result, Counts):
        return result
    if isinstance(result, Failed):
        raise Unfinished(result.why)
    raise Unfinished(f"a block came back as {type(result).__name__}: {result}")


def _look(parts: Parts, rows: Mapping[int, int]) -> None:
    """Raise `Unfinished` unless each part is there, with as many rows as were told."""
    there = parts.there()
    missing = [task.number for task in parts.tasks if task.number not in rows]
    if missing:
        raise Unfinished(f"{len(missing)} of {len(parts.tasks)} blocks did not come back")
    wrong = [number for number, count in rows.items() if there.get(number) != count]
    if wrong:
        raise Unfinished(
            f"{len(wrong)} of {len(parts.tasks)} blocks are not in {parts.folder} as their "
            "workers wrote them; let all machines share that folder"
        )


def _kept(parts: Parts) -> str:
    """Return how to go on; without any part, the folder is deleted."""
    there = len(parts.there())
    if not there or not parts.stays:
        parts.forget()
        return ""
    return f"; {there} of {len(parts.tasks)} blocks are kept, give --resume to go on from there"
