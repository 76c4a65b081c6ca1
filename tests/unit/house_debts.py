"""What `test_house.py` finds today: lists that may only become shorter."""

from typing import Final

ARROWS: Final[frozenset[str]] = frozenset()
"""A room that uses another against the arrows."""

CIRCLES: Final[frozenset[str]] = frozenset()
"""Modules on a circle, or between two."""

PAST_A_DOOR: Final[frozenset[str]] = frozenset()
"""A module that takes from behind a door."""

NAMED_LIKE_A_MODULE: Final[frozenset[str]] = frozenset()
"""Names on a door that are also modules."""

WITHOUT_A_SENTENCE: Final[frozenset[str]] = frozenset()
"""Names on a door of which nothing is said."""

UNTYPED: Final[frozenset[str]] = frozenset()
"""Public functions and fields with `dict[str, Any]`."""

LONG_FILES: Final[frozenset[str]] = frozenset()
"""Files above 300 lines."""

LONG_BODIES: Final[frozenset[str]] = frozenset()
"""Functions above 40 lines."""
