"""The strategies of the house, in `strategies.toml`, and those that a universe adds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from pipelines.definition import Definition, definitions_from
from pipelines.errors import BadDefinition, Unknown
from pipelines.ranking.as_data import strategy_of
from pipelines.ranking.strategy import Strategy
from pipelines.universe import Universe

STRATEGIES: Final[dict[str, Strategy]] = {
    one.name: replace(strategy_of(one), is_of_house=True)
    for one in definitions_from(Path(__file__).with_name("strategies.toml"))
}

NORDIC_MOMENTUM: Final = strategy_of(
    definitions_from(Path(__file__).with_name("nordic_momentum.toml"))[0]
)
"""The strategy of the Nordic paths of the service, on the universe `nordic`."""


def strategies_of(universe: Universe) -> Mapping[str, Strategy]:
    """Return the strategies that a universe is ranked by: those of the house, then its own.

    `BadDefinition` for one of its own that cannot be used.
    """
    return STRATEGIES | {one.name: strategy_of(one) for one in universe.strategies if _is_own(one)}


def _is_own(one: Definition) -> bool:
    """Return false for a definition of the house that is repeated; refuse another of its name."""
    house = STRATEGIES.get(one.name)
    if house is None:
        return True
    if house.definition == one:
        return False
    raise BadDefinition(one.name, None, "is a strategy of the house; give yours another name")


def strategy_named(name: str, universe: Universe | None = None) -> Strategy:
    """Return the strategy of that name; `Unknown` lists the names there are."""
    there = STRATEGIES if universe is None else strategies_of(universe)
    if name not in there:
        titles = {one.title.casefold(): one.name for one in there.values()}
        raise Unknown("strategy", name, there, nearest=titles.get(name.casefold()))
    return there[name]
