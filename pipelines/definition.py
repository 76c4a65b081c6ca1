"""A strategy as data: the form in which TOML, JSON and a manifest hold it.

What its factors and conditions mean is decided by `pipelines.ranking`.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from pipelines.errors import BadDefinition

Order = Literal["highest", "lowest"]
"""Which values are the best ones."""
Family = Literal["momentum", "value", "dividend", "quality", "other"]
Month = Annotated[int, Meta(ge=1, le=12)]
Count = Annotated[int, Meta(ge=1, le=1000)]
Text = Annotated[str, Meta(min_length=1, max_length=500)]
Condition = Annotated[str, Meta(max_length=1000)]
Name = Annotated[str, Meta(max_length=100)]

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
RESERVED: Final = ("compare", "performance", "preview", "nordic", "all")
"""Names that stand for something else in a path of the service or in an option."""


class Ordered(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A factor by its name, or an expression in SQL, and which of its values are the best."""

    factor: Name | None = None
    expression: Condition | None = None
    order: Order | None = None


class Weighted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A factor of a composite; it counts as missing where the condition `where` is not true."""

    factor: Name
    order: Order | None = None
    weight: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    where: Condition | None = None


class CompositeForm(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The factors of a composite, how many a stock needs, and the best percent that stay."""

    factors: Annotated[tuple[Name | Weighted, ...], Meta(min_length=1, max_length=50)]
    at_least: Count
    keep_percent: Annotated[int, Meta(ge=1, le=100)] = 40

    @property
    def weighted(self) -> Iterator[Weighted]:
        """Yield the factors, those that are names with the weight 1."""
        for one in self.factors:
            yield Weighted(factor=one) if isinstance(one, str) else one


class Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A strategy as data; `screens` are reasons, each with the condition in SQL that excludes.

    A score that is a text is an expression, ordered from the highest value.
    """

    name: str
    title: Text
    description: Text
    type: Family
    rebalance_months: Annotated[tuple[Month, ...], Meta(min_length=1, max_length=12)]
    portfolio_size: Count = 10
    buy_rank: Count | None = None
    sell_rank: Count | None = None
    keeps_sectors: tuple[Name, ...] = ()
    screens: dict[str, Condition] = {}
    composite: CompositeForm | None = None
    score: Condition | Ordered = Ordered(factor="momentum")
    ties: Annotated[tuple[Name | Ordered, ...], Meta(max_length=10)] = ("market_cap_msek",)

    def __hash__(self) -> int:
        return hash(msgspec.json.encode(self))

    def form(self) -> Mapping[str, object]:
        """Return the definition as JSON holds it below its name, without what is at its default."""
        return {k: v for k, v in msgspec.to_builtins(self).items() if k != "name"}


def definition_of(name: str, form: object) -> Definition:
    """Return the definition in a table of TOML or an object of JSON.

    `BadDefinition` names the strategy, the key and what is wrong with it.
    """
    _check_name(name)
    if not isinstance(form, Mapping):
        raise BadDefinition(name, None, "is no table; write [strategies.calm] and keys below it")
    try:
        found = msgspec.convert({**form, "name": name}, Definition)
    except msgspec.ValidationError as error:
        raise _explained(name, form, str(error)) from None
    _check_numbers(found)
    return found


def definitions_in(tables: object) -> tuple[Definition, ...]:
    """Return the definitions in a table `strategies`."""
    if not isinstance(tables, Mapping):
        raise BadDefinition(None, "strategies", "is no table; write [strategies.calm]")
    return tuple(definition_of(name, form) for name, form in tables.items())


def definitions_from(path: Path) -> tuple[Definition, ...]:
    """Return the definitions in a TOML file, or in all TOML files of a folder by their names."""
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files:
        raise BadDefinition(None, str(path), "has no file that ends in .toml; add one")
    found: dict[str, Definition] = {}
    for file in files:
        for one in definitions_in(_read(file)):
            if one.name in found:
                raise BadDefinition(one.name, None, f"is defined twice, again in {file}")
            found[one.name] = one
    return tuple(found.values())


def _read(file: Path) -> object:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadDefinition(None, str(file), f"cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadDefinition(None, str(file), f"cannot be read: {error}") from None
    if tables.keys() != {"strategies"}:
        other = next((key for key in tables if key != "strategies"), None)
        said = f"holds the key {other!r}" if other else "holds no strategy"
        raise BadDefinition(None, str(file), f"{said}; write [strategies.calm] and keys below it")
    return tables["strategies"]


# ---------------------------------------------------------------------------------- messages


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        why = "is no name of a strategy; use a letter, then letters, digits and _, all lower case"
        raise BadDefinition(name, None, why)
    if name in RESERVED:
        raise BadDefinition(name, None, "stands for something else; name the strategy otherwise")


def _check_numbers(one: Definition) -> None:
    """Refuse numbers that are each possible, but not together."""
    needed, given = one.composite, len(one.composite.factors) if one.composite else 0
    if needed and needed.at_least > given:
        why = f"is {needed.at_least}, but the composite has {given} factors"
        raise BadDefinition(one.name, "composite.at_least", why)
    buy, sell = one.buy_rank or one.portfolio_size, one.sell_rank
    if sell is not None and sell < buy:
        why = f"is {sell}, before the rank {buy} up to which stocks are bought"
        raise BadDefinition(one.name, "sell_rank", why)
    if (months := one.rebalance_months) and len(set(months)) < len(months):
        raise BadDefinition(one.name, "rebalance_months", "names a month twice")


KEYS: Final[Mapping[str, Iterable[str]]] = {
    "": Definition.__struct_fields__[1:],
    "composite": CompositeForm.__struct_fields__,
    "composite.factors": Weighted.__struct_fields__,
    "score": Ordered.__struct_fields__,
    "ties": Ordered.__struct_fields__,
}
"""The keys of each part of a definition."""
AT: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?P<at>[^`]*)`)?$", re.DOTALL)
FIELD: Final = re.compile(r"(?P<kind>unknown|missing required) field `(?P<field>[^`]*)`")


def _explained(name: str, form: Mapping[str, Any], text: str) -> BadDefinition:
    """Return the error for the text of one, with the key, its value and the nearest key."""
    found = AT.match(text)
    what, at = (found["what"], found["at"] or "$") if found else (text, "$")
    key = at.removeprefix("$").replace("[...]", "").removeprefix(".")
    part = re.sub(r"\[\d+\]", "", key)
    if field := FIELD.search(what):
        whole = f"{key}.{field['field']}" if key else field["field"]
        if field["kind"] == "unknown":
            return BadDefinition(name, whole, unknown("key", field["field"], KEYS[part]))
        return BadDefinition(name, whole, "is missing; add it")
    value = _value(form, key)
    if part == "type" and isinstance(value, str):
        return BadDefinition(name, key, unknown("type", value, get_args(Family)))
    given = "" if value is None else f" is {value!r}"
    return BadDefinition(name, key or None, f"{given}; {_plainly(what)}".strip(" ;"))


def _value(form: Any, key: str) -> object:
    """Return the value at a key such as `ties[1].order`; None where there is none."""
    for step in re.findall(r"[^.\[\]]+", key):
        try:
            form = form[int(step) if step.isdecimal() else step]
        except (LookupError, TypeError):
            return None
    return form if isinstance(form, str | int | float) else None


WORDS: Final[Mapping[str, str]] = {
    "str | object": "a text or a table",
    "object": "a table",
    "array": "a list",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}


def _plainly(text: str) -> str:
    """Return a message in everyday words, such as `expected a text, got a whole number`."""
    if text.startswith("Invalid enum value"):
        return f"expected one of {', '.join(get_args(Order))}"
    words = re.sub(r"`?(str \| object|object|array|str|int|float|bool)\b`?", _word, text)
    return words[:1].lower() + words[1:].replace("`", "")


def _word(found: re.Match[str]) -> str:
    return WORDS[found[1]]


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return what to say of a name that is unknown: the nearest one, else all there are."""
    names = list(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f"the nearest is {near[0]}" if near else f"expected one of {', '.join(names)}"
    return f"unknown {kind} {name[:60]!r}; {hint}"
