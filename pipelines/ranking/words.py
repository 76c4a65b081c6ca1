"""The words of a condition or expression in SQL, each with its position."""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

Kind = Literal["number", "text", "name", "sign", "end"]

KINDS: Final[tuple[Kind, ...]] = ("number", "text", "name", "sign")
LONGEST: Final = 200
"""Words that a condition may have."""
PATTERN: Final = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign><>|!=|<=|>=|-(?!-)|[+*/<>=(),]))",
    re.ASCII,
)


class Word(NamedTuple):
    """A word with its position, from 1; a text without its quotes, a keyword in upper case."""

    kind: Kind
    text: str
    at: int


class NotSql(Exception):
    """A condition cannot be read; the message says why, without the strategy and key."""

    def __init__(self, why: str, at: int) -> None:
        super().__init__(why)
        self.at: Final = at


def words(text: str) -> list[Word]:
    """Return the words of a text, and one for its end; `NotSql` names a sign that is none."""
    if "\x00" in text:
        raise NotSql("the sign '\\x00' is not known here", text.index("\x00") + 1)
    found = list(_words(text))
    if len(found) > LONGEST:
        raise NotSql(f"has more than {LONGEST} words; write it shorter", found[LONGEST].at)
    return [*found, Word("end", "the end", len(text) + 1)]


def _words(text: str) -> Iterator[Word]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = PATTERN.match(text, at)
        if found is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise NotSql(_odd(text[at:]), at + 1)
        kind = next(kind for kind in KINDS if found[kind] is not None)
        word = found[kind]
        inside = word[1:-1].replace("''", "'") if kind == "text" else word
        yield Word(kind, inside, found.start(kind) + 1)
        at = found.end()


def _odd(rest: str) -> str:
    """Return why a text cannot begin with a word."""
    if rest.startswith("'"):
        return "the text has no closing quote; add '"
    if rest.startswith('"'):
        return "write names without quotes, and texts in single ones"
    if rest.startswith("--"):
        return "-- begins a comment in SQL; write - -"
    if rest[0].isdigit() or rest[0] == ".":
        return f"{rest.split(maxsplit=1)[0][:20]!r} is no number"
    return f"the sign {rest[0]!r} is not known here"
