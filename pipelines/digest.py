"""A short hash of values, the same in every process and on every machine."""

import json
from dataclasses import fields, is_dataclass
from datetime import date
from hashlib import sha256

import msgspec
import polars as pl


def digest(value: object) -> str:
    """Return a hash of JSON values, dates, sets, structs, expressions and types, also nested."""
    text = json.dumps(value, sort_keys=True, default=_plain)
    return sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    if isinstance(value, pl.Expr):
        return value.meta.serialize(format="json")
    if isinstance(value, pl.DataType):
        return str(value)
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"a {type(value).__name__} has no text that is the same in every process")
