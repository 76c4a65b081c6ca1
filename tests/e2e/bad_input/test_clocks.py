"""Clocks that went back, and prices of days to come."""

import shutil
from datetime import UTC, date, datetime, timedelta

import pytest

from pipelines.lake import rollback, version_ids
from pipelines.lake.publishing import point_current_to
from tests.clock import clock_says
from tests.e2e.bad_input.place import (
    LATE,
    ROWS,
    Place,
    add,
    counted,
    published,
    refused,
)
from tests.factories import change


def test_a_version_is_after_one_that_was_made_in_the_future(place: Place) -> None:
    late = "20990101T000000Z-abcdef"
    (place.lake / "current").resolve().rename(place.lake / "versions" / late)
    point_current_to(place.lake, late)
    place.change()
    lake = published(place)
    assert lake.version.startswith("20990101T000001Z-")
    assert version_ids(place.lake) == [late, lake.version]


@pytest.mark.parametrize("full", [False, True])
def test_a_clock_that_went_back_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch, *, full: bool
) -> None:
    place.change()
    clock_says(monkeypatch, datetime(2024, 1, 1, 12, tzinfo=UTC))
    message = "the clock says 2024-01-01, but version .* has prices of 2024-01-03; set the clock"
    refused(place, message, full=full)


def test_a_clock_that_went_back_to_the_day_before_the_newest_price_is_none(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(place.lake)
    clock_says(monkeypatch, datetime(2024, 1, 3, 12, tzinfo=UTC))
    place.export()
    place.change()
    clock_says(monkeypatch, datetime(2024, 1, 2, 12, tzinfo=UTC))
    assert published(place).as_of == date(2024, 1, 3)


def test_a_clock_that_was_ahead_when_the_database_was_seen_last_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(place.lake)
    for year in (2024, 2036):
        change(place.database, f"UPDATE daily_prices SET volume = {year}")
        clock_says(monkeypatch, datetime(year, 1, 4, 12, tzinfo=UTC))
        place.export()
    place.change()
    clock_says(monkeypatch, datetime(2024, 1, 5, 12, tzinfo=UTC))
    refused(place, "the clock says 2024-01-05, but version .* saw the database on 2036-01-04; set")
    rollback(place.lake)
    assert published(place).observed_until == date(2024, 1, 5)


def test_later_prices_are_left_out_if_that_is_forced(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(place.database, "UPDATE daily_prices SET close = 9.5 WHERE date LIKE '2021%'")
    clock_says(monkeypatch, datetime(2024, 1, 1, 12, tzinfo=UTC))
    lake = published(place, force=True)
    assert lake.as_of == date(2023, 3, 27)
    assert counted(place, lake, "prices")[0] == {"future_date": 1}
    assert "before that of the last version" in lake.manifest.failed_checks[0]


def test_an_index_row_is_taken_when_its_day_has_come(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(place, "index_prices", ROWS["index_prices"] | {"date": LATE})
    assert counted(place, published(place), "index_prices")[0] == {"future_date": 1}
    clock_says(monkeypatch, datetime.now(UTC) + timedelta(days=3))
    assert counted(place, published(place), "index_prices")[0] == {}
