"""What decided about a stock: the screens with their values, the cut, who is ranked instead."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import polars as pl

from pipelines.ranking import sql
from pipelines.ranking.catalogue import COLUMNS
from pipelines.ranking.eligible import company, share
from pipelines.ranking.reasons import OF_UNIVERSE
from pipelines.ranking.strategy import Strategy

Value = float | str | bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingFact:
    """A value that a condition reads."""

    name: str
    value: Value


@dataclass(frozen=True, kw_only=True, slots=True)
class ScreenFact:
    """A screen with the values that decided; `excludes` is null where one is missing.

    Where the condition compares a value with a number, `cut`, `distance` is how far off it is.
    """

    reason: str
    condition: str | None
    excludes: bool | None
    values: tuple[ReadingFact, ...] = ()
    value: float | None = None
    cut: float | None = None

    @property
    def distance(self) -> float | None:
        """Return the value minus the cut; null where there is no such value."""
        return None if self.value is None or self.cut is None else self.value - self.cut


@dataclass(frozen=True, kw_only=True, slots=True)
class CutFact:
    """The cut of a composite: of `compared` stocks those up to the rank `kept` stay."""

    compared: int
    kept: int
    keep_percent: int
    distance: int | None
    """The primary rank of a stock minus the last one that stays; null without one."""


def screen_facts(row: pl.DataFrame, strategy: Strategy) -> Iterator[ScreenFact]:
    """Yield the screens of a strategy, as a row of its ranking decided them."""
    for reason, rule in strategy.screens:
        condition = strategy.conditions.get(reason)
        excludes = row.select(rule).item()
        if condition is None:
            yield ScreenFact(reason=reason, condition=None, excludes=excludes)
            continue
        part = sql.condition(condition, COLUMNS)
        yield ScreenFact(
            reason=reason,
            condition=condition,
            excludes=excludes,
            values=tuple(ReadingFact(name=n, value=row[n].item()) for n in sorted(part.columns)),
            value=row.select(part.cut.value).item() if part.cut else None,
            cut=part.cut.number if part.cut else None,
        )


def cut_of(ranking: pl.DataFrame, strategy: Strategy) -> CutFact | None:
    """Return the cut of a strategy's composite, which is of no stock; None without one."""
    if strategy.composite is None:
        return None
    percent, compared = strategy.composite.keep_percent, ranking["composite"].count()
    kept = max(1, compared * percent // 100)
    return CutFact(compared=compared, kept=kept, keep_percent=percent, distance=None)


def cut_fact(
    row: Mapping[str, object], ranking: pl.DataFrame, strategy: Strategy
) -> CutFact | None:
    """Return the cut of a strategy's composite, and how far a stock is off it."""
    cut, rank = cut_of(ranking, strategy), row["primary_rank"]
    return replace(cut, distance=rank - cut.kept) if cut and isinstance(rank, int) else cut


def ranked_instead(
    row: Mapping[str, object], ranking: pl.DataFrame, isins: Mapping[str, str | None]
) -> str | None:
    """Return the ticker of the same share or company that is eligible in place of one; else None.

    `isins` are those of the tickers.
    """
    reason = row["excluded_by"]
    groups = {"same_share": share(), "other_share_class": company()}
    if reason not in groups:
        return None
    key = groups[str(reason)]
    known = ranking.with_columns(
        isin=pl.col("ticker").replace_strict(isins, default=None, return_dtype=pl.String)
    ).with_columns(key_=key)
    mine = known.filter(ticker=row["ticker"])["key_"].item()
    others = known.filter(pl.col("key_") == mine, _is_eligible())["ticker"]
    return str(others[0]) if others.len() else None


def _is_eligible() -> pl.Expr:
    """Return true for a stock that no rule of the universe excludes."""
    return ~pl.col("excluded_by").is_in(OF_UNIVERSE).fill_null(value=False)
