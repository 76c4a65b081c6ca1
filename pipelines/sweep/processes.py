"""The driver that spawns processes on this machine, each with one thread and one block at a time.

A process that dies is replaced, and its block is given to another. One whose caller dies ends after
the block that it has.
"""

import os
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Final

from pipelines.sweep.run import Driver
from pipelines.sweep.task import Failed, Task, attempt

TRIES: Final = 3
"""How often a block may end the process that computes it."""
SERVE: Final = "import sys; from pipelines.sweep.processes import serve; serve(int(sys.argv[1]))"
ENVIRONMENT: Final = {
    "POLARS_MAX_THREADS": "1",
    "PYTHONPATH": str(Path(__file__).parents[2]),
}


def spawned(count: int) -> Driver:
    """Return the driver that runs tasks in so many processes."""

    def driver(tasks: Sequence[Task]) -> Generator[object]:
        pool = _Pool(tasks)
        try:
            for _ in range(min(count, len(tasks))):
                pool.start()
            while pool.busy:
                yield from pool.results()
        finally:
            pool.end()

    return driver


def serve(handle: int) -> None:
    """Run the tasks that come in, until the other side is gone."""
    connection = Connection(handle)
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            return
        result = attempt(task)
        with suppress(OSError):
            connection.send(result)


class _Worker:
    """A process, and the end of a pipe to it."""

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        handle = theirs.fileno()
        # A session of its own, so that Ctrl-C is for the caller alone, who ends it.
        self.process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", SERVE, str(handle)], pass_fds=[handle], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, env=os.environ | ENVIRONMENT, start_new_session=True,
        )  # fmt: skip
        theirs.close()

    def end(self) -> int:
        """End the process at once, and return its exit code; below 0 is a signal."""
        self.connection.close()
        self.process.kill()
        return self.process.wait()


class _Pool:
    """The processes, and the tasks that wait."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._waiting: Final = deque(tasks)
        self._deaths: Final[Counter[int]] = Counter()
        self.busy: Final[dict[Connection, tuple[_Worker, Task]]] = {}

    def start(self) -> None:
        """Start a process for the next task."""
        self._give(_Worker())

    def _give(self, worker: _Worker) -> None:
        """Give a process the next task; end it if none waits."""
        if not self._waiting:
            worker.end()
            return
        task = self._waiting.popleft()
        self.busy[worker.connection] = (worker, task)
        with suppress(OSError):  # a process that is gone is found when it does not answer
            worker.connection.send(task)

    def results(self) -> Generator[object]:
        """Wait for one or more processes, and yield what they send."""
        ready = set(wait(list(self.busy)))
        for connection in [one for one in self.busy if one in ready]:
            worker, task = self.busy.pop(connection)
            try:
                result = worker.connection.recv()
            except (EOFError, OSError):
                yield from self._died(worker, task)
            else:
                self._give(worker)
                yield result

    def _died(self, worker: _Worker, task: Task) -> Generator[object]:
        code = worker.end()
        self._deaths[task.number] += 1
        if self._deaths[task.number] == TRIES:
            yield Failed(number=task.number, why=(
                f"the process that ranked {task.dates[0]} to {task.dates[-1]} ended with {code}, "
                f"{TRIES} times; see that there is memory enough"
            ))  # fmt: skip
            return
        self._waiting.appendleft(task)
        self.start()

    def end(self) -> None:
        """End all processes at once."""
        for worker, _ in self.busy.values():
            worker.end()
