"""The notebook runs on any market, and was committed with the outputs of its own code."""

import json
import math
import os
import re
import struct
import zlib
from base64 import b64decode
from pathlib import Path
from typing import Final

import nbformat
import pytest
from nbformat import NotebookNode

from notebooks.charts import half_width, smaller, student_quantile
from notebooks.execute import BACKTEST, NOTEBOOK, code_cells, code_hash, executed, read
from pipelines.demo import make_market
from pipelines.export import export
from pipelines.settings import PREFIX
from pipelines.universe import SWEDEN

LARGEST: Final = 2_000_000
"""Bytes of the committed file, so that a repository of many versions of it stays small."""
MACHINE: Final = re.compile(
    r"(?<![\w.])/(home|root|Users|tmp|work|usr|opt|var|private)/|[A-Z]:\\\\"
)
CHARTS: Final = 11


def kinds(cell: NotebookNode) -> list[tuple[str, ...]]:
    """What a cell shows, without what depends on the market."""
    return [(o.output_type, *sorted(o.get("data", {}))) for o in cell.outputs]


def complaints(notebook: NotebookNode) -> list[str]:
    """Errors, and whatever was written to the streams: warnings are."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return [
        f"{output.get('ename', output.get('name'))}: {output.get('evalue', output.get('text'))}"
        for output in outputs
        if output.output_type not in ("execute_result", "display_data")
    ]


@pytest.fixture(scope="module")
def committed() -> NotebookNode:
    return read()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lake of a small market."""
    folder = tmp_path_factory.mktemp("notebook")
    make_market(folder / "demo.db", stocks=80, years=5)
    export(folder / "demo.db", folder / "lake", SWEDEN)
    return folder


@pytest.fixture(scope="module")
def fresh(small: Path, committed: NotebookNode) -> NotebookNode:
    """The notebook after it has run on a small market."""
    return ran(committed, small)


def ran(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """A notebook after it has run, with nothing else in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(PREFIX)]:
            patch.delenv(name)
        patch.setenv("STOCKRANK_LAKE", str(folder / "lake"))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("PYTHONWARNINGS", "default")
        return executed(notebook)


def test_it_runs_without_an_error_or_a_warning(fresh: NotebookNode) -> None:
    assert complaints(fresh) == []


def test_the_committed_outputs_are_without_an_error_or_a_warning(committed: NotebookNode) -> None:
    assert complaints(committed) == []


def test_the_notebook_of_backtests_runs_and_was_committed_with_its_outputs(small: Path) -> None:
    notebook = read(BACKTEST)
    assert complaints(notebook) == complaints(ran(notebook, small)) == []
    assert notebook.metadata.code_hash == code_hash(notebook)
    assert BACKTEST.stat().st_size < LARGEST
    assert not MACHINE.search(json.dumps([cell.outputs for cell in code_cells(notebook)]))


def test_every_cell_that_shows_something_was_committed_with_it(
    committed: NotebookNode, fresh: NotebookNode
) -> None:
    shown = [kinds(cell) for cell in code_cells(fresh)]
    assert [kinds(cell) for cell in code_cells(committed)] == shown
    images = [kind for cell in shown for kind in cell if "image/png" in kind]
    assert len(images) == CHARTS


def test_the_cells_were_run_from_first_to_last(committed: NotebookNode) -> None:
    counts = [cell.execution_count for cell in code_cells(committed)]
    assert counts == list(range(1, len(counts) + 1))


def test_the_committed_outputs_are_those_of_the_committed_code(
    committed: NotebookNode, fresh: NotebookNode
) -> None:
    remedy = "the code has changed since; run python -m notebooks.execute on the demo market"
    assert committed.metadata.code_hash == code_hash(committed), remedy
    assert fresh.metadata == committed.metadata
    assert [c.source for c in fresh.cells] == [c.source for c in committed.cells]


def test_the_hash_is_of_the_code_and_not_of_the_text(committed: NotebookNode) -> None:
    other = nbformat.from_dict(committed)
    other.cells[0].source += " And more."
    assert code_hash(other) == code_hash(committed)
    code_cells(other)[-1].source += "\n"
    assert code_hash(other) != code_hash(committed)


def test_nothing_that_was_committed_names_a_machine(committed: NotebookNode) -> None:
    texts = [cell.source for cell in committed.cells]
    for cell in code_cells(committed):
        for output in cell.outputs:
            texts += [v for k, v in output.get("data", {}).items() if not k.startswith("image/")]
    assert [text for text in texts if MACHINE.search(str(text))] == []
    assert MACHINE.search("in /tmp/lake")
    assert NOTEBOOK.stat().st_size < LARGEST


def test_charts_are_images_of_twice_the_size_that_they_are_shown_with(fresh: NotebookNode) -> None:
    for cell in code_cells(fresh):
        for output in cell.outputs:
            if "image/png" in output.data:
                png, size = b64decode(output.data["image/png"]), output.metadata["image/png"]
                assert struct.unpack_from(">II", png, 16) == (
                    2 * size["width"], 2 * size["height"],
                )  # fmt: skip
                assert png == smaller(png)


def test_an_image_that_was_made_smaller_has_the_same_pixels() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    pixels = zlib.compress(b"\0" + bytes(3 * 500), 0)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 500, 1, 8, 2, 0, 0, 0))
    parts = [chunk(b"IDAT", pixels[:700]), chunk(b"IDAT", pixels[700:])]
    start, end = b"\x89PNG\r\n\x1a\n", chunk(b"IEND", b"")
    made = smaller(start + head + b"".join(parts) + end)
    whole = chunk(b"IDAT", zlib.compress(zlib.decompress(pixels), 9))
    assert made == start + head + whole + end


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 12.7062), (3, 3.18245), (10, 2.22814), (35, 2.03011)]
)
def test_the_quantile_is_that_of_the_tables(freedom: int, expected: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(expected, rel=1e-4)


def test_the_width_of_an_interval() -> None:
    assert half_width(4) == pytest.approx(3.18245 / 2, rel=1e-4)
    assert half_width(1) == math.inf
