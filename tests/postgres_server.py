"""A PostgreSQL server of its own, on loopback, for tests and measurements."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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

    def control(self, *words: str) -> None:
        """Run `pg_ctl`."""
        _run("pg_ctl", "-D", str(self.folder / "data"), *words)


def _run(name: str, *words: str) -> None:
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    command = [*(as_user if os.getuid() == 0 else []), str(_binary(name)), *words]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()


@contextmanager
def server() -> Iterator[Server]:
    """Start a server, and end it."""
    with TemporaryDirectory(prefix="stockrank-pg-") as name, socket.socket() as free:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        free.bind(("127.0.0.1", 0))
        made = Server(folder, free.getsockname()[1])
        _run("initdb", "-D", str(folder / "data"), "-A", "scram-sha-256", "-U", USER, "--no-sync",
             f"--pwfile={folder / 'password'}", "--locale=C.UTF-8", "--encoding=UTF8")  # fmt: skip
        free.close()
        options = f"{FAST} -p {made.port} -k {folder}"
        made.control("-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield made
        finally:
            made.control("-m", "immediate", "-w", "stop")
