"""The inputs of a backtest, as a person gives them, and the rules that follow for a strategy."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from pipelines.ranking import Strategy
from pipelines.research.rules import Calendar, Fill, Rules
from pipelines.universe import Universe

OF_UNIVERSE: Final = "universe"
"""The benchmark that holds all eligible stocks of the universe in equal parts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What a backtest is of; the size and the band are those of the strategy unless they are given.

    `terms` are the weights, costs and the rest of the rules. `benchmark` is `universe`, the id of
    an index, the path of a CSV file with `date` and `close`, or None. `currency` None stands for
    that of the universe's returns. The risk-free rate is of a year.
    """

    universe: Universe
    since: date
    until: date
    calendar: Calendar = Calendar.STRATEGY
    fill: Fill = Fill.NEXT_CLOSE
    size: int | None = None
    buy_rank: int | None = None
    sell_rank: int | None = None
    terms: Rules = field(default_factory=Rules)
    currency: str | None = None
    benchmark: str | None = OF_UNIVERSE
    risk_free: float = 0.0

    @property
    def converted_to(self) -> str | None:
        """Return the currency into which prices are converted; None where none are."""
        of_universe = self.universe.returns_in
        return self.currency or (None if of_universe == "local" else of_universe)

    def rules_for(self, strategy: Strategy) -> Rules:
        """Return the rules of a strategy's portfolio."""
        size = strategy.portfolio_size if self.size is None else self.size
        own = strategy.buy_rank if self.size is None else size
        buy = own if self.buy_rank is None else self.buy_rank
        sell = max(strategy.sell_rank, buy) if self.sell_rank is None else self.sell_rank
        return replace(self.terms, size=size, buy_rank=buy, sell_rank=sell)
