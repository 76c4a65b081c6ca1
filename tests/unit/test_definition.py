"""Strategies as data: the form of TOML and JSON, and what is said of one that cannot be used."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipelines.definition import (
    CompositeForm,
    Definition,
    Ordered,
    definition_of,
    definitions_from,
)
from pipelines.errors import BadDefinition

CALM = """
[strategies.calm]
title = "Calm and cheap"
description = "The calmest of the cheapest 30 percent."
type = "value"                                  # momentum, value, dividend, quality, other
rebalance_months = [3]
portfolio_size = 10
sell_rank = 20
keeps_sectors = []
screens = { thin = "turnover_3m < 50e6" }       # reason = SQL condition; true leaves; in order
composite = { factors = ["earnings_yield"], at_least = 1, keep_percent = 30 }
score = { factor = "volatility_12m", order = "lowest" }
"""
FORM: dict[str, Any] = tomllib.loads(CALM)["strategies"]["calm"]


def test_the_form() -> None:
    assert definition_of("calm", FORM) == Definition(
        name="calm",
        title="Calm and cheap",
        description="The calmest of the cheapest 30 percent.",
        type="value",
        rebalance_months=(3,),
        portfolio_size=10,
        sell_rank=20,
        screens={"thin": "turnover_3m < 50e6"},
        composite=CompositeForm(factors=("earnings_yield",), at_least=1, keep_percent=30),
        score=Ordered(factor="volatility_12m", order="lowest"),
    )


def test_what_is_left_out_has_a_default() -> None:
    short = {k: FORM[k] for k in ("title", "description", "type", "rebalance_months")}
    one = definition_of("calm", short)
    assert (one.portfolio_size, one.keeps_sectors, one.screens, one.composite) == (10, (), {}, None)
    assert (one.score, one.ties) == (Ordered(factor="momentum"), ("market_cap_msek",))


def test_it_is_the_same_after_json() -> None:
    one = definition_of("calm", FORM)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Definition) == one
    assert definition_of("calm", one.form()) == one
    assert "sell_rank" in one.form()
    assert "portfolio_size" not in one.form()
    assert hash(one) == hash(definition_of("calm", FORM))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"portfolio_sizes": 3},
         "portfolio_sizes: unknown key 'portfolio_sizes'; the nearest is portfolio_size"),
        ({"title": None}, "title: expected a text, got null"),
        ({"type": "valu"}, "type: unknown type 'valu'; the nearest is value"),
        ({"rebalance_months": [13]}, "rebalance_months[0]: is 13; expected a whole number <= 12"),
        ({"rebalance_months": []}, "rebalance_months: expected a list of length >= 1"),
        ({"rebalance_months": [3, 3]}, "rebalance_months: names a month twice"),
        ({"portfolio_size": "ten"},
         "portfolio_size: is 'ten'; expected a whole number, got a text"),
        ({"portfolio_size": True},
         "portfolio_size: is True; expected a whole number, got true or false"),
        ({"portfolio_size": 0}, "portfolio_size: is 0; expected a whole number >= 1"),
        ({"sell_rank": 5}, "sell_rank: is 5, before the rank 10 up to which stocks are bought"),
        ({"screens": {"thin": 4}}, "screens: expected a text, got a whole number"),
        ({"score": {"factor": "pe", "order": "low"}},
         "score.order: is 'low'; expected one of highest, lowest"),
        ({"score": 3}, "score: is 3; expected a text or a table, got a whole number"),
        ({"composite": {"factors": ["pe"], "at_least": 2}},
         "composite.at_least: is 2, but the composite has 1 factors"),
        ({"composite": {"factors": [{"factr": "pe"}], "at_least": 1}},
         "composite.factors[0].factr: unknown key 'factr'; the nearest is factor"),
        ({"composite": {"factors": ["pe"]}}, "composite.at_least: is missing; add it"),
        ({"composite": {"factors": [{"factor": "pe", "weight": float("nan")}], "at_least": 1}},
         "composite.factors[0].weight: is nan; expected a number > 0.0"),
    ],
)  # fmt: skip
def test_an_error_names_the_strategy_the_key_and_the_nearest(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadDefinition) as error:
        definition_of("calm", FORM | change)
    assert str(error.value) == f"strategy 'calm', {message}"


@pytest.mark.parametrize("name", ["", "3m", "Calm", "a-b", "a" * 61, "calm\n", "preview", "all"])
def test_a_name_that_no_strategy_may_have(name: str) -> None:
    with pytest.raises(BadDefinition, match="name"):
        definition_of(name, FORM)


def test_a_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(CALM)
    (tmp_path / "b.toml").write_text(CALM.replace("calm]", "calmer]"))
    (tmp_path / "notes.md").write_text("no strategy")
    assert [one.name for one in definitions_from(tmp_path / "a.toml")] == ["calm"]
    assert [one.name for one in definitions_from(tmp_path)] == ["calm", "calmer"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no file that ends in .toml; add one"),
        ({"a.toml": "[strategies"}, "cannot be read: "),
        ({"a.toml": "lake = 'x'"}, "holds the key 'lake'; write "),
        ({"a.toml": ""}, "holds no strategy; write "),
        ({"a.toml": "strategies = 3"}, "strategies: is no table; write "),
        ({"a.toml": CALM, "b.toml": CALM}, "strategy 'calm': is defined twice, again in "),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(BadDefinition) as error:
        definitions_from(tmp_path)
    assert message in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadDefinition, match=r"none.toml: cannot be read: No such file"):
        definitions_from(tmp_path / "none.toml")
