"""What a market of 100,000 instruments over 40 years takes, reckoned from two that are measured.

    python -m tests.benchmarks.sizing [FOLDER]

The demo market, and ten copies of its stocks, are ranked in processes of their own; what grows with
the stocks is the difference of both, and goes on in a straight line. Bytes and the refresh grow
with the rows of prices. Minute bars are reckoned as rows like those of days, 510 a day.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pipelines import console
from pipelines.lake import Lake
from tests.benchmarks import replicas
from tests.benchmarks.memory import ranked
from tests.benchmarks.rankings import market

INSTRUMENTS, YEARS, DAYS, BARS = 100_000, 40, 252, 510
COPIES: Final = 10


def line(small: float, large: float, stocks: int) -> float:
    """Return a figure of so many stocks, from those of one and of ten markets."""
    return small + (large - small) * (INSTRUMENTS / stocks - 1) / (COPIES - 1)


def main(folder: Path) -> None:
    """Print a table: measured, reckoned, and reckoned for minute bars of one year."""
    with market(1, folder) as task, TemporaryDirectory(dir=folder) as copies:
        lake = Lake(task.lake)
        replicas.multiply(lake, Path(copies), COPIES)
        one, ten = ranked(task.lake), ranked(Path(copies))
        prices, stocks = lake.datasets["prices"], lake.datasets["stocks"].rows
        refresh = sum(phase.seconds for phase in lake.manifest.phases)
        sizes = task.source.stat().st_size, sum(file.bytes for file in prices.files)
    days, bars = INSTRUMENTS * YEARS * DAYS, INSTRUMENTS * DAYS * BARS
    rows = [
        ("rows of prices", *(f"{n / 1e6:,.1f} M" for n in (prices.rows, days, bars))),
        ("SQLite database", *_each(sizes[0] / prices.rows, prices.rows, days, bars)),
        ("prices in the lake", *_each(sizes[1] / prices.rows, prices.rows, days, bars)),
        ("file of a year", *_each(sizes[1] / prices.rows, stocks * DAYS, INSTRUMENTS * DAYS, bars)),
        ("full refresh", *(f"{refresh / prices.rows * n / 60:,.3g} min"
                           for n in (prices.rows, days, bars))),
        ("ranking", f"{one.seconds:.2f} s",
         f"{line(one.seconds, ten.seconds, stocks):.1f} s", "of daily closes"),
        ("its peak", f"{one.peak_mb:.0f} MB",
         f"{line(one.peak_mb, ten.peak_mb, stocks):,.0f} MB", ""),
    ]  # fmt: skip
    heads = ("", f"{stocks} stocks", f"{INSTRUMENTS:,}, {YEARS} years", "minute bars, a year")
    lines = [heads, ("---",) * len(heads), *rows]
    console.write_data("\n".join("| " + " | ".join(cells) + " |" for cells in lines))


def _each(width: float, *counts: int) -> list[str]:
    """Return the size of so many rows of a width."""
    return [f"{width * n / 1e9:,.{0 if n > 1e9 else 2}f} GB" for n in counts]


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data"))
