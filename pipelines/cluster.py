"""`python -m pipelines.cluster`: a Dask scheduler and workers on this machine, to try them."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

import signal
import tempfile
from typing import Annotated

import typer

from pipelines import console
from pipelines.runtime import end_in_order
from pipelines.sweep import local_cluster, processors

Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes that rank, with a thread each; default one a processor."),
]


def main(
    *,
    workers: Workers = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8786,
) -> None:
    """Start a scheduler and workers that only this machine can reach; Ctrl-C ends them.

    Example: python -m pipelines.cluster --workers 2
    """
    end_in_order()
    count = workers or processors()
    with (
        tempfile.TemporaryDirectory(prefix="stockrank-cluster-") as folder,
        local_cluster(count, port, folder) as address,
    ):
        words = f"{count} worker{'s' * (count > 1)}"
        console.write(f"{words} at {address}; give it as --cluster, and end them with Ctrl-C")
        signal.pause()


if __name__ == "__main__":
    console.run(main)
