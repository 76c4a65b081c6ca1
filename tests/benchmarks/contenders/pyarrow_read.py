"""The floor: what the rankings need, read and nothing else; there is no answer."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.contenders.task import Task
from tests.oracle import RATIOS, STATEMENT_ITEMS

KEYS = ("ticker", "known_from", "fiscal_date", "fetched_date", "source", "id", "data_source")
PRICES = ["ticker", "date", "close"]
FUNDAMENTALS = [*KEYS, *RATIOS, *STATEMENT_ITEMS]


def run(task: Task) -> list[pa.Table]:
    """The needed columns of the needed files."""
    needed = ((task.price_files(), PRICES), (task.files("fundamentals"), FUNDAMENTALS),
              (task.files("ratio_prices"), None), (task.files("stocks"), None))  # fmt: skip
    return [pq.ParquetFile(file).read(columns=c) for files, c in needed for file in files]


def save(_: list[pa.Table], __: Path) -> None:
    """Nothing to compare."""
