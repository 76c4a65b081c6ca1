"""The OpenAPI document says of everything what it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.main import create_app
from pipelines.settings import Settings

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    return create_app(Settings()).openapi()


def test_every_operation_is_described(document: Json) -> None:
    lacking = [
        name
        for name, operation in _operations(document)
        if not operation.get("description") or not operation.get("tags")
    ]
    assert lacking == []
    statuses = [(n, s, a) for n, o in _operations(document) for s, a in o["responses"].items()]
    assert [(name, status) for name, status, answer in statuses if not answer["description"]] == []


def test_every_parameter_is_described_with_an_example(document: Json) -> None:
    lacking = []
    for name, operation in _operations(document):
        bodies = [
            (f"{name} body", content["schema"])
            for content in operation.get("requestBody", {}).get("content", {}).values()
        ]
        parameters = [(f"{name} {p['name']}", p) for p in operation.get("parameters", [])]
        lacking += [who for who, what in parameters + bodies if not _is_told(what)]
    assert lacking == []


def test_every_field_is_described_with_an_example(document: Json) -> None:
    schemas = document["components"]["schemas"]
    assert len(schemas) > 40
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    fields = {
        f"{name}.{field}": what
        for name, schema in schemas.items()
        for field, what in schema.get("properties", {}).items()
    }
    assert len(fields) > 200
    assert [name for name, what in fields.items() if not _is_told(what)] == []


def _is_told(what: dict[str, Any]) -> bool:
    """Whether there is a description, and an example or a value that is the only one."""
    inner = what.get("schema", {})
    examples = what.get("examples") or what.get("example") or inner.get("examples")
    return bool(what.get("description")) and examples is not None


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation
