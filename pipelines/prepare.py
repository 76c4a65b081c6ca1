"""The backtests of a version that was just published: computed beside it, in their own process.

A failure leaves the version as it is: the service then computes a backtest when it is asked for.
"""

import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pipelines import __version__
from pipelines.lake import (
    Manifest,
    Prepared,
    forget_prepared,
    layout,
    note_prepared,
    prepared,
)
from pipelines.runtime import process_mb

logger = logging.getLogger(__name__)

BUDGET_MB: Final = 768.0
"""The most memory of the process: one that takes more is ended."""
LONGEST_SECONDS: Final = 300.0
SAMPLE_SECONDS: Final = 0.1
COMMAND: Final = (sys.executable, "-m", "pipelines.backtest", "--processes", "1")
"""One process, so that its memory is all there is."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What the computation may take."""

    mb: float = BUDGET_MB
    seconds: float = LONGEST_SECONDS


def prepare_backtests(
    root: Path, manifest: Manifest, words: Sequence[str] = (), *, budget: Budget | None = None,
    command: Sequence[str] = COMMAND,
) -> None:  # fmt: skip
    """Compute the backtests of all published strategies with the usual inputs, unless it was done.

    `words` are options of `pipelines.backtest`, such as its settings. An error is logged and noted
    beside the version.
    """
    version = manifest.version
    if prepared(root, version) is not None:
        return
    logger.debug("backtests begins", extra={"fields": {"begins": "backtests"}})
    try:
        forget_prepared(root)
        folder = layout.backtests_of(root, version)
        folder.mkdir(parents=True, exist_ok=True)
        asked = [*command, "--lake", str(root), "--version", version, "--each", str(folder), *words]
        found = _watched(asked, budget or Budget())
        note_prepared(root, Prepared(
            version=version, universe=manifest.universe.name, rules=manifest.rules,
            release=__version__, seconds=found.seconds, peak_mb=found.peak_mb, error=found.error,
        ))  # fmt: skip
    except OSError as error:
        _tell(version, f"{error.filename or root}: {error.strerror}")
        return
    fields = {"phase": "backtests", "seconds": found.seconds, "peak_mb": found.peak_mb}
    logger.info("%(phase)s", fields, extra={"fields": fields})
    if found.error:
        _tell(version, found.error)


def _tell(version: str, error: str) -> None:
    logger.warning(
        "the backtests of version %s are not there, and are computed when they are asked for: %s",
        version, error,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Ended:
    """A process that has ended; `error` None if it did all."""

    seconds: float
    peak_mb: float
    error: str | None


def _watched(command: Sequence[str], budget: Budget) -> _Ended:
    """Run a command to its end, or to that of its budget."""
    started, peak, error = time.monotonic(), 0.0, None
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(  # noqa: S603 - a list of our own, without a shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
        )
        try:
            while process.poll() is None and error is None:
                peak = max(peak, process_mb(process.pid, peak=True) or 0.0)
                error = _over(process_mb(process.pid) or 0.0, time.monotonic() - started, budget)
                time.sleep(SAMPLE_SECONDS)
        finally:
            process.kill()
            process.wait()
        if error is None and process.returncode:
            error = _last_line(log) or f"the process ended with {process.returncode}"
        return _Ended(round(time.monotonic() - started, 3), round(peak, 1), error)


def _over(mb: float, seconds: float, budget: Budget) -> str | None:
    """Return what a process takes too much of, if anything."""
    if mb > budget.mb:
        return f"they take {mb:.0f} MB, and {budget.mb:.0f} are allowed"
    if seconds > budget.seconds:
        return f"they take more than {budget.seconds:g} seconds"
    return None


def _last_line(log: IO[str]) -> str:
    log.seek(0)
    lines = log.read().strip().splitlines()
    return lines[-1].removeprefix("error: ") if lines else ""
