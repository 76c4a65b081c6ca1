"""Values, schemas and tables that are odd, but not wrong."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.lake import Lake
from tests.e2e.bad_input.place import (
    DATASETS,
    LOOSE,
    OHL,
    ROWS,
    SCHEMA,
    Place,
    add,
    counted,
    new_database,
    published,
    rejects,
    rows,
)
from tests.factories import Row, change

LARGEST = 3.4028234663852886e38


ODD: dict[str, tuple[str, Row]] = {
    "NUL in a ticker": ("daily_prices", {"ticker": "A\0B"}),
    "NUL in a name": ("stocks", {"name": "A\0B"}),
    "letters": ("stocks", {"ticker": "ÅÄÖ 株", "name": "Åäö 株式 🙂"}),
    "name of a megabyte": ("stocks", {"name": "x" * 1_000_000}),
    "ticker of a megabyte": ("daily_prices", {"ticker": "x" * 1_000_000}),
    "first day": ("daily_prices", {"date": "1900-01-01"}),
    "largest volume": ("daily_prices", {"volume": 2.0**32 - 1}),
    "no volume": ("daily_prices", {"volume": 0.0}),
    "largest close": ("daily_prices", {"close": LARGEST}),
    "id of zero": ("fundamentals", {"id": 0}),
    "score of zero": ("fundamentals", {"piotroski_f_score": 0}),
    "loss": ("fundamentals", {"pe": -1e300}),
    "largest id": ("fundamentals", {"id": 2**45 - 1}),  # the last, for the next has one more
    "number in a text": ("stocks", {"ticker": "007", "name": 12}),
}


@pytest.fixture(scope="module")
def odd_rows(made: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Lake]:
    """A refresh with all of these rows."""
    place = Place(tmp_path_factory.mktemp("odd") / "place")
    shutil.copytree(made.top, place.top, symlinks=True)
    for name, (table, odd) in ODD.items():
        add(place, table, ROWS[table] | {"ticker": name} | odd)
    return place, published(place)


@pytest.mark.parametrize(("name", "table", "odd"), [(n, t, o) for n, (t, o) in ODD.items()])
def test_an_odd_value_comes_out_as_it_went_in(
    odd_rows: tuple[Place, Lake], name: str, table: str, odd: Row
) -> None:
    (place, lake), dataset = odd_rows, DATASETS[table]
    assert counted(place, lake, dataset) == ({}, {})
    row = next(row for row in rows(lake, dataset) if row["ticker"] == odd.get("ticker", name))
    for column, value in odd.items():
        expected = str(value) if column in ("date", "name") else value
        assert (str(row[column]) if column == "date" else row[column]) == expected


WRITTEN = {
    "2026-02-01 10:00": datetime(2026, 2, 1, 10),
    "2026-02-01T10:00:00Z": datetime(2026, 2, 1, 10),
    "2026-02-01 10:00:00.5": datetime(2026, 2, 1, 10, 0, 0, 500_000),
}


def test_a_time_may_be_written_in_several_ways(place: Place) -> None:
    for text in WRITTEN:
        add(place, "stocks", ROWS["stocks"] | {"ticker": text, "name": text, "last_updated": text})
    times = {row["name"]: row["last_updated"] for row in rows(published(place), "stocks")}
    assert {text: times[text] for text in WRITTEN} == WRITTEN


def test_a_row_without_open_high_and_low_is_only_counted(place: Place) -> None:
    add(place, "daily_prices", ROWS["daily_prices"] | dict.fromkeys(OHL))
    lake = published(place)
    assert counted(place, lake, "prices") == ({}, {"ohl_missing": 1})
    assert rejects(lake, "prices") == []


def test_tomorrow_is_not_too_late(place: Place) -> None:
    day = datetime.now(UTC).date() + timedelta(days=1)
    add(place, "daily_prices", ROWS["daily_prices"] | {"date": day.isoformat()})
    assert published(place).as_of == day


DATABASES: dict[str, Callable[[Path], object]] = {
    "UTF-16": lambda path: new_database(path, before="PRAGMA encoding = 'UTF-16le'"),
    "largest pages": lambda path: new_database(path, before="PRAGMA page_size = 65536"),
    "smallest pages, moved": lambda path: new_database(
        path, before="PRAGMA page_size = 512; PRAGMA auto_vacuum = 1"
    ),
    "other words for the types": lambda path: new_database(
        path,
        ddl=LOOSE.replace("FLOAT", "double precision").replace("INTEGER,", "BIGINT,")
        .replace("DATETIME", "timestamp").replace("name VARCHAR", "name text")
        .replace("date DATE", "date VARCHAR(10)").replace("BOOLEAN", "bool"),
    ),
    "a key named rowid": lambda path: new_database(
        path, ddl=LOOSE.replace("daily_prices (", "daily_prices (rowid INTEGER PRIMARY KEY,")
    ),
    "with keys": lambda path: new_database(path, ddl=SCHEMA),
    "other tables, columns, indices": lambda path: change(
        new_database(path), "ALTER TABLE stocks ADD COLUMN note BLOB", "CREATE TABLE other (x)",
        "CREATE INDEX i ON daily_prices (date)", "CREATE VIEW v AS SELECT * FROM stocks",
        "UPDATE stocks SET note = x'ff'",
    ),
}  # fmt: skip


@pytest.mark.usefixtures("datasets_only")
@pytest.mark.parametrize("make", DATABASES.values(), ids=DATABASES)
def test_a_database_may_be_made_otherwise(place: Place, make: Callable[[Path], object]) -> None:
    before = Lake(place.lake)
    place.database.unlink()
    make(place.database)
    lake = published(place)
    for dataset in dict.fromkeys(DATASETS.values()):
        assert rows(lake, dataset) == rows(before, dataset)


ALL = {*DATASETS.values(), "jumps", *("ratio_prices", "rankings")}
EVENTS = ("splits", "dividend_events", "fx_rates")
OPTIONAL = ("index_prices", "fundamentals_snapshots", *EVENTS)
REQUIRED = {"prices", "fundamentals", "stocks", "ratio_prices", "rankings"}
"""What is there without the optional tables, beside jumps, of which the rows here have none."""
OBSERVED = {"observed_fundamentals", "observed_stocks"}
"""What the version before has of both is kept, and so are the closes beside its ratios."""
EMPTIES = tuple(f"DELETE FROM {table}" for table in OPTIONAL)


EMPTIED: dict[str, tuple[tuple[str, ...], set[str], set[str]]] = {
    "no optional tables": (
        tuple(f"DROP TABLE {table}" for table in OPTIONAL), {*REQUIRED, "jumps"}, REQUIRED,
    ),
    "empty optional tables": (
        EMPTIES, ALL, REQUIRED,
    ),
    "nothing but prices": (
        (*EMPTIES, "DELETE FROM stocks", "DELETE FROM fundamentals"),
        ALL, {"prices", "ratio_prices"},
    ),
    "nothing good but prices": (
        ("UPDATE index_prices SET close = 0", "UPDATE fundamentals_snapshots SET ticker = '-'",
         "UPDATE stocks SET ticker = ''", "UPDATE fundamentals SET pe = 'x'",
         "UPDATE splits SET ratio = 0", "UPDATE dividend_events SET ticker = ''",
         "UPDATE fx_rates SET rate = 'x'"),
        ALL, {"prices", "ratio_prices"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "datasets", "filled"), EMPTIED.values(), ids=EMPTIED)
def test_all_but_the_prices_may_be_empty(
    place: Place, statements: tuple[str, ...], datasets: set[str], filled: set[str]
) -> None:
    change(place.database, *statements)
    lake = published(place)
    assert lake.manifest.datasets.keys() == datasets | OBSERVED
    assert {d for d in datasets if lake.manifest.datasets[d].rows} == filled
