"""Names of files and folders."""

import os
import shutil
from pathlib import Path

import pytest

from pipelines.errors import LakeError, SourceError
from pipelines.export import export
from pipelines.lake import Lake
from pipelines.universe import SWEDEN
from tests.e2e.bad_input.place import Place, listing
from tests.factories import change


def moved(place: Place, folder: str, name: str = "app.db") -> Path:
    """The database in a folder of another name."""
    path = place.top / folder / name
    path.parent.mkdir(exist_ok=True)
    return place.database.rename(path)


NAMES = ("a b", "50%20off", "a?mode=rwc", "a#b", "Åäö", "two\nlines", "it's", 'a "b"', "a\\b",
         "a;b&c=d")  # fmt: skip


LATIN = os.fsdecode(b"latin\xe5")


@pytest.mark.usefixtures("datasets_only")
@pytest.mark.parametrize("name", NAMES)
def test_a_path_may_have_any_name(place: Place, name: str) -> None:
    path = moved(place, name, f"{name}.db")
    before = listing(place.top / name)
    export(path, place.top / name / "lake", SWEDEN)
    assert Lake(place.top / name / "lake").prices().collect().height == 181
    assert sorted(p.name for p in place.top.iterdir()) == sorted({"in", "lake", name})
    shutil.rmtree(place.top / name / "lake")
    assert listing(place.top / name) == before


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_there_is_not_made(place: Place, name: str) -> None:
    before = listing(place.top)
    with pytest.raises(SourceError, match="no database at"):
        export(place.top / f"{name}.db", place.lake, SWEDEN)
    assert listing(place.top) == before


def test_the_path_of_a_database_need_not_be_unicode(place: Place) -> None:
    path = moved(place, LATIN, f"{LATIN}.db")
    change(path, "UPDATE daily_prices SET close = 9.5 WHERE ticker = 'GOOD'")
    before = listing(place.top / LATIN)
    manifest = export(path, place.lake, SWEDEN)
    assert manifest.source.path.endswith(r"/latin\xe5/latin\xe5.db")
    assert Lake(place.lake).version == manifest.version
    assert export(path, place.lake, SWEDEN) == manifest
    assert listing(place.top / LATIN) == before


def test_the_path_of_a_lake_must_be_unicode(place: Place) -> None:
    before = listing(place.top)
    with pytest.raises(LakeError, match=r"the path \S+/latin\\xe5 is not UTF-8"):
        export(place.database, place.top / LATIN, SWEDEN)
    assert listing(place.top) == before


def test_a_name_that_is_too_long_is_one_line(place: Place) -> None:
    with pytest.raises(SourceError, match="too long"):
        export(place.database.with_name("x" * 300), place.lake, SWEDEN)


def test_a_path_may_begin_with_two_slashes(place: Place) -> None:
    export(Path(f"/{place.database}"), place.lake, SWEDEN)
