"""The computation of backtests after a version is published: its end, its budget, its errors."""

import logging
import sys
from pathlib import Path

import pytest

from pipelines import __version__
from pipelines.lake import layout, prepared
from pipelines.prepare import Budget, prepare_backtests
from tests.factories import manifest

MANIFEST = manifest()


def python(script: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", script]


def found_after(root: Path, script: str, **budget: float) -> str | None:
    layout.version(root, MANIFEST.version).mkdir(parents=True, exist_ok=True)
    prepare_backtests(root, MANIFEST, command=python(script), budget=Budget(**budget))
    found = prepared(root, MANIFEST.version)
    assert found is not None
    assert (found.universe, found.rules) == (MANIFEST.universe.name, MANIFEST.rules)
    assert found.release == __version__
    return found.error


def test_all_words_are_passed_on_and_the_phase_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pipelines.prepare")
    layout.version(tmp_path, MANIFEST.version).mkdir(parents=True)
    script = "import sys; open(sys.argv[6] + '/words', 'w').write(' '.join(sys.argv[1:]))"
    prepare_backtests(tmp_path, MANIFEST, ["--universe", "sweden"], command=python(script))
    folder = layout.backtests_of(tmp_path, MANIFEST.version)
    assert (folder / "words").read_text() == (
        f"--lake {tmp_path} --version {MANIFEST.version} --each {folder} --universe sweden"
    )
    (line,) = caplog.records
    fields = line.fields  # type: ignore[attr-defined]
    assert fields["phase"] == "backtests"
    assert (fields["seconds"] > 0, fields["peak_mb"] >= 0) == (True, True)


def test_what_was_computed_is_not_computed_again(tmp_path: Path) -> None:
    assert found_after(tmp_path, "pass") is None
    assert found_after(tmp_path, "raise SystemExit(3)") is None


def test_an_error_is_noted_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = "import sys; sys.exit('one line\\nerror: no stock is ranked')"
    assert found_after(tmp_path, script) == "no stock is ranked"
    assert "are computed when they are asked for: no stock is ranked" in caplog.text


def test_an_end_without_a_word_tells_its_code(tmp_path: Path) -> None:
    assert found_after(tmp_path, "raise SystemExit(3)") == "the process ended with 3"


@pytest.mark.parametrize(
    ("budget", "told"),
    [({"mb": 1.0}, "MB, and 1 are allowed"), ({"seconds": 0.0}, "more than 0 seconds")],
)
def test_a_process_beyond_its_budget_is_ended(
    tmp_path: Path, budget: dict[str, float], told: str
) -> None:
    error = found_after(tmp_path, "import time; time.sleep(60)", **budget)
    assert error is not None
    assert told in error


def test_a_disk_that_takes_nothing_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layout.backtests(tmp_path).write_text("in the way")
    prepare_backtests(tmp_path, MANIFEST, command=python("pass"))
    assert f"the backtests of version {MANIFEST.version} are not there" in caplog.text
