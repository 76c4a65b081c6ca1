"""Rows held to a contract: a look at all rules at once, and the contract library for the rest."""

from functools import cache

import dataframely as dy
import polars as pl

from pipelines.lake import CONTRACTS


def meet(rows: pl.DataFrame, contract: type[dy.Schema]) -> bool:
    """Return True if rows of the types of a contract all meet its rules; they mostly do.

    The library takes longer to tell, for it makes a plan with a column for each rule.
    """
    types, rules = _of(contract)
    there = rows.schema
    typed = all(there.get(column) == dtype for column, dtype in types.items())
    return typed and all(rows.select(**rules).row(0))


def hold(rows: pl.DataFrame, dataset: str) -> None:
    """Raise an error of the contract unless all rows meet that of a dataset, cast to its types."""
    contract = CONTRACTS[dataset]
    if not meet(rows, contract):
        contract.validate(rows, cast=True)


@cache
def _of(contract: type[dy.Schema]) -> tuple[dict[str, pl.DataType], dict[str, pl.Expr]]:
    """Return the type of each column, and for each rule if all rows meet it; a null does."""
    types = {name: column.dtype for name, column in contract.columns().items()}
    rules = contract._validation_rules(with_cast=False)  # noqa: SLF001 - nothing else has them all
    return types, {name: rule.expr.all() for name, rule in rules.items()}
