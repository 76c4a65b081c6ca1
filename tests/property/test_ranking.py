"""What holds for every universe: the plain-Python oracle agrees, and METHODOLOGY §8."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any, Literal

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.rank import rankings
from pipelines.ranking.strategies import STRATEGIES
from pipelines.ranking.tickers import canonical_ticker
from pipelines.universe import TrustedJump, Universe
from tests import oracle
from tests.examples import drawn
from tests.factories import (
    FrameLake,
    Row,
    frame_lake,
    jumps_of,
    ratio_prices_of,
    snapshot,
    statement,
    stock,
)

D = date(2024, 5, 31)
SMALL = Universe(name="small", markets=("stockholmsborsen", "first_north"), currency="SEK",
                 floors=((date.min, 2.0),))  # fmt: skip
TICKERS = ("A A", "A B", "A C", "B", "C.B", "C_A", "D-A", "E", "F", "G", "H", "A B.ST", "E C.ST")

CALM = [0.5, 0.75, 1.0, 1.125]
WILD = [0.5, 1.0, 2.0, 2.5, 10.0, 12.5]
"""Closes of which none is 2.5 times another, and closes of which many are."""

few = st.sampled_from
VENDORS = (None, "avanza", "tradingview", "TradingView", "statements")
maybe_ratio = st.none() | few([-2.0, -0.5, 0.0, 0.04, 0.1, 3.0, 7.0, 15.5])
maybe_amount = st.none() | few([-3e6, 0.0, 1e6, 2e6, 3e6, 5e7])


def offsets(limit: int) -> st.SearchStrategy[date]:
    """Days around those that matter: month ends, windows, ages."""
    edges = [0, 1, 9, 10, 11, 30, 91, 92, 93, 101, 102, 103, 182, 183, 193, 194, 365, 366, 376, 377]
    return st.one_of(few(edges), st.integers(-40, limit)).map(lambda n: D - timedelta(days=n))


@st.composite
def stocks(draw: st.DrawFn) -> list[Row]:
    tickers = draw(st.lists(few(TICKERS), unique=True, min_size=1, max_size=8))
    sectors = few([None, "Industri", "Försäkring", "INVESTMENTBOLAG", "Financial Services"])
    isins = few([None] * 4 + ["", "-", "SE0000115446", "se0000115446", "SE0000108656"])
    return [
        stock(
            t,
            market=draw(
                few(["stockholmsborsen"] * 4 + ["Stockholmsbörsen", "First North", "oslo", None])
            ),
            stock_type=draw(few(["stock"] * 4 + ["SDB", "preference", None])),
            sector=draw(sectors),
            isin=draw(isins),
            market_cap_msek=draw(st.none() | few([-1.0, 0.0, 1.9, 2.0, 3.0, 100.0])),
        )
        for t in tickers
    ]


@st.composite
def closes_of(draw: st.DrawFn, ticker: str) -> list[Row]:
    usual = [D - timedelta(days=n) for n in (0, 92, 183, 366)]
    days = draw(st.sets(offsets(380), max_size=6))
    days |= set(draw(st.lists(few(usual), max_size=8, unique=True)))
    prices = few(draw(few([CALM, CALM, WILD])))
    return [{"ticker": ticker, "date": d, "close": draw(prices)} for d in sorted(days)]


@st.composite
def fundamentals_of(draw: st.DrawFn, ticker: str, first: int) -> list[Row]:
    rows = []
    for n in range(draw(st.integers(0, 5))):
        fiscal = draw(few(["2023-12-31", "2022-12-31", "2021-12-31", "2023-06-30", "2022-11-30",
                           "2022-02-28", "2022-10-31", "2023-02-28", "2021-01-31"]))  # fmt: skip
        known = draw(offsets(800)).isoformat()
        values: dict[str, Any] = {c: draw(maybe_ratio) for c in oracle.RATIOS}
        values["market_cap_ccy"] = draw(maybe_amount)
        if draw(st.booleans()):
            rows.append(snapshot(ticker, known, number=first + n, **values))
            continue
        values |= {c: draw(maybe_amount) for c in oracle.STATEMENT_ITEMS}
        values["piotroski_f_score"] = draw(st.none() | st.integers(0, 9))
        values["data_source"] = draw(few(VENDORS))
        values["fetched_date"] = draw(few([None, date.fromisoformat(known)]))
        if draw(few([True, False, False])):
            values = dict.fromkeys(values)
            values["pe"] = draw(maybe_ratio)
        rows.append(statement(ticker, fiscal, known, number=first + n, **values))
    return rows


@st.composite
def markets(draw: st.DrawFn) -> tuple[list[Row], list[Row], list[Row]]:
    listed = draw(stocks())
    prices = [r for s in listed for r in draw(closes_of(s["ticker"]))]
    filed = [
        r for n, s in enumerate(listed) for r in draw(fundamentals_of(s["ticker"], first=10 * n))
    ]
    return listed, prices, filed


def everything(
    market: tuple[list[Row], list[Row], list[Row]], as_of: date = D, universe: Universe = SMALL
) -> pl.DataFrame:
    plan = rankings(frame_lake(*market), as_of=as_of, universe=universe)
    return plan.collect(engine="streaming")


def trusting(prices: list[Row], draw: Any) -> Universe:
    """The universe with some days of prices trusted, whether the price jumped on them or not."""
    # The lake has no other tickers than those that are written as it writes them.
    found = [row for row in prices if canonical_ticker(row["ticker"]) == row["ticker"]]
    days = st.lists(few(found), max_size=3) if found else st.just([])
    trusted = (TrustedJump(row["ticker"], row["date"]) for row in draw(days, "trusted"))
    return replace(SMALL, trusted_jumps=tuple(trusted))


def in_currencies(listed: list[Row], as_of: date, draw: Any) -> tuple[list[Row], list[Row]]:
    """The stocks with currencies, and rates on and near the days of most returns."""
    currencies = few(["SEK", "SEK", "EUR", "EUR", "NOK", None])
    stocks = [row | {"currency": draw(currencies, "currency")} for row in listed]
    days = sorted(
        {
            as_of - timedelta(days=n + late)
            for n in (0, 92, 183, 366)
            for late in draw(st.sets(few([0, 0, 5, 10, 11]), max_size=2), "late")
        }
    )
    rates = [
        {"currency": c, "date": day, "rate": draw(few([0.5, 1.0, 1.1, 8.0]), "rate")}
        for c in ("EUR", "NOK")
        for day in days
    ]
    return stocks, rates


def with_rates(market: Any, rates: list[Row]) -> FrameLake:
    made = frame_lake(*market)
    schema = {"currency": pl.String, "date": pl.Date, "rate": pl.Float64}
    made.datasets["fx_rates"] = pl.DataFrame(rates, schema=schema)
    return made


def full(row: Row) -> Row:
    """An oracle's input row has every column."""
    return dict.fromkeys((*oracle.RATIOS, *oracle.STATEMENT_ITEMS, "fiscal_date")) | row


def rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 9) if isinstance(v, float) else v for k, v in values.items()}


@given(market=markets(), shift=st.sampled_from([0, 0, 0, 31, 92, 366]), data=st.data())
@drawn(12, 100)
def test_rankings_agree_with_the_oracle(market: Any, shift: int, data: st.DataObject) -> None:
    as_of = D - timedelta(days=shift)
    listed, prices, filed = market
    universe = trusting(prices, data.draw)
    all_rankings = everything(market, as_of, universe)
    for strategy in STRATEGIES:
        expected = oracle.rank(
            listed, prices, [full(r) for r in filed], strategy=strategy, as_of=as_of,
            universe=universe,
        )  # fmt: skip
        frame = all_rankings.filter(strategy=strategy)
        actual = {row["ticker"]: row for row in frame.iter_rows(named=True)}
        assert [r["ticker"] for r in expected] == frame["ticker"].to_list(), strategy
        for row in expected:
            signals = row.pop("signals")
            ours = actual[row["ticker"]]
            if row["f_source"] == "computed":
                assert [ours[s] for s in SIGNALS] == signals
            assert rounded({k: ours[k] for k in row}) == rounded(row), strategy


@given(market=markets(), shift=st.sampled_from([0, 0, 31]), data=st.data())
@drawn(5, 30)
def test_returns_in_kronor_agree_with_the_oracle(
    market: Any, shift: int, data: st.DataObject
) -> None:
    as_of = D - timedelta(days=shift)
    listed, rates = in_currencies(market[0], as_of, data.draw)
    prices, filed = market[1:]
    universe = replace(SMALL, returns_in="SEK")
    strategy = data.draw(few(list(STRATEGIES)), "strategy")
    expected = oracle.rank(
        listed, prices, [full(r) for r in filed], strategy=strategy, as_of=as_of, universe=universe,
        rates=rates,
    )  # fmt: skip
    made = with_rates((listed, prices, filed), rates)
    frame = rankings(made, as_of=as_of, universe=universe).filter(strategy=strategy).collect()
    ours = {row["ticker"]: row for row in frame.iter_rows(named=True)}
    assert [r["ticker"] for r in expected] == frame["ticker"].to_list()
    for row in expected:
        del row["signals"]
        assert rounded({k: ours[row["ticker"]][k] for k in row}) == rounded(row)


