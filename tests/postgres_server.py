"""A PostgreSQL server of its own, on loopback, for tests and measurements."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote

USER: Final = "rank-owner"
PASSWORD: Final = "geheim/Wort@42"
DEBIAN: Final = Path("/usr/lib/postgresql")
FAST: Final = "-c fsync=off -c shared_buffers=32MB -c listen_addresses=127.0.0.1"


def absent() -> str | None:
    """Why no server can be started; None where it can."""
    if _binary("initdb") is None:
        return "PostgreSQL is not installed"
    if os.getuid() == 0 and not _has_user():
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


def _has_user() -> bool:
    return any(user.pw_name == "postgres" for user in pwd.getpwall())


def _binary(name: str) -> str | None:
    there = sorted(DEBIAN.glob(f"*/bin/{name}"))
    return str(there[-1]) if there else shutil.which(name)


@dataclass(frozen=True)
class Server:
    """A server, and where its databases are."""

    folder: Path
    port: int

    def url(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        """The address of a database."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    def run(self, database: str, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements, each on its own, and return the rows of the last."""
        import psycopg  # noqa: PLC0415 - an extra

        with psycopg.connect(self.url(database), autocommit=True) as con:
            for statement in statements:
                answer = con.execute(statement)
            return answer.fetchall() if answer.description else []

    @property
    def pid(self) -> int:
        """The process that all others of the server are children of."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def control(self, *words: str, data: str = "data") -> None:
        """Run `pg_ctl`."""
        _run("pg_ctl", "-D", str(self.folder / data), *words)

    def start(self, data: str = "data", more: str = "") -> None:
        """Start the server of a folder, and wait until it is there."""
        options = f"{FAST} -p {self.port} -k {self.folder} {more}"
        self.control(
            "-o", options, "-l", str(self.folder / f"{data}.log"), "-w", "start", data=data
        )

    @contextmanager
    def standby(self) -> Iterator["Server"]:
        """Start a copy of the server that follows it, and end it."""
        made = Server(self.folder, free_port())
        _run("pg_basebackup", "-D", str(self.folder / "standby"), "-d", self.url("postgres"), "-R",
             "-X", "stream", "-c", "fast")  # fmt: skip
        made.start("standby")
        try:
            yield made
        finally:
            made.control("-m", "immediate", "-w", "stop", data="standby")
            shutil.rmtree(self.folder / "standby")


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def until_it_listens(port: int) -> None:
    """Wait for whoever is to listen on a port of loopback."""
    for _ in range(200):
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise AssertionError(port)


def as_user(*command: str) -> list[str]:
    """A command as it is run by a user who is not root."""
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    return [*(user if os.getuid() == 0 else []), *command]


def _run(name: str, *words: str) -> None:
    command = as_user(str(_binary(name)), *words)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()


@contextmanager
def server() -> Iterator[Server]:
    """Start a server, and end it."""
    with TemporaryDirectory(prefix="stockrank-pg-") as name:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        made = Server(folder, free_port())
        _run("initdb", "-D", str(folder / "data"), "-A", "scram-sha-256", "-U", USER, "--no-sync",
             f"--pwfile={folder / 'password'}", "--locale=C.UTF-8", "--encoding=UTF8")  # fmt: skip
        made.start()
        try:
            yield made
        finally:
            made.control("-m", "immediate", "-w", "stop")
