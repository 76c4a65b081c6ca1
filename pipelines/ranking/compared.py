"""Two rankings beside each other: who came, who went, who moved, and why."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

NOT_LISTED = "not_listed"
"""The reason of a stock that is not among those of a date at all."""


@dataclass(frozen=True, slots=True)
class Change:
    """A stock on two dates: its ranks, and the reason for having none on one of them.

    A rank beyond those that are compared has the reason `outside_rank_N`.
    """

    ticker: str
    name: str | None
    rank_before: int | None
    rank: int | None
    score_before: float | None
    score: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Who came and moved, by the rank after; who went, by the rank before."""

    came: tuple[Change, ...]
    went: tuple[Change, ...]
    moved: tuple[Change, ...]


def changes_between(before: pl.DataFrame, after: pl.DataFrame, top: int | None = None) -> Changes:
    """Return the changes between two rankings of a strategy, of the first ranks or of all.

    Both frames have its rows, ranked and excluded.
    """
    both = _facts(before, "_before").join(_facts(after, ""), on="ticker", how="full", coalesce=True)
    was, is_ = _is_in("_before", top), _is_in("", top)
    names = pl.coalesce("name", "name_before")
    parts = (
        (is_ & ~was, "rank", _why("_before", top)),
        (was & ~is_, "rank_before", _why("", top)),
        (was & is_ & (pl.col("rank") != pl.col("rank_before")), "rank", pl.lit(None, pl.String)),
    )
    columns = ("ticker", names.alias("name"), "rank_before", "rank", "score_before", "score")
    found = (
        both.filter(rows).select(*columns, reason=reason).sort(order, "ticker")
        for rows, order, reason in parts
    )
    came, went, moved = (_changes(frame.iter_rows()) for frame in found)
    return Changes(came, went, moved)


def _facts(rows: pl.DataFrame, suffix: str) -> pl.DataFrame:
    kept = rows.select("ticker", "name", "rank", "score", "excluded_by", listed=pl.lit(value=True))
    return kept.rename({name: f"{name}{suffix}" for name in kept.columns if name != "ticker"})


def _is_in(suffix: str, top: int | None) -> pl.Expr:
    rank = pl.col(f"rank{suffix}")
    found = rank.is_not_null() if top is None else rank <= top
    return found.fill_null(value=False)


def _why(suffix: str, top: int | None) -> pl.Expr:
    """Return why a stock is not among the ranks on a date."""
    outside = pl.when(pl.col(f"rank{suffix}").is_not_null()).then(pl.lit(f"outside_rank_{top}"))
    unlisted = pl.when(pl.col(f"listed{suffix}").is_null()).then(pl.lit(NOT_LISTED))
    return pl.coalesce(outside, f"excluded_by{suffix}", unlisted)


def _changes(rows: Iterable[tuple[object, ...]]) -> tuple[Change, ...]:
    return tuple(Change(*row) for row in rows)  # type: ignore[arg-type]
