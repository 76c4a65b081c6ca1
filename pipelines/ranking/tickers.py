"""How a ticker may be written, and which of those there are is meant."""

import difflib
import re
from collections.abc import Collection

from pipelines.errors import Unknown


def canonical(text: str) -> str:
    """Each run of `-`, `_` and white space as one space, none at the ends: `VOLV-B` is `VOLV B`."""
    return re.sub(r"[-_\s]+", " ", text).strip()


def known(text: str, tickers: Collection[str]) -> str:
    """The one of the tickers that a text means; else `Unknown` with those that look alike."""
    ticker = canonical(text)
    if ticker in tickers:
        return ticker
    if ticker.upper() in tickers:
        return ticker.upper()
    near = difflib.get_close_matches(ticker.upper(), tickers, n=5, cutoff=0.3)
    raise Unknown("ticker", text, near or sorted(tickers)[:5])
