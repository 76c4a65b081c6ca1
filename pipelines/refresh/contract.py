"""The contract that datasets are written by, as one short hash; only the write side imports it."""

from collections.abc import Mapping
from typing import Any

import dataframely as dy

from pipelines import lake
from pipelines.digest import digest
from pipelines.lake import CONTRACTS, REASONS
from pipelines.refresh import normalise
from pipelines.source import TABLES


def contract_hash() -> str:
    """Return the hash of the schemas, the source tables and the version of the normaliser."""
    schemas = {name: _schema(schema) for name, schema in CONTRACTS.items()}
    tables = {name: list(columns.items()) for name, columns in TABLES.items()}
    return digest([normalise.NORMALISER_VERSION, schemas, dict(REASONS), tables])


def _schema(schema: type[dy.Schema]) -> list[object]:
    """The columns in order, and the rules: nullability and bounds are among them."""
    columns = [[name, column.dtype] for name, column in schema.columns().items()]
    rules = schema._validation_rules(with_cast=False)  # noqa: SLF001 - there is no public list
    return [columns, {name: rule.expr for name, rule in rules.items()}]


def is_made_alike(manifest: Mapping[str, Any]) -> bool:
    """Return whether a version was written under this contract and by these libraries."""
    made = (manifest["libraries"], manifest.get("contract"))
    return made == (lake.libraries(), contract_hash())
