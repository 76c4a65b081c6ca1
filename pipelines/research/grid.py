"""A grid of variants, from a TOML file: each combination of the choices is a portfolio."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any, Final, TypeVar

from pipelines.definition import definition_of
from pipelines.digest import digest
from pipelines.errors import StockRankError, Unknown, WrongUsage
from pipelines.ranking import Strategy, strategy_named, strategy_of
from pipelines.research.ranks import months_of
from pipelines.research.rules import Calendar, Fill, Rules, Weighting
from pipelines.universe import BUILT_IN, Universe

KEYS: Final = ("strategies", "universe", "from", "to", "grid")
OF_RULES: Final = tuple(field.name for field in fields(Rules))
WHOLE: Final = ("size", "buy_rank", "sell_rank")
OF_PRICES: Final = ("rebalance", "fill", "currency", "universe")
MOST: Final = 100_000
"""Variants in a grid."""

Kind = TypeVar("Kind", bound=StrEnum)
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
    """A portfolio of a grid, with the choices that it is of.

    `currency` None converts nothing.
    """

    universe: Universe
    currency: str | None
    fill: Fill
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


def built_in(name: str) -> Universe:
    """Return one of the universes that are always there."""
    known = {universe.name: universe for universe in BUILT_IN}
    if name not in known:
        raise Unknown("universe", name, known)
    return known[name]


Named = Callable[[str], Universe]


def variants(grid: Grid, universe: Universe, named: Named = built_in) -> list[Variant]:
    """Return all combinations of a grid; a key with a dot is one of the definition.

    Combinations whose sell rank is above the buy rank are none. `named` returns the universe of a
    name, where the grid has a choice of them.
    """
    count = len(grid.strategies)
    for values in grid.choices.values():
        count *= len(values)
    if count > MOST:
        raise WrongUsage(f"the grid has {count:,} variants; give one of up to {MOST:,}")
    made = (
        _variant(name, choice, _universe(choice, universe, named))
        for name in grid.strategies
        for choice in _choices(grid)
    )
    found = [variant for variant in made if variant is not None]
    if not found:
        raise WrongUsage("no variant of the grid buys at a rank that it keeps; raise sell_rank")
    return found


def _choices(grid: Grid) -> Iterator[Choice]:
    for values in product(*grid.choices.values()):
        yield tuple(zip(grid.choices, values, strict=True))


def _universe(choice: Choice, universe: Universe, named: Named) -> Universe:
    chosen = dict(choice).get("universe")
    return universe if chosen is None else named(str(chosen))


def _variant(name: str, choice: Choice, universe: Universe) -> Variant | None:
    of_definition = {key: value for key, value in choice if key.startswith("definition.")}
    strategy = _changed(strategy_named(name, universe), of_definition)
    rest = {key: value for key, value in choice if key not in of_definition}
    calendar = _one_of(Calendar, "rebalance", rest.pop("rebalance", Calendar.STRATEGY))
    fill = _one_of(Fill, "fill", rest.pop("fill", Fill.NEXT_CLOSE))
    local = None if universe.returns_in == "local" else universe.returns_in
    currency = rest.pop("currency", local)
    rest.pop("universe", None)
    for key in rest:
        if key not in OF_RULES:
            raise Unknown("key of [grid]", key, [*OF_RULES, *OF_PRICES, "definition.…"])
    rules = _rules(strategy, {key: _checked(key, value) for key, value in rest.items()})
    if rules is None:
        return None
    return Variant(
        universe=universe, currency=None if currency is None else str(currency), fill=fill,
        strategy=strategy, months=months_of(strategy, calendar),
        rules=rules,
        choice=(("strategy", name), *choice),
    )  # fmt: skip


def _rules(strategy: Strategy, given: Mapping[str, Any]) -> Rules | None:
    """Return the rules of a variant: as in a backtest, stocks are bought up to a size given."""
    size = given.get("size", strategy.portfolio_size)
    buy = given.get("buy_rank", size if "size" in given else strategy.buy_rank)
    sell = given.get("sell_rank", max(strategy.sell_rank, buy))
    if sell < buy:
        return None
    return Rules(**{**given, "size": size, "buy_rank": buy, "sell_rank": sell})


def _checked(key: str, value: object) -> object:
    """Return a value of a rule; the errors name the key."""
    if key == "weighting":
        return _one_of(Weighting, key, value)
    kind = int if key in WHOLE else bool if key == "whole_shares" else int | float
    # In Python a truth is a number, too.
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        told = "whole number" if key in WHOLE else "true or false" if kind is bool else "number"
        raise WrongUsage(f"grid.{key} has {value!r}, which is no {told}; write another")
    return value


def _one_of(kind: type[Kind], key: str, value: object) -> Kind:
    """Return one of the values that a key takes; `Unknown` names them."""
    try:
        return kind(str(value))
    except ValueError:
        raise Unknown(f"value of grid.{key}", str(value), [one.value for one in kind]) from None


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
