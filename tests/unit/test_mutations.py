"""The list of breaks fits the code: each finds its rule, and names tests that are there."""

import pytest

from tests.mutations import BREAKS, ROOT, Break, place


@pytest.mark.parametrize("by", BREAKS, ids=lambda by: by.rule)
def test_the_text_of_a_break_is_in_the_code_once(by: Break) -> None:
    assert place(ROOT, by.text), "update the text of the break in tests/mutations.py"
    assert by.broken != by.text
    assert (ROOT / "tests" / by.folder).is_dir()


def test_no_rule_is_broken_twice() -> None:
    assert len({by.rule for by in BREAKS}) == len({by.text for by in BREAKS}) == len(BREAKS)
