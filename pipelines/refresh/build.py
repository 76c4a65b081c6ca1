"""The content of a version, made from a database: datasets, rankings, integrity report."""

import logging
import shutil
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from functools import partial
from typing import Final

import polars as pl

from pipelines.errors import ContractError, RowsMissing, is_of_system
from pipelines.lake import Dataset, Lake, layout, schema_text
from pipelines.ranking import applied_splits, rankings
from pipelines.refresh import datasets, files, observed, rejected, report, strikes, trading_days
from pipelines.refresh.content import Content
from pipelines.refresh.ratio_prices import ratio_prices
from pipelines.refresh.reading import RowsGone
from pipelines.refresh.reuse import Reused, link_dataset
from pipelines.refresh.task import Task, start_over
from pipelines.source import TABLES, Snapshot, TableReader

logger = logging.getLogger(__name__)

MADE_ANEW: Final = ("observed_fundamentals", "observed_stocks", "ratio_prices", "rankings",
             "other_rankings")  # fmt: skip
"""The datasets that are not those of the version before, even if nothing was read."""


def from_database(task: Task, snapshot: Snapshot) -> Content:
    """Make the content of a version from the database as it was; remove the working folder."""
    with ThreadPoolExecutor(2) as pool:
        days = pool.submit(_calendar, task)  # a process of its own, meanwhile
        made, as_of = _read_once_or_twice(task, snapshot)
        gone = pool.submit(shutil.rmtree, task.work)  # the copy is read no more
        content = _judged(task, made, as_of, days)
        gone.result()
    return content


def from_version_before(task: Task, before: Lake) -> Content:
    """Make the content of a version from the datasets of the one before, with new rankings."""
    with ThreadPoolExecutor(1) as pool:
        days = pool.submit(_calendar, task)
        with task.clock.phase("changes"):
            made = {
                name: link_dataset(before, task.staged, name)
                for name in before.datasets
                if name not in MADE_ANEW
            }
            shutil.copyfile(before.path / layout.STATE, task.staged / layout.STATE)
            shutil.rmtree(task.work)
        _observe(task, made, before.datasets)
        return _judged(task, _ranked(task, made, before.as_of, None), before.as_of, days)


def _read_once_or_twice(task: Task, snapshot: Snapshot) -> tuple[dict[str, Dataset], date]:
    """Write all datasets and the rankings.

    If anything goes wrong while years are taken from the version before, everything is read once
    more; an error of that second reading is raised. A failure of the disk or the memory is raised
    at once.
    """
    _save_state(task, snapshot)
    try:
        return _read(task, snapshot, _reused(task, snapshot))
    except RowsGone as gone:
        logger.info("%s: everything is read again", gone)
    except Exception as error:
        if task.full or task.before is None or is_of_system(error):
            raise
        _warn(error)
    start_over(task)
    return _read(task, snapshot, None)


def _warn(error: Exception) -> None:
    told = error.counts if isinstance(error, RowsMissing) else f"{type(error).__name__}: {error}"
    logger.warning(
        "the years that changed cannot be read alone (%s): everything is read again", told
    )


def _save_state(task: Task, snapshot: Snapshot) -> None:
    """Save the state of the database for the next refresh, before any of its rows is marked."""
    with task.clock.phase("changes"):
        snapshot.save_state(task.staged / layout.STATE)


def _reused(task: Task, snapshot: Snapshot) -> Reused | None:
    """Return what need not be read."""
    if task.full or task.before is None:
        return None
    return Reused.of(task.before, snapshot, task.today)


def _read(task: Task, snapshot: Snapshot, reused: Reused | None) -> tuple[dict[str, Dataset], date]:
    tables = {table.name: snapshot.table(table) for table in task.tables}
    made, as_of = _datasets(task, tables, reused)
    return _ranked(task, made, as_of, reused), as_of


