"""What the demo market plants on request: errors of the data, and moves that are real.

A planted company has one plant, on a day on which nothing else happens to it. Each is told as a
`Plant`, so that tests can compare it with what the rankings make of it.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial
from itertools import chain, cycle
from pathlib import Path
from typing import Final, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from pipelines.demo_market.companies import PLANTS, YEAR, Columns, Company, generator
from pipelines.demo_market.prices import Factors, History, daily_prices, ticks

Positions = npt.NDArray[np.int64]

RISE: Final = "rise"
"""The kind that a market has once: a real rise to the threefold in a day."""
KINDS: Final = (
    "slip", "split", "crash", "unknown_split", "split_in_prices", "slip", "reverse_split",
    "crash", "unknown_reverse_split",
)  # fmt: skip
"""The kinds of the other planted companies, in turn."""
KNOWN_SPLITS: Final = frozenset({"split", "reverse_split", "split_in_prices"})
"""The kinds that have a row in `splits`; prices before a split are adjusted for the last only."""
SIZES: Final = {
    "split": (2.0, 3.0, 5.0, 10.0),
    "reverse_split": (0.1, 0.05),
    "split_in_prices": (2.0, 5.0, 0.1),
    "unknown_split": (3.0, 4.0, 10.0),
    "unknown_reverse_split": (0.1, 0.05),
    "slip": (0.1, 10.0),
    "crash": (0.05, 0.1, 0.2, 0.3, 0.38),
    RISE: (3.0,),
}
"""New shares for one old of a split; what a price is multiplied by of a slip or a move."""
RUNS: Final = (1, 2, 3, 8, 30)
"""Trading days that a slip lasts."""

EVERY: Final = 3
"""Of so many companies that can have a plant one has."""
LIFE: Final = 2 * YEAR
"""Trading days that a planted company is listed at least."""
BEFORE: Final = 270
"""Trading days before a plant, so that the stock has returns of twelve months."""
RECENT: Final = 600
"""The newest trading days of a company, in which two of three plants are."""
CHEAPEST: Final = 2.0
"""The last price of a planted company at least: below it prices are too round."""
CALM_DAY, CALM_RUN = 0.04, 0.3
"""The most that the log value of a company moves by itself on the day of a plant, or in a slip."""
LOOKS_BACK: Final = timedelta(days=10)
"""How many days before the base of a return its close may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plant:
    """What was planted in the prices of a stock.

    `dates` has the day on which the close changes by it; for a slip also the day of the return.
    `closes` has the close before each of these days and the close on it. `touches` are the first
    and the last date whose ranking can differ by it. `ratio` is new shares for one old.
    """

    kind: str
    ticker: str
    dates: tuple[str, ...]
    closes: tuple[tuple[float, float], ...]
    touches: tuple[str, str]
    ratio: float | None = None


class Change(NamedTuple):
    """A change of a company's prices: its kind and size, its first position, that after a slip."""

    kind: str
    size: float
    start: int
    end: int


