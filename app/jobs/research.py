"""Backtests and reports: the commands in supervised processes of their own, one at a time.

What a command wrote is kept in memory, by its words; the words hold the version of the lake. The
usual backtests of a version are computed by the refresh that published it.
"""

import asyncio
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from app.jobs.child import Child, Ended
from app.jobs.environment import environment
from app.web import Unavailable, research_models
from pipelines.digest import digest
from pipelines.lake import Prepared, prepared, prepared_backtest
from pipelines.settings import Settings

BUDGET_MB: Final = 1024.0
"""The most memory that a computation may take; the service's own limit may leave less."""
LONGEST_SECONDS: Final = 600.0
KEPT_BYTES: Final = 64_000_000
LEAST_BYTES: Final = 1_000
"""What an answer takes at the least: many short errors are much, too."""
MOST_WAITING: Final = 8
PATIENCE_SECONDS: Final = 2.0
"""How long a request waits before it is told to come back."""


def standard(version: str, strategy: str) -> list[str]:
    """Return the command of the backtest of a strategy with nothing but defaults."""
    options = research_models.BacktestOptions()
    return research_models.backtest_words(version, strategy, options)


@dataclass(frozen=True)
class Answer:
    """What a command wrote; where it failed, its error in a sentence.

    One that `was_ended` may succeed at another time, and is started again when it is asked for.
    """

    body: bytes
    error: str | None = None
    was_ended: bool = False

    @property
    def size(self) -> int:
        """Return the bytes that it takes, those of its parts included."""
        return LEAST_BYTES + len(self.body) + len(self.error or "")


class Research:
    """Computes answers in processes of their own, each once for all who ask."""

    def __init__(
        self, settings: Settings, limit_mb: float, is_critical: Callable[[], bool]
    ) -> None:
        self._settings: Final = settings
        self._budget_mb: Final = min(BUDGET_MB, limit_mb / 2)
        self._is_critical: Final = is_critical
        self._slot: Final = asyncio.Semaphore(1)
        self._tasks: Final[dict[str, asyncio.Task[Answer]]] = {}
        self._children: Final[set[Child]] = set()
        self._answers: Final[OrderedDict[str, Answer]] = OrderedDict()
        self._prepared: Prepared | None = None

    @property
    def prepared(self) -> Prepared | None:
        """Return how the refresh computed the backtests of the version that was taken in last."""
        return self._prepared

    def known(self, words: Sequence[str]) -> Answer | None:
        """Return the answer of a command that has ended; None where it has not been asked for."""
        return self._answers.get(digest(list(words)))

    def start(self, words: Sequence[str]) -> str:
        """Start a command unless it runs or has ended, and return the id of its job.

        Raise `Unavailable` while memory is critical, or too many wait.
        """
        job = digest(list(words))
        kept = self._answers.get(job)
        if (kept is None or kept.was_ended) and job not in self._tasks:
            if self._is_critical():
                raise Unavailable("memory is critical, so nothing is computed; try again later")
            if len(self._tasks) > MOST_WAITING:
                raise Unavailable(f"{len(self._tasks)} computations wait; try again", 5)
            task = asyncio.create_task(self._run(job, list(words)))
            self._tasks[job] = task
            task.add_done_callback(lambda _: self._tasks.pop(job, None))
        return job

    async def answer(self, job: str, seconds: float = PATIENCE_SECONDS) -> Answer | None:
        """Return the answer of a known job, if it comes in time."""
        if job not in self._tasks:
            return self._answers[job]
        done, _ = await asyncio.wait({self._tasks[job]}, timeout=seconds)
        return next(iter(done)).result() if done else None

    def is_known(self, job: str) -> bool:
        """Return true for a job that runs, or whose answer is kept."""
        return job in self._answers or job in self._tasks

    async def take_in(
        self, key: tuple[str, str, str], strategies: Iterable[str]
    ) -> Prepared | None:
        """Keep the backtests that a refresh computed of a version, and return how it did.

        `key` has the version, the rules and the release. Those of another universe, other rules or
        another release are computed when they are asked for.
        """
        found, version = self._prepared, key[0]
        if found is None or found.version != version:
            found = self._prepared = await asyncio.to_thread(prepared, self._settings.lake, version)
            if found is not None and found.error is None and self._is_ours(found, key):
                for strategy in strategies:
                    await self._take_in(version, strategy)
        return found

    def _is_ours(self, found: Prepared, key: tuple[str, str, str]) -> bool:
        made = (found.version, found.rules, found.release)
        return made == key and found.universe == self._settings.universe

    async def _take_in(self, version: str, strategy: str) -> None:
        root = self._settings.lake
        body = await asyncio.to_thread(prepared_backtest, root, version, strategy)
        if body is not None:
            self.keep(digest(standard(version, strategy)), Answer(body))

    async def close(self) -> None:
        """End what runs."""
        tasks = [*self._tasks.values()]
        for task in tasks:
            task.cancel()
        for child in self._children:
            child.stop()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job: str, words: list[str]) -> Answer:
        child = Child(lambda: self._budget_mb, silent_seconds=LONGEST_SECONDS)
        async with self._slot:
            self._children.add(child)
            try:
                answer = await run_command(child, self._settings, words)
            finally:
                self._children.discard(child)
        self.keep(job, answer)
        return answer

    def keep(self, job: str, answer: Answer) -> None:
        """Keep an answer, and forget the oldest ones where they are too many."""
        self._answers[job] = answer
        while sum(kept.size for kept in self._answers.values()) > KEPT_BYTES:
            self._answers.popitem(last=False)


async def run_command(child: Child, settings: Settings, words: list[str]) -> Answer:
    """Run a command to its end, and return what it wrote or why it failed."""
    command = [sys.executable, "-m", *words, "--config", os.devnull]
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.touch()
        ended = await child.run(command, environment(settings), log, lambda _: None)
        return _answer(ended, log.read_text(encoding="utf-8", errors="replace"))


def _answer(ended: Ended, log: str) -> Answer:
    if ended.code == 0:
        return Answer(ended.output)
    if ended.over:
        used, allowed = ended.over
        told = f"it needs {used:.0f} MB, and {allowed:.0f} are allowed; ask for less time"
        return Answer(b"", told, was_ended=True)
    last = log.strip().splitlines()[-1:] or ["it was ended; ask again"]
    return Answer(b"", last[0].removeprefix("error: "), was_ended=ended.code < 0)
