"""The README says what is: its commands, settings, files and code are tried or looked up."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from pipelines.settings import PREFIX, Settings
from pipelines.source import TABLES

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROSE: Final = FENCED.sub("", README)
MEASURED: Final = re.compile(r"\b(\d[\d.,]*)\s?(?:s|ms|MB|GB|kB|seconds|minutes|\u00d7|x|times)\b")
COMMANDS: Final = sorted(set(re.findall(r"python -m ([^`#|\n]+)", README)))
PYTHON: Final = [code for language, code in FENCED.findall(README) if language == "python"]


def block(language: str) -> str:
    """The only block of a language."""
    (code,) = [code for found, code in FENCED.findall(README) if found == language]
    return str(code)


def section(title: str) -> str:
    """What is below a heading, up to the next."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def python(folder: Path, *words: str, project: Path = ROOT) -> str:
    """The output of Python in a folder, with no setting in the environment."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    env |= {"PYTHONPATH": str(project), "COLUMNS": "200", "NO_COLOR": "1"}
    result = subprocess.run(
        [sys.executable, *words], cwd=folder, env=env, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


@pytest.fixture(scope="module")
def folder(demo_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a small market, exported."""
    folder = tmp_path_factory.mktemp("work")
    shutil.copytree(demo_market, folder / "data", symlinks=True)
    return folder


# ---------------------------------------------------------------------------------- commands


HELP: Final = """
import contextlib, runpy, sys
for command in sys.argv[1:]:
    module, *words = command.split()
    sys.argv = [module, *words, "--help"]
    with contextlib.suppress(SystemExit):
        runpy.run_module(module, run_name="__main__")
    sys.stdout.write("\f")
"""


def test_every_command_exists_with_its_options(tmp_path: Path) -> None:
    called = []
    for command in COMMANDS:
        module, *words = shlex.split(command)
        assert find_spec(module), module
        plain = [word for word in words if not word.startswith("-")][:1]
        called.append(" ".join([module, *(plain if module == "pipelines.versions" else [])]))
    shown = python(tmp_path, "-c", HELP, *called).split("\f")[:-1]
    for command, text in zip(COMMANDS, shown, strict=True):
        for option in re.findall(r"--[\w-]+", command):
            assert re.search(rf"{option}(?![\w-])", text), command


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("pipelines.rank")])
def test_the_rankings_of_the_readme_can_be_shown(folder: Path, command: str) -> None:
    assert python(folder, "-m", *shlex.split(command))


def test_make_targets_exist() -> None:
    rules = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^|`|\$ )make (\w+)", README, re.MULTILINE)
    assert {"run", "test"} <= set(named) <= set(rules)


# ---------------------------------------------------------------------------------- settings


def test_every_setting_is_in_the_table_with_its_default_and_no_other() -> None:
    rows = re.findall(r"^\| `(STOCKRANK_\w+)` \| (.+?) \| (.+?) \|$", README, re.MULTILINE)
    expected = {
        f"{PREFIX}{name}".upper(): f"`{field.default}`" if field.default else "none"
        for name, field in Settings.model_fields.items()
    }
    assert {name: default for name, default, _ in rows} == expected
    assert set(re.findall(r"STOCKRANK_[A-Z_]+", README)) <= expected.keys()


def test_the_settings_file_can_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    (tmp_path / "stockrank.toml").write_text(block("toml"))
    settings = Settings.load(tmp_path / "stockrank.toml")
    assert settings.chosen_universe().markets == ("sp500",)
    assert len(settings.universes) == README.count("[universes.")
    for name in settings.universes:
        assert settings.chosen_universe(name).floors


# ------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("package", ["pipelines", "app"])
def test_every_file_is_in_the_layout(package: str) -> None:
    part = section("Layout").split(f"\n{package}/\n")[1]
    named = re.findall(r"\w+\.py", re.split(r"\n\w", part)[0])
    files = [p.name for p in (ROOT / package).glob("*.py") if p.stat().st_size]
    assert sorted(named) == sorted(files)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(\w[\w/-]*\.\w+)`", PROSE))))
def test_every_file_that_is_named_is_there(folder: Path, path: str) -> None:
    made_by_people = {"stockrank.toml"}
    assert (ROOT / path).exists() or (folder / path).exists() or path in made_by_people


def test_the_tables_and_columns_that_the_export_needs_are_listed() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section("The database: `source_schema`"),
                           re.MULTILINE))  # fmt: skip
    names = {table: set(re.findall(r"\w+", " ".join(re.findall(r"`(.+?)`", text))))
             for table, text in rows.items()}  # fmt: skip
    ratios = TABLES["fundamentals"].columns.keys() & TABLES["fundamentals_snapshots"].columns.keys()
    names["fundamentals_snapshots"] |= ratios - {"id", "ticker"}
    assert names == {name: set(table.columns) for name, table in TABLES.items()}


# -------------------------------------------------------------------------------------- code


@pytest.mark.parametrize("code", PYTHON, ids=[code.split()[1] for code in PYTHON])
def test_the_files_can_be_read_as_shown(folder: Path, code: str) -> None:
    assert python(folder, "-c", code, project=Path("/nowhere")).strip()


def test_three_libraries_are_shown() -> None:
    assert [code.split()[1] for code in PYTHON] == ["polars", "duckdb", "pandas"]


def test_a_strategy_is_added_by_the_lines_that_are_shown(folder: Path, tmp_path: Path) -> None:
    lines = block("diff").splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] != "+")
    after = "".join(line[1:] for line in lines if line[0] != "-")
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines")
    file = tmp_path / "pipelines" / "ranking" / "strategies.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, "the diff does not apply"
    file.write_text(text.replace(before, after), encoding="utf-8")
    (name,) = re.findall(r'\+ +name="(\w+)"', block("diff"))
    words = ("-m", "pipelines.rank", "--strategy", name, "--as-of", "2026-11-19")
    assert "19 of 120 stocks ranked" in python(folder, *words, project=tmp_path)
    ruff = [sys.executable, "-m", "ruff", "format", "--check", "--line-length=100", str(file)]
    subprocess.run(ruff, check=True, capture_output=True)


def test_measured_numbers_are_only_in_what_commands_printed() -> None:
    measured, printed = section("Measured"), (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert MEASURED.findall(PROSE.replace(measured, "")) == []
    numbers = MEASURED.findall(measured)
    assert len(numbers) > 40
    assert [
        n for n in numbers if not re.search(rf"(?<![\d.]){re.escape(n)}(?![\d.])", printed)
    ] == []
