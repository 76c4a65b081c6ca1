"""The terminal of all commands: tables, progress, log, errors of one line, exit codes."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import wraps
from io import TextIOWrapper
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from pipelines import __version__, bars
from pipelines.bars import STEP, Progress, silent
from pipelines.errors import EmptyStore, StockRankError, Stopped, WrongUsage
from pipelines.place import without_addresses
from pipelines.quoting import one_line, quoted
from pipelines.runtime import EMPTY_STORE, STOPPED, stop_in_order
from pipelines.terminal_table import CUT, Table, plain, wrapped
from pipelines.usage import wrong_usage

logger = logging.getLogger(__name__)

EPILOG: Final = "--version in place of the options shows the release."
EXIT_CODES: Final[dict[type[StockRankError], int]] = {
    Stopped: STOPPED,
    WrongUsage: 2,
    EmptyStore: EMPTY_STORE,
}
PLAIN_WIDTH: Final = 200
"""The width of tables, in characters, if stdout is no terminal."""
LEAST_WIDTH: Final = 40
"""The width of tables on a terminal that is narrower, or does not tell its width."""
PROGRESS_SECONDS: Final = 0.25
"""The least time between two lines of the log about progress."""


class LogFormat(StrEnum):
    """The format of the lines of the log."""

    TEXT = "text"
    JSON = "json"


class Lines(logging.Formatter):
    """Writes each record as a line: the time, then its fields, or its message if it has none.

    Texts from outside are quoted. The lines of an exception follow, indented.
    """

    def __init__(self, style: LogFormat) -> None:
        super().__init__()
        self.as_json: Final = style is LogFormat.JSON
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        fields = getattr(record, "fields", {})
        at = self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ")
        trace = self.formatException(record.exc_info) if record.exc_info else None
        if self.as_json:
            more = {"exception": trace} if trace else {}
            return json.dumps({"time": at, **(fields or {"message": record.getMessage()}), **more})
        shown = " ".join(f"{k}={quoted(v)}" for k, v in fields.items() if v is not None)
        lines = [f"{at} {shown or one_line(record.getMessage().strip())}"]
        # Indented, so that no line of a text from outside looks like an entry of the log.
        lines += [f"    {one_line(line)}" for line in (trace or "").splitlines()]
        return "\n".join(lines)


class _Copy:
    """A copy of stderr, for stderr itself is redirected while files are read."""

    def __init__(self) -> None:
        self._file: Final = os.dup(2)

    def write(self, text: str) -> None:
        """Write a text; a character that the terminal cannot show as its number."""
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        left = text.encode(encoding, errors="backslashreplace")
        while left:
            left = left[os.write(self._file, left) :]

    def flush(self) -> None:
        """Do nothing, for each text is written at once."""


def log_to_stderr(style: LogFormat) -> None:
    """Write the log to stderr; in JSON also progress, and an error at the end."""
    handler = logging.StreamHandler(_Copy())
    handler.setFormatter(Lines(style))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if style is LogFormat.JSON:
        logging.getLogger("pipelines").setLevel(logging.DEBUG)


def _logs_json() -> bool:
    formatters = (handler.formatter for handler in logging.getLogger().handlers)
    return any(isinstance(f, Lines) and f.as_json for f in formatters)


def run(
    *commands: Callable[..., None], help_: str | None = None, option: str | None = None
) -> None:
    """Run a command; of several, the one that the first argument names.

    The exit code is 0 if all went well, and 2 for wrong usage; see `errors_told` for others.
    `--version` as the last word shows the release. `option` is the one that a word without an
    option is meant for; the error of such a word names it.
    """
    if sys.argv[-1] == "--version":
        write(f"stockrank {__version__}")
        return
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
        help=help_, epilog=EPILOG,
    )  # fmt: skip
    for command in commands:
        app.command(epilog=EPILOG)(_stoppable(command))
    show_any_letter()
    with errors_told():
        try:
            code = app(standalone_mode=False)
        except typer.TyperException as error:
            raise wrong_usage(error, [c.__name__ for c in commands], option) from None
    sys.exit(code or 0)


def _stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that Ctrl-C ends with an error of its own."""

    @wraps(command)
    def stoppable(**options: object) -> None:
        try:
            stop_in_order()
            command(**options)
        except KeyboardInterrupt:
            raise Stopped("stopped") from None

    return stoppable


@contextmanager
def errors_told() -> Iterator[None]:
    """End with 1 after a StockRankError, which is shown as `error: …`, with 130 after Ctrl-C.

    `EXIT_CODES` has what is told apart. If the log is JSON, the error is a line of it, `{"error":
    …, "type": …}`. Any other exception is a defect and keeps its traceback.
    """
    try:
        yield
    except StockRankError as error:
        _write_error(error)
        sys.exit(EXIT_CODES.get(type(error), 1))
    except BrokenPipeError:
        # The reader, for example `head`, closed the pipe: leave nothing to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def show_any_letter() -> None:
    """Write the number of a character that the terminal cannot show, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _write_error(error: StockRankError) -> None:
    """Write an error as one line: to the log if it is JSON, else to stderr."""
    message = " ".join(plain(without_addresses(str(error))).split())
    if _logs_json():
        fields = {"error": message, "type": type(error).__name__}
        logger.error("%s", message, extra={"fields": fields})
    else:
        sys.stderr.write(f"error: {message}\n")


def write(text: str) -> None:
    """Write a sentence to stdout, on a terminal in lines that it has room for."""
    sys.stdout.write(f"{wrapped(text, _terminal_width())}\n")


def write_data(text: str) -> None:
    """Write lines of data to stdout as they are; on a terminal without control characters."""
    lines = map(plain, text.splitlines()) if sys.stdout.isatty() else [text]
    sys.stdout.writelines(f"{line}\n" for line in lines)


def show(*tables: Table) -> None:
    """Write tables to stdout, as wide as the terminal, or as `PLAIN_WIDTH` without one."""
    width = _terminal_width()
    console = Console(width=width or PLAIN_WIDTH, highlight=False)
    for table in tables:
        console.print(Text(wrapped(table.title, width), style="bold"), soft_wrap=True)
        if table.rows:
            console.print(table.fitted(width or PLAIN_WIDTH), crop=False)
            if left_out := table.left_out(width or PLAIN_WIDTH):
                write(f"{CUT} on a wider terminal: {'; '.join(left_out)}")
        if table.note:
            write(table.note)
        write("")


def _terminal_width() -> int | None:
    """Return how many characters a line of stdout has, if it is a terminal or `COLUMNS` is set."""
    is_known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return max(Console().width, LEAST_WIDTH) if is_known else None


def _logged() -> Progress:
    """Return a function that logs progress every `PROGRESS_SECONDS`, and when a table is done."""
    last = -PROGRESS_SECONDS

    def update(table: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if total == STEP:  # the log has the beginning of each step already
            return
        if done < total and now - last < PROGRESS_SECONDS:
            return
        last = now
        fields = {"table": table, "done": done, "total": total}
        logger.debug("%(table)s: %(done)s of %(total)s", fields, extra={"fields": fields})

    return update


@contextmanager
def progress(style: LogFormat = LogFormat.TEXT) -> Iterator[Progress]:
    """Yield a function that shows how many rows of a table are done.

    It draws bars on a terminal, below the lines of the log, and nothing elsewhere; if the log is
    JSON, it logs them.
    """
    if style is LogFormat.JSON:
        yield _logged()
    elif not sys.stderr.isatty():
        yield silent
    else:
        with bars.drawn() as shown:
            yield shown
