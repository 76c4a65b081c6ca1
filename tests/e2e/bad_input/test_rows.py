"""Bad rows and values, one case a line: each goes to the rejects with its reason."""

import math
import shutil
import struct
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.export import export
from pipelines.lake import Dataset, Lake
from pipelines.universe import SWEDEN
from tests.e2e.bad_input.place import (
    BAD_UTF8,
    DATASETS,
    LATE,
    OHL,
    ROWS,
    Place,
    Sql,
    add,
    counted,
    published,
    rejects,
    rows,
)
from tests.factories import Row

REJECTED: dict[str, tuple[str, Row, str]] = {
    # the key
    "null ticker": ("daily_prices", {"ticker": None}, "null_key"),
    "empty ticker": ("daily_prices", {"ticker": ""}, "null_key"),
    "ticker of separators": ("daily_prices", {"ticker": " -_\t "}, "null_key"),
    "null index": ("index_prices", {"index_id": None}, "null_key"),
    "null stock": ("stocks", {"ticker": None}, "null_key"),
    "stock of separators": ("stocks", {"ticker": "--"}, "null_key"),
    "fundamentals without ticker": ("fundamentals", {"ticker": None}, "null_key"),
    "snapshot with empty ticker": ("fundamentals_snapshots", {"ticker": ""}, "null_key"),
    "split without ticker": ("splits", {"ticker": " "}, "null_key"),
    "split without date": ("splits", {"date": None}, "null_key"),
    "dividend without ticker": ("dividend_events", {"ticker": None}, "null_key"),
    "dividend without ex-date": ("dividend_events", {"ex_date": None}, "null_key"),
    "rate without currency": ("fx_rates", {"currency": None}, "null_key"),
    "rate of an empty currency": ("fx_rates", {"currency": ""}, "null_key"),
    "null date": ("daily_prices", {"date": None}, "null_key"),
    "negative id": ("fundamentals", {"id": -7}, "id_out_of_range"),
    "huge id": ("fundamentals", {"id": 2**45}, "id_out_of_range"),
    "largest id of a snapshot": ("fundamentals_snapshots", {"id": 2**63 - 1}, "id_out_of_range"),
    # the date
    "one-digit date": ("daily_prices", {"date": "2024-1-3"}, "bad_date"),
    "date after a space": ("daily_prices", {"date": " 2024-01-03"}, "bad_date"),
    "date after a space, ten long": ("daily_prices", {"date": " 2024-1-03"}, "bad_date"),
    "date before a space": ("daily_prices", {"date": "2024-01-03 "}, "bad_date"),
    "date with a sign": ("daily_prices", {"date": "+2024-01-03"}, "bad_date"),
    "date with a sign, ten long": ("daily_prices", {"date": "+2024-1-03"}, "bad_date"),
    "date before Christ": ("daily_prices", {"date": "-999-01-01"}, "bad_date"),
    "two-digit year": ("daily_prices", {"date": "24-01-03"}, "bad_date"),
    "year only": ("daily_prices", {"date": "2024"}, "number_in_date"),
    "no such day": ("daily_prices", {"date": "2024-02-30"}, "bad_date"),
    "no such month": ("daily_prices", {"date": "2024-13-01"}, "bad_date"),
    "slashes": ("daily_prices", {"date": "2024/01/03"}, "bad_date"),
    "digits of another script": ("daily_prices", {"date": "2024-01-0٣"}, "bad_date"),
    "time of day": ("daily_prices", {"date": "2024-01-03 00:00:01"}, "time_in_date"),
    "time of day without seconds": ("daily_prices", {"date": "2024-01-03T09:00"}, "time_in_date"),
    "less than a second": (
        "fundamentals",
        {"fiscal_date": "2023-12-31 00:00:00.5"},
        "time_in_date",
    ),
    "midnight of no day": ("daily_prices", {"date": "2024-02-30 00:00:00"}, "bad_date"),
    "something after midnight": ("daily_prices", {"date": "2024-01-03 00:00:00 x"}, "time_in_date"),
    "something after the date": ("daily_prices", {"date": "2024-01-03 x"}, "bad_date"),
    "NUL after the date": ("daily_prices", {"date": "2024-01-03\0"}, "bad_date"),
    "line end in the date": ("daily_prices", {"date": "2024-01-03\n"}, "bad_date"),
    "integer date": ("daily_prices", {"date": 20240103}, "number_in_date"),
    "Julian day": ("daily_prices", {"date": 2460312.5}, "number_in_date"),
    "seconds of a snapshot": (
        "fundamentals_snapshots",
        {"snapshot_date": 1706745600},
        "number_in_date",
    ),
    "blob date": ("daily_prices", {"date": b"2024-01-03"}, "bad_date"),
    "date of an index": ("index_prices", {"date": "today"}, "bad_date"),
    "fiscal date": ("fundamentals", {"fiscal_date": "2023-12"}, "bad_date"),
    "fetched date": ("fundamentals", {"fetched_date": 1706745600}, "number_in_date"),
    "snapshot date": ("fundamentals_snapshots", {"snapshot_date": "2024-02-30"}, "bad_date"),
    "date of a split": ("splits", {"date": "2024-1-3"}, "bad_date"),
    "ex-date": ("dividend_events", {"ex_date": "2024-02-30"}, "bad_date"),
    "payment date": ("dividend_events", {"payment_date": "soon"}, "bad_date"),
    "date of a rate": ("fx_rates", {"date": 20240103}, "number_in_date"),
    "split after 2100": ("splits", {"date": "2101-01-01"}, "date_out_of_range"),
    "paid after 2100": ("dividend_events", {"payment_date": "2101-01-01"}, "date_out_of_range"),
    "rate after tomorrow": ("fx_rates", {"date": LATE}, "future_date"),
    "day before 1900": ("daily_prices", {"date": "1899-12-31"}, "date_out_of_range"),
    "year 0": ("daily_prices", {"date": "0000-01-01"}, "date_out_of_range"),
    "fiscal date after 2100": (
        "fundamentals",
        {"fiscal_date": "2101-01-01", "fetched_date": None},
        "date_out_of_range",
    ),
    "fiscal year that ends tomorrow": (
        "fundamentals",
        {"fiscal_date": "2024-02-02", "fetched_date": "2024-02-01"},
        "fiscal_year_not_over",
    ),
    "after tomorrow": ("daily_prices", {"date": LATE}, "future_date"),
    "index after tomorrow": ("index_prices", {"date": LATE}, "future_date"),
    "no date": ("fundamentals", {"fiscal_date": None, "fetched_date": None}, "no_date"),
    # the value
    "null close": ("daily_prices", {"close": None}, "close_missing"),
    "zero close": ("daily_prices", {"close": 0.0}, "close_not_positive"),
    "negative close": ("daily_prices", {"close": -1.5}, "close_not_positive"),
    "close below Float32": ("daily_prices", {"close": 1e-50}, "close_not_positive"),
    "close above Float32": ("daily_prices", {"close": 1e39}, "close_not_finite"),
    "infinite close": ("daily_prices", {"close": math.inf}, "close_not_finite"),
    "close of minus infinity": ("daily_prices", {"close": -math.inf}, "close_not_positive"),
    "zero index": ("index_prices", {"close": 0.0}, "close_not_positive"),
    "split of null": ("splits", {"ratio": None}, "number_missing"),
    "split into nothing": ("splits", {"ratio": 0.0}, "number_not_positive"),
    "infinite split": ("splits", {"ratio": math.inf}, "number_not_finite"),
    "dividend of null": ("dividend_events", {"amount": None}, "number_missing"),
    "negative dividend": ("dividend_events", {"amount": -1.0}, "number_not_positive"),
    "null rate": ("fx_rates", {"rate": None}, "number_missing"),
    "negative rate": ("fx_rates", {"rate": -10.0}, "number_not_positive"),
    # the type
    "split as text": ("splits", {"ratio": "3:2"}, "text_in_number"),
    "dividend with its currency": ("dividend_events", {"amount": "2 SEK"}, "text_in_number"),
    "rate with a comma": ("fx_rates", {"rate": "11,5"}, "text_in_number"),
    "text in close": ("daily_prices", {"close": "12,5"}, "text_in_number"),
    "nan in close": ("daily_prices", {"close": "nan"}, "text_in_number"),
    "empty close": ("daily_prices", {"close": ""}, "close_missing"),
    "space in close": ("daily_prices", {"close": " "}, "text_in_number"),
    "blob of three bytes": ("daily_prices", {"close": b"1.5"}, "text_in_number"),
    "blob of Float64": ("daily_prices", {"close": struct.pack("<d", 5.5)}, "text_in_number"),
    "blob of 2**48": ("daily_prices", {"close": struct.pack("<q", 2**48)}, "text_in_number"),
    "blob in ticker": ("daily_prices", {"ticker": b"BAD"}, "blob_in_text"),
    "text in a ratio": ("fundamentals", {"pe": "-"}, "text_in_number"),
    "text in a score": ("fundamentals", {"piotroski_f_score": "high"}, "text_in_number"),
    "half a score": ("fundamentals", {"piotroski_f_score": 1.5}, "text_in_number"),
    "text in a snapshot": ("fundamentals_snapshots", {"roe": "x"}, "text_in_number"),
    "text in a market cap": ("stocks", {"market_cap_msek": "1 000"}, "text_in_number"),
    "blob in a market": ("stocks", {"market": b"\xff\0"}, "blob_in_text"),
    # the encoding
    "ticker that is no UTF-8": ("daily_prices", {"ticker": BAD_UTF8}, "bad_text"),
    "sector that is no UTF-8": ("stocks", {"sector": BAD_UTF8}, "bad_text"),
    "vendor that is no UTF-8": ("fundamentals", {"data_source": BAD_UTF8}, "bad_text"),
    "surrogate": (
        "stocks",
        {"sector": Sql("CAST(x'eda080' AS TEXT)", r"\xed\xa0\x80")},
        "bad_text",
    ),
}


