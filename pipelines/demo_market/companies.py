"""The companies of the demo market: who they are, where they are listed, how they began.

Each random generator has a key of seed, purpose and company, so that the numbers of a company do
not depend on the order in which companies are made.
"""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, combinations, cycle, islice, product
from statistics import NormalDist
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]
Value = str | float | None
# Columns under the names of the source schema: equally long lists, or one value for all rows. NaN
# and None stand for null.
Columns = dict[str, Sequence[Value] | Value]

YEAR: Final = 252  # trading days
LIFETIME: Final = 57 * YEAR  # mean days from listing to delisting
# The purpose of a generator.
FACTORS, TRAITS, PROFILE, STOCKS, INDEX, PRICES, ACCOUNTS, PLANTS, RATES = range(9)


class ListingMarket(NamedTuple):
    """A listing market, with medians of its companies: age in years, cap in million SEK, price."""

    market: str
    country: str
    currency: str
    isin: str
    legal: str
    share: float
    age: float
    cap: float
    spread: float
    price: float
    losses: float


class Sector(NamedTuple):
    """A sector, its share of the companies, and words for their names."""

    name: str | None
    share: float
    words: tuple[str, ...]


class Share(NamedTuple):
    """An instrument of a company, whose log return is `loading` times that of the company."""

    suffix: str = ""
    stock_type: str = "stock"
    loading: float = 1.0
    premium: float = 1.0
    turnover: float = 1.0
    noise: float = 0.0


SOURCES: Final = ("avanza", "statements", "tradingview")
SEK_PER: Final = {"SEK": 1.0, "EUR": 11.2, "NOK": 0.96, "DKK": 1.5}

PLACES: Final = (
    ListingMarket("stockholmsborsen", "sweden", "SEK", "SE", "", 50, 18, 16_000, 1.3, 95, 0.08),
    ListingMarket("first_north", "sweden", "SEK", "SE", "", 30, 11, 1_200, 1.2, 14, 0.35),
    ListingMarket("helsinki", "finland", "EUR", "FI", " Oyj", 8, 15, 7_000, 1.6, 12, 0.12),
    ListingMarket("oslo", "norway", "NOK", "NO", " ASA", 7, 13, 6_000, 1.6, 45, 0.20),
    ListingMarket("copenhagen", "denmark", "DKK", "DK", " A/S", 5, 16, 8_000, 1.7, 210, 0.15),
)

FINANCIAL_SECTORS: Final = (
    Sector("Traditionell Bankverksamhet", 2, ("Bank", "Sparbank", "Företagsbank")),
    Sector("Försäkring", 1.5, ("Försäkring", "Liv", "Återförsäkring")),
    Sector("Sparande & Investering", 1, ("Sparande", "Depå", "Fonder")),
    Sector("Kapitalförvaltning", 2, ("Kapital", "Förvaltning", "Asset Management")),
    Sector("Konsumentkredit", 1.5, ("Kredit", "Finans", "Delbetalning")),
    Sector("Investmentbolag", 4, ("Invest", "Holding", "Intressenter")),
)
SECTORS: Final = (
    *FINANCIAL_SECTORS,
    Sector("Industri", 19, ("Verktyg", "Mekaniska", "Ventil", "Automation", "Lyft", "Maskin")),
    Sector("Teknik", 15, ("Data", "Mjukvara", "Nätverk", "Sensor", "Systems", "Spelstudio")),
    Sector("Hälsovård", 14, ("Medical", "Läkemedel", "Diagnostik", "Bio", "Vård", "Tandhälsa")),
    Sector("Fastigheter", 9, ("Fastigheter", "Bostäder", "Logistikfastigheter", "Hyresgård")),
    Sector("Konsument", 11, ("Möbler", "Mode", "Cykel", "Livsmedel", "Bryggeri", "Kök")),
    Sector("Råvaror", 7, ("Gruv", "Stål", "Skog", "Cellulosa", "Mineral")),
    Sector("Energi", 5, ("Kraft", "Vindkraft", "Sol", "Värme")),
    Sector("Telekom", 3, ("Tele", "Bredband", "Mobil")),
    Sector("Bygg", 4, ("Bygg", "Entreprenad", "Betong")),
    Sector(None, 2, ("Ventures", "Utveckling", "Projekt")),
)

FUND_SECTOR: Final = Sector("Börshandlade fonder", 0, ("Index", "Sverige", "Småbolag"))

