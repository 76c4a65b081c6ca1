"""The tables that are read, one value each: columns, kinds, key, the dataset that they become."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["text", "day", "time", "float", "int", "bool"]

PLAIN: Final[Mapping[Kind, tuple[str, ...]]] = {
    "text": ("VARCHAR", "TEXT", "CHAR"),
    "day": ("DATE", "TEXT", "VARCHAR", "DATETIME", "TIMESTAMP"),
    "time": ("DATETIME", "TIMESTAMP", "TEXT", "VARCHAR"),
    "float": ("FLOAT", "REAL", "DOUBLE", "DOUBLE PRECISION"),
    "int": ("INTEGER", "INT", "BIGINT", "SMALLINT"),
    "bool": (),
}
"""The declared types that connectorx reads as each kind, whatever the first row holds.

It takes any whole number but 0 for true, so a boolean is never read as it is.
"""
_MORE: Final[Mapping[Kind, tuple[str, ...]]] = {
    "float": ("INTEGER", "INT", "BIGINT", "NUMERIC", "DECIMAL"),
    "bool": ("BOOLEAN", "BOOL", "INTEGER", "INT", "TINYINT", "TEXT", "VARCHAR"),
}
DECLARED: Final[Mapping[Kind, tuple[str, ...]]] = {
    kind: (*names, *_MORE.get(kind, ())) for kind, names in PLAIN.items()
}
"""The declared types of each kind; a column of one that is not plain is read cell by cell."""
_REAL: Final = ("REAL", "FLOAT", "DOUBLE", "DOUBLE PRECISION")
IF_USABLE: Final[Mapping[Kind, tuple[str, ...]]] = {
    **dict.fromkeys(("text", "day", "time", "bool"), _REAL),
    "float": ("TEXT", "VARCHAR", "CHAR"),
    "int": (*_REAL, "NUMERIC", "TEXT", "VARCHAR", "CHAR"),
}
"""More declared types, of columns in which every cell is null or has a value of the kind.

pandas declares a column of nothing but nulls TEXT or REAL, and whole numbers with nulls REAL.
"""


@dataclass(frozen=True, kw_only=True)
class SourceTable:
    """A table of the database.

    `key` names the columns of the dataset in which no two rows are alike. `spare` has the columns
    that no ranking needs, each with a code: a value that cannot be used is null there, and counted
    so. A refresh that loses more than two per cent of a dataset's rows, and more than
    `fewest_rows`, is not published.
    """

    name: str
    dataset: str
    columns: Mapping[str, Kind]
    key: tuple[str, ...]
    fewest_rows: int
    spare: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False

    def height(self, values: int) -> int:
        """Return how many rows hold that many values with their numbers, at least one."""
        return max(1, values // (1 + len(self.columns)))


def _columns(names: Mapping[Kind, str]) -> dict[str, Kind]:
    """Return the kind of each column, from the names of each kind."""
    return {name: kind for kind, some in names.items() for name in some.split()}


_RATIOS: Final = (
    "market_cap pe pb ps p_fcf ev_ebitda roe roa roic fcfroe dividend_yield payout_ratio"
)

UNUSABLE_VALUE: Final = "unusable_value"
_RANGE: Final = dict.fromkeys(("open", "high", "low"), "ohl_inconsistent")

PRICES: Final = SourceTable(
    name="daily_prices",
    dataset="prices",
    columns=_columns({"text": "ticker", "day": "date", "float": "open high low close volume"}),
    key=("ticker", "date"),
    fewest_rows=1000,
    spare={**_RANGE, "volume": "volume_out_of_range"},
)
FUNDAMENTALS: Final = SourceTable(
    name="fundamentals",
    dataset="fundamentals",
    columns=_columns(
        {
            "int": "id piotroski_f_score",
            "text": "ticker data_source",
            "day": "fiscal_date fetched_date",
            "float": f"{_RATIOS} net_income operating_cf total_assets long_term_debt"
            " current_ratio shares_outstanding gross_margin asset_turnover"
            " perf_1m perf_3m perf_6m perf_12m",
        }
    ),
    key=("source", "id"),
    fewest_rows=200,
    spare=dict.fromkeys(("perf_1m", "perf_3m", "perf_6m", "perf_12m"), UNUSABLE_VALUE),
)
SNAPSHOTS: Final = SourceTable(
    name="fundamentals_snapshots",
    dataset="fundamentals",
    columns=_columns({"int": "id", "text": "ticker", "day": "snapshot_date", "float": _RATIOS}),
    key=("source", "id"),
    fewest_rows=200,
    optional=True,
)
STOCKS: Final = SourceTable(
    name="stocks",
    dataset="stocks",
    columns=_columns(
        {
            "text": "ticker name isin avanza_id sector market country currency stock_type",
            "float": "market_cap_msek",
            "bool": "is_active",
            "day": "last_validated",
            "time": "last_updated",
        }
    ),
    key=("ticker",),
    fewest_rows=20,
    spare={
        **dict.fromkeys(("name", "avanza_id", "country"), UNUSABLE_VALUE),
        "is_active": "is_active_out_of_range",
    },
)
INDEX_PRICES: Final = SourceTable(
    name="index_prices",
    dataset="index_prices",
    columns=_columns({"text": "index_id", "day": "date", "float": "open high low close"}),
    key=("index_id", "date"),
    fewest_rows=1000,
    spare=_RANGE,
    optional=True,
)
SPLITS: Final = SourceTable(
    name="splits",
    dataset="splits",
    columns=_columns({"text": "ticker", "day": "date", "float": "ratio"}),
    key=("ticker", "date"),
    fewest_rows=20,
    optional=True,
)
DIVIDENDS: Final = SourceTable(
    name="dividend_events",
    dataset="dividends",
    columns=_columns(
        {
            "int": "id",
            "text": "ticker currency dividend_type",
            "day": "ex_date payment_date",
            "float": "amount",
        }
    ),
    key=("id",),
    fewest_rows=200,
    optional=True,
)
FX_RATES: Final = SourceTable(
    name="fx_rates",
    dataset="fx_rates",
    columns=_columns({"text": "currency", "day": "date", "float": "rate"}),
    key=("currency", "date"),
    fewest_rows=1000,
    optional=True,
)

TABLES: Final[Mapping[str, SourceTable]] = {
    table.name: table
    for table in (
        *(STOCKS, PRICES, FUNDAMENTALS, SNAPSHOTS, INDEX_PRICES),
        *(SPLITS, DIVIDENDS, FX_RATES),
    )
}


def tables_of(dataset: str) -> tuple[SourceTable, ...]:
    """Return the tables that a dataset is made from."""
    return tuple(table for table in TABLES.values() if table.dataset == dataset)
