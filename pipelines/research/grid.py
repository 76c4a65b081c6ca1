"""A grid of variants, from a TOML file: each combination of the choices is a portfolio."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import product
from pathlib import Path
from types import UnionType
from typing import Any, Final, TypeVar

from pipelines.definition import definition_of
from pipelines.digest import digest
from pipelines.errors import StockRankError, Unknown, WrongUsage
from pipelines.ranking import Strategy, strategy_named, strategy_of
from pipelines.research.ranks import months_of
from pipelines.research.rules import Calendar, Rules, Weighting
from pipelines.universe import Universe

KEYS: Final = ("strategies", "universe", "from", "to", "grid")
KINDS: Final[Mapping[str, type | UnionType]] = {
    "size": int, "buy_rank": int, "sell_rank": int, "weighting": Weighting,
    **dict.fromkeys(("cost_bps", "min_fee", "half_spread_bps", "capital", "delisting_factor"),
                    int | float),
    "whole_shares": bool,
}  # fmt: skip
"""The keys that are rules of a portfolio, each with the type of its values."""
WORDS: Final[Mapping[type | UnionType, str]] = {
    int: "whole number",
    int | float: "number",
    bool: "true or false",
}
MOST: Final = 100_000
"""Variants in a grid."""

EnumT = TypeVar("EnumT", bound=StrEnum)
Choice = tuple[tuple[str, object], ...]
"""One value of each key of the grid."""


@dataclass(frozen=True)
class Grid:
    """The strategies of a search, the time, and the choices by key."""

    strategies: tuple[str, ...]
    universe: str | None
    since: date
    until: date | None
    choices: Mapping[str, tuple[object, ...]]


@dataclass(frozen=True)
class Variant:
    """A portfolio of a grid, with the choices that it is of."""

    strategy: Strategy
    months: tuple[int, ...]
    rules: Rules
    choice: Choice


def read_grid(path: Path) -> Grid:
    """Return the grid of a TOML file; an error names the key and what is expected."""
    try:
        form = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StockRankError(f"cannot read the grid {path}: {error}") from None
    for key in form:
        if key not in KEYS:
            raise Unknown("key of the grid", key, KEYS)
    choices = form.get("grid", {})
    if not isinstance(choices, Mapping) or not form.get("strategies"):
        raise StockRankError(f"{path} needs strategies = [...] and a table [grid]; add them")
    return Grid(
        strategies=tuple(map(str, form["strategies"])), universe=form.get("universe"),
        since=_day(form, "from") or date(1990, 1, 1), until=_day(form, "to"),
        choices={key: _values(key, values) for key, values in choices.items()},
    )  # fmt: skip


def _day(form: Mapping[str, object], key: str) -> date | None:
    value = form.get(key)
    if value is not None and not isinstance(value, date):
        raise StockRankError(f"{key} = {value!r} is no date; write it as {key} = 2010-01-01")
    return value


def _values(key: str, values: object) -> tuple[object, ...]:
    if not isinstance(values, list) or not values:
        raise StockRankError(f"grid.{key} = {values!r} is no list; write {key} = [a, b]")
    return tuple(values)


def variants(grid: Grid, universe: Universe) -> list[Variant]:
    """Return all combinations of a grid; a key with a dot is one of the definition.

    Combinations whose sell rank is above the buy rank are none.
    """
    count = len(grid.strategies)
    for values in grid.choices.values():
        count *= len(values)
    if count > MOST:
        raise WrongUsage(f"the grid has {count:,} variants; give one of up to {MOST:,}")
    made = (
        _variant(name, choice, universe) for name in grid.strategies for choice in _choices(grid)
    )
    found = [variant for variant in made if variant is not None]
    if not found:
        raise WrongUsage("no variant of the grid buys at a rank that it keeps; raise sell_rank")
    return found


def _choices(grid: Grid) -> Iterator[Choice]:
    for values in product(*grid.choices.values()):
        yield tuple(zip(grid.choices, values, strict=True))


def _variant(name: str, choice: Choice, universe: Universe) -> Variant | None:
    of_definition = {key: value for key, value in choice if key.startswith("definition.")}
    strategy = _changed(strategy_named(name, universe), of_definition)
    rest = {key: value for key, value in choice if key not in of_definition}
    calendar = _of_enum(Calendar, "rebalance", rest.pop("rebalance", Calendar.STRATEGY))
    rules = _rules(strategy, {key: _checked(key, value) for key, value in rest.items()})
    if rules is None:
        return None
    return Variant(strategy, months_of(strategy, calendar), rules, (("strategy", name), *choice))


def _rules(strategy: Strategy, given: Mapping[str, Any]) -> Rules | None:
    """Return the rules of a variant; as of a backtest, what is given moves the ranks after it."""
    size = given.get("size", strategy.portfolio_size)
    buy = given.get("buy_rank", size if "size" in given else strategy.buy_rank)
    sell = given.get("sell_rank", max(strategy.sell_rank, buy))
    if sell < buy:
        return None
    return Rules(**{**given, "size": size, "buy_rank": buy, "sell_rank": sell})


def _checked(key: str, value: object) -> object:
    """Return a value of a rule; the errors name the key."""
    if key not in KINDS:
        raise Unknown("key of [grid]", key, [*KINDS, "rebalance", "definition.…"])
    kind = KINDS[key]
    if kind is Weighting:
        return _of_enum(Weighting, key, value)
    # In Python a truth is a number, too.
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise WrongUsage(f"grid.{key} has {value!r}, which is no {WORDS[kind]}; write another")
    return value


def _of_enum(kind: type[EnumT], key: str, value: object) -> EnumT:
    try:
        return kind(str(value))
    except ValueError:
        raise Unknown(f"value of grid.{key}", str(value), kind) from None


def _changed(strategy: Strategy, changes: Mapping[str, object]) -> Strategy:
    """Return a strategy with other values in its definition, under a name of its own."""
    if not changes:
        return strategy
    if strategy.definition is None:
        raise StockRankError(f"{strategy.name} has no definition to change; leave definition.… out")
    form: dict[str, object] = dict(strategy.definition.form())
    for path, value in changes.items():
        _put(form, path.split(".")[1:], value)
    name = f"{strategy.name[:40]}_{digest(sorted(changes.items()))}"
    return strategy_of(definition_of(name, form))


def _put(form: dict[str, object], path: list[str], value: object) -> None:
    key, *below = path
    if not below:
        form[key] = value
        return
    inner = form.get(key)
    if not isinstance(inner, Mapping):
        raise Unknown("key of the definition", key, form)
    changed = dict(inner)
    _put(changed, below, value)
    form[key] = changed
