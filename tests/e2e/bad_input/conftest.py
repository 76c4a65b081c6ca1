"""A copy of a small market and its lake for each test."""

import shutil
from pathlib import Path

import pytest

from tests.e2e.bad_input.place import Place, new_database


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The market and its lake, to be copied."""
    place = Place(tmp_path_factory.mktemp("made"))
    place.database.parent.mkdir()
    new_database(place.database)
    place.export()
    return place


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Place:
    """A copy of them, to change."""
    shutil.copytree(made.top, tmp_path / "place", symlinks=True)
    return Place(tmp_path / "place")
