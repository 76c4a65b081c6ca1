"""`python -m notebooks.execute`: run the notebooks and keep their outputs.

What is kept names no machine and no time, and bears a hash of the code that made it.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import nbformat
import typer
import xxhash
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

from pipelines import console
from pipelines.errors import Unknown

FOLDER: Final = Path(__file__).parent
NOTEBOOK: Final = FOLDER / "rankings.ipynb"
BACKTEST: Final = FOLDER / "backtest.ipynb"
SECONDS: Final = 300
"""The longest that one cell may take."""


def read(path: Path = NOTEBOOK) -> NotebookNode:
    """The notebook as it is on disk."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that can be run, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def code_hash(notebook: NotebookNode) -> str:
    """A hash of the code in the notebook and of the module beside it."""
    parts = [cell.source for cell in code_cells(notebook)]
    parts.append((FOLDER / "charts.py").read_text(encoding="utf-8"))
    return xxhash.xxh128_hexdigest("\0".join(parts).encode())


def executed(notebook: NotebookNode) -> NotebookNode:
    """A copy with fresh outputs; `CellExecutionError` shows the cell that failed."""
    fresh: NotebookNode = nbformat.from_dict(notebook)
    with TemporaryDirectory() as folder:
        # Sockets in the file system: no port is taken, and nobody else can connect.
        sockets = Config(KernelManager={"transport": "ipc", "ip": f"{folder}/kernel"})
        NotebookClient(
            fresh,
            config=sockets,
            resources={"metadata": {"path": str(FOLDER)}},
            timeout=SECONDS,
            record_timing=False,
        ).execute()
    fresh.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "code_hash": code_hash(fresh),
    }
    return fresh


def main(
    name: Annotated[str, typer.Argument(help="rankings, backtest, or all.")] = "all",
) -> None:
    """Run the notebooks, or one of them, and write their outputs into them.

    Example: STOCKRANK_LAKE=data/lake python -m notebooks.execute backtest
    """
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    paths = {path.stem: path for path in (NOTEBOOK, BACKTEST)}
    if name not in (*paths, "all"):
        raise Unknown("notebook", name, [*paths, "all"])
    for path in paths.values() if name == "all" else [paths[name]]:
        nbformat.write(executed(read(path)), path)
        console.write(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    console.run(main)