def _datasets(
    task: Task, tables: Mapping[str, TableReader], reused: Reused | None
) -> tuple[dict[str, Dataset], date]:
    """Write or link all datasets; return them and the newest date with a price.

    Stocks and splits come after prices: they hold the newest close of each stock, and the closes
    around each split. Jumps come after splits, which explain some of them.
    """
    found: list[datasets.WrittenPrices] = []
    made: dict[str, Dataset] = {}

    def make_prices() -> Dataset:
        found.append(datasets.prices(task, tables["daily_prices"], reused))
        return found[0].dataset

    lake = Lake.unfinished(task.staged, made, task.today)
    makers = {"prices": make_prices}
    if "splits" in tables:
        makers["splits"] = lambda: datasets.splits(task, tables["splits"], lake, reused)
    makers |= {
        "jumps": lambda: datasets.jumps(task, found[0].pairs, applied_splits(lake)),
        "fundamentals": lambda: datasets.fundamentals(task, tables),
        "stocks": lambda: datasets.stocks(task, tables["stocks"], found[0].newest),
    }
    makers |= {
        TABLES[name].dataset: partial(make, task, tables[name])
        for name, make in datasets.OPTIONAL.items()
        if name in tables
    }
    if reused:
        take = partial(link_dataset, reused.before, task.staged)
        makers |= {name: partial(take, name) for name in reused.datasets}
    for name, make in makers.items():
        made[name] = task.clock.making(name, make)
    _observe(task, made, reused.datasets if reused else ())
    return made, _newest_day(task, found[0].newest)


def _observe(task: Task, made: dict[str, Dataset], unchanged: Collection[str]) -> None:
    """Add the observations of the tables that the source overwrites."""
    lake = Lake.unfinished(task.staged, made, task.today)
    for name in OBSERVE:
        make = partial(_observations, task, lake, name, is_unchanged=name in unchanged)
        made[f"observed_{name}"] = task.clock.making(f"observed_{name}", make)


def _observations(task: Task, lake: Lake, name: str, *, is_unchanged: bool) -> Dataset:
    if task.strike:
        return strikes.struck(task, lake, f"observed_{name}", task.strike)
    taken = observed.unchanged(task, f"observed_{name}") if is_unchanged else None
    return taken or OBSERVE[name](task, lake)


OBSERVE: Final[Mapping[str, Callable[[Task, Lake], Dataset]]] = {
    "fundamentals": observed.observed_fundamentals,
    "stocks": observed.observed_stocks,
}
"""How the observations of a dataset are kept."""


def _newest_day(task: Task, newest: pl.DataFrame) -> date:
    day = newest.get_column("newest_date").max()
    if not isinstance(day, date):
        raise ContractError(
            f"{task.database} has no valid row in daily_prices, so there is no date to rank: "
            f"{rejected.told(task.staged, TABLES['daily_prices'])}"
        )
    return day


def _ranked(
    task: Task, made: dict[str, Dataset], as_of: date, reused: Reused | None
) -> dict[str, Dataset]:
    """Add the closes beside the ratios, and then the rankings."""
    lake = Lake.unfinished(task.staged, made, as_of)
    making = task.clock.making
    made["ratio_prices"] = making("ratio_prices", lambda: ratio_prices(task, lake, reused))
    made["rankings"] = making("rankings", lambda: _rankings(task, lake))
    if task.others:
        made["other_rankings"] = _other_rankings(task, lake)
    return made


def _rankings(task: Task, lake: Lake) -> Dataset:
    """Write the rankings of the newest date."""
    plan = rankings(lake, as_of=lake.as_of, universe=task.universe)
    return _written(task, "rankings", plan)


def _other_rankings(task: Task, lake: Lake) -> Dataset:
    """Write those of the other universes, with the name of each."""
    plans = [
        rankings(lake, as_of=lake.as_of, universe=one).select(
            pl.lit(one.name).alias("universe"), pl.all()
        )
        for one in task.others
    ]
    return _written(task, "other_rankings", pl.concat(plans))


def _written(task: Task, name: str, plan: pl.LazyFrame) -> Dataset:
    frame = plan.collect(engine="streaming")
    file = files.write_file(task.staged, name, frame.schema, [frame])
    return Dataset(schema=schema_text(frame.schema), rows=frame.height, files=(file,))


def _calendar(task: Task) -> list[date]:
    """Return the trading days; those of the version before are used while they reach far enough."""
    earlier = task.before.manifest.integrity if task.before else None
    return trading_days.around(task.universe.markets, task.today, earlier)


def _judged(
    task: Task, made: Mapping[str, Dataset], as_of: date, days: Future[list[date]]
) -> Content:
    """Return the content of a version, with the report on its integrity."""
    with task.clock.phase("integrity"):
        lake = Lake.unfinished(task.staged, made, as_of)
        found = report.report(
            lake, as_of=as_of, universe=task.universe, others=task.others, calendar=days.result()
        )
    return Content(made, as_of, found)
