"""How a ticker may be written, and which stock a text means."""

import difflib
import re
import unicodedata
from collections.abc import Collection
from typing import Final

import polars as pl

from pipelines.errors import Unknown

SEPARATORS: Final = r"[-_\s]+"
"""The separators between the parts of a ticker; the lake has one space there."""
SIMILAR: Final = 3
"""How many tickers are named where a text is none."""
UNSEEN: Final = "[\ufeff\u200b\u2060]"
"""The byte order mark and spaces without width, which files bring along."""


def canonical_ticker(text: str) -> str:
    """Return a ticker as the lake writes it: `VOLV-B` and `VOLV_B` are `VOLV B`.

    Its letters are composed (NFC), and nothing unseen stands among them.
    """
    seen = re.sub(UNSEEN, "", unicodedata.normalize("NFC", text))
    return re.sub(SEPARATORS, " ", seen).strip(" ")


def canonical_tickers(column: str) -> pl.Expr:
    """Return the tickers of a column as the lake writes them; null for an empty one."""
    seen = pl.col(column).str.normalize("NFC").str.replace_all(UNSEEN, "")
    text = seen.str.replace_all(SEPARATORS, " ").str.strip_chars(" ")
    return pl.when(text != "").then(text)


def ticker_if_known(text: str, tickers: Collection[str]) -> str:
    """Return the ticker that a text means; the text, with its separators as in the lake, else."""
    ticker = canonical_ticker(text)
    return ticker.upper() if ticker not in tickers and ticker.upper() in tickers else ticker


def ticker_named(text: str, tickers: Collection[str]) -> str:
    """Return the ticker that a text means, one of those given; `Unknown` names similar ones."""
    ticker = canonical_ticker(text)
    if ticker in tickers:
        return ticker
    if ticker.upper() in tickers:
        return ticker.upper()
    near = difflib.get_close_matches(ticker.upper(), tickers, n=SIMILAR, cutoff=0.6)
    many = [f"{len(tickers):,} tickers, such as {', '.join(sorted(tickers)[:SIMILAR])}"]
    raise Unknown("ticker", text, near or (many if len(tickers) > SIMILAR else sorted(tickers)))
