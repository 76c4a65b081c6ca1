"""The list of breaks fits the code: each finds its rule, and names tests that are there."""

import os
import py_compile
from pathlib import Path

import pytest

from tests.mutations import BREAKS, ROOT, Break, broken, place


@pytest.mark.parametrize("by", BREAKS, ids=lambda by: by.rule)
def test_the_text_of_a_break_is_in_the_code_once(by: Break) -> None:
    assert place(ROOT, by.text), "update the text of the break in tests/mutations.py"
    assert by.broken != by.text
    assert (ROOT / "tests" / by.folder).is_dir()


def test_no_rule_is_broken_twice() -> None:
    assert len({by.rule for by in BREAKS}) == len({by.text for by in BREAKS}) == len(BREAKS)


def test_nothing_that_is_compiled_hides_a_break(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("x = 1")
    os.utime(path, (1, 1))
    compiled = Path(py_compile.compile(str(path), doraise=True) or "")
    with broken(path, Break("", "1", "2", "", "")):
        assert path.read_text() == "x = 2"
        assert not compiled.exists()
        py_compile.compile(str(path), doraise=True)
    assert path.read_text() == "x = 1"
    assert not compiled.exists()
