"""The indexes that ranking queries need in a database, and queries that show their use."""

from dataclasses import dataclass
from typing import Final

from pipelines.source.tables import FUNDAMENTALS, PRICES, SNAPSHOTS


@dataclass(frozen=True)
class Index:
    """An index that ranking queries need, and why."""

    table: str
    columns: tuple[str, ...]
    why: str

    @property
    def name(self) -> str:
        """The name: the project that made the index, its table and its columns."""
        return f"stockrank_{self.table}_{'_'.join(self.columns)}"

    @property
    def sql(self) -> str:
        """The statement that makes the index."""
        return f"CREATE INDEX IF NOT EXISTS {self.name} ON {self.table} ({', '.join(self.columns)})"


INDEXES: Final = (
    Index(
        PRICES.name,
        ("date",),
        "the newest date, prices of the last days, counts by date; makes the file about a fifth "
        "larger, and prices of many months no quicker to read",
    ),
    Index(
        FUNDAMENTALS.name,
        ("ticker", "fetched_date"),
        "newest row of a ticker without a scan",
    ),
    Index(
        SNAPSHOTS.name,
        ("ticker", "snapshot_date"),
        "snapshots of a ticker, in order, without a scan",
    ),
)


@dataclass(frozen=True)
class Query:
    """A query like those of rankings; the date and the ticker are parameters."""

    title: str
    table: str
    sql: str


QUERIES: Final = (
    Query(
        "latest prices of a ticker",
        PRICES.name,
        "SELECT date, close FROM daily_prices WHERE ticker = ? ORDER BY date DESC LIMIT 252",
    ),
    Query(
        "prices since a date",
        PRICES.name,
        "SELECT ticker, date, close FROM daily_prices WHERE date >= ?",
    ),
    Query(
        "newest fundamentals of a ticker",
        FUNDAMENTALS.name,
        "SELECT * FROM fundamentals WHERE ticker = ? ORDER BY fetched_date DESC LIMIT 1",
    ),
    Query(
        "snapshots of a ticker",
        SNAPSHOTS.name,
        "SELECT * FROM fundamentals_snapshots WHERE ticker = ? ORDER BY snapshot_date",
    ),
    Query(
        "count by date",
        PRICES.name,
        "SELECT date, count(*) FROM daily_prices GROUP BY date",
    ),
)
