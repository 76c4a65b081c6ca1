"""What the commands share: tables and progress for people, one-line errors, exit codes."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from pipelines.errors import StockRankError

PLAIN_WIDTH: Final = 200


@dataclass(frozen=True)
class Table:
    """A titled table of texts; columns of numbers are aligned to the right."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def run(command: Callable[..., None]) -> None:
    """Run a command: exit 0 done, 1 with `error: …` on a StockRankError, 2 on wrong usage."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        app()
    except StockRankError as error:
        write_error(str(error))
        sys.exit(1)
    except BrokenPipeError:
        # The reader, such as `head`, has what it wanted; nothing is left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def write_error(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"error: {' '.join(message.split())}\n")


def write(text: str) -> None:
    """Text and a line's end on stdout."""
    sys.stdout.write(text + "\n")


def show(*tables: Table) -> None:
    """Tables on stdout, as wide as the terminal, or wide enough where there is none."""
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    for table in tables:
        console.print(table.title, style="bold", markup=False, soft_wrap=True)
        console.print(_rich(table))


def _rich(table: Table) -> RichTable:
    rich = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(table.columns):
        cells = [row[at] for row in table.rows if row[at]]
        number = bool(cells) and all(c.strip("+-%,.0123456789") == "" for c in cells)
        rich.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in table.rows:
        rich.add_row(*row)
    return rich


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A function that shows the rows done of each table on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda name, done, total: None  # noqa: ARG005 - the shape of a progress function
        return
    # A stream of its own: stderr itself is silenced while connectorx reads.
    with os.fdopen(os.dup(2), "w") as stream:
        columns: tuple[Any, ...] = (
            TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(),
        )  # fmt: skip
        with Progress(*columns, console=Console(file=stream, force_terminal=True)) as bars:
            tasks: dict[str, Any] = {}

            def update(name: str, done: int, total: int) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=total)
                bars.update(tasks[name], completed=done)

            yield update
