"""Holdings as people have them: `ticker;shares` lines, and the CSV files of brokers as they come.

Files of Avanza have `Kontonummer;Namn;Kortnamn;Volym;…;ISIN;…` and decimal commas; those of Nordnet
are in UTF-16, with tabs, `Namn`, `Valuta` and `Antal`. Other brokers' columns have the same names.
"""

import codecs
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pipelines.errors import WrongUsage
from pipelines.ranking import StockName, StockNames

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "shares": (
        "antal", "volym", "antal aktier", "antall", "beholdning", "kpl", "määrä", "shares",
        "quantity", "volume", "number of shares",
    ),
    "isin": ("isin", "isin-kod", "isin kod", "isin-kode", "isin-koodi", "isin code"),
    "ticker": ("kortnamn", "ticker", "symbol", "tickersymbol", "kortnavn", "tunnus"),
    "name": (
        "namn", "värdepapper", "instrument", "navn", "verdipapir", "værdipapir", "papirnavn",
        "nimi", "arvopaperi", "name", "security", "aktie", "company",
    ),
    "currency": ("valuta", "currency", "valuutta"),
}  # fmt: skip
"""What the columns are called in Swedish, Norwegian, Danish, Finnish and English."""
ENGLISH: Final = frozenset({"shares", "quantity", "volume", "number of shares"})
"""Names of a column of shares beside which a comma may stand between thousands."""
SEPARATORS: Final = "\t;|,"
BLANKS: Final = re.compile(r"[\s\u00a0\u2009\u202f']")
"""What may stand between thousands."""
THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}([.,])\d{3}(\1\d{3})*")
NUMBER: Final = re.compile(r"[-\u2212]?[0-9]+([.,][0-9]+)?")
LONGEST: Final = 16
"""The most characters of a number of shares."""
NEAREST: Final = 3
MOST_ROWS: Final = 5_000
MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True, slots=True)
class Matched:
    """Shares of a stock that is known, and by what it was found: isin, ticker or name."""

    ticker: str
    shares: int
    name: str | None
    matched_by: str


