"""Texts and tables as a terminal shows them: no control characters, no broken words.

Names come from a database, paths from anywhere. They are shown as they are: nothing in them is a
colour, a link or an emoji code.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.box import Box
from rich.cells import cell_len
from rich.table import Table as RichTable
from rich.text import Text

GAP: Final = 2
"""Blanks between two columns."""
LEAST_WORDS: Final = 8
"""The width below which no column of words is cut, in characters."""
CUT: Final = "…"
"""Stands for the rest of a text, and for columns that are left out."""
CUT_SIZE: Final = GAP + 1
"""The width of the column that says so."""
RULE: Final = Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
"""A line below the titles, and no other."""
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that move the cursor, change colours, or turn the direction of writing."""
SPACE: Final = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
"""White space that is no blank; control characters among it."""


def plain(text: str) -> str:
    """Return a text as one line without control characters."""
    return CONTROL.sub("", SPACE.sub(" ", text))


def wrapped(text: str, width: int | None) -> str:
    """Return a sentence in lines of some width; a word that is longer has a line of its own."""
    line = plain(text)
    if width is None:
        return line
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True)
class Column:
    """A column of a table, and what may become of it on a narrow terminal.

    Its texts stay whole unless `wraps` lets them go on in the next line, or `cut_to` lets them be
    cut to that width. Of the columns with an `extra` the highest is left out first.
    """

    title: str
    extra: int = 0
    wraps: bool = False
    cut_to: int | None = None


@dataclass(frozen=True)
class Table:
    """A table of texts with a title; columns of numbers are aligned to the right."""

    title: str
    columns: tuple[Column | str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""
    """A sentence below the table."""

    def fitted(self, width: int) -> RichTable:
        """Return the table within a width, without columns that are empty, or that do not fit.

        What is left out is said by an ellipsis. An id that is wider than all that stays whole.
        """
        shown = _that_fit(self._filled, width)
        is_cut = len(shown) < len(self._filled)
        sizes = _sizes(shown, width - is_cut * CUT_SIZE)
        rich = RichTable(
            box=RULE, show_edge=False, padding=(0, GAP - 1, 0, 0), pad_edge=False,
            width=sum(sizes) + GAP * (len(sizes) - 1) + is_cut * CUT_SIZE,
        )  # fmt: skip
        for part, size in zip(shown, sizes, strict=True):
            rich.add_column(part.head, width=size, justify=part.side, overflow="ellipsis")
        if is_cut:
            rich.add_column(CUT)
        for row in zip(*(part.texts for part in shown), strict=True):
            rich.add_row(*row)
        return rich

    def left_out(self, width: int) -> list[str]:
        """Return the titles of the columns that do not fit within a width."""
        shown = _that_fit(self._filled, width)
        return [part.column.title for part in self._filled if part not in shown]

    @property
    def _filled(self) -> list["_Part"]:
        return [part for part in self._parts() if any(part.cells)]

    def _parts(self) -> Iterator["_Part"]:
        for at, column in enumerate(self.columns):
            named = Column(column) if isinstance(column, str) else column
            yield _Part(named, tuple(plain(row[at]) for row in self.rows))


@dataclass(frozen=True)
class _Part:
    """A column with its texts."""

    column: Column
    cells: tuple[str, ...]

    @property
    def head(self) -> Text:
        return Text(self.column.title)

    @property
    def texts(self) -> list[Text]:
        is_cut = self.column.cut_to is not None
        return [Text(cell, no_wrap=is_cut or None, overflow="ellipsis") for cell in self.cells]

    @property
    def side(self) -> Literal["left", "right"]:
        numbers = all(cell.strip("+-%,.0123456789") == "" for cell in self.cells)
        return "right" if numbers else "left"

    @property
    def widest(self) -> int:
        """The width at which nothing is wrapped or cut."""
        return max(map(cell_len, (self.column.title, *self.cells)))

    @property
    def narrowest(self) -> int:
        """The width that it needs to break no word; a title may always be wrapped."""
        cells: list[str] = list(self.cells)
        if self.column.wraps:
            cells = [word for cell in cells for word in cell.split()]
        needed = max(map(cell_len, cells), default=0)
        least = min(needed, self.column.cut_to or needed)
        return max(least, *map(cell_len, self.column.title.split() or [""]))


def _that_fit(parts: list[_Part], width: int) -> list[_Part]:
    """Return the columns without those that must be left out."""
    shown, room = list(parts), width
    while sum(part.narrowest + GAP for part in shown) - GAP > room:
        last = max(shown, key=lambda part: part.column.extra)
        if not last.column.extra:
            break
        shown.remove(last)
        room = width - CUT_SIZE
    return shown


def _sizes(shown: list[_Part], width: int) -> list[int]:
    """Return the width of each column: what it needs, more of what is free, less if need be."""
    sizes = [part.narrowest for part in shown]
    free = width - sum(sizes) - GAP * (len(shown) - 1)
    for _ in range(-free):
        if not (longer := [at for at, part in enumerate(shown) if _may_shrink(part, sizes[at])]):
            break
        sizes[max(longer, key=sizes.__getitem__)] -= 1
    for _ in range(free):
        if not (short := [at for at, part in enumerate(shown) if sizes[at] < part.widest]):
            break
        sizes[min(short, key=lambda at: _need(shown[at], sizes[at]))] += 1
    return sizes


def _may_shrink(part: _Part, size: int) -> bool:
    return part.column.wraps and size > LEAST_WORDS


def _need(part: _Part, size: int) -> tuple[bool, float]:
    """Order columns by who gets what is free: names that are cut, then the one with least."""
    return part.column.cut_to is None, size / part.widest
