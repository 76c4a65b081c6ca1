"""Jumps of prices in a ranking: who is suspect and for how long, and which closes count as missing.

Every case is put to the pipelines and to the oracle.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Final

import polars as pl
import pytest

from pipelines.ranking.jumps import good_prices
from pipelines.ranking.known import cross_section
from pipelines.ranking.many import cross_sections
from pipelines.ranking.rank import rankings
from pipelines.universe import SWEDEN, TrustedJump, Universe
from tests import oracle
from tests.factories import Row, closes, frame_lake, stock

D: Final = date(2024, 5, 31)
BASE: Final = "2023-05-31"
CALM: Final = {BASE: 80.0, "2023-11-30": 90.0, "2024-02-29": 95.0, "2024-05-31": 100.0}
Rank = Callable[..., Row]


def of_pipelines(prices: list[Row], as_of: date, universe: Universe) -> Row:
    plan = rankings(frame_lake([stock("A")], prices), as_of=as_of, universe=universe)
    return plan.collect(engine="streaming").row(0, named=True)


def of_many(prices: list[Row], as_of: date, universe: Universe) -> Row:
    """The cross-section of that date, of three at once."""
    lake, trusted = frame_lake([stock("A")], prices), universe.trusted_jumps
    dates = sorted({as_of.replace(day=1), as_of, date(2030, 1, 1)})
    rows = cross_sections(lake, dates, trusted).collect(engine="streaming")
    row = rows.row(by_predicate=pl.col("as_of") == as_of, named=True)
    one = cross_section(lake, as_of=as_of, trusted=trusted).collect(engine="streaming")
    assert one.row(0, named=True) == row
    return of_pipelines(prices, as_of, universe) | row


def of_oracle(prices: list[Row], as_of: date, universe: Universe) -> Row:
    (row,) = oracle.rank(
        [stock("A")], prices, [], strategy="sammansatt_momentum", as_of=as_of, universe=universe
    )
    return row


@pytest.fixture(params=[of_pipelines, of_many, of_oracle])
def ranked(request: pytest.FixtureRequest) -> Rank:
    def rank(by_day: dict[str, float], as_of: str = f"{D}", *trusted: str) -> Row:
        jumps = tuple(TrustedJump("A", date.fromisoformat(day)) for day in trusted)
        universe = replace(SWEDEN, trusted_jumps=jumps)
        row: Row = request.param(closes("A", by_day), date.fromisoformat(as_of), universe)
        return row

    return rank


def is_suspect(row: Row) -> bool:
    assert (row["excluded_by"] == "suspect_price") == (row["jump_date"] is not None)
    return row["jump_date"] is not None


# ---------------------------------------------------------------------------------- suspects


def test_a_calm_price_is_not_suspect(ranked: Rank) -> None:
    row = ranked(CALM)
    assert (row["excluded_by"], row["jump_date"]) == ("no_f_score", None)


@pytest.mark.parametrize(("close", "suspect"), [(250.0, True), (249.9, False), (40.0, True)])
def test_two_and_a_half_times_is_too_far(ranked: Rank, close: float, suspect: bool) -> None:
    row = ranked({BASE: 100.0, "2024-05-30": 100.0, "2024-05-31": close})
    assert is_suspect(row) == suspect


def test_a_step_that_stays_is_suspect_for_twelve_months_and_ten_days(ranked: Rank) -> None:
    step = {"2024-05-30": 100.0, "2024-05-31": 10.0, "2025-05-31": 10.0, "2025-06-11": 10.0}
    assert not is_suspect(ranked(step, "2024-05-30"))
    assert ranked(step)["jump_date"] == D
    assert is_suspect(ranked(step, "2025-06-09"))
    assert not is_suspect(ranked(step, "2025-06-10"))  # its base may be the first close after


def test_the_newest_jump_is_told(ranked: Rank) -> None:
    row = ranked({"2024-05-28": 170.0, "2024-05-29": 0.01, "2024-05-30": 5.06, "2024-05-31": 158.4})
    assert row["jump_date"] == D


def test_a_gap_of_years_is_a_jump_on_its_last_day(ranked: Rank) -> None:
    assert ranked({"2019-01-02": 1.0, "2024-05-31": 7.0})["jump_date"] == D


def test_a_stock_without_a_close_is_inactive_first(ranked: Rank) -> None:
    row = ranked({"2024-01-02": 1.0, "2024-01-03": 7.0})
    assert (row["excluded_by"], row["jump_date"]) == ("inactive", date(2024, 1, 3))


# ------------------------------------------------------------------------------ runs that revert

SLIP: Final = {BASE: 80.0, "2024-02-27": 95.0, "2024-02-28": 950.0, "2024-02-29": 960.0,
               "2024-03-01": 97.0, "2024-05-31": 100.0}  # fmt: skip
"""Ten times too high on two days, the second of which is the base of three months."""


def test_a_slip_that_reverted_is_missing_for_who_knows_that_it_did(ranked: Rank) -> None:
    row = ranked(SLIP)
    assert not is_suspect(row)
    assert (row["base_date_3m"], row["base_close_3m"]) == (date(2024, 2, 27), 95.0)
    assert row["return_3m"] == pytest.approx(100 / 95 - 1)


def test_before_it_reverts_it_is_a_jump_like_any_other(ranked: Rank) -> None:
    row = ranked(SLIP, "2024-02-29")
    assert is_suspect(row)
    assert (row["close"], row["jump_date"]) == (960.0, date(2024, 2, 28))
    assert not is_suspect(ranked(SLIP, "2024-02-27"))


def test_on_the_day_of_the_return_it_is_known(ranked: Rank) -> None:
    row = ranked(SLIP, "2024-03-01")
    assert not is_suspect(row)
    assert (row["close"], row["close_date"]) == (97.0, date(2024, 3, 1))


def test_nothing_but_bad_closes_in_a_window_is_no_base(ranked: Rank) -> None:
    days = {f"2024-02-{n}": 960.0 for n in range(18, 30)}
    row = ranked({BASE: 80.0, "2024-02-17": 95.0, **days, "2024-03-01": 97.0, "2024-05-31": 100.0})
    assert not is_suspect(row)
    assert row["base_date_3m"] is None


def test_a_slip_across_the_end_of_a_year(ranked: Rank) -> None:
    slip = {BASE: 80.0, "2023-12-29": 95.0, "2023-12-30": 9.5, "2024-01-02": 9.6,
            "2024-01-03": 96.0, "2024-03-31": 97.0}  # fmt: skip
    row = ranked(slip, "2024-03-31")
    assert not is_suspect(row)
    assert row["base_date_3m"] == date(2023, 12, 29)


def test_a_return_after_the_date_is_not_known(ranked: Rank) -> None:
    late = CALM | {"2024-05-30": 99.0, "2024-05-31": 990.0, "2024-06-03": 99.0}
    assert is_suspect(ranked(late))
    assert not is_suspect(ranked(late, "2024-06-03"))


def test_another_jump_between_stays_one(ranked: Rank) -> None:
    row = ranked({"2024-05-27": 100.0, "2024-05-28": 1.0, "2024-05-29": 3.0, "2024-05-31": 300.0})
    assert row["jump_date"] == date(2024, 5, 29)


# ------------------------------------------------------------------------------------ trusted


def test_a_jump_that_is_trusted_is_a_move_like_any_other(ranked: Rank) -> None:
    rise = {BASE: 80.0, "2023-11-30": 90.0, "2024-02-29": 270.0, "2024-05-31": 280.0}
    assert is_suspect(ranked(rise))
    assert is_suspect(ranked(rise, f"{D}", "2024-02-28"))
    row = ranked(rise, f"{D}", "2024-02-29")
    assert not is_suspect(row)
    assert row["return_6m"] == pytest.approx(280 / 90 - 1)


@pytest.mark.parametrize(
    ("trusted", "jump"), [("2024-02-28", "2024-03-01"), ("2024-03-01", "2024-02-28")]
)
def test_a_run_with_a_jump_that_is_trusted_is_none(ranked: Rank, trusted: str, jump: str) -> None:
    row = ranked(SLIP, f"{D}", trusted)
    assert row["jump_date"] == date.fromisoformat(jump)
    assert row["base_date_3m"] == date(2024, 2, 29)


def test_the_ticker_of_a_trusted_jump_may_be_written_with_a_hyphen() -> None:
    prices = closes("A B", {"2024-05-30": 10.0, "2024-05-31": 30.0})
    lake = frame_lake([stock("A B")], prices)
    for ticker, suspect in (("A-B", False), ("A_B", False), ("A", True), ("A B", False)):
        section = cross_section(lake, as_of=D, trusted=[TrustedJump(ticker, D)]).collect()
        assert (section["jump_date"][0] is not None) == suspect


# ------------------------------------------------------------------------------------- charts


def test_prices_to_show_lack_what_is_known_to_be_bad() -> None:
    lake = frame_lake(
        [stock("A")], [*closes("A", SLIP), *closes("B", SLIP | {"2024-03-01": 950.0})]
    )

    def shown(as_of: str, ticker: str = "A", universe: Universe = SWEDEN) -> list[float]:
        day = date.fromisoformat(as_of)
        rows = good_prices(lake, since=date(2024, 2, 1), until=D, as_of=day, universe=universe)
        return rows.filter(ticker=ticker).collect().sort("date")["close"].to_list()

    assert shown("2024-03-01") == [95.0, 97.0, 100.0]
    assert shown("2024-02-29") == [95.0, 950.0, 960.0, 97.0, 100.0]
    assert shown("2024-05-31", "B") == [95.0, 100.0]
    trusting = replace(SWEDEN, trusted_jumps=(TrustedJump("A", date(2024, 2, 28)),))
    assert shown("2024-05-31", universe=trusting) == shown("2024-02-29")


def cap(prices: dict[str, float], day: str, *trusted: TrustedJump) -> float:
    """The market cap of a stock whose cap of now is 1,000."""
    made = frame_lake([stock("A", market_cap_msek=1000.0)], closes("A", prices))
    frame = cross_section(made, as_of=date.fromisoformat(day), trusted=trusted).collect()
    assert frame["market_cap_source"].item() == "price_scaled"
    return float(frame["market_cap_msek"].item())


def test_a_cap_is_scaled_by_no_close_behind_a_jump_that_nothing_explains() -> None:
    base = {"2024-01-02": 80.0, "2024-01-03": 100.0}
    assert cap(base | {"2024-01-04": 10.0}, "2024-01-02") == 800.0
    assert cap(base | {"2024-01-04": 10.0, "2024-01-05": 40.0}, "2024-01-02") == 800.0
    # A run that reverted is no jump, and the newest close stands.
    back = base | {"2024-01-04": 10.0, "2024-01-05": 125.0}
    assert cap(back, "2024-01-02") == 640.0
    # Nor is one that the owner trusts.
    assert (
        cap(base | {"2024-01-04": 10.0}, "2024-01-02", TrustedJump("A", date(2024, 1, 4))) == 8000
    )
    # A jump on the date or before it leaves the closes after it.
    assert cap(base | {"2024-01-04": 10.0, "2024-01-05": 5.0}, "2024-01-04") == 2000.0
