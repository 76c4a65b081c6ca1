"""The real service in a process of its own, and headless Chromium to look at its page."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pipelines.demo import last_weekday, make_market
from pipelines.export import export
from pipelines.universe import SWEDEN
from tests.made_once import made_once

ROOT = Path(__file__).parents[3]
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first needs a sixth less of the processor: it has no window."""
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    # Two processes fewer, which pages of one machine need no protection from.
    *("--in-process-gpu", "--enable-features=NetworkServiceInProcess2"),
)
TOKEN = "a-long-secret"
USUAL = {"width": 1280, "height": 720}
PATIENCE_MS = 60_000
"""Only ends a test that hangs."""
expect.set_options(timeout=PATIENCE_MS)
CLIENT = httpx2.Client(timeout=PATIENCE_MS / 1000)
"""One for all requests: each of its own would read the certificates of the machine."""
atexit.register(CLIENT.close)


class Service:
    """`python -m app` on a folder with `app.db` and, once something is published, a lake."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._settings = settings
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app", "--port", str(self.port)],
                cwd=self.folder,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "service.log").read_text()
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return CLIENT.get(f"{self.url}/health/live").is_success
        except httpx2.TransportError:
            return False

    def _environment(self) -> dict[str, str]:
        ours = {k: v for k, v in os.environ.items() if not k.startswith("STOCKRANK_")}
        ours["STOCKRANK_BACKTESTS"] = "false"
        return ours | {
            "PYTHONPATH": str(ROOT),
            "STOCKRANK_SOURCE": str(self.folder / "app.db"),
            "STOCKRANK_LAKE": str(self.folder / "lake"),
            **self._settings,
        }

    def send(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a lost machine ends: without a word."""
        if self._process:
            self.send(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it in order, so that no refresh outlives it."""
        if self._process:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            self._process.wait()
            self._process = None

    def get(self, path: str) -> Any:
        return CLIENT.get(f"{self.url}{path}").raise_for_status().json()


Start = Callable[..., Service]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market whose newest closes are a month old, and a lake with two versions of it."""
    return made_once(tmp_path_factory, "old_market", _make_old_market)


def _make_old_market(top: Path) -> None:
    end = last_weekday(datetime.now(UTC).date() - timedelta(days=30))
    make_market(top / "app.db", stocks=120, years=3, end=end)
    for _ in range(2):
        export(top / "app.db", top / "lake", SWEDEN, full=True)


@pytest.fixture
def start(made: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts the service on a copy of the market, with its lake or with nothing published."""
    services = []

    def started(*, published: bool = True, **settings: str) -> Service:
        services.append(copied(made, tmp_path, published=published, **settings))
        services[-1].start()
        return services[-1]

    yield started
    for service in services:
        service.stop()


@pytest.fixture(scope="module")
def served(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with its lake, for tests that change nothing."""
    with running(copied(made, tmp_path_factory.mktemp("served"))) as service:
        yield service


@pytest.fixture(scope="module")
def empty(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with nothing published, for tests that publish nothing."""
    with running(copied(made, tmp_path_factory.mktemp("empty"), published=False)) as service:
        yield service


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """Start a service, and stop it at the end."""
    service.start()
    try:
        yield service
    finally:
        service.stop()


def copied(made: Path, folder: Path, *, published: bool = True, **settings: str) -> Service:
    """The service on a copy of the market, not started."""
    shutil.copy(made / "app.db", folder)
    if published:
        shutil.copytree(made / "lake", folder / "lake", symlinks=True)
    return Service(folder, **settings)


# A module's, not the session's: while it is open its event loop runs in this thread, and tests
# of other folders run one of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the path; install it to look at the dashboard")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield chromium
        chromium.close()


class Window:
    """A window of the browser for tests one after the other; a new one costs a second."""

    def __init__(self, browser: Browser, **kind: Any) -> None:
        context = browser.new_context(**kind)
        context.set_default_timeout(PATIENCE_MS)
        self.page = context.new_page()
        self._devtools = context.new_cdp_session(self.page)
        self._devtools.send("Page.enable")
        self._home = ""
        self._wrong: list[str] = []
        self.page.on("pageerror", lambda error: self._wrong.append(f"error: {error}"))
        self.page.on("console", lambda told: self._wrong.extend(_policy(told.text)))
        self.page.on("request", lambda asked: self._wrong.extend(_foreign(asked.url, self._home)))

    def begin(self, home: str, path: str, size: dict[str, int], **media: Any) -> None:
        """Load a page, and remember nothing of the tests before."""
        self._home = home
        self.page.set_viewport_size(size)  # type: ignore[arg-type]
        self.page.emulate_media(**media)
        self.page.mouse.move(0, 0)
        forget = {"source": "localStorage.clear(); sessionStorage.clear()"}
        known = self._devtools.send("Page.addScriptToEvaluateOnNewDocument", forget)
        self.page.goto(f"{home}{path}")
        self._devtools.send("Page.removeScriptToEvaluateOnNewDocument", known)

    def end(self) -> list[str]:
        """Leave the service, which may end then; what went wrong on its pages."""
        self.page.unroute_all(behavior="ignoreErrors")
        self.page.goto("about:blank")
        wrong, self._wrong = self._wrong, []
        return wrong


Windows = Callable[..., Window]


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Windows]:
    """The window of a kind of reader: of a language and a device."""
    opened: dict[str, Window] = {}

    def of(**kind: Any) -> Window:
        known = str(sorted(kind.items()))
        return opened.get(known) or opened.setdefault(known, Window(browser, **kind))

    yield of
    for one in opened.values():
        one.page.context.close()


Visit = Callable[..., Page]


@pytest.fixture
def visit(window: Windows) -> Iterator[Visit]:
    """Opens a page of a service; no error, refused policy or foreign address may occur."""
    used: list[Window] = []

    def visited(
        service: Service, path: str = "/status", *, wait: str = "#link[data-state=live]",
        viewport: dict[str, int] = USUAL, color_scheme: str = "light",
        reduced_motion: str = "no-preference", **kind: Any,
    ) -> Page:  # fmt: skip
        used.append(window(**kind))
        media = {"color_scheme": color_scheme, "reduced_motion": reduced_motion}
        used[-1].begin(service.url, path, viewport, **media)
        page = used[-1].page
        page.wait_for_selector(wait)
        return page

    yield visited
    assert [wrong for one in used for wrong in one.end()] == []


def barriers(page: Page, *rules: str) -> list[dict[str, Any]]:
    """What axe finds on a page, by all of its rules or by some."""
    # Without this it would also describe each element that passes.
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    found: list[dict[str, Any]] = Axe().run(page, options=options).response["violations"]
    return found


def _policy(text: str) -> list[str]:
    return [text] if "Content Security Policy" in text else []


def _foreign(url: str, ours: str) -> list[str]:
    return [] if url.startswith(f"{ours}/") else [f"asked for {url}"]
