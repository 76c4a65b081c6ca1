"""Bars of progress on a terminal, below the lines of the log."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich import progress as rich_progress
from rich.console import Console
from rich.text import Text

Progress = Callable[[str, int, int], None]
"""Called with the name of a table, the rows done and the rows in all; `STEP` for a step."""
STEP: Final = -1
"""In place of the rows in all: a step begins that counts none, such as to sort and to write."""


def silent(table: str, done: int, total: int) -> None:
    """Show no progress."""


class _Count(rich_progress.MofNCompleteColumn):
    """The rows done and in all; nothing for a step."""

    def render(self, task: rich_progress.Task) -> Text:
        """Return the text of a bar."""
        return Text() if task.total is None else super().render(task)


class _Left(rich_progress.TimeRemainingColumn):
    """The time that is left, as far as it can be told; nothing for a step."""

    def render(self, task: rich_progress.Task) -> Text:
        """Return the text of a bar."""
        if task.total is None or task.time_remaining is None or task.finished:
            return Text()
        return Text.assemble(super().render(task), " left")


@contextmanager
def drawn() -> Iterator[Progress]:
    """Yield a function that draws bars on stderr, below the lines of the log."""
    with _bars() as bars, _log_above(bars.console):
        yield _drawn(bars)
        for step in [task.id for task in bars.tasks if task.total is None]:
            bars.remove_task(step)


@contextmanager
def _bars() -> Iterator[rich_progress.Progress]:
    # To a copy of stderr, for stderr itself is redirected while connectorx reads.
    with os.fdopen(os.dup(2), "w") as stream:
        columns = (
            rich_progress.TextColumn("{task.description:<24}", markup=False),
            rich_progress.BarColumn(bar_width=20),
            _Count(),
            rich_progress.TimeElapsedColumn(),
            _Left(),
        )
        console = Console(file=stream, force_terminal=True)
        with rich_progress.Progress(*columns, console=console) as bars:
            yield bars


def _drawn(bars: rich_progress.Progress) -> Progress:
    drawn: dict[str, rich_progress.TaskID] = {}
    steps: list[rich_progress.TaskID] = []

    def update(name: str, done: int, total: int) -> None:
        if total == STEP:
            while steps:
                bars.remove_task(steps.pop())
            steps.append(bars.add_task(f"now: {name}", total=None))
            return
        if name not in drawn:
            drawn[name] = bars.add_task(name, total=total)
        bars.update(drawn[name], completed=done)

    return update


class _Above:
    """A stream whose lines come above what a console draws anew."""

    def __init__(self, console: Console) -> None:
        self._console: Final = console

    def write(self, line: str) -> None:
        self._console.print(Text(line.rstrip("\n")), soft_wrap=True)

    def flush(self) -> None:
        """Do nothing, for each line is written at once."""


@contextmanager
def _log_above(console: Console) -> Iterator[None]:
    """Let the log write above the bars of a console, never into their lines."""
    handlers = [h for h in logging.getLogger().handlers if isinstance(h, logging.StreamHandler)]
    streams = [handler.setStream(_Above(console)) for handler in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, streams, strict=True):
            handler.setStream(stream or sys.stderr)