GIVEN_UP: dict[str, tuple[str, Row, str, tuple[str, ...]]] = {
    "low above high": ("daily_prices", {"low": 7.0}, "ohl_inconsistent", OHL),
    "zero open": ("daily_prices", {"open": 0.0}, "ohl_inconsistent", OHL),
    "negative low": ("daily_prices", {"low": -1.0}, "ohl_inconsistent", OHL),
    "null high": ("daily_prices", {"high": None}, "ohl_inconsistent", OHL),
    "infinite high": ("daily_prices", {"high": math.inf}, "ohl_inconsistent", OHL),
    "open above Float32": ("daily_prices", {"open": 1e39}, "ohl_inconsistent", OHL),
    "low below Float32": ("daily_prices", {"low": 1e-50}, "ohl_inconsistent", OHL),
    "low of an index": ("index_prices", {"low": 7.0}, "ohl_inconsistent", OHL),
    "part of a share": ("daily_prices", {"volume": 12.5}, "volume_out_of_range", ("volume",)),
    "volume of 5e9": ("daily_prices", {"volume": 5e9}, "volume_out_of_range", ("volume",)),
    "volume of 2**32": ("daily_prices", {"volume": 2.0**32}, "volume_out_of_range", ("volume",)),
    "negative volume": ("daily_prices", {"volume": -1.0}, "volume_out_of_range", ("volume",)),
    "infinite volume": ("daily_prices", {"volume": math.inf}, "volume_out_of_range", ("volume",)),
    "infinite ratio": ("fundamentals", {"pe": math.inf}, "not_finite", ("pe",)),
    "infinite loss": ("fundamentals", {"net_income": -math.inf}, "not_finite", ("net_income_ccy",)),
    "infinite ratio of a snapshot": (
        "fundamentals_snapshots", {"pe": math.inf}, "not_finite", ("pe",)
    ),
    "score of ten": (
        "fundamentals", {"piotroski_f_score": 10}, "f_score_out_of_range", ("piotroski_f_score",)
    ),
    "negative score": (
        "fundamentals", {"piotroski_f_score": -1}, "f_score_out_of_range", ("piotroski_f_score",)
    ),
    "score of 2**40": (
        "fundamentals", {"piotroski_f_score": 2**40}, "f_score_out_of_range",
        ("piotroski_f_score",),
    ),
    "infinite market cap": (
        "stocks", {"market_cap_msek": math.inf}, "not_finite", ("market_cap_msek",)
    ),
    "active twice": ("stocks", {"is_active": 2}, "is_active_out_of_range", ("is_active",)),
    "less than active": ("stocks", {"is_active": -1}, "is_active_out_of_range", ("is_active",)),
    "active as a word": ("stocks", {"is_active": "yes"}, "is_active_out_of_range", ("is_active",)),
    "half active": ("stocks", {"is_active": 0.5}, "is_active_out_of_range", ("is_active",)),
    "text in volume": ("daily_prices", {"volume": "n/a"}, "volume_out_of_range", ("volume",)),
    "blob in volume": ("daily_prices", {"volume": b"1.5"}, "volume_out_of_range", ("volume",)),
    "text in open": ("daily_prices", {"open": "x"}, "ohl_inconsistent", OHL),
    "nothing usable of the range": (
        "daily_prices", {"open": "x", "high": "y", "low": b"z"}, "ohl_inconsistent", OHL
    ),
    "text in the low of an index": ("index_prices", {"low": "x"}, "ohl_inconsistent", OHL),
    "text in a vendor's return": ("fundamentals", {"perf_1m": "-"}, "unusable_value", ("perf_1m",)),
    "blob in a name": ("stocks", {"name": b"\xff\0"}, "unusable_value", ("name",)),
    "name that is no Unicode": ("stocks", {"name": BAD_UTF8}, "unusable_value", ("name",)),
    "country that is no Unicode": ("stocks", {"country": BAD_UTF8}, "unusable_value", ("country",)),
    "no time": ("stocks", {"last_updated": "soon"}, "bad_time", ("last_updated",)),
    "epoch": ("stocks", {"last_updated": 1704240000}, "bad_time", ("last_updated",)),
    "time of another zone": (
        "stocks", {"last_updated": "2024-01-01 10:00:00+02:00"}, "bad_time", ("last_updated",)
    ),
    "blob time": ("stocks", {"last_updated": b"2024"}, "bad_time", ("last_updated",)),
    "no day": ("stocks", {"last_validated": "2024-1-1"}, "bad_time", ("last_validated",)),
}  # fmt: skip