class Planting:
    """The plants of a market: which company has one, and what was planted so far."""

    def __init__(self, listed: Sequence[Company], seed: int) -> None:
        able = [company.index for company in listed if _can_have_one(company)]
        chosen = generator(seed, PLANTS, len(listed)).permutation(able)[: -(-len(able) // EVERY)]
        kinds = chain([RISE], cycle(KINDS))
        self._kinds: Final = dict(zip(chosen.tolist(), kinds, strict=False))
        self.truth: Final[list[Plant]] = []

    def prices(self, company: Company, common: Factors) -> tuple[History, Iterator[Columns]]:
        """Return the history of a company and the rows of its shares, with what is planted."""
        past, prices = daily_prices(company, common)
        kind = self._kinds.get(company.index)
        if kind is None:
            return past, self._told(company, past, prices, _own_split(past))
        change = _change(kind, past, generator(common.seed, PLANTS, company.index))
        past, prices = daily_prices(company, common, partial(_changed, change=change))
        return past, self._told(company, past, prices, change)

    def _told(
        self, company: Company, past: History, prices: Iterator[Columns], change: Change | None
    ) -> Iterator[Columns]:
        """Return the rows of each share, and note what was planted in them."""
        for ticker, columns in zip(company.tickers, prices, strict=True):
            if change is not None:
                days = np.datetime_as_string(past.days[[change.start, change.end]]).tolist()
                if change.kind == "slip":
                    _slip(columns, days, change.size)
                self.truth.append(_plant(ticker, columns, days, change))
            yield columns

    def splits(self) -> Columns:
        """Return a row for each split of which the source knows."""
        known = [plant for plant in self.truth if plant.kind in KNOWN_SPLITS]
        return {
            "ticker": [plant.ticker for plant in known],
            "date": [plant.dates[0] for plant in known],
            "ratio": [plant.ratio for plant in known],
        }


def _can_have_one(company: Company) -> bool:
    """Return whether a company has one share, a price that is not too round and a past."""
    life = company.life.stop - company.life.start
    single = len(company.shares) == 1 and not company.is_fund
    return single and company.price >= CHEAPEST and life >= LIFE


def _own_split(past: History) -> Change | None:
    """Return the split that a company has without any plant: its prices before it are raw."""
    days = np.flatnonzero(np.diff(past.split)) + 1
    if not len(days):
        return None
    start, ratio = int(days[0]), float(past.split[days[0] - 1])
    return Change("split" if ratio > 1 else "reverse_split", ratio, start, start)


def _change(kind: str, past: History, rng: np.random.Generator) -> Change:
    run = int(rng.choice(RUNS)) if kind == "slip" else 0
    size = float(rng.choice(SIZES[kind]))
    starts = _quiet(past, run)
    recent = starts[starts >= len(past.days) - RECENT]
    start = int(rng.choice(recent if len(recent) and rng.random() < 2 / 3 else starts))
    return Change(kind, size, start, start + run)


def _quiet(past: History, run: int) -> Positions:
    """Return the positions from which a company was traded for `run` days and moved little."""
    starts = np.arange(BEFORE, len(past.days) - run - 1)
    halts = np.append(0, np.cumsum(~past.traded))
    traded = halts[starts + run + 1] == halts[starts - 1]
    moves = np.abs(np.diff(past.path))
    calm = np.maximum(moves[starts - 1], moves[starts + run - 1]) < CALM_DAY
    back = np.abs(past.path[starts + run] - past.path[starts - 1]) < CALM_RUN
    return starts[np.flatnonzero(traded & calm & back)]


def _changed(past: History, change: Change) -> History:
    """Return the history with a real move or with raw prices before a split, and no other split."""
    before = np.arange(len(past.days)) < change.start
    path, split = past.path, np.ones(len(past.days))
    if change.kind in ("crash", RISE):
        path = path - np.log(change.size) * before
    elif change.kind not in ("slip", "split_in_prices"):
        split[before] = change.size
    return past._replace(path=path, split=split)


def _slip(columns: Columns, days: Sequence[str], size: float) -> None:
    """Multiply the prices from the first of two days to the one before the second."""
    dates = cast(list[str], columns["date"])
    start, end = (bisect_left(dates, day) for day in days)
    for name in ("open", "close", "high", "low"):
        values = cast(list[float], columns[name])
        values[start:end] = ticks(np.array(values[start:end]) * size).tolist()


def _plant(ticker: str, columns: Columns, days: Sequence[str], change: Change) -> Plant:
    dates, closes = cast(list[str], columns["date"]), cast(list[float], columns["close"])
    at = sorted({bisect_left(dates, day) for day in days})
    return Plant(
        kind=change.kind,
        ticker=ticker,
        dates=tuple(dates[position] for position in at),
        closes=tuple((closes[position - 1], closes[position]) for position in at),
        touches=(dates[at[0]], last_touched(date.fromisoformat(dates[at[-1]])).isoformat()),
        ratio=change.size if "split" in change.kind else None,
    )


def last_touched(changed: date) -> date:
    """Return the last date that looks back, twelve months and ten days, to before `changed`."""
    first_free = changed + LOOKS_BACK
    if (first_free.month, first_free.day) == (2, 29):
        first_free += timedelta(days=1)
    return first_free.replace(year=first_free.year + 1) - timedelta(days=1)


def truth_path(path: Path) -> Path:
    """Return where the truth about the plants of a database is."""
    return path.with_suffix(".truth.json")


def write_truth(path: Path, truth: Iterable[Plant]) -> None:
    """Write the plants of a database beside it, in the order of tickers."""
    plants = sorted(map(asdict, truth), key=lambda plant: plant["ticker"])
    text = json.dumps({"plants": plants}, ensure_ascii=False, indent=1)
    truth_path(path).write_text(text + "\n", encoding="utf-8")


def read_truth(path: Path) -> list[Plant]:
    """Return the plants of a database from the file beside it."""
    plants = json.loads(truth_path(path).read_text(encoding="utf-8"))["plants"]
    return [
        Plant(
            kind=plant["kind"],
            ticker=plant["ticker"],
            dates=tuple(plant["dates"]),
            closes=tuple(tuple(pair) for pair in plant["closes"]),
            touches=tuple(plant["touches"]),
            ratio=plant["ratio"],
        )
        for plant in plants
    ]
