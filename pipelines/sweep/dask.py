"""The driver that gives tasks to a Dask cluster; the library is an extra."""

import logging
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from pipelines.errors import Unfinished
from pipelines.sweep.run import Driver
from pipelines.sweep.task import Counts, Failed, Task, attempt

if TYPE_CHECKING:
    from distributed import Client

SECONDS: Final = 5.0
"""The longest wait for a scheduler to answer."""
SILENT_SECONDS: Final = 30.0
"""The longest wait for one that has answered before, which may be busy."""
WITHOUT_WORKERS: Final = 60.0
"""The longest wait for a worker, where none is left."""
LOOK_SECONDS: Final = 5.0
"""How often workers are looked for, while no result comes."""
POLL_SECONDS: Final = 0.02
TLS: Final = "DASK_DISTRIBUTED__COMM__TLS__"
"""How the names of variables begin by which Dask is told of certificates."""
EXTRA: Final = "a cluster needs an extra: pip install 'stockrank[cluster]'"


def on_cluster(address: str, seconds: float = SECONDS) -> Driver:
    """Return the driver that runs tasks on the workers of a scheduler."""

    def driver(tasks: Sequence[Task]) -> Generator[object]:
        with connected(address, seconds) as client:
            futures = client.map(attempt, tasks, pure=False, key="stockrank")
            try:
                for result in _results(client, futures, address):
                    yield _told(result, address)
            finally:
                with suppress(Exception):
                    client.cancel(futures, force=True)

    return driver


@contextmanager
def connected(address: str, seconds: float = SECONDS) -> Iterator["Client"]:
    """Connect to a scheduler with workers; `Unfinished` without one, or without the library."""
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError:
        raise Unfinished(EXTRA) from None
    # What goes wrong is told as one error; the library would log every attempt.
    for name in ("distributed", "distributed.client", "tornado", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _check_certificates(address)
    try:
        client = Client(address, timeout=seconds, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Unfinished(
            f"no scheduler answers at {address}: {error}; start one with python -m "
            "pipelines.cluster, or name another with --cluster"
        ) from None
    try:
        if not client.nthreads():
            raise Unfinished(f"{address} has no worker; start some")
        yield client
    finally:
        client.close(timeout=1)


def _check_certificates(address: str) -> None:
    """Raise `Unfinished` where Dask's settings do not fit the address; it would show a trace."""
    from distributed import Security  # noqa: PLC0415 - an extra

    is_tls = address.startswith("tls:")
    try:
        settings = Security().get_connection_args("client")
    except (OSError, ValueError) as error:
        raise Unfinished(f"{TLS}* name certificates that cannot be read: {error}") from None
    if is_tls and settings["ssl_context"] is None:
        raise Unfinished(f"{address} wants certificates; set {TLS}CA_FILE and {TLS}CLIENT__CERT")
    if settings["require_encryption"] and not is_tls:
        raise Unfinished(f"{address} is not encrypted, which the settings of Dask ask for; write "
                         "tls://…")  # fmt: skip


def _results(client: "Client", futures: Sequence[Any], address: str) -> Iterator[object]:
    """Yield results as they come; `Unfinished` where nobody is left who would compute them."""
    from distributed import as_completed  # noqa: PLC0415 - an extra

    done = as_completed(futures, with_results=True, raise_errors=False, loop=client.loop)
    looked = seen = time.monotonic()
    while not done.is_empty():
        if done.has_ready():
            yield next(done)[1]
            continue
        time.sleep(POLL_SECONDS)
        now = time.monotonic()
        if now - looked > LOOK_SECONDS:
            looked = time.monotonic()
            seen = looked if _has_workers(client, address) else seen
            if looked - seen > WITHOUT_WORKERS:
                raise Unfinished(f"{address} has had no worker for {WITHOUT_WORKERS:.0f} s; "
                                 "start some")  # fmt: skip


def _has_workers(client: "Client", address: str) -> bool:
    try:
        return bool(client.nthreads(callback_timeout=SILENT_SECONDS))
    except TimeoutError:
        raise Unfinished(f"the scheduler at {address} does not answer any more") from None
    except OSError:
        return True  # The futures tell of a scheduler that is gone.


def _told(result: object, address: str) -> object:
    """Return a result, or the error in place of one as a sentence."""
    if isinstance(result, Counts | Failed):
        return result
    error = result[1] if isinstance(result, tuple) and len(result) == 3 else result
    kind = type(error).__name__
    if kind in ("FutureCancelledError", "CancelledError"):
        raise Unfinished(f"the scheduler at {address} is gone")
    if kind == "KilledWorker":
        raise Unfinished(f"a worker of {address} was ended again and again, most often for its "
                         "memory; give each worker more")  # fmt: skip
    raise Unfinished(f"a worker of {address} failed: {kind}: {error}")
