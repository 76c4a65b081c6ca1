"""The service in a process of its own, and those who watch it: a stream and a webhook."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final, TypeVar

import httpx2

DEADLINE_SECONDS: Final = 180.0
"""After so long nothing more is expected, however busy the machine is."""
ROOT: Final = Path(__file__).parents[3]
ADDRESS: Final = re.compile(r"running on http://127\.0\.0\.1:(\d+)")

HELD: Final = """
import os
import sys
import time
from pathlib import Path

if "pipelines.export" in sys.orig_argv:
    while Path(os.environ["STOCKRANK_SOURCE"]).with_name("hold").exists():
        time.sleep(0.02)
"""
"""For a sitecustomize.py: a refresh waits while a file `hold` lies beside the database."""

Json = dict[str, Any]
Found = TypeVar("Found")


def until(look: Callable[[], Found], what: str) -> Found:
    """What `look` finds, as soon as that is something."""
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not in {DEADLINE_SECONDS:g} s")


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """That of a process which uses the database and the lake of a folder."""
    given = {k: v for k, v in os.environ.items() if not k.startswith("STOCKRANK_")}
    given["STOCKRANK_BACKTESTS"] = "false"
    places = {"source": str(folder / "app.db"), "lake": str(folder / "lake")}
    known = {f"STOCKRANK_{k}".upper(): v for k, v in (places | settings).items()}
    return given | {"PYTHONPATH": str(ROOT)} | known


def command(folder: Path, *words: str) -> str:
    """What a command prints, run as cron would; it must succeed."""
    return subprocess.run(
        [sys.executable, "-m", *words], env=environment(folder), cwd=folder, check=True,
        capture_output=True, text=True, timeout=DEADLINE_SECONDS,
    ).stdout  # fmt: skip


def processes_of(folder: Path) -> list[str]:
    """The command lines of all processes that use the lake of a folder."""
    found, mark = [], f"STOCKRANK_LAKE={folder / 'lake'}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


class Server:
    """`python -m app` on a folder with `app.db` and `lake`, on a free port of this machine."""

    def __init__(self, folder: Path, *, first: Path | None = None, **settings: str) -> None:
        self.folder: Final = folder
        env = environment(folder, **settings)
        if first:  # a folder whose sitecustomize.py every Python of the service runs
            env["PYTHONPATH"] = f"{first}{os.pathsep}{env['PYTHONPATH']}"
        self._log: Final = folder / "log.txt"
        with self._log.open("a") as log:
            self._before: Final = log.tell()
            self._process: Final = subprocess.Popen(
                [sys.executable, "-m", "app", "--port", "0"],
                env=env, cwd=folder, stderr=log,
            )  # fmt: skip
        self.port: Final = int(until(self._address, "the start of the service"))
        self.url: Final = f"http://127.0.0.1:{self.port}"
        self.token: Final = settings.get("api_token")
        self.client: Final = httpx2.Client(
            base_url=self.url,
            timeout=DEADLINE_SECONDS,
            headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
        )

    def _address(self) -> str | None:
        assert self._process.poll() is None, self.log()
        found = ADDRESS.search(self.log())
        return found[1] if found else None

    def log(self) -> str:
        """What this process logged so far."""
        return self._log.read_text()[self._before :]

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """The answer to a request, which tells nothing of the inside of the service."""
        return self._closed(self.client.get(path, **options))

    def post(self, path: str, **options: Any) -> httpx2.Response:
        """The same for a change of state."""
        return self._closed(self.client.post(path, **options))

    def _closed(self, answer: httpx2.Response) -> httpx2.Response:
        told_nothing_inside(answer.text, self.folder)
        return answer

    def json(self, path: str) -> Any:
        """The body of a request that is answered."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    def refresh(self) -> Json:
        """The job of a refresh that was started and has ended."""
        started = self.post("/data/sync-now")
        assert started.status_code == 202, started.text
        path = started.json()["status_url"]
        return until(lambda: ended(self.json(path)), "the end of the refresh")

    def stop(self) -> int:
        """End the service as `docker stop` does; its exit code."""
        self.client.close()
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """The exit code of the service when it has ended."""
        return self._process.wait(timeout=DEADLINE_SECONDS)

    def kill(self) -> None:
        """End what a failed test left."""
        self.client.close()
        self._process.kill()
        self._process.wait()


def ended(job: Json) -> Json | None:
    """A job that has ended."""
    return job if job["status"] in ("succeeded", "failed") else None


def told_nothing_inside(text: str, folder: Path) -> None:
    """No stack trace, and no place in the file system: neither the data's nor the program's."""
    for inside in ("Traceback", 'File "', str(folder), str(ROOT), sys.prefix, "site-packages"):
        assert inside not in text, (inside, text)


def version(server: Server) -> str | None:
    """The current version of a service; None without one."""
    answer = server.get("/data/versions")
    found = answer.json() if answer.status_code == 200 else []
    return next((one["version"] for one in found if one["current"]), None)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """A service that is gone when the block is left."""
    server = Server(folder, **settings)
    try:
        yield server
    finally:
        server.kill()


# ------------------------------------------------------------------------------- watching


class Stream:
    """The live stream of a service, read until the service ends it."""

    def __init__(self, server: Server) -> None:
        self._folder: Final = server.folder
        self.heard: Final[list[tuple[str, Json]]] = []
        self.broken: str | None = None
        """Why it ended otherwise than by the service."""
        self._thread: Final = Thread(target=self._read, args=(server.url,), daemon=True)
        self._thread.start()
        until(lambda: self.heard, "the beginning of the stream")

    def _read(self, url: str) -> None:
        kind = ""
        try:
            with httpx2.stream("GET", f"{url}/system/stream", timeout=DEADLINE_SECONDS) as answer:
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "data":
                        told_nothing_inside(value, self._folder)
                        self.heard.append((kind, json.loads(value)))
        except (httpx2.HTTPError, AssertionError) as error:
            self.broken = repr(error)

    def of(self, kind: str) -> list[Json]:
        """The data of the events of a kind so far."""
        return [data for heard, data in list(self.heard) if heard == kind]

    def end(self) -> None:
        """Wait until the service has ended it, in order."""
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()
        assert self.broken is None


class Receiver:
    """A webhook's receiver, which outlives the services that post to it."""

    def __init__(self) -> None:
        self.notices: Final[list[Json]] = []
        notices = self.notices

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                notices.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._handler: Final = Handler
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url: Final = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._serve()

    def _serve(self) -> None:
        Thread(target=self._server.serve_forever, daemon=True).start()

    def reopen(self) -> None:
        """Receive again at the same address."""
        address = ("127.0.0.1", self._server.server_port)
        self._server = ThreadingHTTPServer(address, self._handler)
        self._serve()

    def states(self) -> list[tuple[str, str]]:
        """Key and state of all that was received, in its order."""
        return [(notice["key"], notice["state"]) for notice in list(self.notices)]

    def close(self) -> None:
        """Receive no more."""
        self._server.shutdown()
        self._server.server_close()
