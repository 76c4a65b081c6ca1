"""What the source overwrites stays in the lake, whatever becomes of its versions."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import rank, rankings, versions
from pipelines.errors import ContractError, LakeError
from pipelines.export import export
from pipelines.lake import MANIFEST, Lake, Manifest, rollback
from pipelines.ranking.standing import standing_hash
from pipelines.universe import SWEDEN
from tests.bare import bare
from tests.clock import clock_says
from tests.factories import change, database, stock, trading_year

MON, TUE, WED = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
REPORT = {
    "ticker": "AA", "fetched_date": "2026-03-02", "pe": 10.0, "net_income": 5.0, "roe": 0.1,
}  # fmt: skip


class Place:
    """A database of two stocks, of which one row each is kept, and its lake."""

    def __init__(self, top: Path, patch: pytest.MonkeyPatch) -> None:
        self.database, self.lake, self.patch = top / "app.db", top / "lake", patch

    def fill(self) -> None:
        """Make the database."""
        prices = [row for t in ("AA", "BB") for row in trading_year(t, MON)]
        listed = [stock("AA"), stock("BB")]
        database(self.database, stocks=listed, daily_prices=prices, fundamentals=[REPORT])

    def export(self, day: date, **how: Any) -> Manifest:
        """Refresh the datasets on a day."""
        with bare():
            return self.export_all(day, **how)

    def export_all(self, day: date, **how: Any) -> Manifest:
        """Refresh on a day."""
        clock_says(self.patch, datetime(day.year, day.month, day.day, 18, tzinfo=UTC))
        return export(self.database, self.lake, SWEDEN, **how)

    def overwrite(self, day: date, income: float) -> None:
        """Do as the application's daily job."""
        change(
            self.database,
            f"UPDATE fundamentals SET net_income = {income}, fetched_date = '{day}'",
        )

    def incomes(self) -> list[float]:
        """The incomes that are remembered, in the order of the days from which they are known."""
        rows = Lake(self.lake).fundamentals().collect().sort("known_from")
        return rows["net_income_ccy"].to_list()


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a place after two days, to be copied."""
    folder = tmp_path_factory.mktemp("memory")
    with pytest.MonkeyPatch.context() as patch:
        made = Place(folder, patch)
        made.fill()
        made.export(MON)
        made.overwrite(TUE, 6.0)
        made.export(TUE)
    return folder


@pytest.fixture
def place(two_days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    shutil.copytree(two_days, tmp_path / "place", symlinks=True)
    return Place(tmp_path / "place", monkeypatch)


def test_what_is_overwritten_changed_or_deleted_is_remembered(place: Place) -> None:
    change(
        place.database,
        "UPDATE stocks SET sector = 'Bank' WHERE ticker = 'AA'",
        "DELETE FROM stocks WHERE ticker = 'BB'",
        "DELETE FROM fundamentals",
    )
    made = place.export(WED)
    assert place.incomes() == [5.0, 6.0]
    lake = Lake(place.lake)
    assert lake.source_fundamentals().collect().is_empty()
    rows = lake.observed("stocks").sort("observed_on", "ticker").collect()
    assert rows.select("ticker", "why", "sector", "listed", "last_seen", "observed_on").rows() == [
        ("AA", "first", "Industri", True, None, MON),
        ("BB", "first", "Industri", True, None, MON),
        ("AA", "changed", "Bank", True, None, WED),
        ("BB", "gone", "Industri", False, TUE, WED),
    ]
    counts = made.datasets["observed_stocks"].observed
    assert counts is not None
    assert (counts.since, counts.day) == (MON, WED)
    assert (counts.seen, counts.new, counts.kept, counts.struck) == (1, 2, 4, 0)
    then = rankings(lake, as_of=TUE, universe=SWEDEN, ticker="bb").collect()
    assert set(then["ticker"]) == {"BB"}
    assert rankings(lake, as_of=WED, universe=SWEDEN, ticker="bb").collect().is_empty()


def test_files_without_news_are_linked_and_those_not_much_larger_are_joined(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Lake(place.lake).datasets["observed_fundamentals"]
    assert [file.rows for file in entry.files] == [2]
    change(place.database, "UPDATE daily_prices SET volume = 7")
    again = place.export(WED).datasets["observed_fundamentals"]
    assert again.files == entry.files
    with monkeypatch.context() as apart:
        apart.setattr("pipelines.refresh.observed_files.staying", lambda before, _: len(before))
        place.overwrite(WED, 7.0)
        more = place.export(WED).datasets["observed_fundamentals"]
    assert [file.rows for file in more.files] == [2, 1]
    assert more.files[0] == entry.files[0]
    place.overwrite(date(2026, 3, 5), 8.0)
    whole = place.export(date(2026, 3, 5)).datasets["observed_fundamentals"]
    assert [file.rows for file in whole.files] == [4]
    assert place.incomes() == [5.0, 6.0, 7.0, 8.0]


OF_THE_YEARS = (
    "INSERT INTO fundamentals (id, ticker, data_source, fiscal_date, fetched_date, net_income) "
    "VALUES (91, 'BB', 'old', '2018-12-31', '2019-03-01', 1.0), "
    "(92, 'BB', 'older', '2016-12-31', '2017-03-01', 2.0)"
)


def test_the_files_tell_the_years_from_which_their_rows_are_known(place: Place) -> None:
    change(place.database, OF_THE_YEARS)
    place.export(WED)
    lake = Lake(place.lake)
    assert [
        (file.first_year, file.year, file.rows)
        for file in lake.datasets["observed_fundamentals"].files
    ] == [(2017, 2026, 4)]
    known = lake.fundamentals(known_by=date(2018, 12, 31)).collect()
    assert known["net_income_ccy"].to_list() == [2.0]
    change(place.database, "DELETE FROM fundamentals WHERE id = 91")
    place.export(date(2026, 3, 5))
    assert place.incomes() == [2.0, 1.0, 5.0, 6.0]


def test_files_that_another_release_marked_are_written_as_one(place: Place) -> None:
    manifest = place.lake / "current" / MANIFEST
    written = json.loads(manifest.read_text())
    del written["datasets"]["observed_fundamentals"]["observed"]["marked_by"]
    manifest.write_text(json.dumps(written))
    before = Lake(place.lake)
    ranked = rankings(before, as_of=WED, universe=SWEDEN)
    change(place.database, "UPDATE daily_prices SET volume = 7")
    made = place.export(WED).datasets["observed_fundamentals"]
    assert made.observed is not None
    assert made.observed.marked_by == standing_hash()
    (file,) = made.files
    assert not (before.path / file.path).samefile(Lake(place.lake).path / file.path)
    assert_frame_equal(rankings(Lake(place.lake), as_of=WED, universe=SWEDEN), ranked)
    assert place.incomes() == [5.0, 6.0]


def other_layout(place: Place) -> dict[str, Any]:
    manifest = place.lake / "current" / MANIFEST
    written = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(written | {"schema_version": 1, "phases": "changed"}))
    return {"full": True}


def damaged_prices(place: Place) -> dict[str, Any]:
    path = next((place.lake / "current" / "prices").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    return {}


def moved_elsewhere(place: Place) -> dict[str, Any]:
    moved = place.lake.with_name("moved")
    shutil.copytree(place.lake, moved, symlinks=True)
    shutil.rmtree(place.lake)
    place.lake = moved
    return {}


ROADS: dict[str, Callable[[Place], dict[str, Any]]] = {
    "incremental": lambda _: {},
    "full": lambda _: {"full": True},
    "forced": lambda _: {"force": True},
    "other layout": other_layout,
    "damaged": damaged_prices,
    "moved": moved_elsewhere,
}


@pytest.mark.parametrize("road", ROADS)
def test_every_way_to_make_a_version_carries_it_over(place: Place, road: str) -> None:
    how = ROADS[road](place)
    place.overwrite(WED, 7.0)
    place.export(WED, **how)
    assert place.incomes() == [5.0, 6.0, 7.0]


def test_a_refresh_after_a_roll_back_goes_on_from_the_older_version(place: Place) -> None:
    rollback(place.lake)
    assert place.incomes() == [5.0]
    place.overwrite(WED, 7.0)
    place.export(WED)
    assert place.incomes() == [5.0, 7.0]


def test_where_the_observations_are_damaged_those_of_the_version_before_are_taken(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    newest = place.lake / "current" / "observed_fundamentals" / "0.parquet"
    newest.write_bytes(b"")
    place.overwrite(WED, 7.0)
    place.export(WED)
    assert place.incomes() == [5.0, 7.0]
    assert "the observations are those of version 20260302T180000Z" in caplog.text


def test_a_lake_whose_current_version_has_none_is_refused_unless_forced(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = place.lake / "current" / MANIFEST
    written = json.loads(manifest.read_text())
    for name in ("observed_fundamentals", "observed_stocks"):
        del written["datasets"][name]
    manifest.write_text(json.dumps(written))
    place.overwrite(WED, 7.0)
    with pytest.raises(ContractError, match=r"would lose 3 observations .* rollback 20260302T"):
        place.export(WED)
    assert Lake(place.lake).as_of == MON  # it opens as before
    place.export(WED, force=True)
    assert "lost with --force: 3 observations up to 2026-03-02" in caplog.text
    assert place.incomes() == [7.0]


def test_what_waits_counts_and_is_kept_when_its_week_is_over(place: Place) -> None:
    def ratio(pe: float, day: date) -> None:
        change(place.database, f"UPDATE fundamentals SET pe = {pe}, fetched_date = '{day}'")

    def ratios() -> list[float]:
        return Lake(place.lake).fundamentals().collect().sort("known_from")["pe"].to_list()

    ratio(11.0, WED)
    place.export(WED)
    ratio(12.0, date(2026, 3, 5))
    place.export(date(2026, 3, 5))
    assert ratios() == [10.0, 10.0, 11.0, 12.0]
    made = place.export(date(2026, 3, 9))  # though nothing was written
    counts = made.datasets["observed_fundamentals"].observed
    assert counts is not None
    assert (counts.new, counts.kept, counts.waiting) == (1, 4, 0)
    assert place.export(date(2026, 3, 10)) == made
    assert Lake(place.lake).filings().select(pl.len()).collect().item() == 4


def test_what_the_owner_strikes_counts_no_more_and_keeps_the_reason(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    day = datetime(2026, 3, 2)
    versions.forget("AA", day, reason="pence for pounds", root=place.lake)
    assert "1 observations are struck in all" in capsys.readouterr().out
    assert place.incomes() == [6.0]
    rows = Lake(place.lake).observed("fundamentals").filter(state="struck").collect()
    assert rows.select("net_income_ccy", "reason").rows() == [(5.0, "pence for pounds")]
    assert versions.verify(root=place.lake) is None
    place.overwrite(WED, 7.0)
    counts = place.export(WED).datasets["observed_fundamentals"].observed
    assert counts is not None
    assert (counts.kept, counts.struck) == (2, 1)
    assert place.incomes() == [6.0, 7.0]


def test_a_struck_row_that_is_in_the_source_counts_as_such_and_is_not_kept_again(
    place: Place,
) -> None:
    day = datetime(2026, 3, 3)
    versions.forget("AA", day, reason="a test", root=place.lake)
    assert place.incomes() == [5.0, 6.0]
    change(place.database, "UPDATE daily_prices SET volume = 7")
    place.export(date(2026, 3, 11))
    assert place.incomes() == [5.0, 6.0]
    place.overwrite(date(2026, 3, 11), 7.0)
    place.export(date(2026, 3, 11))
    assert place.incomes() == [5.0, 7.0]


def test_a_strike_needs_an_observation_and_a_reason(place: Place) -> None:
    day = datetime(2026, 3, 4)
    with pytest.raises(LakeError, match="the last ones are of 2026-03-03, 2026-03-02"):
        versions.forget("AA", day, reason="a test", root=place.lake)
    with pytest.raises(LakeError, match="needs a reason"):
        versions.forget("AA", day, reason=" ", root=place.lake)


def test_explain_says_where_a_fact_is_from(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    change(place.database, "DELETE FROM fundamentals")
    place.export_all(WED)
    rank.main(strategy="trendande_varde", explain="AA", lake=place.lake)
    shown = capsys.readouterr().out
    lines = [line.split() for line in shown[shown.index("where the facts of AA") :].splitlines()]
    assert ["listing", "stocks", "2026-03-02", "2026-03-02"] in lines
    assert ["ratios", "fundamentals", "2026-03-02", "2026-03-02"] in lines
