"""Portfolios over random markets with holes, delistings, splits, dividends and jumps."""

from dataclasses import replace
from datetime import date
from math import prod
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.research.ranks import Ranks
from pipelines.research.rules import Rules, Weighting
from pipelines.research.simulation import Prices, Simulation, simulate
from tests.factories import FrameLake, Row
from tests.research_oracle import Follower, Market
from tests.unit.research.markets import a_lake, day, portfolio, ranks

TICKERS = "ABCDEF"
END = date(2030, 1, 1)
seeds = st.integers(0, 2**32)


def closes_of(random: Random, days: int) -> list[float | None]:
    """Closes with holes, a jump now and then, and an early end now and then."""
    hole, jump = random.choice([0, 0, 0.1, 0.5]), random.choice([0, 0, 0.02])
    last = random.choice([days, days, days, random.randrange(3, days)])
    price, series = random.choice([3.0, 40.0, 500.0]), list[float | None]()
    for n in range(days):
        price *= random.choice([0.97, 1.0, 1.02, 1.05])
        price *= random.choice([4.0, 0.25]) if random.random() < jump else 1.0
        series.append(None if n > last or (n and random.random() < hole) else round(price, 3))
    return series


def events_of(random: Random, days: int) -> tuple[list[Row], list[Row]]:
    """Splits, whose prices may be raw or not, and dividends."""
    splits = [
        {"ticker": t, "date": day(random.randrange(1, days)), "ratio": random.choice([2.0, 4.0])}
        for t in random.sample(TICKERS, random.choice([0, 0, 2]))
    ]
    dividends = [
        {"ticker": random.choice(TICKERS), "ex_date": day(random.randrange(days)), "amount": 0.5}
        for _ in range(random.choice([0, 3]))
    ]
    return splits, dividends


def rules_of(random: Random) -> Rules:
    size = random.randint(1, 4)
    buy = random.choice([size, size, max(1, size - 1)])
    return Rules(
        size=size, buy_rank=buy, sell_rank=buy + random.choice([0, 0, 1, 2]),
        weighting=random.choice([*Weighting]), cost_bps=random.choice([0.0, 25.0, 300.0]),
        min_fee=random.choice([0.0, 0.0, 15.0]), half_spread_bps=random.choice([0.0, 20.0]),
        capital=random.choice([500.0, 100_000.0]), whole_shares=random.random() < 0.3,
        delisting_factor=random.choice([1.0, 0.5, 0.0]),
    )  # fmt: skip


class Case:
    """A random market with random ranks and rules."""

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self.days = random.choice([12, 30, 110])
        self.closes = {t: closes_of(random, self.days) for t in TICKERS}
        self.splits, self.dividends = events_of(random, self.days)
        for split in self.splits:  # at the new price from the day on, as a vendor that is late
            self.scale(split, random.choice([True, False]))
        drawn = {0, *random.sample(range(self.days), random.randint(1, 5))}
        open_ = zip(*self.closes.values(), strict=True)
        trading = {n for n, closes in enumerate(open_) if any(closes)}
        signals = sorted(drawn & trading)
        self.by_day = {
            n: "".join(random.sample(TICKERS, random.randint(0, len(TICKERS)))) for n in signals
        }
        self.rules = rules_of(random)
        self.seed = seed

    def scale(self, split: Row, is_raw: bool) -> None:
        if is_raw:
            self.closes[split["ticker"]] = [
                close and (close / split["ratio"] if day(n) >= split["date"] else close)
                for n, close in enumerate(self.closes[split["ticker"]])
            ]

    def lake(self, until: int | None = None) -> FrameLake:
        """The lake of the days up to one; all by default."""
        last = day(self.days if until is None else until)
        splits = [row for row in self.splits if row["date"] <= last]
        closes = {t: series[: until and until + 1] for t, series in self.closes.items()}
        return a_lake(closes, splits=splits, dividends=self.dividends)

    def ranks(self) -> Ranks:
        return ranks(self.by_day)

    def simulated(self, lake: FrameLake, rules: Rules | None = None) -> Simulation:
        return simulate(lake, self.ranks(), [portfolio(rules or self.rules)], Prices(until=END))


def assert_as_the_oracle(seed: int) -> None:
    case = Case(seed)
    lake = case.lake()
    found = case.simulated(lake).nav
    by_day = {day(n): list(tickers) for n, tickers in case.by_day.items()}
    oracle = Follower(Market.of(lake), by_day, case.rules).follow()
    assert found["nav"].to_list() == pytest.approx(oracle.nav, rel=1e-9, abs=1e-6)
    assert found["cash"].to_list() == pytest.approx(oracle.cash_by_day, rel=1e-9, abs=1e-6)


def assert_sound(seed: int) -> None:
    """Cash + holdings = NAV by the ledger alone; nothing is below 0."""
    case = Case(seed)
    lake = case.lake()
    found = case.simulated(lake)
    nav = found.nav
    assert (nav["cash"] >= 0).all()
    assert (nav["holdings"] >= -1e-9 * case.rules.capital).all()
    assert (found.ledger["shares"] >= 0).all()
    replayed = replay(found.ledger, Market.of(lake), case.rules.capital)
    assert nav["nav"].to_list() == pytest.approx(replayed, rel=1e-9, abs=1e-6)