# ------------------------------------------------------------------------ METHODOLOGY, section 8

Market = tuple[list[Row], list[Row], list[Row]]


@st.composite
def crowds(draw: st.DrawFn) -> Market:
    """Markets where most stocks are ranked and many are equal."""
    tickers = draw(st.lists(few(TICKERS), unique=True, min_size=4))
    listed = [
        stock(
            t, market_cap_msek=draw(few([4.0, 6.0])), market=draw(few(["first_north"] * 5 + [""]))
        )
        for t in tickers
    ]
    prices = [
        {"ticker": t, "date": D - timedelta(days=n), "close": draw(few([1.0, 2.0]))}
        for t in tickers
        for n in (-3, 0, 92, 183, 366)
    ]
    filed = []
    for n, t in enumerate(tickers):
        ratios = dict.fromkeys(oracle.RATIOS[1:], draw(few([0.5, 1.0, 2.0])))
        ratios |= {"pe": draw(few([-1.0, 1.0])), "piotroski_f_score": draw(few([3, 7]))}
        filed.append(statement(t, "2023-12-31", "2024-03-30", number=n, **ratios))
    return listed, prices, filed


any_market = st.one_of(crowds(), markets())
few_examples = drawn(3, 20)


def of_lake(
    lake: FrameLake, engine: Literal["streaming", "in-memory"] = "streaming"
) -> pl.DataFrame:
    return rankings(lake, as_of=D, universe=SMALL).collect(engine=engine)


@given(market=any_market, random=st.randoms(use_true_random=False))
@few_examples
def test_the_order_of_the_rows_does_not_matter(market: Market, random: Random) -> None:
    expected = everything(market)
    for rows in market:
        random.shuffle(rows)
    assert_frame_equal(everything(market), expected, check_exact=True)


@given(market=any_market, chunk=st.integers(1, 3), cut=st.integers(0, 30))
@few_examples
def test_neither_engine_nor_batches_nor_parts_matter(market: Market, chunk: int, cut: int) -> None:
    lake = frame_lake(*market)
    expected = of_lake(lake)
    assert_frame_equal(of_lake(lake, "in-memory"), expected, check_exact=True)
    parts = {n: pl.concat([f[:cut], f[cut:]], rechunk=False) for n, f in lake.datasets.items()}
    with pl.Config(streaming_chunk_size=chunk):
        assert_frame_equal(of_lake(FrameLake(**parts)), expected, check_exact=True)


@given(market=any_market, data=st.data())
@few_examples
def test_an_ineligible_stock_changes_nothing_for_the_others(market: Market, data: Any) -> None:
    listed, prices, filed = market
    ticker = data.draw(few([s["ticker"][0] for s in listed]), "company") + "_B"
    best = {c: 0.001 if c in oracle.MULTIPLES else 99.0 for c in oracle.RATIOS}
    added = (
        [*listed, stock(ticker, market="oslo", market_cap_msek=1e9)],
        [*prices, *data.draw(closes_of(ticker), "closes")],
        [*filed, statement(ticker, "2023-12-31", "2024-05-01", number=999, **best)],
    )
    others = everything(added).filter(pl.col("ticker") != ticker)
    assert_frame_equal(others, everything(market), check_exact=True)