@dataclass(frozen=True)
class Noted:
    """A refresh with many bad rows at once, and the rowid of each case's row."""

    place: Place
    before: Lake
    lake: Lake
    rowids: dict[str, int]


def group(name: str) -> str:
    """Cases that are exported together: some stop the reader of their table, each its own way."""
    if name in GIVEN_UP:
        return "given up"
    reason = REJECTED[name][2]
    return reason if reason in ("text_in_number", "blob_in_text", "bad_text") else "readable"


@pytest.fixture(scope="module")
def noted(made: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Noted]:
    """The refresh of each group of cases, and of the values that are given up."""
    groups: dict[str, list[str]] = {}
    for case in REJECTED | GIVEN_UP:
        groups.setdefault(group(case), []).append(case)
    return {
        name: refresh(made, tmp_path_factory.mktemp("noted"), cases)
        for name, cases in groups.items()
    }


def refresh(made: Place, top: Path, names: list[str]) -> Noted:
    shutil.copytree(made.top, top / "place", symlinks=True)
    place = Place(top / "place")
    before = Lake(place.lake)
    rowids = {name: add(place, *case_row(name)) for name in names}
    return Noted(place, before, published(place), rowids)


def case_row(name: str) -> tuple[str, Row]:
    """The table and the row of a case, which has a key of its own."""
    table, bad = (REJECTED | GIVEN_UP)[name][:2]
    return table, ROWS[table] | {key_of(table): name} | bad