def replay(ledger: pl.DataFrame, market: Market, capital: float) -> list[float]:
    """The value by day from the rows of the ledger, the closes and the splits alone."""
    cash, shares, last, navs = capital, dict[str, float](), dict[str, float](), []
    columns = ("ticker", "side", "shares", "price", "cost")
    for today in market.days:
        last |= {t: series[today] for t, series in market.closes.items() if today in series}
        for ticker, times in market.times.get(today, []):
            shares[ticker] = shares.get(ticker, 0.0) * times
        for ticker, side, count, price, cost in ledger.filter(date=today).select(columns).rows():
            sign = {"buy": 1, "sell": -1, "dividend": 0}[side]
            cash += (-sign or 1) * count * price - cost
            shares[ticker] = shares.get(ticker, 0.0) + sign * count
            assert cash >= -1e-6
        navs.append(cash + sum(n * last[t] for t, n in shares.items() if n))
    return navs


def assert_blind_to_the_future(seed: int) -> None:
    """What comes after a day, be it scrambled or missing, changes no value up to it.

    Dividends are for the shares of the closes up to the day, which stay. If what comes after it
    takes back that they were adjusted for a split, the amounts are those of the shares after it.
    """
    case = Case(seed)
    known = Random(seed).randrange(1, case.days)
    lake = case.lake()
    whole = case.simulated(lake).nav
    adjusted = [times_adjusted(lake, dividend) for dividend in case.dividends]
    other = Case(seed + 1)
    for ticker, series in case.closes.items():
        later = (other.closes[ticker] + [9.0] * case.days)[known + 1 : case.days]
        case.closes[ticker] = series[: known + 1] + later
    case.splits = [row for row in case.splits if row["date"] <= day(known)]
    case.by_day = {n: t if n <= known else "FA" for n, t in case.by_day.items()}
    lake = case.lake()
    case.dividends = [
        row | {"amount": row["amount"] / times * times_adjusted(lake, row)}
        for row, times in zip(case.dividends, adjusted, strict=True)
    ]
    changed = case.simulated(case.lake()).nav
    count = min(known + 1, changed.height, whole.height)
    dates = whole.filter(pl.col("date") <= day(known))["date"].to_list()[:count]
    assert_frame_equal(
        whole.filter(pl.col("date").is_in(dates)),
        changed.filter(pl.col("date").is_in(dates)),
        check_exact=True,
    )


def times_adjusted(lake: FrameLake, dividend: Row) -> float:
    """The shares of the closes for one of the ex-date, by the splits that are in the closes."""
    splits = lake.splits().filter(ticker=dividend["ticker"], decision="in_prices")
    return prod(splits.filter(pl.col("date") > dividend["ex_date"]).collect()["ratio"])


def assert_plain_without_costs_and_band(seed: int) -> None:
    """Without costs and band, equal weights of the first ranks: the mean of their returns."""
    random = Random(seed)
    days = 30
    closes = {t: [c or 7.0 for c in closes_of(Random(seed + k), days)]
              for k, t in enumerate(TICKERS)}  # fmt: skip
    size = random.randint(1, 4)
    order = {n: "".join(random.sample(TICKERS, 6)) for n in (0, 9, 20)}
    calm = {t: [10 + (c % 5) for c in series] for t, series in closes.items()}
    rules = Rules(size=size, buy_rank=size, sell_rank=size, cost_bps=0.0, capital=1.0)
    found = simulate(a_lake(calm), ranks(order), [portfolio(rules)], Prices(until=END))
    lake = a_lake(calm).prices().collect()
    exact = {(t, d): c for t, d, c in lake.select("ticker", "date", "close").rows()}
    nav, start, held = 1.0, {}, list[str]()
    plain = []
    for n in range(days):
        worth = nav * sum(exact[t, day(n)] / start[t] for t in held) / size if held else nav
        if n - 1 in order:
            nav, held = worth, list(order[n - 1][:size])
            start = {t: exact[t, day(n)] for t in held}
        plain.append(worth)
    assert found.nav["nav"].to_list() == pytest.approx(plain, rel=1e-9)


CHECKS = [
    assert_as_the_oracle,
    assert_sound,
    assert_blind_to_the_future,
    assert_plain_without_costs_and_band,
]


@pytest.mark.parametrize("check", CHECKS)
@given(seed=seeds)
@settings(max_examples=4, deadline=None)
def test_random_markets(check, seed: int) -> None:  # type: ignore[no-untyped-def]
    check(seed)


def test_a_split_that_is_told_late() -> None:
    assert_blind_to_the_future(90846158)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@given(seed=seeds)
@settings(max_examples=100, deadline=None)
def test_more_random_markets(check, seed: int) -> None:  # type: ignore[no-untyped-def]
    check(seed)


def test_a_split_changes_no_value() -> None:
    """Of any stock, at any day: raw closes after it are worth what they were."""
    case = Case(7)
    case.splits, case.dividends = [], []
    before = case.simulated(case.lake(), replace(case.rules, whole_shares=False)).nav
    split = {"ticker": "A", "date": day(5), "ratio": 4.0}
    case.splits = [split]
    case.scale(split, is_raw=True)
    after = case.simulated(case.lake(), replace(case.rules, whole_shares=False)).nav
    assert_frame_equal(before, after, rel_tol=1e-6)  # closes are of single precision
