"""Several bad rows at once, duplicates, and bad rows that a later refresh meets again."""

import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from tests.e2e.bad_input.place import (
    BAD_UTF8,
    DATASETS,
    LATE,
    OHL,
    ROWS,
    TEXT_CLOSE,
    Place,
    Sql,
    add,
    counted,
    published,
    rejects,
    rows,
)
from tests.factories import Row, change

pytestmark = pytest.mark.usefixtures("datasets_only")

TOGETHER: dict[str, tuple[list[tuple[str, Row]], dict[str, Counter[str]]]] = {
    "text and no UTF-8 in one table": (
        [("daily_prices", TEXT_CLOSE), ("daily_prices", {"ticker": BAD_UTF8})],
        {"prices": Counter(text_in_number=1, bad_text=1)},
    ),
    "text in both tables of a dataset": (
        [("fundamentals", {"pe": "x"}), ("fundamentals_snapshots", {"pe": "x"})],
        {"fundamentals": Counter(text_in_number=2)},
    ),
    "text and no UTF-8 in the two tables of a dataset": (
        [("fundamentals", {"pe": "x"}), ("fundamentals", {"data_source": BAD_UTF8}),
         ("fundamentals_snapshots", {"pe": "x"})],
        {"fundamentals": Counter(text_in_number=2, bad_text=1)},
    ),
    "text in every dataset": (
        [("daily_prices", TEXT_CLOSE), ("index_prices", {"close": "x"}),
         ("fundamentals", {"pe": "x"}), ("stocks", {"market_cap_msek": "x"}),
         ("splits", {"ratio": "x"}), ("dividend_events", {"amount": "x"}),
         ("fx_rates", {"rate": "x"})],
        {dataset: Counter(text_in_number=1) for dataset in set(DATASETS.values())},
    ),
    "text beside a blob for a time": (
        [("stocks", {"market_cap_msek": "x"}), ("stocks", {"ticker": "B", "last_updated": b"x"})],
        {"stocks": Counter(text_in_number=1, bad_time=0)},
    ),
    "two things wrong with a row": (
        [("daily_prices", {"ticker": None, "date": "soon", "close": -1.0})],
        {"prices": Counter(null_key=1)},
    ),
    "a bad row is no duplicate": (
        [("daily_prices", {"close": -1.0}), ("daily_prices", {}), ("daily_prices", {"close": 0.0})],
        {"prices": Counter(close_not_positive=2)},
    ),
    "one ticker, three spellings": (
        [("daily_prices", {"ticker": t}) for t in ("VOLV-B", "VOLV_B", " VOLV  B", "VOLV A")],
        {"prices": Counter(duplicate_key=2)},
    ),
    "one index, two spellings": (
        [("index_prices", {"index_id": i}) for i in ("OMX-S30", "OMX S30")],
        {"index_prices": Counter(duplicate_key=1)},
    ),
    "one stock, three spellings": (
        [("stocks", {"ticker": t}) for t in ("VOLV-B", "VOLV_B", "VOLV B")],
        {"stocks": Counter(duplicate_key=2)},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("added", "expected"), TOGETHER.values(), ids=TOGETHER)
def test_bad_rows_together_are_each_counted_once(
    place: Place, added: list[tuple[str, Row]], expected: dict[str, Counter[str]]
) -> None:
    for table, changes in added:
        add(place, table, ROWS[table] | changes)
    lake = published(place)
    for dataset, reasons in expected.items():
        assert Counter(counted(place, lake, dataset)[0]) == reasons


def test_of_duplicate_prices_the_highest_rowid_stays(place: Place) -> None:
    names = ("VOLV B", "VOLV-B", "VOLV_B")
    at = [add(place, "daily_prices", ROWS["daily_prices"] | {"ticker": name, "close": 5.0 + n / 4})
          for n, name in enumerate(names)]  # fmt: skip
    with closing(sqlite3.connect(place.database)) as con, con:
        con.execute("UPDATE daily_prices SET rowid = 1000000 WHERE rowid = ?", (at[0],))
    lake = published(place)
    assert [r["close"] for r in rows(lake, "prices") if r["ticker"] == "VOLV B"] == [5.0]
    noted = [("daily_prices", n, "duplicate_key", False, name)
             for n, name in zip(at[1:], names[1:], strict=True)]  # fmt: skip
    assert rejects(lake, "prices", "ticker") == noted


TIMES = {
    "the latest": ("2026-01-01 10:00:00", "2026-01-01T10:00:00.5Z", "2025-12-31 23:59:59"),
    "rather than none": (None, "2020-01-01", None),
    "rather than a bad one": ("2026-13-01", "2020-01-01 10:00", "soon"),
    "of equal ones the highest rowid": ("2026-01-01 10:00", "2026-01-01T10:00:00Z", None),
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_of_duplicate_stocks_the_last_updated_stays(
    place: Place, times: tuple[str | None, ...]
) -> None:
    for name, updated in zip(("VOLV B", "VOLV-B", "VOLV_B"), times, strict=True):
        row = ROWS["stocks"] | {"ticker": name, "name": name, "last_updated": updated}
        add(place, "stocks", row)
    lake = published(place)
    assert [r["name"] for r in rows(lake, "stocks") if r["ticker"] == "VOLV B"] == ["VOLV-B"]
    assert counted(place, lake, "stocks")[0] == {"duplicate_key": 2}


def test_a_rejected_duplicate_is_not_also_warned_of(place: Place) -> None:
    add(place, "daily_prices", ROWS["daily_prices"] | {"ticker": "V-B", "low": 7.0, "volume": 0.5})
    add(place, "daily_prices", ROWS["daily_prices"] | {"ticker": "V B"} | dict.fromkeys(OHL))
    lake = published(place)
    assert counted(place, lake, "prices") == ({"duplicate_key": 1}, {"ohl_missing": 1})


def test_a_table_of_the_owner_may_have_any_name(place: Place) -> None:
    change(place.database, "CREATE TABLE bad_daily_prices (ticker, reason)")
    add(place, "daily_prices", ROWS["daily_prices"] | TEXT_CLOSE)
    assert counted(place, published(place), "prices")[0] == {"text_in_number": 1}


TWICE: dict[str, tuple[Row, str]] = {
    "text date": ({"date": "2022-1-3"}, "bad_date"),
    "date after a space": ({"date": " 2022-01-03"}, "bad_date"),
    "null date": ({"date": None}, "null_key"),
    "year only": ({"date": "2022"}, "number_in_date"),
    "integer date": ({"date": 20220103}, "number_in_date"),
    "blob date": ({"date": b"2022-01-03"}, "bad_date"),
    "date that is no UTF-8": ({"date": Sql("CAST(x'ff3232' AS TEXT)", "")}, "bad_text"),
    "text in close": ({"date": "2022-01-03", "close": "x"}, "text_in_number"),
    "zero close": ({"date": "2022-01-03", "close": 0.0}, "close_not_positive"),
    "after tomorrow": ({"date": LATE}, "future_date"),
}


FEW = ("text date", "null date", "integer date", "text in close", "after tomorrow")
"""A case of each reason; the others are tried in the slow part."""


@pytest.mark.parametrize(
    ("bad", "reason"),
    [pytest.param(*case, id=name, marks=() if name in FEW else pytest.mark.slow)
     for name, case in TWICE.items()],
)  # fmt: skip
def test_a_bad_row_is_counted_again_by_the_next_refresh(
    place: Place, bad: Row, reason: str
) -> None:
    add(place, "daily_prices", ROWS["daily_prices"] | bad)
    published(place)
    place.change()
    lake = published(place)
    assert counted(place, lake, "prices") == ({reason: 1}, {})
    files = lake.manifest.datasets["prices"].files
    assert any((lake.path / f.path).stat().st_nlink > 1 for f in files), "nothing was taken"
