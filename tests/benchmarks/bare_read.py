"""The floor of a refresh: connectorx reads the prices of a database, and nothing is kept of them.

Example: python -m tests.benchmarks.bare_read data/demo.db 2121600

It ends with 1 unless there are so many rows.
"""

import sys

from connectorx import read_sql

BATCH_ROWS = 50_000


def main(database: str, rows: int) -> None:
    """Read every column of `daily_prices` in batches."""
    batches = read_sql(
        f"sqlite://{database}", "SELECT * FROM daily_prices", return_type="arrow_stream",
        batch_size=BATCH_ROWS,
    )  # fmt: skip
    found = sum(batch.num_rows for batch in batches)
    if found != rows:
        raise SystemExit(f"{found} rows in {database}, not {rows}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
