"""The four strategies, as values."""

from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from pipelines.errors import Unknown
from pipelines.ranking.eligible import INVESTMENT_COMPANY
from pipelines.ranking.expressions import positive
from pipelines.ranking.ratios import ratio_named

FREQUENCIES: Final = {1: "annual", 2: "semiannual", 4: "quarterly", 12: "monthly"}
"""The word for a number of rebalancings a year."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A number by which stocks are ranked, the highest first; null where it is missing."""

    name: str
    value: pl.Expr


@dataclass(frozen=True, kw_only=True, slots=True)
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
        return f"outside_best_{self.keep_percent}_percent"


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Strategy:
    """Rules that stocks must pass; those that do are ranked by momentum.

    `screens` are (reason, rule) in order: the first rule that is true excludes a stock. A
    composite adds two of its own. Stocks of the financial sectors in `keep_sectors` are eligible.
    """

    name: str
    title: str
    description: str
    type: Literal["momentum", "value", "dividend", "quality"]
    rebalance_months: tuple[int, ...]
    screens: tuple[tuple[str, pl.Expr], ...] = ()
    composite: Composite | None = None
    keep_sectors: tuple[str, ...] = ()
    portfolio_size: int = 10

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

    def __repr__(self) -> str:
        return f"Strategy {self.name}: {self.description}"


def _ratios(*names: str) -> tuple[Metric, ...]:
    return tuple(Metric(name=n, value=ratio_named(n).highest_first()) for n in names)


STRATEGIES: Final = {
    s.name: s
    for s in (
        Strategy(
            name="sammansatt_momentum",
            title="Sammansatt Momentum",
            description="Mean of the 3, 6 and 12 month returns among stocks with an F-score of "
            "at least 5 of 9.",
            type="momentum",
            rebalance_months=(3, 6, 9, 12),
            screens=(
                ("no_f_score", pl.col("f_available") < 3),
                ("low_f_score", pl.col("f_score") * 9 < pl.col("f_available") * 5),
            ),
            keep_sectors=(INVESTMENT_COMPANY,),
        ),
        Strategy(
            name="trendande_varde",
            title="Trendande Värde",
            description="Momentum among the cheapest 40 % by P/E, P/B, P/S, P/FCF, EV/EBITDA "
            "and dividend yield.",
            type="value",
            rebalance_months=(3,),
            composite=Composite(
                metrics=_ratios("pe", "pb", "ps", "p_fcf", "ev_ebitda", "dividend_yield"),
                at_least=4,
            ),
        ),
        Strategy(
            name="trendande_utdelning",
            title="Trendande Utdelning",
            description="Momentum among the 40 % with the highest dividend yield.",
            type="dividend",
            rebalance_months=(3,),
            composite=Composite(
                metrics=(Metric(name="dividend_yield", value=positive("dividend_yield")),),
                at_least=1,
            ),
        ),
        Strategy(
            name="trendande_kvalitet",
            title="Trendande Kvalitet",
            description="Momentum among the best 40 % by ROE, ROA, ROIC and FCFROE.",
            type="quality",
            rebalance_months=(3,),
            composite=Composite(metrics=_ratios("roe", "roa", "roic", "fcfroe"), at_least=3),
        ),
    )
}


def strategy_named(name: str) -> Strategy:
    """Return the strategy of that name; `Unknown` lists the names there are."""
    if name not in STRATEGIES:
        raise Unknown("strategy", name, STRATEGIES)
    return STRATEGIES[name]
