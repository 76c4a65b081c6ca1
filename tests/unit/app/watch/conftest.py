"""A machine, and a folder of control groups, for each test."""

from pathlib import Path

import pytest

from tests.unit.app.watch.machine import Machine


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "cgroup"
    root.mkdir()
    return root
