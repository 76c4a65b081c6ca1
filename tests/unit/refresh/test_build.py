"""A refresh that cannot take years from the version before reads everything, and says so."""

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.errors import RowsMissing
from pipelines.lake import Manifest
from pipelines.refresh import build, export, reuse
from pipelines.universe import SWEDEN
from tests import edits


@pytest.fixture(autouse=True)
def _weekdays(monkeypatch: pytest.MonkeyPatch) -> None:
    def sessions(_: str, first: date, last: date) -> list[date]:
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return [day for day in days if day.weekday() < 5]

    monkeypatch.setattr("pipelines.refresh.trading_days.sessions", sessions)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return edits.market(tmp_path / "app.db")


def change(database: Path, sql: str) -> None:
    with closing(sqlite3.connect(database)) as con, con:
        con.execute(sql)


def refreshed(source: Path, lake: str = "lake") -> Manifest:
    return export(source, source.parent / lake, SWEDEN)


def test_deleted_rows_of_a_year_without_another_change_are_no_reason_to_warn(
    source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sql = "INSERT INTO daily_prices (ticker, date, close) VALUES ('ODD', '2020-06-01', 1)"
    change(source, sql)  # beside rows of 2024, on the last page
    assert refreshed(source).datasets["prices"].rows == 401
    change(source, "DELETE FROM daily_prices WHERE ticker = 'ODD'")
    with caplog.at_level("INFO"):
        assert refreshed(source).datasets["prices"].rows == 400
    said = [(r.levelname, r.message) for r in caplog.records if "read again" in r.message]
    assert said == [
        (
            "INFO",
            "daily_prices has lost rows (1) in years that are otherwise unchanged: "
            "everything is read again",
        )
    ]


def test_a_warning_gives_no_remedy_that_nobody_needs(
    source: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RowsMissing("daily_prices", 7, 9)

    monkeypatch.setattr(reuse.Reused, "closes", fail)
    refreshed(source)
    caplog.clear()  # the first export says that nobody is ranked
    change(source, "UPDATE daily_prices SET close = 1.5 WHERE date LIKE '2024%'")
    refreshed(source)
    assert [r.message for r in caplog.records if r.levelname == "WARNING"] == [
        "the years that changed cannot be read alone (daily_prices: read 7 of 9 rows): "
        "everything is read again"
    ]


def test_the_first_read_keeps_its_error(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RowsMissing("daily_prices", 7, 9)

    monkeypatch.setattr(build, "_read", fail)
    with pytest.raises(RowsMissing, match=r"read 7 of 9 rows; nothing was published, try again$"):
        refreshed(source)


def test_the_saved_state_is_of_the_database_and_not_of_its_copy_with_marks(source: Path) -> None:
    change(source, "INSERT INTO daily_prices (ticker, date, close) VALUES ('ODD', '2020-06-01', 1)")
    refreshed(source)
    change(source, "DELETE FROM daily_prices WHERE ticker = 'ODD'")
    last = "(SELECT max(rowid) FROM daily_prices)"
    change(source, f"UPDATE daily_prices SET close = 'x' WHERE rowid = {last}")
    assert refreshed(source).datasets["prices"].rejected == {"text_in_number": 1}
    refreshed(source, "other")
    ours, whole = (source.parent / lake / "current/source.state" for lake in ("lake", "other"))
    assert ours.read_bytes() == whole.read_bytes()
