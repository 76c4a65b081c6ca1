"""The page explains a stock in the terms of the rankings."""

import json
import re

from fastapi.testclient import TestClient

from pipelines.lake import PHASES
from pipelines.ranking import FRACTIONS, REASONS


def test_the_terms_are_a_module_of_the_page(client: TestClient) -> None:
    answer = client.get("/static/js/terms.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    terms = dict(re.findall(r"^export const (\w+) = (.*);$", answer.text, re.MULTILINE))
    assert {name: json.loads(value) for name, value in terms.items()} == {
        "FRACTIONS": list(FRACTIONS),
        "REASONS": dict(REASONS),
        "PHASES": list(PHASES),
        "NOTHING_NEW": "checked, nothing new",
    }
    assert 'from "./terms.js"' in client.get("/static/js/refreshes.js").text
    assert 'from "./terms.js"' in client.get("/static/js/explanation.js").text
