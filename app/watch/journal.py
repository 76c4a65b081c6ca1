"""A file of JSON lines that outlives the process: the newest line of a thing is its state.

Lines are only appended, so that a kill in the middle of a write costs that line and no other. A
file with twice as many lines as things to keep is written anew beside itself, and renamed. Only
one process writes to it. The folder above its own is not made: it is a lake that is gone.
"""

import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from pydantic import JsonValue

from app.watch.aside import Aside, NoAnswer

Entry = dict[str, JsonValue]
"""A thing as the journal holds it."""

WRITE_SECONDS: Final = 1.0
"""Seconds for which a write is waited for."""

logger = logging.getLogger(__name__)


def _none_lasts(_: Entry) -> bool:
    return False


class Journal:
    """The newest `keep` things, each a JSON object that is identified by its text under `key`.

    A thing that `lasts` is kept however old it is. On a disk that cannot be read or written the
    error is logged, the entries stay in memory, and the service goes on. On one that hangs, lines
    wait until it answers.
    """

    def __init__(
        self, path: Path, *, key: str, keep: int = 500, lasts: Callable[[Entry], bool] = _none_lasts
    ) -> None:
        self.path: Final = path
        self._key: Final = key
        self._keep: Final = keep
        self._lasts: Final = lasts
        self._entries: Final[dict[str, Entry]] = {}
        self._lines = 0
        self._torn = False
        self._waiting: Final[SimpleQueue[str]] = SimpleQueue()
        self._writer: Final = Aside(path.name)
        self._fault = ""
        """Why the file cannot be read or written; '' where it can."""
        self._seen = (-1, -1)
        self._damage: str | None = None
        """The size and time of the file when its lines were last looked at, and what was found."""
        self._load()

    def entries(self) -> list[Entry]:
        """The newest state of each thing, in the order in which they first came."""
        return list(self._entries.values())

    def trouble(self) -> str | None:
        """Why the file does not hold all that it was told, as it is now; None where it does."""
        if self._fault:
            return self._fault
        with suppress(OSError):
            stat = self.path.stat()
            if (state := (stat.st_size, stat.st_mtime_ns)) != self._seen:
                self._damage, self._seen = self._damaged_lines(), state
            return self._damage
        return None

    def _damaged_lines(self) -> str | None:
        lines = self._lines_of(self.path.read_bytes())
        damaged = sum(self._parsed(line) is None for line in lines)
        return (
            f"{damaged} of {len(lines)} lines of {self.path.name} are damaged" if damaged else None
        )

    def record(self, entry: Entry) -> None:
        """Keep the state of a thing, in place of the one before."""
        self._remember(entry)
        self._waiting.put(json.dumps(entry))
        with suppress(NoAnswer):
            self._writer.within(WRITE_SECONDS, self._write_waiting)

    def _write_waiting(self) -> None:
        while not self._waiting.empty():
            self._write(self._waiting.get())

    def _write(self, entry: str) -> None:
        # A line that was torn off must not swallow the one that follows it.
        line = "\n" * self._torn + entry + "\n"
        try:
            self.path.parent.mkdir(exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            self._torn = True
            self._complain("written", error)
            return
        self._torn, self._fault = False, ""
        self._lines += 1
        if self._lines >= 2 * self._keep:
            self._shorten()

    def _load(self) -> None:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            self._complain("read", error)
            return
        lines = self._lines_of(data)
        entries = [entry for line in lines if (entry := self._parsed(line))]
        for entry in entries:
            self._remember(entry)
        self._lines, self._torn = len(lines), bool(data) and not data.endswith(b"\n")
        if len(entries) < len(lines):
            values = (len(lines) - len(entries), len(lines), self.path.name)
            logger.warning("%s of %s lines of %s are damaged and are passed over", *values)

    def _lines_of(self, data: bytes) -> list[str]:
        return [line for line in data.decode(errors="replace").split("\n") if line]

    def _parsed(self, line: str) -> Entry | None:
        """The entry of a line; None for a line that is torn or holds something else."""
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and isinstance(entry.get(self._key), str):
                return entry
        return None

    def _remember(self, entry: Entry) -> None:
        self._entries[str(entry[self._key])] = entry
        if len(self._entries) > self._keep:
            old = (key for key, entry in self._entries.items() if not self._lasts(entry))
            self._entries.pop(next(old, ""), None)

    def _shorten(self) -> None:
        fresh = self.path.with_name(f"{self.path.name}.partial")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(entry) + "\n" for entry in self.entries())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        except OSError as error:
            self._complain("shortened", error)
            return
        self._lines = len(self._entries)

    def _complain(self, action: str, error: OSError) -> None:
        remedy = "free the disk, or mend its permissions"
        self._fault = f"{self.path.name} cannot be {action}: {error.strerror}; {remedy}"
        logger.error("%s", self._fault)
