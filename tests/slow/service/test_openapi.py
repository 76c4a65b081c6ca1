"""Every answer of the service is as its OpenAPI document says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from app.main import create_app
from pipelines.settings import Settings
from tests.slow.service.serving import DEADLINE_SECONDS, ROOT, Server, told_nothing_inside

CHECKS: Final = """
seed = 1
max-stream-events = 1
request-timeout = 180
continue-on-failure = true
warnings = false
[generation]
max-examples = 3
deterministic = true
database = "none"
[phases]
stateful.enabled = false
examples.enabled = false
coverage.unexpected-methods = ["DELETE"]
# A day in the future and a universe that is not known are refused, which no schema can say.
[checks.positive_data_acceptance]
enabled = false
# A version that is newer than the current one may come soon, which is a 503.
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]
# Each answer starts a process or reads many days: what is refused costs nothing, and a few that are
# accepted tell of the others.
[[operations]]
include-path-regex = "^/v1/backtests$|(backtest|tear-sheet|factor-report)$|nordic/momentum"
phases.coverage.generation.mode = "negative"
phases.fuzzing.generation = { mode = "positive", max-examples = 2 }
"""


def test_every_answer_is_as_the_document_says(server: Server, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CHECKS)
    answers = tmp_path / "answers.har"
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/v1/openapi.json",
         "--no-color", f"--report-har-path={answers}",
         "--header", f"Authorization: Bearer {server.token}"],
        # Where the tables of characters are that other tests have made.
        env=os.environ | {"HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".hypothesis")},
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=5 * DEADLINE_SECONDS,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
    document = create_app(Settings()).openapi()
    operations = sum(len(methods) for methods in document["paths"].values())
    assert re.search(rf"Tested: +{operations}\n", run.stdout), run.stdout
    assert "Traceback" not in server.log()
    told_nothing_inside(answers.read_text(), server.folder)
    assert all("is not here yet" in text for text in texts_of(answers, 503))


def texts_of(answers: Path, status: int) -> list[str]:
    """The answers of a status."""
    entries = json.loads(answers.read_text())["log"]["entries"]
    found = (entry["response"] for entry in entries)
    return [answer["content"]["text"] for answer in found if answer["status"] == status]
