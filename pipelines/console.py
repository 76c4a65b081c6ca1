"""What the commands share: tables and progress for people, one-line errors, exit codes."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from io import TextIOWrapper
from typing import Any, Final, Literal

import typer
from rich import box
from rich import progress as rich_progress
from rich.console import Console
from rich.table import Table as RichTable

from pipelines import __version__
from pipelines.errors import StockRankError

logger = logging.getLogger(__name__)

EPILOG: Final = "--version alone: show the release."
PLAIN_WIDTH: Final = 200
PROGRESS_SECONDS: Final = 0.25
"""Between two lines of the log on one table's progress."""

Progress = Callable[[str, int, int], None]
"""Called with a table, the rows done and the rows in all."""


def silent(table: str, done: int, total: int) -> None:
    """No progress."""


class LogFormat(StrEnum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


class _Lines(logging.Formatter):
    """A line a record: the time, the message, and the fields that the record carries."""

    def __init__(self, style: LogFormat) -> None:
        super().__init__()
        self.as_json: Final = style is LogFormat.JSON
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        at = self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ")
        if self.as_json:
            return json.dumps({"time": at, **(fields or {"message": record.getMessage()})})
        shown = " ".join(f"{k}={v}" for k, v in fields.items() if v is not None)
        return f"{at} {shown or record.getMessage()}"


def log_to_stderr(style: LogFormat) -> None:
    """Show what the pipelines log from now on; as JSON also progress, and the error at the end."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines(style))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if style is LogFormat.JSON:
        # A stream of its own: stderr itself is silenced while connectorx reads.
        handler.setStream(os.fdopen(os.dup(2), "w"))
        logging.getLogger("pipelines").setLevel(logging.DEBUG)


def _logs_json() -> bool:
    formatters = (handler.formatter for handler in logging.getLogger().handlers)
    return any(isinstance(f, _Lines) and f.as_json for f in formatters)


@dataclass(frozen=True)
class Table:
    """A titled table of texts; columns of numbers are aligned to the right."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def run(*commands: Callable[..., None], help_: str | None = None) -> None:
    """Run a command, or the one that is named: exit 0 done, 1 with `error: …`, 2 on wrong usage.

    Where the log is JSON, the error is a line of it, `{"error": …, "type": …}`. Only a
    StockRankError is told as one line; any other exception is a defect and shows itself.
    `--version` alone shows the release.
    """
    if sys.argv[1:] == ["--version"]:
        write(f"stockrank {__version__}")
        return
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, help=help_, epilog=EPILOG
    )
    for command in commands:
        app.command(epilog=None if len(commands) > 1 else EPILOG)(command)
    # A terminal that lacks a letter shows its number instead of ending the command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except StockRankError as error:
        _tell(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader, such as `head`, has what it wanted; nothing is left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _tell(error: StockRankError) -> None:
    """One line on stderr."""
    message = " ".join(str(error).split())
    if _logs_json():
        fields = {"error": message, "type": type(error).__name__}
        logger.error("%s", message, extra={"fields": fields})
    else:
        sys.stderr.write(f"error: {message}\n")


def write(text: str) -> None:
    """Text and a line's end on stdout."""
    sys.stdout.write(text + "\n")


def show(*tables: Table) -> None:
    """Tables on stdout, as wide as the terminal, or wide enough where there is none."""
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    for table in tables:
        console.print(table.title, style="bold", markup=False, soft_wrap=True)
        if table.rows:
            console.print(_rich(table))


def _rich(table: Table) -> RichTable:
    rich = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(table.columns):
        cells = [row[at] for row in table.rows if row[at]]
        number = bool(cells) and all(c.strip("+-%,.0123456789") == "" for c in cells)
        side: Literal["right", "left"] = "right" if number else "left"
        rich.add_column(column, justify=side, no_wrap=number, overflow="fold")
    for row in table.rows:
        rich.add_row(*row)
    return rich


def _logged() -> Progress:
    """Progress as lines of the log: now and then, and when a table is done."""
    last = -PROGRESS_SECONDS

    def update(table: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done < total and now - last < PROGRESS_SECONDS:
            return
        last = now
        fields = {"table": table, "done": done, "total": total}
        logger.debug("%(table)s: %(done)s of %(total)s", fields, extra={"fields": fields})

    return update


@contextmanager
def progress(style: LogFormat = LogFormat.TEXT) -> Iterator[Progress]:
    """A function that shows the rows done of each table on a terminal, and nothing elsewhere.

    As JSON they are lines of the log, wherever it goes.
    """
    if style is LogFormat.JSON:
        yield _logged()
        return
    if not sys.stderr.isatty():
        yield silent
        return
    # A stream of its own: stderr itself is silenced while connectorx reads.
    with os.fdopen(os.dup(2), "w") as stream:
        columns = (
            rich_progress.TextColumn("{task.description:<24}"),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TimeElapsedColumn(),
        )
        with rich_progress.Progress(
            *columns, console=Console(file=stream, force_terminal=True)
        ) as bars:
            tasks: dict[str, Any] = {}

            def update(name: str, done: int, total: int) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=total)
                bars.update(tasks[name], completed=done)

            yield update
