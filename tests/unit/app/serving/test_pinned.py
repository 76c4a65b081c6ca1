"""Requests that name a version, while the disk of the lake hangs."""

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.serving import pinned
from app.serving.pinned import Pinned
from app.web import Unavailable
from pipelines.universe import SWEDEN


def test_those_that_wait_while_the_disk_hangs_do_not_look_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    answers = threading.Event()

    def hang(_: Path, name: str) -> None:
        looked.append(name)
        answers.wait(5)

    monkeypatch.setattr(pinned, "_check", hang)
    monkeypatch.setattr(pinned, "LOAD_SECONDS", 0.05)
    published: Any = SimpleNamespace(root=tmp_path, hangs=False)
    versions = Pinned(published, SWEDEN, lambda: False)

    async def ask_several() -> list[Any]:
        asked = [asyncio.create_task(versions.version(name)) for name in "abc"]
        await asyncio.sleep(0.01)
        published.hangs = True
        try:
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            answers.set()

    found = asyncio.run(ask_several())
    assert {type(one) for one in found} == {Unavailable}
    assert looked == ["a"]
