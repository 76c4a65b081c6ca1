"""The OpenAPI document: every answer is as it says, and it says of everything what it is."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.main import create_app
from pipelines.settings import Settings
from tests.service.serving import DEADLINE_SECONDS, Json, Server, told_nothing_inside

CHECKS: Final = """
seed = 1
max-stream-events = 1
request-timeout = 180
continue-on-failure = true
warnings = false
[generation]
max-examples = 6
deterministic = true
database = "none"
[phases]
stateful.enabled = false
examples.enabled = false
coverage.unexpected-methods = ["DELETE"]
# A day in the future and a universe that is not known are refused, which no schema can say.
[checks.positive_data_acceptance]
enabled = false
"""


@pytest.fixture(scope="module")
def document() -> Json:
    return create_app(Settings()).openapi()


def test_every_answer_is_as_the_document_says(
    server: Server, document: Json, tmp_path: Path
) -> None:
    (tmp_path / "schemathesis.toml").write_text(CHECKS)
    answers = tmp_path / "answers.har"
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/v1/openapi.json",
         "--no-color", f"--report-har-path={answers}",
         "--header", f"Authorization: Bearer {server.token}"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=2 * DEADLINE_SECONDS,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
    operations = len(list(_operations(document)))
    assert re.search(rf"Tested: +{operations}\n", run.stdout), run.stdout
    assert "Traceback" not in server.log()
    told_nothing_inside(answers.read_text(), server.folder)


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


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
