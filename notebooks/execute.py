"""`python -m notebooks.execute`: run the notebook and keep its outputs.

What is kept names no machine and no time, and bears a hash of the code that made it.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import nbformat
import xxhash
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

from pipelines import console

FOLDER: Final = Path(__file__).parent
NOTEBOOK: Final = FOLDER / "rankings.ipynb"
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


def main() -> None:
    """Run notebooks/rankings.ipynb and write its outputs into it.

    Example: STOCKRANK_LAKE=data/lake python -m notebooks.execute
    """
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    nbformat.write(executed(read()), NOTEBOOK)
    console.write(f"{NOTEBOOK.name}: {NOTEBOOK.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    console.run(main)
