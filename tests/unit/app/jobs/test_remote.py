"""The object store that a service keeps alike with its lake: what it runs, and what it tells."""

import asyncio
import logging
import sys
from pathlib import Path

import pytest

from app.jobs.remote import Remote
from pipelines.lake.publishing import point_current_to
from pipelines.settings import Settings
from tests.unit.lake.test_publishing import V2, V3, made

FAILS = "sys.exit('error: file:///store: the store does not answer')"


def noting(folder: Path, then: str = "") -> list[str]:
    """A command that notes what it is asked, and then does something."""
    code = f"import sys; open({str(folder / 'asked')!r}, 'a').write(sys.argv[1] + '\\n'); {then}"
    return [sys.executable, "-c", code]


def asked(folder: Path) -> list[str]:
    path = folder / "asked"
    return path.read_text().split() if path.exists() else []


def run(remote: Remote, folder: Path, looks: int, *, wake: bool = True) -> None:
    """Let a service look until it has asked so many times."""

    async def running() -> None:
        remote.start()
        async with asyncio.timeout(60):
            while len(asked(folder)) < looks:
                await asyncio.sleep(0.01)
                if wake:
                    remote.wake()
            await remote.close()

    asyncio.run(running())


def settings(folder: Path, **values: object) -> Settings:
    return Settings(lake=folder / "lake", remote="file:///store", **values)


def test_a_reader_pulls(tmp_path: Path) -> None:
    remote = Remote(settings(tmp_path, role="reader"), command=noting(tmp_path))
    run(remote, tmp_path, 2)
    assert set(asked(tmp_path)) == {"pull"}


def test_it_ends_though_woken_at_the_same_moment(tmp_path: Path) -> None:
    remote = Remote(settings(tmp_path, role="reader"), command=noting(tmp_path))

    async def running() -> None:
        remote.start()
        async with asyncio.timeout(60):
            while not _waits(remote):
                await asyncio.sleep(0.01)
        remote.wake()
        async with asyncio.timeout(5):
            await remote.close()

    asyncio.run(running())
    assert asked(tmp_path) == ["pull"]


def _waits(remote: Remote) -> bool:
    """Whether a look is over, and the next one waits for news."""
    return bool(remote._news._waiters)  # type: ignore[attr-defined]  # noqa: SLF001


def test_a_writer_pushes_each_version_once(tmp_path: Path) -> None:
    root = made(tmp_path / "lake")
    remote = Remote(settings(tmp_path), command=noting(tmp_path))

    async def running() -> None:
        remote.start()
        async with asyncio.timeout(60):
            for version in (V3, V2):  # a roll-back is pushed, too
                point_current_to(root, version)
                before = len(asked(tmp_path))
                while len(asked(tmp_path)) == before or remote._pushed != version:  # noqa: SLF001
                    remote.wake()
                    await asyncio.sleep(0.01)
        for _ in range(20):
            remote.wake()
            await asyncio.sleep(0.01)
        await remote.close()

    asyncio.run(running())
    assert asked(tmp_path) == ["push", "push"]


def test_a_push_that_fails_is_told_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made(tmp_path / "lake")
    caplog.set_level(logging.INFO, "app.jobs.remote")
    remote = Remote(settings(tmp_path), command=noting(tmp_path, FAILS))
    run(remote, tmp_path, 3)
    assert remote.trouble == "the store does not answer"
    told = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in told] == [
        "the object store: the store does not answer"
    ]


@pytest.mark.parametrize("has_version", [True, False])
def test_a_store_without_publications_is_trouble_unless_the_reader_is_new(
    tmp_path: Path, *, has_version: bool
) -> None:
    if has_version:
        point_current_to(made(tmp_path / "lake"), V2)
    said = "print('error: it has no publication', file=sys.stderr); sys.exit(3)"
    remote = Remote(settings(tmp_path, role="reader"), command=noting(tmp_path, said))
    run(remote, tmp_path, 2)
    assert remote.trouble == ("it has no publication" if has_version else None)


def test_without_a_store_nothing_is_done(tmp_path: Path) -> None:
    remote = Remote(Settings(lake=tmp_path / "lake"), command=noting(tmp_path))

    async def running() -> None:
        remote.start()
        remote.wake()
        await asyncio.sleep(0.05)
        await remote.close()

    asyncio.run(running())
    assert asked(tmp_path) == []


def test_an_empty_lake_has_nothing_to_push(tmp_path: Path) -> None:
    remote = Remote(settings(tmp_path), command=noting(tmp_path))

    async def running() -> None:
        remote.start()
        await asyncio.sleep(0.2)
        await remote.close()

    asyncio.run(running())
    assert asked(tmp_path) == []
    assert remote.trouble is None
