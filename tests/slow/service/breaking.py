"""A service to break: its folder, its webhook, its page in a browser, and what all of them say."""

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from app.running import RULES_EVERY, WATCH_SECONDS
from pipelines.export import export
from pipelines.lake import Manifest
from pipelines.universe import SWEDEN
from tests.slow.service.conftest import small_market
from tests.slow.service.serving import HELD, Receiver, Server, until

SECONDS: Final = 10.0 - WATCH_SECONDS * (RULES_EVERY - 1)
"""The longest time in which a break must be seen everywhere.

It is ten seconds where the rules are looked at as seldom as they are by default; here they are
looked at each time.
"""
PAUSE_SECONDS: Final = 0.3
"""Between two looks, each of which asks the service and the page for all that they show."""
QUICK: Final = """
import os
import shutil
import sys
from pathlib import Path

from pipelines import database

database.BUSY_SECONDS = 1.0
usage_of = shutil.disk_usage


def disk_usage(path):
    # Hardly any room where a file named `full` lies beside the database.
    usage = usage_of(path)
    is_full = Path(os.environ["STOCKRANK_SOURCE"]).with_name("full").exists()
    return usage._replace(free=1000) if is_full else usage


shutil.disk_usage = disk_usage
if sys.orig_argv[1:3] == ["-m", "app"]:
    from limits import RateLimitItemPerMinute

    from app import running, services
    from app.watch import outbox

    running.RULES_EVERY = 1
    outbox.Outbox.__init__.__kwdefaults__["pauses"] = (1.0,) * 100
    services.SYNCS = RateLimitItemPerMinute(1000)
"""
"""What every Python of the service runs first, so that the whole table takes minutes, not hours."""
SETTINGS: Final = {"damage_check_hours": "0.0002", "memory_hold_seconds": "0"}
NO_LIMIT: Final = "8000"


class World:
    """A market, its lake and the service on them, with copies of what is broken to heal it."""

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.folder: Final = folder
        self.source: Final = small_market(folder)
        self.lake: Final = folder / "lake"
        self.receiver: Final = Receiver()
        self.page: Final[Page] = browser.new_page(reduced_motion="reduce")
        self.server: Server = self._started()
        self.held: list[Callable[[], object]] = []
        """What ends a break that lasts, such as a lock."""
        (folder / "quick").mkdir(exist_ok=True)
        reject = "INSERT INTO daily_prices (ticker, date, close) VALUES ('X', '2020-01-03', 'x')"
        self.change(reject)
        shutil.copyfile(self.source, folder / "whole.db")

    def _started(self, **settings: str) -> Server:
        quick = self.folder / "quick"
        quick.mkdir(exist_ok=True)
        (quick / "sitecustomize.py").write_text(QUICK + HELD)
        known = {"memory_limit_mb": NO_LIMIT, "webhook_url": self.receiver.url}
        server = Server(self.folder, first=quick, **(SETTINGS | known | settings))
        self.page.goto(f"{server.url}/status")
        self.page.wait_for_selector("#link[data-state=live]")
        return server

    def restart(self, **settings: str) -> None:
        """Start the service anew, with other settings."""
        self.page.goto("about:blank")  # its stream would be waited for
        assert self.server.stop() in (0, -15)
        self.server = self._started(**settings)

    # -------------------------------------------------------------------------- doing things

    @property
    def version(self) -> Path:
        """The folder of the current version."""
        return (self.lake / "current").resolve()

    def change(self, *statements: str) -> None:
        """Write to the database as the application does."""
        with closing(sqlite3.connect(self.source)) as database, database:
            for statement in statements:
                database.execute(statement)

    def restore(self) -> None:
        """Put the whole database back."""
        for path in self.folder.glob("app.db*"):
            path.unlink()
        shutil.copyfile(self.folder / "whole.db", self.source)

    def export(self, *, full: bool = False, force: bool = False) -> Manifest:
        """Make a version without the service."""
        return export(self.source, self.lake, SWEDEN, full=full, force=force)

    def release(self) -> None:
        """End what lasts."""
        while self.held:
            self.held.pop()()

    # ------------------------------------------------------------------------------- looking

    def health(self) -> str:
        """The reason of `/health`; '' where it is healthy."""
        return str(self.server.json("/health")["reason"] or "")

    def log(self) -> str:
        """All that the services of this world have logged."""
        return (self.folder / "log.txt").read_text()

    def metrics(self) -> str:
        """The text of `/metrics`."""
        return str(self.server.get("/metrics").text)

    def text(self) -> str:
        """What the page shows, in small letters."""
        return " ".join(self.page.locator("body").inner_text().split()).lower()

    def told(self, alert: str, state: str, since: int) -> bool:
        """Whether the webhook was told of a state of an alert."""
        return (alert, state) in self.receiver.states()[since:]

    def close(self) -> None:
        """End it all."""
        self.release()
        self.server.kill()
        self.receiver.close()


