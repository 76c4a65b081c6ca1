"""How many random examples a property is tried with: a part of them in the fast tests.

The slow part of the suite tries the others: with `EXAMPLES=all` it also runs the tests that are
marked `drawn`, with as many examples as the fast tests leave of all.
"""

import os
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import settings

ALL: Final = os.environ.get("EXAMPLES") == "all"


def drawn(fast: int, whole: int, **more: Any) -> Callable[[Any], Any]:
    """Mark a test and set how many examples it has in the fast tests, and in both parts."""

    def decorate(test: Any) -> Any:
        number = whole - fast or whole if ALL else fast
        return pytest.mark.drawn(settings(max_examples=number, deadline=None, **more)(test))

    return decorate
