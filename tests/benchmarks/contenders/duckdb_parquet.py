"""DuckDB on the files of the lake: the methodology as one SQL statement."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.contenders.task import Task
from tests.oracle import FINANCIAL, RATIOS, STATEMENT_ITEMS

SQL = Path(__file__).with_name("rankings.sql").read_text(encoding="utf-8")


def run(task: Task) -> pa.Table:
    """All rankings, from the files."""
    with duckdb.connect() as database:
        return database.sql(sql(task)).to_arrow_table()


def sql(task: Task) -> str:
    """The statement for a task: files, columns and constants written into it."""
    days = {f"first_{n}": f"DATE '{first}'" for n, (first, _) in task.windows().items()}
    days |= {f"last_{n}": f"DATE '{last}'" for n, (_, last) in task.windows().items()}
    return SQL.format(
        **days,
        stocks=task.files("stocks"),
        prices=task.price_files(),
        fundamentals=task.files("fundamentals"),
        ratio_prices=task.files("ratio_prices"),
        ratios=", ".join(RATIOS),
        items=", ".join(STATEMENT_ITEMS),
        markets=tuple(task.markets),
        financial=FINANCIAL,
        floor=task.floor,
    )


def save(answer: pa.Table, path: Path) -> None:
    pq.write_table(answer, path)
