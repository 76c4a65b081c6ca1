"""Splits and rankings: the oracle agrees, and raw prices rank as adjusted ones."""

from datetime import date, timedelta
from typing import Any, NamedTuple

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.ranking import many
from pipelines.ranking.rank import rankings
from pipelines.ranking.strategies import STRATEGIES
from tests import oracle
from tests.examples import drawn
from tests.factories import FrameLake, Row, frame_lake
from tests.property.test_history import at_once, one_by_one
from tests.property.test_ranking import SMALL, D, Market, crowds, few, full, markets, rounded

SHIFTS = few([0, 0, 31, 92, 366])
RATIOS = (2.0, 4.0, 0.5, 0.25, 3.0, 0.1, 1.0)


@st.composite
def splits_of(draw: st.DrawFn, market: Market) -> list[Row]:
    """Splits on days of closes, on days next to them and on others; any closes are around them."""
    days = {(r["ticker"], r["date"] + timedelta(days=draw(few([0, 0, 1, -1, -9, -11]))))
            for r in market[1] if draw(few([True, False, False]))}  # fmt: skip
    return [{"ticker": t, "date": d, "ratio": draw(few(RATIOS))} for t, d in sorted(days)]


@st.composite
def markets_with_splits(draw: st.DrawFn) -> tuple[Market, list[Row]]:
    market = draw(st.one_of(markets(), crowds()))
    return market, draw(splits_of(market))


def ranked(lake: FrameLake, as_of: date = D) -> pl.DataFrame:
    return rankings(lake, as_of=as_of, universe=SMALL).collect(engine="streaming")


@given(drawn=markets_with_splits(), shift=SHIFTS)
@drawn(5, 25)
def test_rankings_agree_with_the_oracle(drawn: Any, shift: int) -> None:
    (listed, prices, filed), splits = drawn
    as_of = D - timedelta(days=shift)
    all_rankings = ranked(frame_lake(listed, prices, filed, splits), as_of)
    for strategy in STRATEGIES:
        expected = oracle.rank(
            listed, prices, [full(r) for r in filed], strategy=strategy, as_of=as_of,
            universe=SMALL, splits=splits,
        )  # fmt: skip
        frame = all_rankings.filter(strategy=strategy)
        ours = {row["ticker"]: row for row in frame.iter_rows(named=True)}
        for row in expected:
            del row["signals"], row["rank"]
            assert rounded({k: ours[row["ticker"]][k] for k in row}) == rounded(row), strategy


class Split(NamedTuple):
    """A market whose prices are raw around splits, and the same one with adjusted prices."""

    splits: list[Row]
    raw: list[Row]
    adjusted: list[Row]


@st.composite
def splits_and_prices(draw: st.DrawFn, market: Market) -> Split:
    """Prices that move by a quarter at most, and splits on days with a close."""
    closes = [row | {"close": draw(few([10.0, 11.0, 12.5]))} for row in market[1]]
    first: dict[str, date] = {}
    for row in sorted(closes, key=lambda r: r["date"]):
        first.setdefault(row["ticker"], row["date"])
    splits = [
        {"ticker": r["ticker"], "date": r["date"], "ratio": draw(few([2.0, 4.0, 0.5, 0.125]))}
        for r in closes
        if r["date"] > first[r["ticker"]] and draw(few([True, False]))
    ]
    raw = [row | {"close": row["close"] * _ahead(row, splits)} for row in closes]
    return Split(splits, raw, closes)


def _ahead(row: Row, splits: list[Row]) -> float:
    ratio = 1.0
    for split in splits:
        if split["ticker"] == row["ticker"] and split["date"] > row["date"]:
            ratio *= split["ratio"]
    return ratio


SHOWN = pl.selectors.matches("^(base_)?close(_[0-9]+m)?$")


@given(market=st.one_of(markets(), crowds()), data=st.data(), shift=SHIFTS)
@drawn(4, 20)
def test_raw_prices_with_splits_rank_as_adjusted_ones(market: Any, data: Any, shift: int) -> None:
    drawn = data.draw(splits_and_prices(market), "splits")
    as_of, (listed, _, filed) = D - timedelta(days=shift), market
    without = ranked(frame_lake(listed, drawn.adjusted, filed), as_of)
    for prices in (drawn.raw, drawn.adjusted):
        found = ranked(frame_lake(listed, prices, filed, drawn.splits), as_of)
        assert_frame_equal(found.drop(SHOWN), without.drop(SHOWN), check_exact=True)


@given(drawn=markets_with_splits(), data=st.data(), days=st.integers(1, 12))
@drawn(3, 15)
def test_what_comes_after_a_date_changes_nothing(drawn: Any, data: Any, days: int) -> None:
    """Neither closes nor splits, but for the caps of today and the newest closes they stand on."""
    (listed, prices, filed), splits = drawn
    until = [row for row in prices if row["date"] <= D]
    listed = [row | {"market_cap_msek": 5.0} for row in listed]
    day = D + timedelta(days=days)
    later = [{"ticker": s["ticker"], "date": day, "close": data.draw(few([1.0, 7.0, 100.0]))}
             for s in listed]  # fmt: skip
    more = [{"ticker": s["ticker"], "date": day, "ratio": 10.0} for s in listed]
    before = ranked(frame_lake(listed, until, filed, splits))
    known = [row for row in splits if row["date"] <= D]
    after = ranked(frame_lake(listed, [*until, *later], filed, [*known, *more]))
    caps = pl.selectors.starts_with("market_cap")
    of_prices = pl.selectors.by_name("ticker", "close", "close_date", "momentum") | (
        pl.selectors.starts_with("base_", "return_")
    )
    columns = of_prices - caps
    assert_frame_equal(
        after.select("strategy", columns).sort("strategy", "ticker"),
        before.select("strategy", columns).sort("strategy", "ticker"),
        check_exact=True,
    )


@given(drawn=markets_with_splits(), together=few([1, 15, 36_000]))
@drawn(2, 8)
def test_many_dates_are_ranked_as_one_at_a_time(drawn: Any, together: int) -> None:
    market, splits = drawn
    lake = frame_lake(*market, splits)
    dates = [D - timedelta(days=n) for n in (366, 92, 31, 0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "TOGETHER", together)
        found = at_once(lake, dates, SMALL)
    assert_frame_equal(found, one_by_one(lake, dates, SMALL), check_exact=True)
