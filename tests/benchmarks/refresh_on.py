"""A refresh as on a day, for a market that lives past today; the closes of its days all count.

Example: python -m tests.benchmarks.refresh_on 2026-12-01 data/demo.db data/lake --full
"""

import sys
from datetime import date
from pathlib import Path

from pipelines.refresh import export
from pipelines.universe import SWEDEN


def main(day: str, database: str, lake: str, *options: str) -> None:
    """Refresh a lake from a database, with all of it anew where the option says so."""
    export(
        Path(database),
        Path(lake),
        SWEDEN,
        full="--full" in options,
        today=date.fromisoformat(day),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