PLAIN: Final = (Share(),)
CLASSES: Final = (
    Share(" A", premium=1.03, turnover=0.1, noise=0.004),
    Share(" B", noise=0.002),
)
B_ONLY: Final = (Share(" B"),)
PREFERENCE: Final = (Share(), Share(" PREF", "preference", 0.15, 0.7, 0.1, 0.003))
RECEIPT: Final = (Share(" SDB", "sdb"),)
FUND: Final = (
    Share(" ETF", "etf_certificate"),
    Share(" BULL", "etf_certificate", 2.0, premium=0.3),
)
# The market of companies whose first share is of this type; the others are on all markets.
HOMES: Final = {"sdb": PLACES[0], "etf_certificate": PLACES[0]._replace(age=6)}
# Forms repeat in this order, so that a market of 38 stocks has them all.
FORMS: Final = (
    PLAIN, CLASSES, PLAIN, PLAIN, RECEIPT, PLAIN, PLAIN, PREFERENCE, PLAIN, B_ONLY, PLAIN, PLAIN,
    CLASSES, PLAIN, PLAIN, PLAIN, FUND, PLAIN, PLAIN, CLASSES, PLAIN, PLAIN, PLAIN, B_ONLY, PLAIN,
    PLAIN, CLASSES, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN,
)  # fmt: skip

FIRST: Final = (
    "Ask", "Björk", "Dal", "Ek", "Furu", "Gran", "Havs", "Järn", "Klint", "Lind", "Malm", "Norr",
    "Pil", "Rönn", "Sjö", "Sten", "Ström", "Tall", "Ulv", "Vinter", "Älv", "Ängs", "Åker", "Öster",
)  # fmt: skip
LAST: Final = (
    "berga", "bro", "fors", "gård", "hed", "hult", "kulla", "mark", "mo", "näs", "rud", "stad",
    "sund", "torp", "vik", "ås",
)  # fmt: skip
TAILS: Final = ("", " Norden", " Group", " International", " Partner")


def generator(seed: int, purpose: int, index: int = 0) -> np.random.Generator:
    """The generator of one purpose, and of one company where `index` is its index."""
    return np.random.default_rng((seed, purpose, index))


class Traits(NamedTuple):
    """Numbers from 0 to 1 that decide what a company is like."""

    place: float
    sector: float
    age: float
    life: float
    cap: float
    profit: float
    dividend: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Company:
    """A company as of its last day of trading; money in the currency of its market."""

    index: int
    stem: str  # its tickers without the suffix of the share
    name: str
    place: ListingMarket
    sector: Sector
    shares: tuple[Share, ...]
    life: slice  # the trading days on which it is listed
    cap: float
    price: float
    risk: float  # daily standard deviation of its own return
    profitable: bool
    pays_dividend: bool
    source: str

    @property
    def tickers(self) -> list[str]:
        """The ticker of each share."""
        return [self.stem + share.suffix for share in self.shares]

    @property
    def is_fund(self) -> bool:
        """True if its instruments are funds or certificates, which have no accounts."""
        return self.sector == FUND_SECTOR


Option = TypeVar("Option", ListingMarket, Sector)


def _pick(options: Sequence[Option], position: float) -> Option:
    """Return the option at a position from 0 to 1; each option is as wide as its share."""
    tops = list(accumulate(option.share for option in options))
    return options[int(np.searchsorted(tops, position * tops[-1], side="right"))]


def _forms(stocks: int) -> list[tuple[Share, ...]]:
    """Return the shares of each company, `stocks` shares in all."""
    forms = list(islice(cycle(FORMS), stocks))
    before = accumulate((len(form) for form in forms), initial=0)
    cut = (form[: max(0, stocks - start)] for form, start in zip(forms, before, strict=False))
    return [form for form in cut if form]


def _traits(count: int, rng: np.random.Generator) -> Iterator[Traits]:
    """Return the traits of each company; every trait is spread evenly, with any seed."""
    spread = [(rng.permutation(count) + 0.5) / count for _ in Traits._fields]
    return (Traits(*row) for row in zip(*spread, strict=True))


def _fresh(candidates: Iterable[str], used: set[str]) -> str:
    """Return the first candidate that is not in use, and put it in use."""
    choice = next(name for name in candidates if name not in used)
    used.add(choice)
    return choice


def _names(place: ListingMarket, sector: Sector, rng: np.random.Generator) -> Iterator[str]:
    root = rng.choice(FIRST) + rng.choice(LAST)
    words = rng.permutation(sector.words)
    return (f"{root} {word}{tail}{place.legal}" for tail, word in product(TAILS, words))