def key_of(table: str) -> str:
    return {"index_prices": "index_id", "fx_rates": "currency"}.get(table, "ticker")


def as_text(value: Any) -> str | None:
    """A value as the rejects show it."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value.text if isinstance(value, Sql) else None if value is None else str(value)


@pytest.mark.parametrize("name", REJECTED)
def test_a_bad_row_is_rejected_with_its_reason_rowid_and_text(
    noted: dict[str, Noted], name: str
) -> None:
    table, bad, reason = REJECTED[name]
    of = noted[group(name)]
    found = [row for row in rejects(of.lake, DATASETS[table], *bad)
             if row[:2] == (table, of.rowids[name])]  # fmt: skip
    assert found == [(table, of.rowids[name], reason, False, *map(as_text, bad.values()))]


def test_every_rejected_row_is_counted_and_no_other_is_touched(noted: dict[str, Noted]) -> None:
    for name, of in noted.items():
        if name != "given up":
            for dataset in dict.fromkeys(DATASETS.values()):
                reasons = [REJECTED[case][2] for case in of.rowids
                           if DATASETS[REJECTED[case][0]] == dataset]  # fmt: skip
                assert counted(of.place, of.lake, dataset) == (Counter(reasons), {})
                assert rows(of.lake, dataset) == rows(of.before, dataset)


@pytest.mark.parametrize("name", GIVEN_UP)
def test_a_bad_value_becomes_null_and_is_noted_and_the_row_stays(
    noted: dict[str, Noted], name: str
) -> None:
    of, (table, bad, reason, nulls) = noted["given up"], GIVEN_UP[name]
    found = [row for row in rejects(of.lake, DATASETS[table], *bad)
             if row[:2] == (table, of.rowids[name])]  # fmt: skip
    assert found == [(table, of.rowids[name], reason, True, *map(as_text, bad.values()))]
    row = next(r for r in rows(of.lake, DATASETS[table]) if r[key_of(table)] == name)
    ours = intact(table) | {key_of(table): name} | dict.fromkeys(nulls)
    assert {column: row[column] for column in ours} == ours


def intact(table: str) -> Row:
    """What the lake has of the unchanged row of a table."""
    names = {"net_income": "net_income_ccy", "snapshot_date": "known_from"}
    row = {names.get(column, column): value for column, value in ROWS[table].items()}
    for column, value in row.items():
        if column in ("date", "fiscal_date", "fetched_date", "known_from"):
            row[column] = date.fromisoformat(value)
    return row | ({"last_updated": datetime(2024, 1, 1, 10)} if table == "stocks" else {})


READ: dict[str, tuple[str, Row, Row]] = {
    "midnight": ("daily_prices", {"date": "2024-01-03 00:00:00"}, {"date": date(2024, 1, 3)}),
    "midnight in a zone": (
        "daily_prices", {"date": "2024-01-03 00:00:00+02:00"}, {"date": date(2024, 1, 3)}
    ),
    "midnight with a fraction": (
        "daily_prices", {"date": "2024-01-03T00:00:00.000000Z"}, {"date": date(2024, 1, 3)}
    ),
    "midnight of a fiscal year": (
        "fundamentals",
        {"fiscal_date": "2023-12-31 00:00", "fetched_date": "2024-02-01 00:00:00.0"},
        {"fiscal_date": date(2023, 12, 31), "known_from": date(2024, 2, 1)},
    ),
    "fiscal year that ends today": (
        "fundamentals", {"fiscal_date": "2024-02-01", "fetched_date": "2024-02-01"},
        {"fiscal_date": date(2024, 2, 1), "known_from": date(2024, 2, 1)},
    ),
    "midnight of a snapshot": (
        "fundamentals_snapshots", {"snapshot_date": "2024-02-01 00:00:00 +0100"},
        {"known_from": date(2024, 2, 1)},
    ),
    "midnight of a check": (
        "stocks", {"last_validated": "2024-02-01 00:00:00"}, {"last_validated": date(2024, 2, 1)}
    ),
    "empty volume and open": (
        "daily_prices", {"volume": "", "open": "", "high": "", "low": ""},
        {"volume": None, "open": None, "close": 5.5},
    ),
    "empty ratio and score": (
        "fundamentals", {"pe": "", "piotroski_f_score": ""},
        {"pe": None, "piotroski_f_score": None, "roe": 0.2},
    ),
    "integer of NumPy": (
        "daily_prices", {"volume": struct.pack("<q", 2**32 - 1)}, {"volume": 2**32 - 1}
    ),
    "close of NumPy": ("daily_prices", {"close": struct.pack("<q", 12)}, {"close": 12.0}),
    "loss of NumPy": (
        "fundamentals", {"net_income": struct.pack("<q", -(2**40) - 7)},
        {"net_income_ccy": -(2.0**40) - 7},
    ),
    "score of NumPy": (
        "fundamentals", {"piotroski_f_score": struct.pack("<q", 9)}, {"piotroski_f_score": 9}
    ),
    "true": ("stocks", {"is_active": "True"}, {"is_active": True}),
    "f": ("stocks", {"is_active": "f"}, {"is_active": False}),
    "empty activity": ("stocks", {"is_active": ""}, {"is_active": None}),
    "boolean of NumPy": ("stocks", {"is_active": b"\x01"}, {"is_active": True}),
    "BOM in a ticker": ("stocks", {"ticker": "\ufeffODD"}, {"ticker": "ODD"}),
    "decomposed letters": (
        "daily_prices", {"ticker": "A\u030aAK-B"}, {"ticker": "\u00c5AK B", "close": 5.5}
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def read(made: Place, tmp_path_factory: pytest.TempPathFactory) -> Noted:
    """A refresh with all of these rows."""
    place = Place(tmp_path_factory.mktemp("read") / "place")
    shutil.copytree(made.top, place.top, symlinks=True)
    for name, (table, given, _) in READ.items():
        add(place, table, ROWS[table] | {key_of(table): name} | given)
    return Noted(place, Lake(place.lake), published(place), {})


@pytest.mark.parametrize(
    ("name", "table", "expected"), [(n, t, e) for n, (t, _, e) in READ.items()]
)
def test_what_loses_nothing_is_read_and_not_noted(
    read: Noted, name: str, table: str, expected: Row
) -> None:
    key, dataset = key_of(table), DATASETS[table]
    warned = {"ohl_missing": 1} if dataset == "prices" else {}
    assert counted(read.place, read.lake, dataset) == ({}, warned)
    wanted = expected.get(key, name)
    row = next(row for row in rows(read.lake, dataset) if row[key] == wanted)
    assert {column: row[column] for column in expected} == expected


def test_every_value_given_up_is_counted(noted: dict[str, Noted]) -> None:
    of = noted["given up"]
    for dataset in dict.fromkeys(DATASETS.values()):
        reasons = [
            reason for table, _, reason, _ in GIVEN_UP.values() if DATASETS[table] == dataset
        ]
        assert counted(of.place, of.lake, dataset) == ({}, Counter(reasons))


def of_source(lake: Lake) -> dict[str, Dataset]:
    """The datasets but for those of what earlier refreshes saw, too."""
    return {name: entry for name, entry in lake.datasets.items() if entry.observed is None}


def test_a_first_export_says_the_same(noted: dict[str, Noted], tmp_path: Path) -> None:
    for name, of in noted.items():
        export(of.place.database, tmp_path / name, SWEDEN, force=True)
        first = Lake(tmp_path / name)
        assert of_source(first) == of_source(of.lake)
        for dataset in set(DATASETS.values()):
            assert rejects(first, dataset) == rejects(of.lake, dataset)
