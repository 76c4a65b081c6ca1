"""The driver that gives tasks to a Dask cluster; the library is an extra."""

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from pipelines.errors import Unfinished
from pipelines.sweep.run import Driver
from pipelines.sweep.task import Counts, Failed, Task, attempt

if TYPE_CHECKING:
    from distributed import Client

SECONDS: Final = 5.0
"""The longest wait for a scheduler to answer."""
EXTRA: Final = "a cluster needs an extra: pip install 'stockrank[cluster]'"


def on_cluster(address: str, seconds: float = SECONDS) -> Driver:
    """Return the driver that runs tasks on the workers of a scheduler."""

    def driver(tasks: Sequence[Task]) -> Generator[object]:
        with connected(address, seconds) as client:
            from distributed import as_completed  # noqa: PLC0415 - an extra

            futures = client.map(attempt, tasks, pure=False, key="stockrank")
            try:
                for _, result in as_completed(
                    futures, with_results=True, raise_errors=False, loop=client.loop
                ):
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
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
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
