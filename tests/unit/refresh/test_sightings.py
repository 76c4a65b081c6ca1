"""Which rows that a refresh sees are kept: each rule with the rows before and after it."""

from datetime import date
from typing import Any

import polars as pl

from pipelines.lake import lake_schema
from pipelines.refresh.sightings import (
    FUNDAMENTALS,
    STOCKS,
    Remembered,
    columns,
    first_sighting,
    of_fundamentals,
    of_stocks,
    own_fiscal,
    sighting,
    with_gone,
)

WED, THU, MON = date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 9)


def filed(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of the table fundamentals, as the lake has them."""
    full = [
        {"ticker": "A", "id": n, "source": "fundamentals", "data_source": "avanza", "pe": 10.0,
         "net_income_ccy": 5.0, "known_from": WED, "fetched_date": WED, "fiscal_date": WED} | row
        for n, row in enumerate(rows)
    ]  # fmt: skip
    return of_fundamentals(pl.LazyFrame(full, schema=lake_schema("fundamentals")))


def fetched(day: date, **values: Any) -> dict[str, Any]:
    """A row without a fiscal date of its own, fetched on a day."""
    return {"known_from": day, "fetched_date": day, "fiscal_date": day} | values


def observations(*rows: dict[str, Any]) -> pl.DataFrame:
    """Observations on a Wednesday of rows of the table."""
    seen = first_sighting(FUNDAMENTALS, filed(*({} for _ in rows)), WED).kept
    parts = [
        seen[n].with_columns(**{c: pl.lit(v, seen.schema[c]) for c, v in row.items()})
        for n, row in enumerate(rows)
    ]
    return pl.concat([seen.clear(), *parts]).with_columns(own_fiscal())


def known(last: pl.DataFrame, *recent: dict[str, Any], **more: pl.DataFrame) -> Remembered:
    """What a refresh knows: the rows seen last, and observations."""
    none = observations()
    parts = {"waiting": none, "suspended": none} | more
    return Remembered(last=last, recent=observations(*recent), **parts)


def shown(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    return rows.select("why", "pe", "net_income_ccy", "known_from", "observed_on").rows()


def test_the_first_refresh_keeps_all_rows_with_their_own_day() -> None:
    undated = {
        "fetched_date": None,
        "fiscal_date": date(2020, 12, 31),
        "known_from": date(2021, 3, 31),
    }
    found = first_sighting(FUNDAMENTALS, filed(undated, {}), THU)
    assert found.kept.select("why", "state", "known_from", "observed_on").rows() == [
        ("first", "kept", date(2021, 3, 31), THU), ("first", "kept", WED, THU)
    ]  # fmt: skip
    assert found.waiting.is_empty()


def test_a_row_seen_before_is_not_kept_again_whatever_its_id() -> None:
    found = sighting(FUNDAMENTALS, filed({"id": 77}), known(filed({})), THU)
    assert found.kept.is_empty()
    assert found.waiting.is_empty()


def test_a_statement_item_or_a_vendors_score_that_differs_is_kept() -> None:
    now = filed(fetched(THU, net_income_ccy=6.0), fetched(THU, ticker="B", piotroski_f_score=4))
    found = sighting(FUNDAMENTALS, now, known(filed({}, {"ticker": "B"}), {"why": "ratios"}), THU)
    assert shown(found.kept) == [
        ("statement", 10.0, 6.0, THU, THU), ("statement", 10.0, 5.0, THU, THU)
    ]  # fmt: skip


def test_a_new_owner_and_another_fiscal_date_are_kept() -> None:
    year = {"fiscal_date": date(2025, 12, 31)}
    now = filed(fetched(THU, ticker="NEW"), fetched(THU) | year)
    found = sighting(FUNDAMENTALS, now, known(filed({"fiscal_date": date(2024, 12, 31)})), THU)
    assert found.kept.select("ticker", "why").rows() == [("NEW", "new"), ("A", "statement")]


def test_of_rows_that_differ_in_ratios_the_first_of_a_week_is_kept() -> None:
    now, last = filed(fetched(THU, pe=11.0)), filed({})
    first = sighting(FUNDAMENTALS, now, known(last, {"why": "statement"}), THU)
    assert shown(first.kept) == [("ratios", 11.0, 5.0, THU, THU)]
    second = sighting(FUNDAMENTALS, now, known(last, {"why": "ratios"}), THU)
    assert second.kept.is_empty()
    assert shown(second.waiting) == [("ratios", 11.0, 5.0, THU, THU)]
    assert second.waiting["state"].to_list() == ["waiting"]


def test_a_row_that_waits_is_kept_when_the_next_week_begins_with_its_own_day() -> None:
    now = filed(fetched(THU, pe=11.0))
    waiting = sighting(FUNDAMENTALS, now, known(filed({}), {"why": "ratios"}), THU).waiting
    still = known(now, {"why": "ratios"}, waiting=waiting)
    found = sighting(FUNDAMENTALS, now, still, date(2026, 3, 6))
    assert (found.kept.height, found.waiting.height) == (0, 1)
    found = sighting(FUNDAMENTALS, now, still, MON)
    assert shown(found.kept) == [("ratios", 11.0, 5.0, THU, MON)]
    assert found.waiting.is_empty()


def test_a_row_that_waits_and_is_overwritten_is_gone() -> None:
    waiting = sighting(
        FUNDAMENTALS, filed(fetched(THU, pe=11.0)), known(filed({}), {"why": "ratios"}), THU
    ).waiting
    now, last = filed(fetched(MON, pe=12.0)), filed(fetched(THU, pe=11.0))
    found = sighting(FUNDAMENTALS, now, known(last, {"why": "ratios"}, waiting=waiting), MON)
    assert shown(found.kept) == [("ratios", 12.0, 5.0, MON, MON)]


def test_a_row_without_the_day_of_a_fetch_is_known_from_the_day_it_was_seen() -> None:
    undated = {
        "fetched_date": None,
        "fiscal_date": date(2025, 9, 30),
        "known_from": date(2025, 12, 29),
    }
    later = undated | {"fiscal_date": date(2025, 12, 31), "known_from": date(2026, 3, 31)}
    found = sighting(FUNDAMENTALS, filed(undated, later), known(filed()), THU)
    assert found.kept["known_from"].to_list() == [THU, date(2026, 3, 31)]


def test_a_row_changed_in_place_counts_from_the_day_it_was_seen() -> None:
    """Until then what was there before was known: its day of the fetch is the same."""
    found = sighting(FUNDAMENTALS, filed({"net_income_ccy": 6.0}), known(filed({})), THU)
    assert shown(found.kept) == [("statement", 10.0, 6.0, THU, THU)]


def test_a_row_whose_vendor_was_renamed_counts_from_the_day_it_was_seen() -> None:
    now = filed({"data_source": "borsdata", "net_income_ccy": 6.0})
    found = sighting(FUNDAMENTALS, now, known(filed({})), THU)
    assert shown(found.kept) == [("new", 10.0, 6.0, THU, THU)]
    other = filed({"data_source": "borsdata", "net_income_ccy": 6.0, "id": 7})
    elsewhere = sighting(FUNDAMENTALS, other, known(filed({})), THU)
    assert elsewhere.kept["known_from"].to_list() == [WED]


def test_a_row_fetched_earlier_and_seen_late_keeps_its_day() -> None:
    now = filed(fetched(WED, net_income_ccy=6.0))
    found = sighting(FUNDAMENTALS, now, known(filed(fetched(date(2026, 3, 2)))), THU)
    assert found.kept["known_from"].to_list() == [WED]


def test_a_state_seen_later_on_the_same_day_covers_the_one_before() -> None:
    now, last = filed({"net_income_ccy": 6.0}), filed({})
    found = sighting(FUNDAMENTALS, now, known(last, {"why": "first"}), WED)
    assert shown(found.covered) == [("first", 10.0, 5.0, WED, WED)]
    assert found.suspended.is_empty()


def test_a_row_whose_vendor_was_renamed_on_its_day_covers_the_one_before() -> None:
    now, last = filed({"data_source": "borsdata", "pe": 11.0}), filed({})
    found = sighting(FUNDAMENTALS, now, known(last, {"why": "first"}), WED)
    assert shown(found.kept) == [("new", 11.0, 5.0, WED, WED)]
    assert shown(found.covered) == [("first", 10.0, 5.0, WED, WED)]


def test_a_row_written_over_with_another_year_on_the_same_day_leaves_the_one_before() -> None:
    """Both are known: the older one is that of the year before."""
    old, new = ({"fiscal_date": date(year, 12, 31)} for year in (2024, 2025))
    last = filed(old)
    seen = first_sighting(FUNDAMENTALS, last, WED).kept
    before = Remembered(last=last, recent=seen, waiting=seen.clear(), suspended=seen.clear())
    found = sighting(FUNDAMENTALS, filed(new), before, WED)
    assert (found.kept.height, found.covered.height) == (1, 0)


def test_what_only_waits_covers_for_as_long_as_it_is_there() -> None:
    now, last = filed({"pe": 11.0}), filed({})
    found = sighting(FUNDAMENTALS, now, known(last, {"why": "ratios"}), WED)
    assert (found.covered.height, found.waiting.height) == (0, 1)
    assert shown(found.suspended) == [("ratios", 10.0, 5.0, WED, WED)]
    gone = known(now, waiting=found.waiting, suspended=found.suspended)
    later = sighting(FUNDAMENTALS, filed(fetched(THU, pe=12.0)), gone, THU)
    assert later.suspended.is_empty()
    assert later.covered.is_empty()


def test_a_row_that_was_struck_is_not_observed_again() -> None:
    struck = {"state": "struck", "net_income_ccy": 6.0}
    now = filed({"net_income_ccy": 6.0})
    found = sighting(FUNDAMENTALS, now, known(filed({}), struck), WED)
    assert found.kept.is_empty()
    assert found.waiting["state"].to_list() == ["waiting"]


# ------------------------------------------------------------------------------------ stocks


def listed(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of stocks, as they are observed."""
    schema = {**lake_schema("stocks"), "newest_close": pl.Float32, "newest_date": pl.Date}
    full = [{"ticker": "A", "sector": "Industri", "market_cap_msek": 5.0} | row for row in rows]
    return of_stocks(pl.LazyFrame(full, schema=schema))


def knows(last: pl.DataFrame, day: date = WED) -> Remembered:
    """What a refresh knows whose rows were seen first on a day."""
    none = pl.DataFrame(schema=lake_schema("observed_stocks")).select(columns(STOCKS))
    return Remembered(last, first_sighting(STOCKS, last, day).kept, none, none)


def test_a_listing_that_changed_is_kept_and_its_cap_once_a_week() -> None:
    last = listed({}, {"ticker": "B"}, {"ticker": "C"})
    now = listed({"sector": "Bank"}, {"ticker": "B", "market_cap_msek": 6.0}, {"ticker": "D"})
    now = with_gone(now, last, WED)
    found = sighting(STOCKS, now, knows(last), THU)
    kept = found.kept.select("ticker", "why", "listed", "last_seen", "sector").rows()
    assert sorted(kept) == [
        ("A", "changed", True, None, "Bank"),
        ("C", "gone", False, WED, "Industri"),
        ("D", "new", True, None, "Industri"),
    ]
    assert found.waiting.select("ticker", "market_cap_msek").rows() == [("B", 6.0)]
    after = sighting(STOCKS, now, knows(last, date(2026, 2, 26)), THU)
    assert after.kept.filter(ticker="B").select("why", "market_cap_msek").rows() == [("cap", 6.0)]


def test_a_listing_that_changed_twice_on_a_day_counts_as_seen_last() -> None:
    found = sighting(STOCKS, listed({"sector": "Bank"}), knows(listed({}), THU), THU)
    assert found.covered.select("ticker", "sector").rows() == [("A", "Industri")]
    assert found.kept["sector"].to_list() == ["Bank"]


def test_a_suspended_row_that_comes_back_counts_again_and_is_not_kept_twice() -> None:
    suspended, waiting = observations({"pe": 11.0, "why": "ratios"}), observations({"pe": 12.0})
    last, now = filed({"pe": 12.0}), filed({"pe": 11.0})
    before = known(last, waiting=waiting, suspended=suspended)
    found = sighting(FUNDAMENTALS, now, before, WED)
    assert [part.height for part in (found.kept, found.waiting, found.suspended)] == [0, 0, 0]
