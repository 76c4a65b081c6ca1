"""A Dask scheduler and workers on this machine, for itself alone."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pipelines.errors import Unfinished
from pipelines.sweep.dask import EXTRA

LOOPBACK: Final = "127.0.0.1"
PAGES: Final = f"{LOOPBACK}:0"
"""Where Dask serves pages about itself; unless told, it does so on every interface."""


@contextmanager
def local_cluster(workers: int, port: int, folder: str) -> Iterator[str]:
    """Run a scheduler and workers with a thread each, and yield its address.

    `Unfinished` where the port is taken, or without the library.
    """
    try:
        import dask  # noqa: PLC0415 - an extra
        from distributed import LocalCluster  # noqa: PLC0415 - an extra
    except ImportError:
        raise Unfinished(EXTRA) from None
    logging.getLogger("distributed").setLevel(logging.ERROR)
    settings = {"distributed.nanny.pre-spawn-environ.POLARS_MAX_THREADS": "1"}
    try:
        with dask.config.set(settings), LocalCluster(
            n_workers=workers, threads_per_worker=1, host=LOOPBACK, scheduler_port=port,
            dashboard_address=PAGES, worker_dashboard_address=PAGES, local_directory=folder,
        ) as cluster:  # fmt: skip
            yield str(cluster.scheduler_address)
    except (OSError, RuntimeError) as error:
        raise Unfinished(
            f"no scheduler on port {port}: {error}; name another with --port"
        ) from None
