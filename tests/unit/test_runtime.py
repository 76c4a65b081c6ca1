"""Allocators: each process has its own, with one definition."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from app.jobs.environment import environment
from pipelines import runtime
from pipelines.__main__ import MODULES
from pipelines.settings import Settings

ROOT = Path(__file__).parents[2]


def test_the_container_has_the_settings_of_the_service() -> None:
    text = (ROOT / "Dockerfile").read_text()
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)", text, re.MULTILINE)
    told = dict(pair.split("=", 1) for pair in block.replace("\\\n", " ").split())
    names = (
        runtime.SERVICE_ALLOCATORS.keys()
        | runtime.EXPORT_ALLOCATORS.keys()
        | runtime.LOW_MEMORY_ALLOCATORS.keys()
    )
    assert {name: told[name] for name in names & told.keys()} == dict(runtime.SERVICE_ALLOCATORS)
    compose = (ROOT / "docker-compose.yml").read_text()
    assert [name for name in names if name in compose] == []


def test_a_refresh_inherits_no_allocator_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in runtime.SERVICE_ALLOCATORS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    monkeypatch.setenv("LANG", "sv_SE.UTF-8")
    env = environment(Settings())
    assert env["LANG"] == "sv_SE.UTF-8"
    names = (
        runtime.SERVICE_ALLOCATORS.keys()
        | runtime.EXPORT_ALLOCATORS.keys()
        | runtime.LOW_MEMORY_ALLOCATORS.keys()
    )
    assert names & env.keys() == set()


def run(code: str, env: dict[str, str]) -> list[str]:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, check=True, text=True)
    return done.stdout.splitlines()


NAMES = ("ARROW_DEFAULT_MEMORY_POOL", runtime.ARENAS, "OPENBLAS_NUM_THREADS", runtime.JEMALLOC)
EXPORT = f"""
import contextlib, os, runpy, sys
sys.argv = ["export", "--help"]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(sys.stderr):
    runpy.run_module("pipelines.export", run_name="__main__")
for name in {NAMES}:
    print(os.environ.get(name))
"""


def test_an_export_that_the_service_starts_runs_with_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in runtime.SERVICE_ALLOCATORS.items():
        monkeypatch.setenv(name, value)
    ours = environment(Settings())
    set_, low = run(EXPORT, ours), run(EXPORT, {**ours, **runtime.LOW_MEMORY_ALLOCATORS})
    # The arenas of the C library are set by a call, so that no variable tells of them.
    assert set_[:-1] == ["system", "None", "1"]
    assert in_force(set_[-1]) == {"narenas": "1", "dirty_decay_ms": "100", "muzzy_decay_ms": "0"}
    assert low[:-1] == ["system", "1", "1"]
    assert in_force(low[-1]) == {"narenas": "1", "dirty_decay_ms": "0", "muzzy_decay_ms": "0"}


def in_force(jemalloc: str) -> dict[str, str]:
    """The last of each name, which is the one that counts: Polars puts its own first."""
    return dict(setting.split(":") for setting in jemalloc.split(","))


def test_every_setting_of_an_export_is_looked_at() -> None:
    assert set(NAMES) == runtime.EXPORT_ALLOCATORS.keys()


def test_the_module_loads_nothing_that_reads_these_settings() -> None:
    heavy = {"polars", "pyarrow", "numpy", "pydantic"}
    code = f"import pipelines.runtime, sys; print(sorted({heavy} & set(sys.modules)))"
    assert run(code, {}) == ["[]"]


INTERRUPTED: Final = """
import os, signal
os.kill(os.getpid(), signal.SIGINT)
raise AssertionError("Ctrl-C was not heard")
"""


@pytest.mark.parametrize("module", sorted({"pipelines", *MODULES.values()}))
def test_ctrl_c_while_a_command_loads_is_one_line(module: str, tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(INTERRUPTED)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    ended = subprocess.run(
        [sys.executable, "-m", module], cwd=tmp_path, env=os.environ | {"PYTHONPATH": path},
        capture_output=True, check=False,
    )  # fmt: skip
    assert (ended.stderr, ended.returncode) == (b"error: stopped\n", 130)
