"""The documents say what is: their commands, settings, files, code and links are tried."""

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

import pipelines
from pipelines.lake import Lake
from pipelines.settings import PREFIX, Settings
from pipelines.source import TABLES
from tests import commands, documents, reference
from tests.documents import ALL, README, ROOT, TEXTS, blocks, prose, section

OPERATIONS: Final = TEXTS["docs/operations.md"]
MEASURED: Final = re.compile(r"\b(\d[\d.,]*)\s?(?:s|ms|MB|GB|kB|seconds|minutes|\u00d7|x|times)\b")
LIMITS: Final = {
    "1,024": "DEFAULT_LIMIT_MB: Final = 1024.0",
    "700": "A_PROCESS_MB: Final = 700.0",
    "768": "BUDGET_MB: Final = 768.0",
    "30": "BUSY_SECONDS: Final = 30",
    "20": "REQUEST_SECONDS: Final = 20",
    "15": "nothing happens for 15 seconds",
}
"""Numbers with a unit that nobody measured, and what the code says of each."""
COMMANDS: Final = sorted(set(re.findall(r"python -m ([^`#|\n]+)", ALL)))
PYTHON: Final = [(path, code) for path, text in TEXTS.items() for code in blocks(text, "python")]
API: Final = [code for text in TEXTS.values() for code in blocks(text, "python", "api")]


