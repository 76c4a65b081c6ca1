"""Breaks one rule of the code at a time, and tells which break no test has caught.

    python -m tests.mutations [WORD…]

Each break is a text that occurs once below `pipelines` and `app`, wherever that is, and what takes
its place; and the tests that must fail then. The words choose breaks by a part of their names. It
works in copies of the checkout, two at a time, and takes about ten minutes; the exit code is 1
where a break survived, its text is gone, or its tests could not be run.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[1]
AT_ONCE: Final = 2
SECONDS: Final = 600
"""A break that makes the tests hang counts as caught after so long."""


@dataclass(frozen=True)
class Break:
    """A rule, the text that holds it, what takes its place, and the folder and `-k` of tests."""

    rule: str
    text: str
    broken: str
    folder: str
    chosen: str


BREAKS: Final = (
    # ----------------------------------------------------------------- what is known on a date
    Break("point in time: nothing is known before its day",
          "rows if last is None else rows.filter(pl.col(day) <= last)", "rows",
          "unit", "methodology"),
    Break("a close counts up to the day itself",
          "is_between(earliest(day), day)",
          'is_between(earliest(day), day.dt.offset_by("1d"))',
          "unit", "methodology"),
    Break("a close is at most ten days old",
          "MAX_PRICE_AGE: Final = 10", "MAX_PRICE_AGE: Final = 11", "unit", "methodology"),
    Break("months are calendar months",
          'day.dt.offset_by(f"-{months}mo") if months else day',
          'day.dt.offset_by(f"-{30 * months}d") if months else day', "unit", "methodology"),
    Break("ratios are at most twelve months old",
          "RATIO_MONTHS: Final = 12", "RATIO_MONTHS: Final = 13",
          "unit", "methodology"),
    Break("statements are at most 18 months old",
          "STATEMENT_MONTHS: Final = 18", "STATEMENT_MONTHS: Final = 24",
          "unit", "methodology"),
    Break("a market cap of the past is scaled by the price",
          'listed * (pl.col("close") / newest)', 'listed * (newest / pl.col("close"))',
          "unit", "methodology"),
    # --------------------------------------------------------------------------- the rankings
    Break("the floor of a date holds from its first day on",
          "pl.when(as_of >= day)", "pl.when(as_of > day)", "unit", "universe or methodology"),
    Break("of a company's shares B goes first",
          'steps = ((is_class_b(), "max")', 'steps = ((cap * 0, "max")',
          "unit", "methodology"),
    Break("a jump counts for twelve months and ten days",
          "> earliest(months_before(day, max(MONTHS)))",
          "> months_before(day, max(MONTHS))", "unit", "jumps"),
    Break("a run counts as reverted from the day on which it does",
          '(pl.col("reverted_on") <= day)', 'pl.col("reverted_on").is_not_null()', "unit", "jumps"),
    Break("closes of a run are bad for who knows that it reverted",
          "~(pl.col(BAD_FROM) <= day)", "~pl.col(BAD_FROM).is_not_null()", "unit", "jumps"),
    Break("the close on the day of the return is good",
          '"reverted_on", closed="left")', '"reverted_on", closed="both")', "unit", "jumps"),
    Break("momentum is the mean of three returns",
          "divided(r3 + r6 + r12, 3.0)", "divided(r3 + r6 + r6, 3.0)", "unit", "methodology"),
    Break("of equal momentum the larger company is first",
          "(True for _ in keys)", "(key is keys[0] for key in keys)", "unit", "methodology"),
    Break("equal values share the mean of their ranks",
          'masked.rank("average", descending=True)', 'masked.rank("min", descending=True)',
          "unit", "methodology"),
    Break("equal composites share the best rank",
          'rank("min").over("as_of")', 'rank("max").over("as_of")', "unit", "methodology"),
    Break("a missing percentile is the middle",
          "fill_null(0.5)", "fill_null(1.0)", "unit", "methodology"),
    Break("at least one stock is kept",
          "pl.max_horizontal(kept, pl.lit(1))", "pl.max_horizontal(kept, pl.lit(0))",
          "unit", "methodology"),
    Break("so many per cent are kept, rounded down",
          "cast(pl.Int64) * percent // 100", "cast(pl.Int64) * (percent + 5) // 100",
          "unit", "factors"),
    Break("the vendor's F-score stands in for fewer than nine signals",
          "(available < len(SIGNALS)) | _mixes", "(available < 8) | _mixes",
          "unit", "factors"),
    Break("an F-score of exactly five ninths is enough",
          '"f_score * 9 < f_available * 5" }', '"f_score * 9 <= f_available * 5" }',
          "unit", "factors"),
    Break("an income of zero is no sign of health",
          "income > 0,", "income >= 0,", "unit", "methodology"),
    # ---------------------------------------------------------------------------- the refresh
    Break("statements without a day are known 90 days after their year",
          "timedelta(days=90)", "timedelta(days=60)", "e2e", "round_trip"),
    Break("per cent becomes a fraction",
          'divided(pl.col(*PERCENT), pl.col("unit_"))', "pl.col(*PERCENT)", "e2e", "round_trip"),
    Break("the unit of a snapshot is of the newest row",
          'units.sort(*RATIO_ORDER).unique("ticker", keep="last")',
          'units.sort(*RATIO_ORDER).unique("ticker", keep="first")', "e2e", "round_trip"),
    Break("a jump is two and a half times or more",
          "ratio >= least * (1 - SLACK)", "ratio > least * (1 + SLACK)",
          "unit", "jumps"),
    Break("the last close of a year is compared with the next",
          "self._pairs.extend([closes.pairs, borders])",
          "self._pairs.extend([closes.pairs])", "unit", "jumps"),
    Break("a jump belongs to one run",
          "later.date not in taken and", "", "unit", "jumps"),
    Break("of duplicate prices the highest rowid stays",
          "pl.col(c) == pl.col(c).shift(-1) for c in key",
          "pl.col(c) == pl.col(c).shift(1) for c in key",
          "e2e", "duplicate_prices"),
    Break("of duplicate stocks the last updated stays",
          'normalise.stocks, ("last_updated", ROWID)', "normalise.stocks, (ROWID,)",
          "e2e", "duplicate_stocks"),
    Break("a day is written with ten characters",
          '"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"', '"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$"',
          "e2e", "test_rows"),
    Break("no price is of after tomorrow",
          'pl.col("day_") > today + timedelta(days=1)',
          'pl.col("day_") > today + timedelta(days=9)', "e2e", "test_rows"),
    Break("a volume is a whole number",
          "& (volume == volume.floor())", "", "e2e", "test_rows"),
    Break("white space in a ticker is one space",
          'SEPARATORS: Final = r"[-_\\s]+"', 'SEPARATORS: Final = r"[-_]+"',
          "e2e", "test_rows or test_together"),
    Break("what is only in the WAL is copied too",
          'if in_wal or mode == "wal":', "if False:", "e2e", "wal"),
    Break("a database that was replaced while it was copied is refused",
          "    if replaced:", "    if replaced and not path:", "unit", "takes_the_place"),
    Break("a loss of stocks is not published",
          "max(fewest, LARGEST_DROP * was)", "max(fewest, was)", "e2e", "loss_of_stocks"),
    Break("prices older than the last version's are not published",
          "if new.as_of < before.as_of:", "if new.as_of > before.as_of:", "e2e", "test_sources"),
    # ------------------------------------------------------------------------------- the lake
    Break("a file is hashed to find damage",
          "if hashed(path) == sha256 else OTHER_BYTES", 'if hashed(path) != "" else OTHER_BYTES',
          "e2e", "test_lakes"),
    Break("a version is opened by the sizes of its files",
          "if file.bytes not in (None, size):", "if file.bytes is size:", "e2e", "test_damage"),
    Break("a publication gives way to a rollback in its time",
          "        _refuse_moved(root, after)\n        complete = ", "        complete = ",
          "unit", "publishing"),
    Break("what current names is not pruned",
          "if v != current]", "if v != root]", "unit", "publishing"),
    Break("one process writes at a time",
          'raise Locked(root, file.read().strip() or "another process") from None', "pass",
          "unit", "publishing"),
    Break("a version is after all others",
          "now = max(now, newest + timedelta(seconds=1))", "now = min(now, now)",
          "e2e", "made_in_the_future"),
    Break("what was rolled back is not published again unasked",
          "marks.withdraw(root, before)", "marks.restore(root, before)",
          "e2e", "roll_back"),
    Break("a version that is read is not pruned",
          "fcntl.flock(handle, fcntl.LOCK_SH)", "fcntl.flock(handle, fcntl.LOCK_UN)",
          "api", "not_pruned"),
    Break("current is replaced with one rename",
          "link.replace(layout.current(root))",
          "layout.current(root).unlink(missing_ok=True), link.replace(layout.current(root))",
          "e2e", "test_lakes"),
    # ---------------------------------------------------------------------------- the service
    Break("a change needs the right token",
          "if not secrets.compare_digest(sent.encode(), token.encode()):",
          "if not secrets.compare_digest(sent.encode(), sent.encode()):", "api", "permission"),
    Break("a change by a page of another site is refused",
          "_is_direct(request) and _is_same_origin(request)", "_is_direct(request)",
          "api", "permission"),
    Break("a change from another machine is refused",
          "request.client is not None and ip_address(request.client.host).is_loopback",
          "request.client is not None", "api", "permission"),
    Break("an entity tag is of all that the body depends on",
          "blake2b(repr(key).encode(), digest_size=12)", 'blake2b(b"", digest_size=12)',
          "api", ""),
    Break("a weak entity tag is known, too",
          't.strip().removeprefix("W/")', "t.strip()", "api", ""),
    Break("no day of the future is ranked",
          "if day > max(services.today, newest):", "if day > max(day, newest):", "api", ""),
    Break("an alert fires when its condition has held",
          ">= timedelta(seconds=hold_seconds)", ">= timedelta(0)", "unit", "alerts"),
    Break("an alert keeps its worst severity",
          "severity=_worse(before.severity, severity)", "severity=severity", "unit", "alerts"),
    Break("memory that swings does not move the level",
          "min(max(LEVELS.index(self.level), min(numbers)), max(numbers))", "max(numbers)",
          "unit", "memory"),
    Break("cached files do not count as used memory",
          "max(0, usage - cached) / MB", "usage / MB", "unit", "memory"),
    Break("a calendar that is too short is not fresh",
          'label(days) if exact else "very_stale"', "label(days)", "unit", "age or calendar"),
    Break("nothing is cached that is larger than the cache",
          "if size + ENTRY <= self._values.maxsize:", "if size >= 0:", "unit", "cache"),
    Break("a refresh that was missed is made up for",
          "made is None or made < due", "made is None", "unit", "schedule"),
)  # fmt: skip


# -------------------------------------------------------------------------------- the running


def sources(root: Path) -> Iterator[Path]:
    """The modules that may be broken, and the definitions of strategies."""
    for folder in ("pipelines", "app"):
        for kind in ("*.py", "*.toml"):
            yield from sorted((root / folder).rglob(kind))


def place(root: Path, text: str) -> Path | None:
    """The one module that has a text, once."""
    found = [path for path in sources(root) for _ in range(path.read_text().count(text))]
    return found[0] if len(found) == 1 else None


@contextmanager
def broken(path: Path, by: Break) -> Iterator[None]:
    """The module as it is after the break."""
    whole = path.read_text()
    _write(path, whole.replace(by.text, by.broken))
    try:
        yield
    finally:
        _write(path, whole)


def _write(path: Path, text: str) -> None:
    """Write a module, and delete what is compiled of it.

    Python knows by the second and the size that it is old, and a break may share both.
    """
    path.write_text(text)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def result(root: Path, by: Break) -> str:
    """How a break ended: caught, survived, or what stood in the way."""
    path = place(root, by.text)
    if path is None:
        return "its text is not there once"
    with broken(path, by):
        return tests_end(root, by)


def tests_end(root: Path, by: Break) -> str:
    """What the tests say of the checkout as it is."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
               "-m", "not slow and not torture", f"tests/{by.folder}", "-k", by.chosen]  # fmt: skip
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    try:
        done = subprocess.run(command, cwd=root, env=env, capture_output=True, check=False,
                              timeout=SECONDS)  # fmt: skip
    except subprocess.TimeoutExpired:
        return "caught"
    return {0: "SURVIVED", 1: "caught", 5: "no test is chosen"}.get(
        done.returncode, f"pytest ended with {done.returncode}"
    )


def copied(to: Path) -> Path:
    """A copy of what is in the checkout, without what is ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)
    return to


def main(words: list[str]) -> int:
    """Run the chosen breaks; a line each, and how many there were of each end."""
    chosen = [b for b in BREAKS if not words or any(word in b.rule for word in words)]
    with TemporaryDirectory(prefix="stockrank-mutations-") as folder:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(AT_ONCE):
            free.put(copied(Path(folder) / str(number)))

        def ended(by: Break) -> str:
            root = free.get()
            try:
                return result(root, by)
            finally:
                free.put(root)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            ends = []
            for by, end in zip(chosen, pool.map(ended, chosen), strict=True):
                ends.append(end)
                sys.stdout.write(f"{end:<28} {by.rule}\n")
                sys.stdout.flush()
    caught = ends.count("caught")
    sys.stdout.write(f"{caught} of {len(ends)} breaks were caught\n")
    return int(caught != len(ends))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
