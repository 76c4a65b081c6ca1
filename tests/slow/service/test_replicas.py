"""A writer that publishes again and again, and readers that are killed meanwhile, under load.

The store is a folder, or `STORE`, the address of an empty place with its credentials as variables.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Final

import httpx2
import pytest

from tests.slow.service.conftest import small_market
from tests.slow.service.serving import Receiver, Server, command, until, version

REFRESHES: Final = int(os.environ.get("REFRESHES", "20"))
STORE: Final = os.environ.get("STORE")
RANKING: Final = "/strategies/sammansatt_momentum"
PATHS: Final = (
    RANKING, "/strategies/trendande_varde/top10", "/health/ready",
    "/data/versions", "/strategies",
)  # fmt: skip


NOT_YET: Final = '503 {"detail":"version V is not here yet; try again"}'
"""What a reader answers of a version that it has not pulled yet."""
PASSED_OVER: Final = '404 {"detail":"unknown version \'V\''
"""How it begins what it answers of one after which another was published before it came back."""


class Client:
    """Somebody who asks one reader after the other, and counts what is answered.

    A refused connection is counted apart: it is what a killed reader is bound to give. Now and then
    it asks both for a ranking of the version that one of them has.
    """

    def __init__(self, *readers: list[Server]) -> None:
        self._readers: Final = readers
        self._over: Final = Event()
        self.answers: Final[Counter[tuple[str, int]]] = Counter()
        self.refused = 0
        self.of_one_version: Final[Counter[str]] = Counter()
        """What the second reader answered."""
        self._thread: Final = Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        chance = Random(1)
        while not self._over.is_set():
            path = chance.choice(PATHS)
            first, second = chance.sample(self._readers, 2)
            try:
                answer = httpx2.get(f"{first[0].url}{path}", timeout=30)
                self.answers[path, answer.status_code] += 1
                if path == RANKING and answer.status_code == 200:
                    self._ask_for_the_same(second[0], answer)
            except httpx2.TransportError:
                self.refused += 1

    def _ask_for_the_same(self, other: Server, answer: httpx2.Response) -> None:
        """Count what another reader answers of the same version."""
        version = answer.headers["StockRank-Version"]
        same = httpx2.get(f"{other.url}{RANKING}", params={"version": version}, timeout=30)
        told = "the same" if same.content == answer.content else f"{same.status_code} {same.text}"
        told = told.replace(version, "V")
        self.of_one_version[PASSED_OVER if told.startswith(PASSED_OVER) else told] += 1

    def close(self) -> None:
        self._over.set()
        self._thread.join()


@contextmanager
def service(folder: Path, **settings: str) -> Iterator[list[Server]]:
    """A list with the service on a folder, which may be replaced there by the next."""
    folder.mkdir(exist_ok=True)
    held = [Server(folder, **settings)]
    try:
        yield held
    finally:
        held[0].kill()


@pytest.mark.torture
def test_refreshes_under_load_with_killed_readers(tmp_path: Path) -> None:
    receiver = Receiver()
    store = {"remote": STORE or f"file://{tmp_path}/store", "remote_seconds": "1"}
    store |= {"webhook_url": receiver.url, "memory_limit_mb": "8000"}
    reader = store | {"role": "reader"}
    for name in ("store", "writer"):
        (tmp_path / name).mkdir()
    source = small_market(tmp_path / "writer")
    with (
        service(tmp_path / "writer", **store) as writer,
        service(tmp_path / "first", **reader) as first,
        service(tmp_path / "second", **reader) as second,
    ):
        writer[0].refresh()
        follow([first[0], second[0]], writer[0])
        chance = Random(2)
        with closing(Client(first, second)) as client:
            for number, held in zip(range(REFRESHES), cycle([first, second])):
                restated(source, number)
                _refreshed(writer[0], held, chance.uniform(0, 1.5), reader)
            follow([first[0], second[0]], writer[0])
    receiver.close()
    assert receiver.states() == []
    assert not {answer: n for answer, n in client.answers.items() if answer[1] != 200}
    assert sum(client.answers.values()) > REFRESHES * 10
    assert client.refused > 0
    assert client.of_one_version.pop("the same") > 0
    assert set(client.of_one_version) <= {NOT_YET, PASSED_OVER}


def _refreshed(writer: Server, held: list[Server], seconds: float, reader: dict[str, str]) -> None:
    """Export as cron does, which must succeed, and kill a reader after so many seconds."""
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(command, writer.folder, "pipelines.export")
        wait([job], timeout=seconds)
        held[0].kill()
        held[0] = Server(held[0].folder, **reader)
        assert held[0].post("/data/sync-now").status_code == 409
        job.result()


def follow(readers: list[Server], writer: Server) -> None:
    """Wait until the readers serve what the writer does."""
    for one in readers:
        until(lambda one=one: version(one) == version(writer), "the version of the writer")


def restated(source: Path, number: int) -> None:
    """Change the newest close of one stock, so that there is something to publish."""
    with closing(sqlite3.connect(source)) as con, con:
        con.execute(
            "UPDATE daily_prices SET close = close + 0.01 WHERE rowid = "
            "(SELECT rowid FROM daily_prices ORDER BY date DESC, ticker LIMIT 1 OFFSET ?)", [number]
        )  # fmt: skip
