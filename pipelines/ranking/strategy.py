"""A strategy as a value: the rules that stocks must pass, and the score that orders them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.definition import Definition, Family, Order
from pipelines.ranking.banding import BUY_RANK, SELL_RANK
from pipelines.ranking.catalogue import FACTORS
from pipelines.ranking.reasons import OF_UNIVERSE, REASONS, meaning_outside, reason_outside

FREQUENCIES: Final = {1: "annual", 2: "semiannual", 4: "quarterly", 12: "monthly"}
"""The word for a number of rebalancings a year."""


def own(column: str, strategy: str) -> str:
    """Return the name of a column of one strategy among those of all."""
    return f"{column}@{strategy}"


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Metric:
    """A number by which stocks are ranked, the highest first; null where it is missing.

    `best` says which values of the factor `name` are the good ones.
    """

    name: str
    value: pl.Expr
    best: Order = "highest"
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Composite:
    """The mean of a stock's percentiles; the best `keep_percent` per cent of stocks stay.

    A stock needs at least `at_least` of the metrics.
    """

    metrics: tuple[Metric, ...]
    at_least: int
    keep_percent: int = 40

    @property
    def reason_outside(self) -> str:
        """Return the reason of the stocks that do not stay."""
        return reason_outside(self.keep_percent)


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Score:
    """The number that orders stocks, `name` for people, and the key whose highest value is best."""

    name: str
    value: pl.Expr
    key: pl.Expr
    best: Order = "highest"

    @classmethod
    def of(cls, factor: str, order: Order | None = None) -> "Score":
        """Return the score that is a factor, with its own direction by default."""
        found = FACTORS[factor]
        best = order or found.best or "highest"
        return cls(name=factor, value=pl.col(factor), key=found.highest_first(best), best=best)

    @property
    def is_fraction(self) -> bool:
        """Return true for a score that people read in percent."""
        return self.name in FACTORS and FACTORS[self.name].unit == "fraction"

    @property
    def reason_without(self) -> str:
        """Return the reason of the stocks that have none."""
        return "no_momentum" if self.name == "momentum" else "no_score"

    @property
    def label(self) -> tuple[str, str, str]:
        """Return what tells it from other scores; the key of a composite names its strategy.

        The text of a key alone does not: it rounds numbers.
        """
        return self.name, str(self.key), self.best


MOMENTUM: Final = Score.of("momentum")
LARGEST: Final = Score.of("market_cap_msek")


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Strategy:
    """Rules that stocks must pass; those that do are ranked by a score, then by `ties`.

    `screens` are (reason, rule) in order: the first rule that is true excludes a stock. A
    composite adds two of its own. Stocks of the financial sectors in `keep_sectors` are eligible.
    `factors` are those of the catalogue that its rules read. One that is defined as data has its
    `definition`. The reasons of one `is_of_house` have sentences of their own.
    """

    name: str
    title: str
    description: str
    type: Family
    rebalance_months: tuple[int, ...]
    screens: tuple[tuple[str, pl.Expr], ...] = ()
    composite: Composite | None = None
    score: Score = MOMENTUM
    ties: tuple[Score, ...] = (LARGEST,)
    keep_sectors: tuple[str, ...] = ()
    portfolio_size: int = 10
    buy_rank: int = BUY_RANK
    sell_rank: int = SELL_RANK
    factors: frozenset[str] = frozenset()
    definition: Definition | None = None
    is_of_house: bool = False

    @property
    def rebalance_frequency(self) -> str:
        """Return how often the portfolio is rebalanced, in a word if the months are evenly spaced.

        For example quarterly, or 5 times a year.
        """
        months = set(self.rebalance_months)
        word = FREQUENCIES.get(len(months))
        if word and len({month % (12 // len(months)) for month in months}) == 1:
            return word
        return f"{len(months)} times a year"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return the metrics of the composite, if there is one."""
        return self.composite.metrics if self.composite else ()

    @property
    def conditions(self) -> Mapping[str, str]:
        """Return the condition of each screen, as it is written in the definition."""
        return self.definition.screens if self.definition else {}

    @property
    def reasons(self) -> Mapping[str, str]:
        """Return each reason to exclude a stock with its sentence, in the order they are tried."""
        return dict(self._reasons())

    def _reasons(self) -> Iterator[tuple[str, str]]:
        yield from ((reason, REASONS[reason]) for reason in OF_UNIVERSE)
        for reason, _ in self.screens:
            said = REASONS.get(reason) if self.is_of_house else None
            yield reason, said or f"its screen is true: {self.conditions.get(reason, reason)}"
        if self.composite:
            yield "missing_metrics", REASONS["missing_metrics"]
            yield self.composite.reason_outside, meaning_outside(self.composite.keep_percent)
        yield self.score.reason_without, REASONS[self.score.reason_without]

    def __repr__(self) -> str:
        return f"Strategy {self.name}: {self.description}"
