"""What the documents say of paths, fields, errors, alerts, metrics and reasons is what is."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from app.main import create_app
from pipelines.demo_market import EVENT_TABLES, SCHEMA
from pipelines.lake import REJECTS, WARNINGS
from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.strategies import STRATEGIES
from pipelines.source import TABLES, preflight
from tests import documents
from tests.documents import ROOT, TEXTS, rows, section

API: Final = TEXTS["docs/api.md"]
METHODOLOGY: Final = TEXTS["docs/methodology.md"]
OPERATIONS: Final = TEXTS["docs/operations.md"]
Operation = tuple[str, str]
PLAIN: Final = (
    "/system/stream",
    "/metrics",
    "/export/rankings/{name}",
    "/strategies/{name}/tear-sheet",
)
"""Paths whose answers are no JSON."""


@cache
def described() -> Mapping[str, Any]:
    """What the service says of itself."""
    return create_app().openapi()


def operations() -> dict[Operation, Mapping[str, Any]]:
    """What is said of each method and path."""
    return {
        (method.upper(), path.removeprefix("/v1")): told
        for path, methods in described()["paths"].items()
        for method, told in methods.items()
    }


def documented() -> dict[Operation, list[str]]:
    """The cells of the row of each method and path."""
    found = {}
    for first, *cells in rows(API):
        for operation in re.findall(r"(GET|POST) `(/[^`]*)`", first):
            assert operation not in found
            found[operation] = cells
    return found


def words(text: str) -> set[str]:
    """The names in what is set as code."""
    return set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`([^`]+)`", text))))


def answered(operation: Operation) -> set[str]:
    """The fields that the document names."""
    answer = documented()[operation][-1]
    if "](#explain)" in answer:
        return words(section(API, "Explain"))
    return words(" ".join(re.findall(r"`[^`]*\{[^`]*`", answer)))


def fields(schema: Any) -> Iterator[str]:
    """The fields of a schema, with those of the fields."""
    if isinstance(schema, list):
        for part in schema:
            yield from fields(part)
    if not isinstance(schema, dict):
        return
    if name := schema.get("$ref", "").rpartition("/")[2]:
        yield from fields(described()["components"]["schemas"][name])
    yield from schema.get("properties", {})
    for key in ("anyOf", "items", "additionalProperties"):
        yield from fields(schema.get(key))
    yield from fields(list(schema.get("properties", {}).values()))


def answers_of(told: Mapping[str, Any]) -> set[str]:
    """The fields of the answers of an operation."""
    answers = (told["responses"].get(status) for status in ("200", "202"))
    return set(fields([a["content"]["application/json"]["schema"] for a in answers if a]))


# ---------------------------------------------------------------------------------- database


def test_the_statements_of_the_database_are_those_that_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    statements = documents.block(section(OPERATIONS, "The database: source_schema"), "sql")
    with closing(sqlite3.connect(path)) as con:
        con.executescript(statements)
    assert [table.name for table in preflight(path)] == list(TABLES)
    assert all(part.lstrip() in statements for part in EVENT_TABLES.values())
    assert statements.partition("CREATE TABLE splits")[0] in SCHEMA


# ------------------------------------------------------------------------------------- paths


def test_every_path_is_documented_and_no_other() -> None:
    assert sorted(documented()) == sorted(operations())


def test_the_parameters_are_documented() -> None:
    named = {
        operation: {p["name"] for p in told.get("parameters", []) if p["in"] == "query"}
        for operation, told in operations().items()
    }
    assert named == {
        operation: set(re.findall(r"`(\w+)`", cells[0])) if len(cells) > 1 else set()
        for operation, cells in documented().items()
    }


def test_the_fields_of_the_answer_are_documented() -> None:
    given = {o: answers_of(told) for o, told in operations().items() if o[1] not in PLAIN}
    assert given == {operation: answered(operation) for operation in given}


def test_what_needs_permission_is_documented() -> None:
    guarded = {o for o, told in operations().items() if "401" in told["responses"]}
    assert guarded == {o for o, cells in documented().items() if "#permission" in cells[-1]}
    assert {path for _, path in guarded} <= set(
        re.findall(r"`(/[^`]*)`", section(API, "Permission"))
    )


def test_every_status_is_documented() -> None:
    given = {status for told in operations().values() for status in told["responses"]}
    told = {cells[0] for cells in rows(section(API, "Errors"))} - {"status"}
    assert told == given - {"200", "202", "304"} | {"500"}


@pytest.mark.parametrize(
    "limit",
    ["LARGEST_HEAD: Final = 16_384", "LARGEST_BODY: Final = 64_000", "MAX_AGE: Final = 300"],
)
def test_limits_of_requests_are_those_of_the_code(limit: str) -> None:
    number = int(limit.rpartition(" ")[2])
    assert limit in documents.source()
    assert f"{number:,} bytes" in API or f"max-age={number}" in API


# --------------------------------------------------------------------------------- operation


def test_every_metric_is_documented() -> None:
    code = (ROOT / "app" / "metrics.py").read_text(encoding="utf-8")
    made = set(re.findall(r'"((?:stockrank|borslabbet)_\w+)"', code))
    counts = {f"borslabbet_{name}_total" for name in ("stocks", "prices", "signals")}
    told = re.findall(
        r"`((?:stockrank|borslabbet)_\w+)`", section(OPERATIONS, "Metrics and probes")
    )
    assert sorted(told) == sorted(made | counts)


def test_every_alert_is_documented() -> None:
    watch = ROOT / "app" / "watch"
    code = "".join(path.read_text(encoding="utf-8") for path in watch.glob("*rules.py"))
    keys = set(re.findall(r'(?:Observation\(|key = )"(\w+)"', code))
    assert {cells[0].strip("`") for cells in rows(section(OPERATIONS, "Alerts"))} - {
        "alert"
    } == keys


@pytest.mark.parametrize(
    "text",
    [
        text
        for cells in rows(section(OPERATIONS, "Errors and remedies"))
        for text in re.findall(r"`([^`]+)`", cells[0])
    ],
)
def test_every_error_is_told_by_the_code(text: str) -> None:
    assert text in documents.source()


# ------------------------------------------------------------------------------- methodology


def first_cells(title: str) -> set[str]:
    """What is set as code in the first cells below a heading of the methodology."""
    cells = rows(section(METHODOLOGY, title))
    return {text for first, *_ in cells for text in re.findall(r"`(\w+)`", first)}


def test_every_reason_of_a_rejected_row_is_documented() -> None:
    """The headings of both tables, between their rows, are no code."""
    cells = [row for row in rows(section(METHODOLOGY, "Rejected rows")) if row[0].startswith("`")]
    assert cells == [[f"`{code}`", text] for code, text in {**REJECTS, **WARNINGS}.items()]


def test_every_strategy_is_documented() -> None:
    table = [cells[:2] for cells in rows(section(METHODOLOGY, "Strategies"))][1:]
    assert table == [[f"`{s.name}`", s.title] for s in STRATEGIES.values()]


def test_every_signal_and_every_reason_is_documented(demo_market: Path) -> None:
    rankings = pl.scan_parquet(demo_market / "lake" / "current" / "rankings" / "*.parquet")
    reasons = rankings.select(pl.col("excluded_by").drop_nulls().unique()).collect().to_series()
    assert first_cells("F-score") == set(SIGNALS)
    assert set(reasons) <= set(re.findall(r"`(\w+)`", METHODOLOGY))
    assert {"no_f_score", "no_market_cap"} <= set(re.findall(r"`(\w+)`", METHODOLOGY))
