"""The prices of the demo market: its calendar, its common factors and the daily quotes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.demo_market.companies import (
    FACTORS,
    INDEX,
    PRICES,
    SECTORS,
    YEAR,
    Columns,
    Company,
    Days,
    Floats,
    Share,
    as_text,
    generator,
)

Booleans = npt.NDArray[np.bool_]
Values = dict[str, Floats]

# First day, last day, log change of the market beyond its trend, multiple of its volatility.
EPISODES: Final = (
    ("1987-10-16", "1987-11-10", -0.40, 3.0),
    ("1990-08-01", "1990-10-31", -0.38, 1.6),
    ("1998-07-20", "1998-10-08", -0.38, 1.9),
    ("1999-06-01", "2000-03-06", 0.50, 1.2),
    ("2000-03-07", "2002-10-09", -1.10, 1.5),
    ("2007-07-16", "2008-11-20", -0.80, 1.7),
    ("2009-03-09", "2009-10-15", 0.45, 1.3),
    ("2011-07-08", "2011-09-22", -0.28, 1.8),
    ("2020-02-20", "2020-03-23", -0.40, 3.2),
    ("2020-03-24", "2021-01-08", 0.45, 1.2),
    ("2022-01-05", "2022-09-29", -0.32, 1.3),
)
TREND: Final = 0.14  # log change a year outside the episodes

HOLIDAYS: Final = ("01-01", "01-06", "05-01", "06-06", "12-24", "12-25", "12-26", "12-31")

INDEX_START: Final = np.datetime64("1986-01-01")
INDEX_LEVEL: Final = 2_650.0  # on the last day
SPLITS: Final = (2.0, 2.0, 3.0, 4.0, 5.0, 10.0, 0.1)
ENDINGS: Final = (0.30, 0.20, -1.8)  # log change in the last year of a delisted company


def _easter(year: int) -> np.datetime64:
    """Return Easter Sunday, by Carter's rule, which holds from 1900 to 2099."""
    moon = (204 - 11 * (year % 19)) % 30 + 21
    moon -= moon > 48
    weekday = (year + year // 4 + moon + 1) % 7
    return np.datetime64(f"{year}-03-01") + (moon + 6 - weekday)


def _holidays(year: int) -> Iterator[np.datetime64]:
    """Return the days of a year, apart from weekends, on which Stockholm's exchange is closed."""
    yield from (np.datetime64(f"{year}-{day}") for day in HOLIDAYS)
    yield from (_easter(year) + offset for offset in (-2, 1, 39))
    midsummer = np.datetime64(f"{year}-06-19")
    yield np.busday_offset(midsummer, 0, roll="forward", weekmask="Fri")


def trading_days(start: date, end: date) -> Days:
    """Return every trading day from `start` to `end`, both included."""
    days: Days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    closed = [day for year in range(start.year, end.year + 1) for day in _holidays(year)]
    open_days: Days = days[np.is_busday(days, holidays=closed)]
    return open_days


def _turbulence(days: Days, rng: np.random.Generator) -> Floats:
    """Return the volatility of each day, 1 on a calm one: clustered, and high in crises."""
    shocks = rng.normal(0, 0.06, len(days))
    level = np.exp(list(accumulate(shocks, lambda old, shock: 0.985 * old + shock)))
    for first, last, _, multiple in EPISODES:
        level[(days >= np.datetime64(first)) & (days <= np.datetime64(last))] *= multiple
    return np.asarray(level, dtype=np.float64)


def _market(days: Days, turbulence: Floats, rng: np.random.Generator) -> Floats:
    """Return the daily log return of the market; its noise sums to zero, so the trend holds."""
    noise = 0.0095 * turbulence * rng.standard_normal(len(days))
    returns: Floats = noise + (TREND / YEAR - noise.mean())
    for first, last, change, _ in EPISODES:
        inside = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
        returns[inside] += change / np.busday_count(first, last)
    return returns


@dataclass(frozen=True, kw_only=True, slots=True)
class Factors:
    """The factors that all companies have in common, day by day."""

    seed: int
    days: Days
    returns: Floats  # log return of the whole market
    turbulence: Floats
    sectors: dict[str | None, Floats]  # log return of a sector beyond the market's


def factors(days: Days, *, seed: int) -> Factors:
    """Return the common factors of these trading days."""
    rng = generator(seed, FACTORS)
    turbulence = _turbulence(days, rng)
    moves = 0.006 * turbulence * rng.standard_normal((len(SECTORS), len(days)))
    moves -= moves.mean(axis=1, keepdims=True)
    return Factors(
        seed=seed,
        days=days,
        returns=_market(days, turbulence, rng),
        turbulence=turbulence,
        sectors={sector.name: move for sector, move in zip(SECTORS, moves, strict=True)},
    )


class History(NamedTuple):
    """The time of a company on the exchange, day by day."""

    days: Days
    path: Floats  # log value of the company, 0 on the last day
    split: Floats  # what a price of that day is multiplied by, 1 after the last split
    traded: Booleans


def _split(days: int, rng: np.random.Generator) -> Floats:
    split = np.ones(days)
    if rng.random() < 0.04:
        split[: int(days * rng.uniform(0.3, 0.95))] = rng.choice(SPLITS)
    return split


def _traded(days: int, rng: np.random.Generator) -> Booleans:
    """Return False for days of a trading halt; one company in ten has up to three."""
    traded = np.ones(days, dtype=np.bool_)
    halts = int(rng.integers(1, 4)) if rng.random() < 0.1 else 0
    for start, length in zip(rng.integers(1, days, halts), rng.integers(3, 21, halts), strict=True):
        traded[start : start + length] = False
    return traded


def _history(company: Company, common: Factors, rng: np.random.Generator) -> History:
    """Return the path of a company: market, sector, its own moves, and the end if delisted."""
    life = company.life
    days = common.days[life]
    beta = 1 + rng.normal(0, min(10 * company.risk, 0.2))
    trend = rng.normal(0, min(1.5 * company.risk, 0.03)) - 0.08 * (not company.profitable)
    calm = company.risk * np.sqrt(common.turbulence[life] / 2)
    own = np.clip(calm * rng.standard_t(4, len(days)), -0.5, 0.5)
    steps = beta * common.returns[life] + own - own.mean() + trend / YEAR
    steps += common.sectors.get(company.sector.name, np.zeros_like(common.returns))[life]
    if life.stop < len(common.days):
        steps[-YEAR:] += rng.choice(ENDINGS) / YEAR
    path = steps.cumsum()
    return History(days, path - path[-1], _split(len(days), rng), _traded(len(days), rng))


def ticks(price: Floats) -> Floats:
    """Return prices as an exchange quotes them: 2 decimals, 3 below 1 and 4 below 0.1."""
    within = np.clip(price, 0.001, 99_999)
    scale = 10.0 ** (4 - np.digitize(within, (0.1, 1)))
    return np.asarray(np.rint(within * scale) / scale)


def _bars(close: Floats, steps: Floats, risk: float, rng: np.random.Generator) -> Values:
    """Return open, close, high and low of days that end at `close` after log changes `steps`."""
    opening = close * np.exp(-steps * rng.random(len(close)))
    reach = np.exp(0.6 * risk * np.abs(rng.standard_normal((2, len(close)))))
    return {
        "open": ticks(opening),
        "close": ticks(close),
        "high": ticks(np.maximum(opening, close) * reach[0]),
        "low": ticks(np.minimum(opening, close) / reach[1]),
    }


def _quotes(company: Company, share: Share, past: History, rng: np.random.Generator) -> Values:
    """Return prices and volume of a share on every day of its life, a few of them missing."""
    days = len(past.days)
    path = share.loading * past.path + share.noise * rng.standard_normal(days)
    close = company.price * share.premium * past.split * np.exp(path)
    values = _bars(close, np.diff(path, prepend=path[0]), company.risk, rng)
    typical = 0.0015 * share.turnover * company.cap / company.price / past.split
    values["volume"] = np.minimum(np.rint(typical * rng.lognormal(0, 0.8, days)), 2e9)
    gaps = rng.random((2, days)) < 0.004
    for name, gap in zip(("open", "high", "low", "volume"), gaps[[0, 0, 0, 1]], strict=True):
        values[name][gap] = np.nan
    return values


def _dated(days: Days, values: Values, shown: Booleans) -> Columns:
    """Return the values of the days that are shown."""
    quotes = {name: value[shown].tolist() for name, value in values.items()}
    return {"date": as_text(days[shown]), **quotes}


def index_prices(common: Factors) -> Columns:
    """Return the market factor as an index."""
    path = common.returns.cumsum()
    close = INDEX_LEVEL * np.exp(path - path[-1])
    values = _bars(close, common.returns, 0.008, generator(common.seed, INDEX))
    return {"index_id": "OMXS30", **_dated(common.days, values, common.days >= INDEX_START)}


def daily_prices(
    company: Company, common: Factors, change: Callable[[History], History] = lambda past: past
) -> tuple[History, Iterator[Columns]]:
    """Return the history of a company, changed so, and the rows of each of its shares."""
    rng = generator(common.seed, PRICES, company.index)
    past = change(_history(company, common, rng))
    shares = (_quotes(company, share, past, rng) for share in company.shares)
    return past, (_dated(past.days, values, past.traded) for values in shares)
