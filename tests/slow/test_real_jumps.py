"""Jumps of real prices: all of them are known by name, and no rank stands on one.

The Nordic closes have errors of scale and a split that nobody adjusted for; three of their jumps
are real crashes. That of the S&P 500 is a spin-off.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Final

import polars as pl
import pytest

from pipelines.lake.version import Lake
from pipelines.ranking.many import Every, cross_sections, first_days, history
from pipelines.universe import SWEDEN, TrustedJump
from tests.real_data import needs_real_data, real_market

pytestmark = needs_real_data

NORDIC_JUMPS: Final = {
    "ABB": ["2002-10-22"],
    "DEMANT": ["2019-01-02", "2019-05-09", "2020-01-02"],
    "GMAB": ["2002-09-25"],
    "KCR": ["2026-03-27"],
    "NOKIA": ["2002-01-02", "2003-01-02", "2004-01-02"],
    "PNDORA": ["2011-08-02"],
    "ROCK B": ["2019-01-02", "2019-11-26", "2020-01-02"],
    "SYDB": ["2004-10-04", "2005-02-21", "2005-02-22"],
}
CRASHES: Final = tuple(TrustedJump(t, date.fromisoformat(NORDIC_JUMPS[t][0]))
                       for t in ("ABB", "GMAB", "PNDORA"))  # fmt: skip


@pytest.fixture(scope="module")
def nordic(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(real_market(tmp_path_factory, "nordic") / "data" / "lake")


@pytest.fixture(scope="module")
def sp500(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(real_market(tmp_path_factory, "sp500") / "data" / "lake")


def jumps(lake: Lake) -> dict[str, list[str]]:
    """The days of the jumps of each ticker."""
    rows = lake.jumps().sort("ticker", "date").collect()
    days = rows.with_columns(pl.col("date").dt.to_string())
    return {ticker: part["date"].to_list() for (ticker,), part in days.group_by("ticker")}


def ranked(lake: Lake, *, since: date, trusted: tuple[TrustedJump, ...] = ()) -> pl.DataFrame:
    """Every stock on the first day of each month, in a universe of all markets."""
    markets = lake.stocks().select(pl.col("market").unique()).collect().to_series().to_list()
    universe = replace(SWEDEN, name="all", markets=tuple(markets), trusted_jumps=trusted)
    dates = first_days(lake, since=since, every=Every.MONTH)
    plans = history(lake, dates=dates, universe=universe)
    rows = pl.concat(plan.collect(engine="streaming") for plan in plans)
    return rows.filter(strategy="trendande_varde")


def suspects(lake: Lake, days: list[date]) -> Iterator[tuple[date, str, date]]:
    """The stocks that are suspect on each day, with their newest jump."""
    for start in range(0, len(days), 60):
        rows = cross_sections(lake, days[start : start + 60]).filter(
            pl.col("jump_date").is_not_null()
        )
        found = rows.select("as_of", "ticker", "jump_date").collect(engine="streaming")
        yield from found.iter_rows()


# ------------------------------------------------------------------------------------ Nordic


def test_all_nordic_jumps_are_known(nordic: Lake) -> None:
    assert jumps(nordic) == NORDIC_JUMPS
    runs = nordic.jumps().drop_nulls("reverted_on").select("ticker", "date", "reverted_on")
    assert runs.collect().rows() == [("SYDB", date(2004, 10, 4), date(2005, 2, 21))]


def test_no_nordic_score_stands_on_a_jump(nordic: Lake) -> None:
    rows = ranked(nordic, since=date(2000, 1, 1))
    assert rows["as_of"].n_unique() > 300
    suspect = rows["excluded_by"] == "suspect_price"
    assert rows.filter(suspect)["score"].max() > 100, "what would be first without the rule"
    good = rows.filter(~suspect).drop_nulls("score")
    assert good.height > 10_000
    assert good["score"].max() < 10


def test_a_nordic_stock_is_suspect_as_long_as_its_errors_count(nordic: Lake) -> None:
    rows = ranked(nordic, since=date(2018, 12, 1))
    rock = rows.filter(pl.col("ticker") == "ROCK B").sort("as_of")
    out = rock.filter(excluded_by="suspect_price")["as_of"].to_list()
    months = [day for day in rock["as_of"] if day.year in (2019, 2020)]
    assert set(months) - set(out) == set()
    assert {day.year for day in out} == {2019, 2020, 2021}
    assert max(out) <= date(2021, 1, 12)
    assert "DEMANT" in rows.filter(excluded_by="suspect_price")["ticker"]
    assert "KCR" in rows.filter(excluded_by="suspect_price", as_of=rows["as_of"].max())["ticker"]


def test_real_crashes_are_ranked_once_they_are_trusted(nordic: Lake) -> None:
    before, after = (
        ranked(nordic, since=date(2002, 1, 1), trusted=trusted)
        .filter(excluded_by="suspect_price")
        .select("as_of", "ticker")
        for trusted in ((), CRASHES)
    )
    names = {one.ticker for one in CRASHES}
    assert names <= set(before["ticker"])
    assert after.sort(after.columns).equals(
        before.filter(~pl.col("ticker").is_in(names)).sort(before.columns)
    )


# ----------------------------------------------------------------------------------- S&P 500


def test_of_the_sp500_only_a_spin_off_is_suspect(sp500: Lake) -> None:
    assert jumps(sp500) == {"NI": ["2015-07-02"]}
    days = first_days(sp500, since=date(2013, 2, 8), every=Every.WEEK)
    found = list(suspects(sp500, days))
    assert {(ticker, jump) for _, ticker, jump in found} == {("NI", date(2015, 7, 2))}
    stocks = sp500.stocks().select(pl.len()).collect().item()
    assert len(found) / (len(days) * stocks) < 0.005
    assert (min(found)[0], max(found)[0]) == (date(2015, 7, 6), date(2016, 7, 11))