@given(market=any_market, data=st.data(), jump=few([0.25, 4.0, 1e6]))
@few_examples
def test_a_suspect_stock_changes_nothing_for_the_others(
    market: Market, data: Any, jump: float
) -> None:
    listed, prices, filed = market
    ticker = data.draw(few([s["ticker"][0] for s in listed]), "company") + "_B"
    if any(s["ticker"] == ticker for s in listed):
        return
    best = {c: 0.001 if c in oracle.MULTIPLES else 99.0 for c in oracle.RATIOS}
    day = data.draw(st.integers(0, 375).map(lambda n: D - timedelta(days=n)), "day")
    closes = [
        {"ticker": ticker, "date": D - timedelta(days=n), "close": 8.0 * (jump if n < at else 1.0)}
        for at in [(D - day).days + 1]
        for n in sorted({0, at - 1, at, 92, 183, 366, 400})
    ]
    added = (
        [*listed, stock(ticker, market_cap_msek=1e9)],
        [*prices, *closes],
        [*filed, statement(ticker, "2023-12-31", "2024-05-01", number=999, **best)],
    )
    frame = everything(added)
    assert set(frame.filter(ticker=ticker)["excluded_by"]) == {"suspect_price"}
    others = frame.filter(pl.col("ticker") != ticker)
    assert_frame_equal(others, everything(market), check_exact=True)


@given(market=any_market, data=st.data(), power=few([-3, -1, 1, 5]))
@few_examples
def test_the_scale_of_a_stocks_prices_does_not_matter(
    market: Market, data: Any, power: int
) -> None:
    listed, prices, filed = market
    ticker = data.draw(few([s["ticker"] for s in listed]), "ticker")
    scaled = [r | {"close": r["close"] * (2.0**power if r["ticker"] == ticker else 1)}
              for r in prices]  # fmt: skip
    shown = pl.selectors.matches("^(base_|jump_)?close(_[0-9]+m|_before)?$")
    ours, theirs = everything((listed, scaled, filed)), everything(market)
    assert_frame_equal(ours.drop(shown), theirs.drop(shown), check_exact=True)


@given(market=any_market, data=st.data(), days=st.integers(1, 40))
@few_examples
def test_what_becomes_known_after_a_date_changes_nothing(
    market: Market, data: Any, days: int
) -> None:
    listed, all_prices, known = market
    # Without closes after the date, no market cap is scaled.
    before = frame_lake(listed, [row for row in all_prices if row["date"] <= D], known)
    day = D + timedelta(days=days)
    ticker = data.draw(few([s["ticker"] for s in listed]), "ticker")
    filed = [r | {"known_from": day} for r in data.draw(fundamentals_of(ticker, 1000), "filed")]
    close = data.draw(few([0.1, 1.0, 2.5, 7.0]), "close")
    later = frame_lake([], [{"ticker": ticker, "date": day, "close": close}], filed)
    prices = pl.concat([before.prices(until=D).collect(), later.datasets["prices"]])
    # The stocks stay as they are: market caps of today and the newest close are exempt.
    filings = pl.concat(x.datasets["fundamentals"] for x in (before, later))
    after = FrameLake(
        stocks=before.datasets["stocks"],
        prices=prices,
        jumps=jumps_of(prices),
        ratio_prices=ratio_prices_of(prices, filings),
        fundamentals=filings,
    )
    assert_frame_equal(of_lake(after), of_lake(before), check_exact=True)


@given(market=any_market)
@few_examples
def test_ranks_are_1_to_n_in_order_and_the_whole_universe_is_there(market: Market) -> None:
    frame = everything(market)
    for strategy in STRATEGIES:
        rows = frame.filter(strategy=strategy)
        assert sorted(rows["ticker"]) == sorted(s["ticker"] for s in market[0])
        ranked = rows.drop_nulls("rank")
        assert ranked["rank"].to_list() == list(range(1, len(ranked) + 1))
        assert ranked["score"].is_sorted(descending=True)
        assert rows.filter(pl.col("rank").is_null() == pl.col("excluded_by").is_null()).is_empty()
