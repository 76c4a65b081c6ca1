"""Publishing, rolling back, pruning and sweeping, each in the middle of each other."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from pipelines import lake
from pipelines.errors import LakeError, Locked, PointerLocked, StockRankError
from pipelines.lake import MANIFEST, Lake, text
from pipelines.lake import publishing as publish
from pipelines.lake.layout import PARTIAL
from tests.factories import data_file, dataset, manifest

V1, V2, V3, V4 = (f"2026112{n}T170000Z-abcdef" for n in range(1, 5))
STEPS: Final = (
    (os, "fsync"), (os, "open"), (shutil, "rmtree"),
    *((Path, name) for name in
      ("rename", "replace", "symlink_to", "unlink", "readlink", "glob", "exists", "open")),
)  # fmt: skip
"""What touches the disk: another process may come between any two of them."""


def make(root: Path, version: str) -> Path:
    """A version with one file, complete and not published."""
    folder = root / "versions" / version
    folder.mkdir(parents=True)
    (folder / "a.parquet").write_bytes(b"abc")
    file = data_file("a.parquet", bytes=3, rows=1, sha256="ba7816bf8f01cfea414140de5dae2223"
                     "b00361a396177a9cb410ff61f20015ad")  # fmt: skip
    made = manifest(version, datasets={"stocks": dataset(file)})
    (folder / MANIFEST).write_text(text(made))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of three versions, the newest of them current."""
    return made(tmp_path / "lake")


def made(root: Path) -> Path:
    for version in (V1, V2, V3):
        make(root, version)
    publish.point_current_to(root, V3)
    return root


# ------------------------------------------------------------------------------ interleavings


Act = Callable[[Path], Any]


def publishes(root: Path) -> str:
    """Publish a version that was made after V3."""
    staged = make(root, f"{PARTIAL}{V4}")
    publish.publish(root, staged, V4, after=V3)
    return V4


def rolls_back(root: Path) -> tuple[str, str]:
    return publish.rollback(root)


def rolls_back_to_the_oldest(root: Path) -> tuple[str, str]:
    return publish.rollback(root, V1)


def prunes(root: Path) -> list[str]:
    return publish.prune(root, keep=1)


def sweeps(root: Path) -> None:
    publish.sweep(root)


ACTS: Final[tuple[Act, ...]] = (publishes, rolls_back, rolls_back_to_the_oldest, prunes, sweeps)
PAIRS: Final = [
    (a, b) for a in ACTS for b in ACTS
    # Those two hold the writer's lock, and a sweep is free to take what is half built.
    if {a, b} not in ({publishes}, {publishes, sweeps})
]  # fmt: skip


@dataclass
class Outcome:
    """What an act returned, or raised."""

    act: Act
    result: Any = None
    error: BaseException | None = None

    def run(self, root: Path) -> None:
        try:
            self.result = self.act(root)
        except BaseException as error:  # noqa: BLE001 - it is looked at
            self.error = error

    @property
    def move(self) -> tuple[str, str] | None:
        """From which version to which it moved `current`, where it did."""
        if self.error or self.act in (prunes, sweeps):
            return None
        return (V3, V4) if self.act is publishes else self.result


@dataclass
class Intruder:
    """Does B wholly before the given step of A, or, where B must wait for A, beside the rest."""

    root: Path
    outcome: Outcome
    at: int
    seen: int = 0
    thread: threading.Thread | None = None
    paused: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self) -> None:
        """Count a step of A."""
        with self.lock:
            if threading.current_thread() is self.thread:
                return
            self.seen += 1
            if self.seen == self.at:
                self.thread = threading.Thread(target=self._run)
                self.thread.start()
            else:
                return
        self.paused.wait(10)

    def _run(self) -> None:
        self.outcome.run(self.root)
        self.paused.set()

    def wait(self, _: float) -> None:
        """In place of the pause of whoever waits for the lock."""
        if threading.current_thread() is self.thread:
            self.paused.set()
        threading.Event().wait(0.001)


def interleaved(root: Path, a: Act, b: Act, at: int) -> tuple[Outcome, Outcome, bool]:
    """Do A, and B before one of its steps; False at the end where A has fewer steps."""
    first, second = Outcome(a), Outcome(b)
    intruder = Intruder(root, second, at)

    def stepping(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if intruder.thread is None:
                intruder.step()
            return function(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish, "sleep", intruder.wait)
        for owner, name in STEPS:
            patch.setattr(owner, name, stepping(getattr(owner, name)))
        first.run(root)
        if intruder.thread:
            intruder.thread.join(30)
    return first, second, intruder.thread is not None


def all_interleavings(folder: Path, a: Act, b: Act) -> Iterator[tuple[Path, Outcome, Outcome]]:
    for at in range(1, 500):
        root = made(folder / str(at))
        first, second, came = interleaved(root, a, b, at)
        if not came:
            assert at > 1
            return
        yield root, first, second
    pytest.fail("it never ends")


@pytest.mark.parametrize(("a", "b"), PAIRS, ids=lambda act: act.__name__)
def test_at_every_step_of_one_another_may_come(tmp_path: Path, a: Act, b: Act) -> None:
    for root, *outcomes in all_interleavings(tmp_path, a, b):
        for outcome in outcomes:
            assert outcome.error is None or isinstance(outcome.error, StockRankError), outcome
        Lake(root)
        moves = [o.move for o in outcomes if o.move]
        current = lake.current_id(root)
        # One after the other, the first of them from V3, and the last of them holds.
        moves.sort(key=lambda move: move[0] != V3)
        assert [V3, *(to for _, to in moves)] == [*(came for came, _ in moves), current], moves
        assert moves or sweeps in (a, b) or prunes in (a, b)
        assert not list(root.glob(".current-*"))


def test_who_writes_while_another_does_is_refused(root: Path) -> None:
    told = rf"^{root} is being written by process {os.getpid()} since .* UTC; wait for it"
    with publish.writing(root), pytest.raises(Locked, match=told), publish.writing(root):
        pytest.fail("two write at a time")
    with publish.writing(root):
        pass


def test_a_rollback_need_not_wait_for_a_refresh(root: Path) -> None:
    with publish.writing(root):
        assert publish.rollback(root) == (V3, V2)


def test_whoever_waits_too_long_for_the_pointer_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "POINTER_SECONDS", 0.05)
    with publish.pointing(root), pytest.raises(PointerLocked, match=r"0\.05 s; see that the disk"):
        publish.rollback(root)
    assert publish.rollback(root) == (V3, V2)


def test_a_publication_is_refused_after_a_rollback_while_it_was_written_out(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, rolled = os.fsync, []

    def slow(handle: int) -> None:
        if not rolled:
            rolled.append(True)
            publish.rollback(root)
        sync(handle)

    staged = make(root, f"{PARTIAL}{V4}")
    monkeypatch.setattr(publish, "SYNCING", 1)
    monkeypatch.setattr(os, "fsync", slow)
    with pytest.raises(LakeError, match=f"current was moved from {V3} to {V2} meanwhile"):
        publish.publish(root, staged, V4, after=V3)
    assert (Lake(root).version, staged.exists()) == (V2, True)