Act = Callable[[World], object]


def nothing(_: World) -> None:
    """Do nothing."""


def refresh_outside(world: World) -> None:
    """Refresh as cron does."""
    world.export()


def refresh_by_service(world: World) -> None:
    """Refresh through the API."""
    job = world.server.refresh()
    assert job["status"] == "succeeded", job["error"]


def restored(world: World) -> None:
    """Put the whole database back, and refresh without the service.

    A version is dated to the second: one of the second in which a refresh failed is not newer.
    """
    world.restore()
    time.sleep(1.0 - time.time() % 1.0)
    refresh_outside(world)


def restored_by_force(world: World) -> None:
    """Put the whole database back, and publish it whatever the checks say of the change."""
    world.restore()
    world.export(force=True)


@dataclass(frozen=True, kw_only=True)
class Break:
    """What is done, what is then seen where people look, and what heals it.

    `log` is a pattern of a line of the log, `health` a part of the reason of `/health`, `metrics` a
    sample, `page` a part of what the page shows. The alert is also told by the webhook, once when
    it fires and once when it is over. An empty text means that nothing
    is wrong there; where `health` is empty, the service is healthy.
    """

    name: str
    do: Act
    log: str = ""
    health: str = ""
    metrics: str = ""
    page: str = ""
    alert: str = ""
    heal: Act = nothing
    is_told_late: bool = False
    """Whether the webhook is told only once it is over, for it is the webhook that fails."""
    is_deliberate: bool = False
    """Whether somebody did it on purpose and nothing is wrong: the log and the page tell of it."""

    @property
    def is_silent(self) -> bool:
        """Whether no alert tells of it by name, or the log or the page does not."""
        return not (self.log and self.page and (self.alert or self.is_deliberate))


def seen(world: World, broken: Break, log: int, notices: int) -> dict[str, bool]:
    """Where a break is seen, and where it is not; the page is looked at once all others tell."""
    logged, metrics, health = world.log()[log:], world.metrics(), world.health()
    places = {
        "log": re.search(broken.log, logged) is not None,
        "/health": broken.health in health if broken.health else health == "",
        "/metrics": broken.metrics in metrics,
    }
    if broken.alert:
        firing = f'stockrank_alert_firing{{key="{broken.alert}"'
        told = world.told(broken.alert, "firing", notices)
        places |= {"alert": firing in metrics, "webhook": told != broken.is_told_late}
    return places | {"page": all(places.values()) and broken.page.lower() in world.text()}


def healed(world: World, broken: Break, notices: int) -> dict[str, bool]:
    """Where the end of a break is seen, and where it is not."""
    over = {"/health": world.health() == ""}
    if broken.alert:
        over |= {
            "alert": f'key="{broken.alert}"' not in world.metrics(),
            "webhook": all(world.told(broken.alert, s, notices) for s in ("firing", "resolved")),
        }
    return over


def until_all(look: Callable[[], dict[str, bool]], what: str) -> None:
    """Wait until all places have it; longer where others keep the processors busy."""
    seconds = SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    end, places = time.monotonic() + seconds, look()
    while not all(places.values()):
        missing = [place for place, has in places.items() if not has]
        assert time.monotonic() < end, f"{what}: not in {missing} within {seconds:g} s"
        time.sleep(PAUSE_SECONDS)
        places = look()


def run(world: World, broken: Break) -> None:
    """Break it, look everywhere, heal it, and look again."""
    log, notices = len(world.log()), len(world.receiver.notices)
    broken.do(world)
    try:
        until_all(lambda: seen(world, broken, log, notices), broken.name)
    finally:
        world.release()
        broken.heal(world)
    until_all(lambda: healed(world, broken, notices), f"the end of: {broken.name}")


@contextmanager
def world_in(folder: Path, browser: Browser) -> Iterator[World]:
    """A world that has published once, and is gone when the block is left."""
    world = World(folder, browser)
    try:
        refresh_by_service(world)
        until(lambda: world.health() == "", "health")
        yield world
    finally:
        world.close()