@dataclass(frozen=True, slots=True)
class NotMatched:
    """A line that gives no shares of a known stock, with the reason and the nearest stocks."""

    line: int
    text: str
    reason: str
    nearest: tuple[StockName, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldingsRead:
    """The holdings of a text, and the lines that are none."""

    holdings: tuple[Matched, ...]
    not_matched: tuple[NotMatched, ...]


def decoded(whole: bytes) -> str:
    """Return the text of a file: by its mark, in UTF-16, UTF-8, or else in the code of Windows."""
    for mark, name in MARKS.items():
        if whole.startswith(mark):
            return _decoded(whole, name)
    if b"\0" in whole[:200]:
        return _decoded(whole, "utf-16-be" if whole[:1] == b"\0" else "utf-16-le")
    try:
        return whole.decode("utf-8")
    except UnicodeDecodeError:
        return _decoded(whole, "cp1252")


def _decoded(whole: bytes, name: str) -> str:
    try:
        return whole.decode(name)
    except UnicodeDecodeError as error:
        told = f"byte {error.start} of the file is no text in {name}"
        raise WrongUsage(f"{told}; save it as CSV in UTF-8") from None


def read_holdings(text: str, names: StockNames) -> HoldingsRead:
    """Return the holdings in a text, and what in it is none; `WrongUsage` for a text without any.

    The ISIN decides, then the ticker, then the name. Shares of several accounts stay apart.
    """
    rows = list(_rows(text))
    if not rows:
        raise WrongUsage("the text has no holdings; write a line such as VOLV B;100 for each")
    if len(rows) > MOST_ROWS:
        told = f"at most {MOST_ROWS:,} are read"
        raise WrongUsage(f"the text has {len(rows):,} lines; {told}")
    first = [cell.casefold() for cell in rows[0][1]]
    places = {kind: at for kind, at in _places(first) if at is not None}
    has_head = "shares" in places
    if not has_head:
        _check_first(rows[0][1])
    commas = has_head and first[places["shares"]] not in ENGLISH
    found = [
        _read(line, _cells(row, places if has_head else None), names, commas=commas)
        for line, row in rows[has_head:]
    ]
    return HoldingsRead(
        tuple(one for one in found if isinstance(one, Matched)),
        tuple(one for one in found if isinstance(one, NotMatched)),
    )


# ------------------------------------------------------------------------------------- lines


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that has any."""
    lines = [(n, line) for n, line in enumerate(text.lstrip("\ufeff").splitlines(), 1)]
    filled = [(n, line) for n, line in lines if line.strip()]
    head = filled[0][1] if filled else ""
    for n, line in filled:
        yield n, _split(line, _separator(head, line))


def _separator(head: str, line: str) -> str | None:
    """Return what separates the cells of a line: that of the first line, where it has it."""
    return next((s for text in (head, line) for s in SEPARATORS if s in text and s in line), None)


def _split(line: str, separator: str | None) -> list[str]:
    if separator is None:
        cells = line.rsplit(None, 1)
    else:
        cells = next(csv.reader([line], delimiter=separator))
    return [cell.strip() for cell in cells]


def _places(head: Sequence[str]) -> Iterator[tuple[str, int | None]]:
    """Yield where each kind of column is; its first name that is there counts."""
    for kind, called in COLUMNS.items():
        yield kind, next((head.index(name) for name in called if name in head), None)


def _check_first(cells: Sequence[str]) -> None:
    """Refuse a first line that is neither a holding nor names a column of shares."""
    if len(cells) > 1 and re.search(r"\d", cells[1]):
        return
    named = ", ".join(cells)[:100]
    raise WrongUsage(
        f"no column of shares in the first line, {named!r}; call one Antal, Volym or shares, "
        "or write a line such as VOLV B;100 for each holding"
    )


def _cells(row: Sequence[str], places: Mapping[str, int] | None) -> dict[str, str]:
    """Return the cells of a line by kind; without a head the first is any of the names."""
    if places is None:
        named = row[0] if row else ""
        return {"isin": named, "ticker": named, "name": named, "shares": (*row, "")[1]}
    return {kind: row[at] for kind, at in places.items() if at < len(row) and row[at]}


# ------------------------------------------------------------------------------------ stocks


def _read(
    line: int, cells: Mapping[str, str], names: StockNames, *, commas: bool
) -> Matched | NotMatched:
    text = next((cells[k] for k in ("ticker", "name", "isin") if k in cells), "")
    try:
        shares = _number(cells.get("shares", ""), commas=commas)
    except ValueError as error:
        return NotMatched(line, text, str(error))
    for kind in ("isin", "ticker", "name"):
        if stock := _one_of(kind, names.called(kind, cells.get(kind, "")), cells):
            return Matched(stock.ticker, shares, stock.name, kind)
    nearest = names.search(cells.get("name", text), NEAREST) or names.search(text, NEAREST)
    return NotMatched(line, text, "no stock of this ISIN, ticker or name", tuple(nearest))


def _one_of(kind: str, stocks: Sequence[StockName], cells: Mapping[str, str]) -> StockName | None:
    """Return the stock that is meant: of several, the one of the ticker, then of the currency.

    A name that several have means none of them.
    """
    for other in ("ticker", "currency"):
        wanted = cells.get(other, "").casefold()
        same = [stock for stock in stocks if (getattr(stock, other) or "").casefold() == wanted]
        stocks = same or stocks
    return stocks[0] if stocks and (kind != "name" or len(stocks) == 1) else None


def _number(text: str, *, commas: bool) -> int:
    """Return whole shares; `ValueError` says what a text is instead."""
    plain = BLANKS.sub("", text)
    if not plain:
        raise ValueError("there is no number of shares")
    if (found := THOUSANDS.fullmatch(plain)) and not (commas and found[1] == ","):
        apart = plain.replace(found[1], "")
        raise ValueError(f"{text} may be {apart} or a fraction; write it without {found[1]!r}")
    if not NUMBER.fullmatch(plain) or len(plain) > LONGEST:
        raise ValueError(f"{text[:40]!r} is no number of shares")
    number = Decimal(plain.replace(",", ".").replace("\u2212", "-"))
    if number < 0:
        raise ValueError(f"{text} shares are below 0; only shares that are held are taken")
    if number != number.to_integral_value():
        raise ValueError(f"{text} is no whole number of shares")
    return int(number)