def python(folder: Path, *words: str, project: Path = ROOT) -> str:
    """The output of Python in a folder, with no setting in the environment."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    env |= {"PYTHONPATH": str(project), "COLUMNS": "200", "NO_COLOR": "1"}
    if project == ROOT:
        result = commands.run(folder, *(word for word in words if word != "-m"), env=env)
    else:
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


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists_with_its_options(command: str) -> None:
    module, *words = shlex.split(command)
    assert find_spec(module), module
    name = f"{module} {words[0]}" if words else module
    told = reference.told().get(name) or reference.told().get(module, "")
    for option in re.findall(r"--[\w-]+", command):
        assert re.search(rf"{option}(?![\w-])", told), option


def test_the_reference_of_the_commands_is_that_of_their_help() -> None:
    written = reference.REFERENCE.read_text(encoding="utf-8")
    assert written == reference.reference(), "run make docs"


def test_the_factors_are_those_of_the_catalogue() -> None:
    assert reference.FACTORS.read_text(encoding="utf-8") == reference.catalogue(), "run make docs"


@pytest.mark.parametrize("command", [c for c in COMMANDS if re.match(r"pipelines.rank( -|$)", c)])
def test_the_rankings_can_be_shown(folder: Path, command: str) -> None:
    assert python(folder, "-m", *shlex.split(command))


def test_make_targets_exist() -> None:
    rules = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^|`|\$ )make ([\w-]+)", ALL, re.MULTILINE)
    assert {"run", "test", "docs"} <= set(named) <= set(rules)


# ---------------------------------------------------------------------------------- settings


def test_every_setting_is_in_the_table_with_its_default_and_no_other() -> None:
    rows = re.findall(r"^\| `(STOCKRANK_\w+)` \| (.+?) \| (.+?) \|$", OPERATIONS, re.MULTILINE)
    expected = {
        f"{PREFIX}{name}".upper(): f"`{field.default}`" if field.default else "none"
        for name, field in Settings.model_fields.items()
    }
    assert {name: default for name, default, _ in rows} == expected
    assert set(re.findall(r"STOCKRANK_[A-Z_]+", ALL)) <= expected.keys()


def test_every_setting_reaches_the_container() -> None:
    passed = "".join(
        (ROOT / name).read_text("utf-8") for name in ("docker-compose.yml", "Dockerfile")
    )
    named = set(re.findall(r"^ +(STOCKRANK_[A-Z_]+)(?=[:=])", passed, re.MULTILINE))
    told = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    assert told == named, "pass it on in docker-compose.yml"


def test_the_settings_file_can_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    universes = documents.block(section(OPERATIONS, "Settings"), "toml")
    (tmp_path / "stockrank.toml").write_text(universes)
    settings = Settings.load(tmp_path / "stockrank.toml")
    assert settings.chosen_universe().markets == ("sp500",)
    assert len(settings.universes) == OPERATIONS.count("[universes.")
    for name in settings.universes:
        assert settings.chosen_universe(name).floors
    (tmp_path / "stockrank.toml").write_text(documents.block(section(OPERATIONS, "Alerts"), "toml"))
    assert Settings.load(tmp_path / "stockrank.toml").smtp_port == 587


# ------------------------------------------------------------------------------------- files


def test_every_room_is_in_the_layout() -> None:
    named = set(re.findall(r"[\w/]+(?=/)", section(README, "Layout")))
    rooms = {path.parent for name in ("app", "pipelines") for path in ROOT.glob(f"{name}/*/*.py")}
    assert {str(room.relative_to(ROOT)).removeprefix("app/") for room in rooms} <= named
    assert {name for name in named if not (ROOT / name).exists()} <= {
        room.name for room in rooms if room.parent.name == "app"
    }


@pytest.mark.parametrize(
    "path",
    sorted(
        {p for t in TEXTS.values() for p in re.findall(r"`(\w[\w/-]*\.[a-zA-Z]\w*)`", prose(t))}
    ),
)
def test_every_file_that_is_named_is_there(folder: Path, path: str) -> None:
    others = {"stockrank.toml"} | {c.split()[0] for c in COMMANDS} | set(dir(pipelines))
    assert (ROOT / path).exists() or (folder / path).exists() or path in others


@pytest.mark.parametrize("path", TEXTS)
def test_every_link_leads_somewhere(path: str) -> None:
    for link in documents.LINK.findall(prose(TEXTS[path])):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / path).parent / name if name else ROOT / path
        assert target.exists(), link
        assert not anchor or anchor in documents.anchors(target.read_text(encoding="utf-8")), link


def test_the_readme_leads_to_every_document() -> None:
    linked = set(documents.LINK.findall(README))
    assert {*documents.PATHS, *documents.GENERATED} - {"README.md"} <= linked


def test_the_tables_and_columns_that_the_export_needs_are_listed() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$",
                           section(OPERATIONS, "The database: source_schema"),
                           re.MULTILINE))  # fmt: skip
    names = {table: set(re.findall(r"\w+", " ".join(re.findall(r"`(.+?)`", text))))
             for table, text in rows.items()}  # fmt: skip
    ratios = TABLES["fundamentals"].columns.keys() & TABLES["fundamentals_snapshots"].columns.keys()
    names["fundamentals_snapshots"] |= ratios - {"id", "ticker"}
    assert names == {name: set(table.columns) for name, table in TABLES.items()}


# -------------------------------------------------------------------------------------- code


@pytest.mark.parametrize(("path", "code"), PYTHON)
def test_the_files_can_be_read_as_shown(folder: Path, path: str, code: str) -> None:
    assert python(folder, "-c", code, project=Path("/nowhere")).strip(), path


@pytest.mark.skipif(not hasattr(pipelines, "Lake"), reason="pipelines offers no Lake yet")
@pytest.mark.parametrize("code", API)
def test_the_python_api_does_what_is_shown(folder: Path, code: str) -> None:
    assert python(folder, "-c", code).strip()


def test_three_libraries_are_shown() -> None:
    assert {"polars", "duckdb", "pandas"} <= {name for _, code in PYTHON for name in code.split()}


def test_code_is_formatted(tmp_path: Path) -> None:
    for number, code in enumerate([*(code for _, code in PYTHON), *API]):
        (tmp_path / f"code_{number}.py").write_text(code, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff", "format", "--diff", "--line-length=100", tmp_path]
    shown = subprocess.run(ruff, check=False, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout


def test_a_strategy_is_added_by_the_lines_that_are_shown(
    demo_market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = documents.block(section(README, "Adding a strategy"), "toml")
    (tmp_path / "stockrank.toml").write_text(added, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (name,) = re.findall(r"^\[strategies\.(\w+)\]$", added, re.MULTILINE)
    lake = Lake(demo_market / "lake")
    ranks = pipelines.rankings(lake, as_of="2026-11-19", strategy=name).collect()["rank"]
    assert ranks.count() == 5


# ----------------------------------------------------------------------------------- numbers


def test_measured_numbers_are_what_commands_printed() -> None:
    printed = (ROOT / "docs" / "benchmarks.md").read_text("utf-8") + "".join(blocks(README, ""))
    numbers = {n for text in TEXTS.values() for n in MEASURED.findall(prose(text))} - LIMITS.keys()
    assert len(numbers) > 40
    stands = {n: rf"(?<![\d.]){re.escape(n)}(?![\d.])" for n in numbers}
    assert [n for n, pattern in stands.items() if not re.search(pattern, printed)] == []


@pytest.mark.parametrize("said", LIMITS.values())
def test_limits_are_those_of_the_code(said: str) -> None:
    assert said in documents.source()


def test_the_readme_measures_in_one_section() -> None:
    rest = prose(README).replace(prose(section(README, "Measured")), "")
    assert MEASURED.findall(rest) == []
