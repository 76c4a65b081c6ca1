"""Pushing to a store and pulling from it, with a folder as the store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from pipelines import store
from pipelines.errors import EmptyStore, LakeError, RemoteError
from pipelines.lake import Lake, current_id, layout, marks, publishing, text, version_ids
from pipelines.store import Bucket, packs, pull, push
from pipelines.store.publications import publish
from tests.factories import data_file, dataset, manifest

V1, V2, V3 = (f"2026112{n}T170000Z-abcdef" for n in range(1, 4))
NOTHING = timedelta(0)


def made(root: Path, version: str, *contents: str) -> None:
    """Make a version of a file for each content current."""
    folder = layout.version(root, version)
    folder.mkdir(parents=True)
    files = []
    for content in contents:
        (folder / f"{content}.parquet").write_text(content)
        digest = sha256(content.encode()).hexdigest()
        files.append(data_file(f"{content}.parquet", bytes=len(content), sha256=digest))
    (folder / layout.STATE).write_text(f"state of {version}")
    (folder / layout.MANIFEST).write_text(
        text(manifest(version, datasets={"stocks": dataset(*files)}))
    )
    publishing.point_current_to(root, version)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake whose current version has the files `old` and `same`."""
    made(tmp_path / "lake", V1, "old", "same")
    return tmp_path / "lake"


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return Bucket(f"file://{tmp_path}/store", make=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The place of another lake."""
    return tmp_path / "copy"


def test_what_is_pushed_can_be_pulled(root: Path, bucket: Bucket, copy: Path) -> None:
    pushed = push(root, bucket)
    assert (pushed.publication.number, pushed.publication.version) == (1, V1)
    assert pushed.objects == 3  # both files in a pack, the state and the manifest
    assert pull(copy, bucket).publication.version == current_id(copy) == V1
    for path in layout.version(root, V1).iterdir():
        assert (layout.version(copy, V1) / path.name).read_bytes() == path.read_bytes()


def test_only_what_is_new_is_sent_and_fetched(root: Path, bucket: Bucket, copy: Path) -> None:
    push(root, bucket)
    pull(copy, bucket)
    made(root, V2, "same", "new")
    assert push(root, bucket).objects == 3  # one file, the state and the manifest
    assert pull(copy, bucket).files == 3
    same = [layout.version(copy, version) / "same.parquet" for version in (V1, V2)]
    assert same[0].samefile(same[1])
    assert version_ids(copy) == [V1, V2]


def test_a_version_without_the_state_of_its_database(
    root: Path, bucket: Bucket, copy: Path
) -> None:
    (layout.version(root, V1) / layout.STATE).unlink()
    push(root, bucket)
    assert pull(copy, bucket).files == 3
    assert Lake(copy).version == V1


def test_nothing_new_is_nothing_to_do(root: Path, bucket: Bucket, copy: Path) -> None:
    push(root, bucket)
    assert push(root, bucket).objects == 0
    pull(copy, bucket)
    assert pull(copy, bucket).files == 0
    assert len(store.publications(bucket)) == 1


def test_a_push_over_what_was_not_seen_is_refused(root: Path, bucket: Bucket, copy: Path) -> None:
    push(root, bucket)
    made(copy, V2, "other")
    with pytest.raises(
        RemoteError, match=r"publication 1, version .*, which this lake has not seen"
    ):
        push(copy, bucket)
    assert push(copy, bucket, force=True).publication.number == 2
    made(root, V3, "late")
    with pytest.raises(RemoteError, match="publication 2"):
        push(root, bucket)


def meanwhile(bucket: Bucket, patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something be done while the files of the next push are sent."""
    put = bucket.put

    def put_late(name: str, content: bytes) -> None:
        patch.undo()
        act()
        put(name, content)

    patch.setattr(bucket, "put", put_late)


@pytest.mark.parametrize("times", [1, 2])
def test_a_push_while_another_publishes_is_refused(
    root: Path, bucket: Bucket, copy: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    push(root, bucket)
    pull(copy, bucket)
    made(copy, V2, "other")
    made(root, V3, "late")
    meanwhile(bucket, monkeypatch, lambda: [push(copy, bucket, force=True) for _ in range(times)])
    with pytest.raises(RemoteError, match=rf"publication {1 + times}, version {V2}, which"):
        push(root, bucket)
    assert store.publications(bucket)[-1].version == V2


def test_a_number_that_was_given_to_the_same_version_is_taken(
    root: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the answer of the store was lost on its way, and the library asked again."""
    meanwhile(bucket, monkeypatch, lambda: publish(bucket, V1))
    assert push(root, bucket).publication.number == 1
    assert len(store.publications(bucket)) == 1


def test_a_pull_over_what_was_not_pushed_is_refused(root: Path, bucket: Bucket, copy: Path) -> None:
    push(root, bucket)
    made(copy, V2, "own")
    with pytest.raises(RemoteError, match=f"version {V2} of .* was never pushed"):
        pull(copy, bucket)
    assert current_id(copy) == V2
    pull(copy, bucket, force=True)
    assert current_id(copy) == V1


def test_a_writer_goes_on_after_a_pull(root: Path, bucket: Bucket, copy: Path) -> None:
    push(root, bucket)
    pull(copy, bucket)
    made(copy, V2, "same")
    assert push(copy, bucket).publication.number == 2
    pull(root, bucket)
    assert current_id(root) == V2


def test_a_roll_back_is_one_more_publication(root: Path, bucket: Bucket, copy: Path) -> None:
    push(root, bucket)
    made(root, V2, "new")
    push(root, bucket)
    pull(copy, bucket)
    publishing.rollback(root, V1)
    assert push(root, bucket).publication.number == 3
    pull(root, bucket)
    pull(copy, bucket)
    assert current_id(copy) == V1
    assert marks.rolled_back(copy, V1) == V2


def test_a_roll_back_here_stays_until_there_is_something_newer(
    root: Path, bucket: Bucket, copy: Path
) -> None:
    push(root, bucket)
    pull(copy, bucket)
    made(root, V2, "new")
    push(root, bucket)
    pull(copy, bucket)
    publishing.rollback(copy)
    pull(copy, bucket)
    assert current_id(copy) == V1
    made(root, V3, "newer")
    push(root, bucket)
    pull(copy, bucket)
    assert current_id(copy) == V3


def stored(folder: Path, content: str) -> Path:
    """Return where the store of a test has an object of `files`."""
    digest = sha256(content.encode()).hexdigest()
    return folder / "store/files" / digest[:2] / digest


def cut(path: Path) -> None:
    path.write_text("sa")


def changed(path: Path) -> None:
    path.write_text("emas")


@pytest.mark.parametrize("hurt", [cut, changed, Path.unlink])
def test_damage_here_is_healed_by_a_pull(
    root: Path, bucket: Bucket, copy: Path, hurt: Callable[[Path], None]
) -> None:
    push(root, bucket)
    pull(copy, bucket)
    hurt(layout.version(copy, V1) / "same.parquet")
    marks.note_damage(copy, V1, ["same.parquet is not as it was written"])
    assert pull(copy, bucket).files == 1
    assert (layout.version(copy, V1) / "same.parquet").read_text() == "same"
    assert marks.known_damage(copy, V1) is None
    assert Lake(copy).version == V1


def test_damaged_files_are_not_linked(root: Path, bucket: Bucket, copy: Path) -> None:
    push(root, bucket)
    pull(copy, bucket)
    changed(layout.version(copy, V1) / "same.parquet")
    made(root, V2, "same")
    push(root, bucket)
    pull(copy, bucket)
    assert (layout.version(copy, V2) / "same.parquet").read_text() == "same"


def test_a_damaged_version_is_not_pushed(root: Path, bucket: Bucket) -> None:
    changed(layout.version(root, V1) / "same.parquet")
    with pytest.raises(LakeError, match=r"same\.parquet has other bytes"):
        push(root, bucket)
    assert store.publications(bucket) == []


@pytest.mark.parametrize("hurt", [cut, changed, Path.unlink])
def test_damage_in_the_store_publishes_nothing(
    root: Path, bucket: Bucket, copy: Path, hurt: Callable[[Path], None], tmp_path: Path
) -> None:
    push(root, bucket)
    pull(copy, bucket)
    made(root, V2, "new", "four")
    push(root, bucket)
    hurt(stored(tmp_path, "newfour"))
    with pytest.raises(RemoteError):
        pull(copy, bucket)
    assert current_id(copy) == V1
    assert version_ids(copy) == [V1]
    assert not list(layout.leftovers(copy))
    push(root, bucket, force=True)
    pull(copy, bucket)
    assert (layout.version(copy, V2) / "four.parquet").read_text() == "four"


def test_the_number_of_a_publication_is_given_once(
    root: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(root, bucket)
    stale = bucket.names("publications")
    made(root, V2, "new")
    push(root, bucket)
    names = bucket.names
    monkeypatch.setattr(bucket, "names", lambda of: stale if of == "publications" else names(of))
    made(root, V3, "newer")
    assert push(root, bucket, force=True).publication.number == 3


def test_an_empty_store_is_told(bucket: Bucket, copy: Path) -> None:
    with pytest.raises(
        EmptyStore, match=r"has no publication; run python -m pipelines\.remote push"
    ):
        pull(copy, bucket)
    assert not copy.exists()


# ------------------------------------------------------------------------------------- packs


def _files(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in (folder / "store/files").rglob("*/*"))


def test_small_files_of_a_push_lie_in_one_object(
    root: Path, bucket: Bucket, tmp_path: Path
) -> None:
    push(root, bucket)
    assert _files(tmp_path) == ["oldsame"]
    made(root, V2, "same", "new")
    push(root, bucket)
    assert _files(tmp_path) == ["new", "oldsame"]  # `same` is more than half of its pack
    (published,) = store.publications(bucket)[1:]
    (pack,) = published.packs.values()
    assert (pack.bytes, pack.parts) == (7, {sha256(b"same").hexdigest(): (3, 4)})


def test_what_is_needed_of_an_old_pack_is_sent_again_and_then_stays(
    root: Path, bucket: Bucket, copy: Path, tmp_path: Path
) -> None:
    push(root, bucket)
    made(root, V2, "old", "new", "newer")
    push(root, bucket)
    assert _files(tmp_path) == ["newnewer", "old", "oldsame"]  # 3 of 7 bytes would be needed
    later = datetime.now(UTC) + timedelta(hours=1)
    store.collect(bucket, keep=1, grace=NOTHING, now=later)
    assert _files(tmp_path) == ["newnewer", "old"]
    pull(copy, bucket)
    for path in layout.version(root, V2).iterdir():
        assert (layout.version(copy, V2) / path.name).read_bytes() == path.read_bytes()
    made(root, V3, "old", "x", "y")
    push(root, bucket)
    assert _files(tmp_path) == ["newnewer", "old", "xy"]


def test_a_pack_stays_while_a_publication_names_a_part_of_it(
    root: Path, bucket: Bucket, tmp_path: Path
) -> None:
    _published(root, bucket)
    later = datetime.now(UTC) + timedelta(hours=1)
    store.collect(bucket, keep=1, grace=NOTHING, now=later)
    assert _files(tmp_path) == ["newer", "oldsame"]
    made(root, "20261124T170000Z-abcdef", "newer")
    push(root, bucket)
    store.collect(bucket, keep=1, grace=NOTHING, now=later)
    assert _files(tmp_path) == ["newer"]


def test_a_pack_that_ends_too_early_is_told(
    root: Path, bucket: Bucket, copy: Path, tmp_path: Path
) -> None:
    push(root, bucket)
    stored(tmp_path, "oldsame").write_bytes(b"")
    with pytest.raises(RemoteError, match=r"is shorter than .* push --force"):
        pull(copy, bucket)


def test_large_files_lie_alone(
    root: Path, bucket: Bucket, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "SMALL", 4)
    made(root, V2, "a", "four", "b", "fives")
    push(root, bucket)
    assert _files(tmp_path) == ["ab", "fives", "four"]
    pull(copy, bucket)
    assert (layout.version(copy, V2) / "b.parquet").read_text() == "b"


def test_a_publication_without_packs(
    root: Path, bucket: Bucket, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "SMALL", 0)
    push(root, bucket)
    (tmp_path / "store/publications/00000001").write_text(V1)
    monkeypatch.undo()
    pull(copy, bucket)
    assert current_id(copy) == V1
    made(root, V2, "same", "new", "newer")
    push(root, bucket)
    assert _files(tmp_path) == ["newnewer", "old", "same"]
    later = datetime.now(UTC) + timedelta(hours=1)
    store.collect(bucket, keep=1, grace=NOTHING, now=later)
    assert _files(tmp_path) == ["newnewer", "same"]
    pull(copy, bucket)
    assert current_id(copy) == V2


@pytest.mark.parametrize("said", ["", "{}", "no version", '{"version": "none"}'])
def test_a_publication_that_names_no_version(bucket: Bucket, said: str) -> None:
    bucket.put("publications/00000001", said.encode())
    with pytest.raises(RemoteError, match="publications/00000001 names no version"):
        store.publications(bucket)


def test_a_large_state_of_a_database_is_not_sent(root: Path, bucket: Bucket, copy: Path) -> None:
    (layout.version(root, V1) / layout.STATE).write_bytes(bytes(2**16 + 1))
    assert push(root, bucket).objects == 2
    pull(copy, bucket)
    assert not (layout.version(copy, V1) / layout.STATE).exists()


# -------------------------------------------------------------------------------- collection


def _published(root: Path, bucket: Bucket) -> None:
    push(root, bucket)
    made(root, V2, "same", "new")
    push(root, bucket)
    made(root, V3, "same", "newer")
    push(root, bucket)


def test_what_only_old_publications_have_is_deleted(root: Path, bucket: Bucket, copy: Path) -> None:
    _published(root, bucket)
    later = datetime.now(UTC) + timedelta(hours=1)
    gone = store.collect(bucket, keep=2, grace=NOTHING, now=later)
    assert (gone.publications, gone.objects) == (1, 2)  # the manifest and the state
    assert [p.number for p in store.publications(bucket)] == [2, 3]
    pull(copy, bucket)
    assert current_id(copy) == V3


def test_what_was_current_within_the_grace_stays(root: Path, bucket: Bucket) -> None:
    _published(root, bucket)
    assert store.collect(bucket, keep=1, grace=timedelta(hours=1)).publications == 0
    assert len(store.publications(bucket)) == 3


def test_young_files_of_no_publication_stay(root: Path, bucket: Bucket) -> None:
    push(root, bucket)
    bucket.put("files/ab/abc", b"of a push that goes on")
    assert store.collect(bucket, keep=1, grace=timedelta(hours=1)).objects == 0
    later = datetime.now(UTC) + timedelta(hours=2)
    assert store.collect(bucket, keep=1, grace=timedelta(hours=1), now=later).objects == 1


def test_nothing_is_deleted_for_a_manifest_that_cannot_be_read(
    root: Path, bucket: Bucket, tmp_path: Path
) -> None:
    _published(root, bucket)
    (tmp_path / f"store/manifests/{V3}.json").write_text("{")
    later = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(RemoteError, match="cannot be read by this release"):
        store.collect(bucket, keep=1, grace=NOTHING, now=later)
    assert len(store.publications(bucket)) == 3


def test_numbers_are_not_given_again(root: Path, bucket: Bucket) -> None:
    _published(root, bucket)
    later = datetime.now(UTC) + timedelta(hours=1)
    store.collect(bucket, keep=1, grace=NOTHING, now=later)
    made(root, "20261124T170000Z-abcdef", "x")
    assert push(root, bucket).publication.number == 4


# --------------------------------------------------------------------------------- addresses


def test_a_folder_that_is_not_there_is_told_and_not_made(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(RemoteError, match="the folder is not there"):
        pull(copy, Bucket(f"file://{tmp_path}/stroe"))
    assert not (tmp_path / "stroe").exists()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://host/a", "begin with one of s3://, gs://, az://, file://"),
        ("lake", "is no object store"),
        ("s3:///folder", "names no bucket"),
        ("file://host/folder", "names no folder"),
        ("s3://key:secret@bucket/lake", "holds no credentials"),
        ("az://account/box?sig=secret", "holds no credentials"),
    ],
)
def test_an_address_that_cannot_be_used(url: str, told: str) -> None:
    with pytest.raises(RemoteError, match=told) as error:
        Bucket(url)
    assert "secret" not in str(error.value)
