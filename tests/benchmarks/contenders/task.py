"""What every contender is given; free of libraries, so that none of them pays for another's."""

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final, Self

from tests.oracle import MAX_PRICE_AGE, MONTHS, months_back

COLUMNS: Final = (
    *("strategy", "ticker", "rank", "excluded_by", "score"),
    *("composite", "primary_rank", "f_score"),
)
"""What an answer has at least, a row a strategy and stock."""
FIRST_DATE: Final = date(1990, 1, 1)
"""Of the rankings of many dates."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Rank all stocks by the four strategies on the newest day of the database.

    The day being the newest, no market cap is scaled back in time. `source` is the database,
    `lake` the folder with its export, `floor` the least market cap, in million.
    """

    source: Path
    lake: Path
    as_of: date
    markets: tuple[str, ...]
    floor: float

    def as_json(self) -> str:
        """The task as `from_json` takes it."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The task of what `as_json` gave."""
        found = json.loads(text)
        return cls(
            source=Path(found["source"]), lake=Path(found["lake"]),
            as_of=date.fromisoformat(found["as_of"]),
            markets=tuple(found["markets"]), floor=found["floor"],
        )  # fmt: skip

    def windows(self) -> dict[int, tuple[date, date]]:
        """The first and the last day of a close of each number of months before the day."""
        ends = {n: months_back(self.as_of, n) for n in (0, *MONTHS)}
        return {n: (end - MAX_PRICE_AGE, end) for n, end in ends.items()}

    def files(self, dataset: str, *, since: date = date.min) -> list[str]:
        """The files of a dataset, of the years from a day on."""
        found = sorted((self.lake / "current" / dataset).resolve().rglob("*.parquet"))
        return [str(f) for f in found if not _year(f) or _year(f) >= since.year]

    def price_files(self) -> list[str]:
        """The files with the prices that are needed."""
        return self.files("prices", since=self.windows()[12][0])


def _year(file: Path) -> int:
    """The year of a file's partition; 0 where there is none."""
    name, _, year = file.parent.name.partition("=")
    return int(year) if name == "year" else 0
