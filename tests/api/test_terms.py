"""The operator's page tells of refreshes, checks and alerts in the terms of the service."""

import json
import re
from pathlib import Path
from typing import Final

from fastapi.testclient import TestClient

from app.jobs.outcome import BACKTESTS
from pipelines.lake import PHASES

APP: Final = Path(__file__).parents[2] / "app"


def said() -> dict[str, str]:
    """The texts of the page."""
    found: dict[str, str] = json.loads((APP / "static/messages/en.json").read_text())
    return found


def test_the_terms_are_a_module_of_the_page(client: TestClient) -> None:
    answer = client.get("/static/pages/terms.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    terms = dict(re.findall(r"^export const (\w+) = (.*);$", answer.text, re.MULTILINE))
    assert {name: json.loads(value) for name, value in terms.items()} == {
        "PHASES": list(PHASES),
        "NOTHING_NEW": "checked, nothing new",
    }
    assert 'from "../terms.js"' in client.get("/static/pages/status/refreshes.js").text


def test_phases_and_checks_have_texts(client: TestClient) -> None:
    checks = [check["name"] for check in client.get("/v1/data/integrity").json()["checks"]]
    assert len(checks) > 10
    phases = [*PHASES, BACKTESTS]
    named = [*(f"phase.{phase}" for phase in phases), *(f"check.{name}" for name in checks)]
    assert [name for name in named if name not in said()] == []


def test_alerts_have_texts() -> None:
    rules = "".join((APP / "watch" / name).read_text() for name in ("rules.py", "version_rules.py"))
    keys = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)", "(?:warning|critical)"', rules))
    keys |= set(re.findall(r'Observation\(\s*f?"([a-z_]+)', rules))
    assert len(keys) > 10
    assert [key for key in sorted(keys) if f"alert.{key}" not in said()] == []