def _stems(name: str) -> Iterator[str]:
    """Return possible tickers of a name: its first letter and three to five later ones."""
    plain = unicodedata.normalize("NFKD", name.upper()).encode("ascii", "ignore").decode()
    first, *others = filter(str.isalpha, plain)
    for size in (3, 4, 5):
        yield from (first + "".join(rest) for rest in combinations(others, size))


def _life(days: int, place: ListingMarket, traits: Traits) -> slice:
    """Return the trading days on which a company is listed, at least fifty of them."""
    age = 60 - math.log(1 - traits.age) * place.age * YEAR
    lasting = 50 - math.log(1 - traits.life) * LIFETIME
    first = max(0, days - int(age))
    return slice(first, min(days, first + int(lasting)))


def _company(
    seed: int, days: int, used: set[str], index: int, shares: tuple[Share, ...], traits: Traits
) -> Company:
    """Return a company with a name and tickers that are not in use."""
    rng = generator(seed, PROFILE, index)
    fund = shares[0] in FUND
    place = HOMES.get(shares[0].stock_type, _pick(PLACES, traits.place))
    sector = FUND_SECTOR if fund else _pick(SECTORS, traits.sector)
    name = _fresh(_names(place, sector, rng), used)
    cap = place.cap * math.exp(place.spread * NormalDist().inv_cdf(traits.cap))
    risk = 0.021 * (cap / 10_000) ** -0.12 * rng.lognormal(0, 0.2)
    profitable = traits.profit > 2 * place.losses * (1 - traits.cap)
    return Company(
        index=index,
        stem=_fresh(_stems(name), used),
        name=name,
        place=place,
        sector=sector,
        shares=shares,
        life=_life(days, place, traits),
        cap=round(cap * 1e6 / SEK_PER[place.currency]),
        price=place.price * rng.lognormal(0, 0.9),
        risk=0.001 if fund else min(max(risk, 0.008), 0.05),
        profitable=profitable,
        pays_dividend=profitable and traits.dividend < 0.8 + 0.2 * traits.cap,
        source=str(rng.choice(SOURCES, p=(0.60, 0.25, 0.15))),
    )


def listed_companies(days: int, *, stocks: int, seed: int) -> list[Company]:
    """Return companies with `stocks` instruments in all, listed on some of `days` trading days."""
    forms = _forms(stocks)
    traits = _traits(len(forms), generator(seed, TRAITS))
    return list(map(partial(_company, seed, days, set()), range(len(forms)), forms, traits))


def as_text(days: Days) -> list[str | None]:
    """Return ISO dates, None for NaT."""
    return [None if day == "NaT" else day for day in np.datetime_as_string(days).tolist()]


def _isin(prefix: str, number: int) -> str:
    """Return an ISIN with a valid check digit."""
    body = f"{prefix}{number:09d}"
    digits = "".join(str(int(character, 36)) for character in body)[::-1]
    total = sum(sum(divmod(int(d) * (2 - k % 2), 10)) for k, d in enumerate(digits))
    return f"{body}{-total % 10}"


def stocks_table(listed: list[Company], days: Days, *, seed: int) -> Columns:
    """Return a row for each instrument; delisted ones stay, and a few have no market cap."""
    rows = [(company, share) for company in listed for share in company.shares]
    gaps = generator(seed, STOCKS).random(len(rows)) < 0.03
    last = as_text(days[[company.life.stop - 1 for company, _ in rows]])
    caps = [company.cap * SEK_PER[company.place.currency] / 1e6 for company, _ in rows]
    return {
        "ticker": [ticker for company in listed for ticker in company.tickers],
        "name": [company.name + share.suffix for company, share in rows],
        "isin": [
            _isin("CH" if share.stock_type == "sdb" else company.place.isin, 10_000 + 7 * number)
            for number, (company, share) in enumerate(rows)
        ],
        "avanza_id": [str(5_200 + 13 * number) for number in range(len(rows))],
        "market_cap_msek": np.where(gaps, np.nan, np.round(caps, 2)).tolist(),
        "sector": [company.sector.name for company, _ in rows],
        "market": [company.place.market for company, _ in rows],
        "country": [company.place.country for company, _ in rows],
        "currency": [company.place.currency for company, _ in rows],
        "stock_type": [share.stock_type for _, share in rows],
        "is_active": [int(company.life.stop == len(days)) for company, _ in rows],
        "last_validated": last,
        "last_updated": [f"{day} 18:30:00" for day in last],
    }
