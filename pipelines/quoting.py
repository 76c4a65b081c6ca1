"""Texts from outside, such as paths and names, as they may stand in a line of a log."""

import re
from typing import Final

WORD: Final = re.compile(r"[^\s\"=\\]+")


def one_line(text: str) -> str:
    """Return a text with an escape in place of each character that cannot be shown."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def quoted(value: object) -> str:
    """Return a value as one word; in quotes if it has blanks, quotes, equals signs or escapes."""
    text = str(value)
    if WORD.fullmatch(text) and text.isprintable():
        return text
    return '"' + one_line(re.sub(r'([\\"])', r"\\\1", text)) + '"'
