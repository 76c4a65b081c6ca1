"""The floor of a refresh: connectorx reads the tables that it reads, and nothing is kept of them.

Example: python -m tests.benchmarks.bare_read data/demo.db 2191055

It ends with 1 unless there are so many rows in all.
"""

import sys

from connectorx import read_sql

TABLES = ("stocks", "daily_prices", "fundamentals", "fundamentals_snapshots", "index_prices")
BATCH_ROWS = 50_000


def count(database: str, table: str) -> int:
    """The rows of a table, of which every column is read in batches."""
    batches = read_sql(
        f"sqlite://{database}", f"SELECT * FROM {table}", return_type="arrow_stream",
        batch_size=BATCH_ROWS,
    )  # fmt: skip
    return sum(batch.num_rows for batch in batches)


def main(database: str, rows: int) -> None:
    """Read all tables of a database, which must have so many rows."""
    found = sum(count(database, table) for table in TABLES)
    if found != rows:
        raise SystemExit(f"{found} rows in {database}, not {rows}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
