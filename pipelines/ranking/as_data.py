"""From the definition of a strategy to its value: names are looked up, conditions are read."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import polars as pl

from pipelines.definition import NAME, Definition, Ordered, Weighted, unknown
from pipelines.errors import BadDefinition
from pipelines.ranking import sql
from pipelines.ranking.catalogue import COLUMNS, FACTORS
from pipelines.ranking.eligible import FINANCIAL
from pipelines.ranking.reasons import OF_SCREENS, REASONS
from pipelines.ranking.sql_parts import Part
from pipelines.ranking.strategy import Composite, Metric, Score, Strategy, own
from pipelines.ranking.words import NotSql


@lru_cache(maxsize=512)
def strategy_of(definition: Definition) -> Strategy:
    """Return the strategy of a definition; `BadDefinition` names the key, and the nearest name."""
    return _Made(definition).strategy()


class _Made:
    """What is made of a definition, and the factors that it reads."""

    def __init__(self, definition: Definition) -> None:
        self._of = definition
        self._factors: set[str] = set()

    def strategy(self) -> Strategy:
        one = self._of
        buy = one.buy_rank or one.portfolio_size
        return Strategy(
            name=one.name,
            title=one.title,
            description=one.description,
            type=one.type,
            rebalance_months=one.rebalance_months,
            screens=tuple(self._screens()),
            composite=self._composite(),
            score=self._score(one.score, "score"),
            ties=tuple(self._score(tie, f"ties[{n}]") for n, tie in enumerate(self._ties())),
            keep_sectors=tuple(self._sectors()),
            portfolio_size=one.portfolio_size,
            buy_rank=buy,
            sell_rank=one.sell_rank or 2 * buy,
            factors=frozenset(self._factors),
            definition=one,
        )

    def _ties(self) -> Iterator[Ordered]:
        for tie in self._of.ties:
            yield Ordered(factor=tie) if isinstance(tie, str) else tie

    def _sectors(self) -> Iterator[str]:
        for n, sector in enumerate(self._of.keeps_sectors):
            if sector not in FINANCIAL:
                raise self._wrong(f"keeps_sectors[{n}]", unknown("sector", sector, FINANCIAL))
            yield sector

    def _screens(self) -> Iterator[tuple[str, pl.Expr]]:
        for reason, text in self._of.screens.items():
            key = f"screens.{reason}"
            if not NAME.fullmatch(reason):
                why = "is no name of a reason; use a letter, then letters, digits and _"
                raise self._wrong(key, f"{why}, all lower case")
            is_taken = reason in REASONS and reason not in OF_SCREENS
            if is_taken or reason.startswith("outside_best_"):
                raise self._wrong(key, "is a reason of every strategy; name the screen otherwise")
            yield reason, self._read(sql.condition, text, key).expr

    def _composite(self) -> Composite | None:
        form = self._of.composite
        if form is None:
            return None
        metrics = tuple(self._metrics())
        return Composite(metrics=metrics, at_least=form.at_least, keep_percent=form.keep_percent)

    def _metrics(self) -> Iterator[Metric]:
        seen: set[str] = set()
        for n, one in enumerate(self._of.composite.weighted if self._of.composite else ()):
            key = f"composite.factors[{n}]"
            if one.factor in seen:
                raise self._wrong(key, f"{one.factor!r} is named twice; give it a weight")
            seen.add(one.factor)
            yield self._metric(one, key)

    def _metric(self, one: Weighted, key: str) -> Metric:
        factor = FACTORS[self._known(one.factor, key)]
        best = one.order or factor.best
        if best is None:
            raise self._wrong(key, f"say which values of {one.factor} are best: add order")
        value = factor.highest_first(best)
        if one.where is not None:
            where = self._read(sql.condition, one.where, f"{key}.where").expr
            value = pl.when(where).then(value)
        return Metric(name=one.factor, value=value, best=best, weight=one.weight)

    def _score(self, form: str | Ordered, key: str) -> Score:
        if isinstance(form, str):
            return self._computed(Ordered(expression=form), key)
        if (form.factor is None) == (form.expression is None):
            raise self._wrong(key, "needs a factor or an expression, and not both")
        if form.factor is None:
            return self._computed(form, f"{key}.expression")
        if form.factor == "composite":
            return self._of_composite(form, key)
        factor = FACTORS[self._known(form.factor, f"{key}.factor")]
        if (form.order or factor.best) is None:
            raise self._wrong(key, f"say which values of {form.factor} are best: add order")
        return Score.of(form.factor, form.order)

    def _of_composite(self, form: Ordered, key: str) -> Score:
        if self._of.composite is None:
            raise self._wrong(key, "there is no composite; add one, or name a factor")
        if form.order == "highest":
            raise self._wrong(f"{key}.order", "the lowest composite is the best one")
        value = pl.col(own("composite", self._of.name))
        return Score(name="composite", value=value, key=-value, best="lowest")

    def _computed(self, form: Ordered, key: str) -> Score:
        text, best = form.expression or "", form.order or "highest"
        value = self._read(sql.expression, text, key).finite
        key_ = value if best == "highest" else -value
        return Score(name=text, value=value, key=key_, best=best)

    def _read(self, read: Callable[[str, sql.Columns], Part], text: str, key: str) -> Part:
        try:
            found = read(text, COLUMNS)
        except NotSql as error:
            raise BadDefinition(self._of.name, key, str(error), error.at) from None
        self._factors.update(found.columns)
        return found

    def _known(self, factor: str, key: str) -> str:
        if factor not in FACTORS:
            raise self._wrong(key, unknown("factor", factor, FACTORS))
        self._factors.add(factor)
        return factor

    def _wrong(self, key: str, why: str) -> BadDefinition:
        return BadDefinition(self._of.name, key, why)
