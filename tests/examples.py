"""How many random examples a property is tried with: a part of them in the fast tests.

The slow part of the suite tries all of them: with `EXAMPLES=all` it also runs the tests
that are marked `drawn`.
"""

import os
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import settings

ALL: Final = os.environ.get("EXAMPLES") == "all"


def drawn(fast: int, whole: int, **more: Any) -> Callable[[Any], Any]:
    """Mark a test and set how many examples it has in the fast tests, and in the slow part."""

    def decorate(test: Any) -> Any:
        number = whole if ALL else fast
        return pytest.mark.drawn(settings(max_examples=number, deadline=None, **more)(test))

    return decorate
