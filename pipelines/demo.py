"""`python -m pipelines.demo`: a synthetic market as a database in the source schema."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

import sqlite3
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

from typer import BadParameter, Option

from pipelines import console, database
from pipelines.demo_market import SCHEMA, has_market, lived, make_market, newest_date, pour
from pipelines.errors import SourceBusy, SourceError
from pipelines.fingerprint import is_demo
from pipelines.lake import DEMO_NOTICE
from pipelines.place import Place, Postgres, place
from pipelines.settings import Settings
from pipelines.terminal_table import Table

__all__ = ["SCHEMA", "make_market"]

OLD_DAYS: Final = 2
"""The days after which a demo market is made anew; a few more, and no rank counts as safe."""


def last_weekday(today: date) -> date:
    """Return the last weekday, Monday to Friday, before a day."""
    back = {0: 3, 6: 2}.get(today.weekday(), 1)
    return today - timedelta(days=back)


def is_outdated(where: Place, newest: date) -> bool:
    """Return True for a demo market whose prices end weekdays ago; False for other files.

    One that cannot be read is outdated: it was written in part, or is damaged. `SourceError` for
    another database in PostgreSQL.
    """
    if isinstance(where, Path) and not is_demo(where):
        return False
    last = _last_day(where) if isinstance(where, Path) else newest_date(where)
    return last is None or last < newest - timedelta(days=OLD_DAYS)


def _last_day(path: Path) -> date | None:
    try:
        last = database.ask(path, _newest_date)
    except SourceBusy:
        raise
    except SourceError:
        return None
    return date.fromisoformat(last) if last else None


def _newest_date(con: sqlite3.Connection) -> str | None:
    (last,) = con.execute("SELECT max(date) FROM index_prices").fetchone()
    return str(last) if last else None


def summary(where: Place, rows: Counter[str], seconds: float) -> Table:
    """Return how many rows each table of a market has."""
    size = f"{where.stat().st_size / 1e6:,.1f} MB in " if isinstance(where, Path) else ""
    title = f"{where}: {size}{seconds:.1f} s"
    counts = [(table, f"{count:,}") for table, count in sorted(rows.items())]
    return Table(title, ("table", "rows"), counts)


def main(  # noqa: PLR0913 - one parameter an option
    *,
    out: Annotated[
        str, Option(help="Database to write, a file or postgresql://…", metavar="PLACE")
    ] = "data/demo.db",
    stocks: Annotated[int, Option(min=1, max=20_000, help="Rows in stocks.")] = 730,
    years: Annotated[int, Option(min=1, max=100, help="Calendar years before that of --end.")] = 44,
    seed: Annotated[int, Option(min=0, help="Seed; another one makes another market.")] = 2,
    end: Annotated[
        datetime | None,
        Option(formats=["%Y-%m-%d"], help="Newest date; default the last weekday before today."),
    ] = None,
    plants: Annotated[
        bool,
        Option(
            help="Plant errors in the prices and large real moves, and tell them in X.truth.json."
        ),
    ] = True,
    force: Annotated[bool, Option("--force", help="Replace an existing file.")] = False,
    renew: Annotated[
        bool,
        Option("--renew", help="Replace a demo market only if it is too old to be ranked today."),
    ] = False,
    days: Annotated[
        int | None,
        Option(
            "--advance", min=1, max=20_000, help="Let the market at --out live on so many days."
        ),
    ] = None,
    root: Annotated[
        Path | None,
        Option("--lake", help="With --advance: refresh this lake after each day, as if on it."),
    ] = None,
) -> None:
    """Write a synthetic Nordic stock market as a database of SQLite or PostgreSQL.

    Example: python -m pipelines.demo --out data/demo.db --stocks 120 --years 4
    """
    to = place(out)
    if days is not None:
        if isinstance(to, Postgres):
            raise SourceError(f"{to} cannot live on; --advance is for SQLite")
        advance(to, days, seed=seed, root=root)
        return
    newest = end.date() if end else last_weekday(datetime.now(UTC).date())
    if not 1950 <= newest.year <= 2099:
        raise BadParameter(f"{newest} is not between 1950 and 2099", param_hint="--end")
    if renew and _exists(to) and not is_outdated(to, newest):
        return
    if _exists(to) and not (force or renew):
        raise SourceError(f"{to} exists; replace it with --force, or name another with --out")
    with console.progress() as progress:
        shown = write(
            to, stocks=stocks, years=years, seed=seed, end=newest, plants=plants,
            progress=lambda done, total: progress("companies", done, total),
        )  # fmt: skip
    console.show(shown)
    console.write(DEMO_NOTICE)


def write(to: Place, **how: Any) -> Table:
    """Write a market, and return how many rows it has; that of PostgreSQL is a file first."""
    started = time.monotonic()
    try:
        if isinstance(to, Path):
            return summary(to, make_market(to, **how), time.monotonic() - started)
        with TemporaryDirectory() as folder:
            make_market(file := Path(folder) / "demo.db", **how)
            return summary(to, pour(file, to), time.monotonic() - started)
    except (OSError, sqlite3.Error) as error:
        raise SourceError(f"cannot write {to}: {error}; name another file with --out") from error


def _exists(to: Place) -> bool:
    return to.exists() if isinstance(to, Path) else has_market(to)


def advance(path: Path, days: int, *, seed: int, root: Path | None = None) -> None:
    """Let a demo market live some days, as an application would write it, and refresh a lake."""
    from pipelines.refresh import export  # noqa: PLC0415 - heavy, and only for this

    if not is_demo(path):
        raise SourceError(f"{path} is no demo market; make one with python -m pipelines.demo")
    done, day = Counter[str](), None
    try:
        for day, of_day in lived(path, days, seed=seed):
            done += of_day
            if root is not None:
                export(path, root, Settings.load().chosen_universe(), today=day)
    except sqlite3.Error as error:
        raise SourceError(f"cannot write {path}: {error}") from error
    counts = [(what, f"{count:,}") for what, count in sorted(done.items())]
    console.show(Table(f"{path}: lived {days} days, to {day}", ("what", "rows"), counts))
    console.write(DEMO_NOTICE)


if __name__ == "__main__":
    console.run(main)
