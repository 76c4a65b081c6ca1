"""Where the source is: the path of a SQLite database, or the address of one in PostgreSQL."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from pipelines.errors import SourceError
from pipelines.fingerprint import path_text

SCHEMES: Final = ("postgresql://", "postgres://")

TYPED: Final = re.compile(
    r"(?i)(postgres[a-z+0-9]*:/++)(?!…|user:password@)(?:[^'\"\n]*@)?[^\s'\";]*"
)
"""An address as somebody has typed it, or a path that was made of it."""


@dataclass(frozen=True)
class Postgres:
    """The address of a PostgreSQL database, which is a secret: no text shows more than its name."""

    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """The name of the database; `default` where the address leaves it to the server.

        So it is in an address whose password is cut off at a `/`: what follows is no name.
        """
        if "@" in self.url.partition("://")[2].partition("/")[2]:
            return "default"
        try:
            return unquote(urlsplit(self.url).path.strip("/")) or "default"
        except ValueError:
            return "default"

    def __str__(self) -> str:
        return f"postgresql://…/{self.name}"


Place = Path | Postgres
"""Where a source is."""


def place(text: str | Place) -> Place:
    """Return the place that a text names; `SourceError`, without the text, for another address."""
    if not isinstance(text, str):
        return text
    if "://" not in text:
        return Path(text)
    if not text.strip().startswith(SCHEMES):
        raise SourceError("the source is an address of another kind; write postgresql://…")
    return Postgres(text.strip())


def place_text(where: Place) -> str:
    """Return the text by which a place is known in manifests and records."""
    return path_text(where) if isinstance(where, Path) else str(where)


def spelled(where: Place) -> str:
    """Return the whole text of a place, with its password; for the environment of a command."""
    return where.url if isinstance(where, Postgres) else str(where)


def without_addresses(text: str) -> str:
    """Return a text without what is secret in addresses, of which it may repeat one."""
    return TYPED.sub(r"\1…", text)
