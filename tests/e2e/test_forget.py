"""What a strike leaves as it was: older versions, their number, and what is to be read anew."""

import shutil
from datetime import date, datetime
from pathlib import Path

import pytest

from pipelines import versions
from pipelines.lake import Lake, verified, version_ids
from pipelines.refresh import contract_version, export
from pipelines.universe import SWEDEN
from tests.bare import bare
from tests.factories import change, database, stock, trading_year

MON, TUE, WED = (date(2026, 3, day) for day in (2, 3, 4))
STRUCK = datetime(2026, 3, 2)


@pytest.fixture(scope="module")
def three_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake after three days: BB has one observation, AA two, and a third one that waits."""
    folder = tmp_path_factory.mktemp("forget")
    source = database(
        folder / "app.db",
        stocks=[stock("AA"), stock("BB")],
        daily_prices=[row for t in ("AA", "BB") for row in trading_year(t, MON)],
        fundamentals=[
            {"id": n, "ticker": t, "fetched_date": "2026-03-02", "pe": 10.0, "net_income": 5.0}
            for n, t in enumerate(("AA", "BB"))
        ],
    )
    for day, pe in ((MON, 10.0), (TUE, 20.0), (WED, 30.0)):
        change(source, f"UPDATE fundamentals SET pe = {pe} WHERE ticker = 'AA'")
        export(source, folder / "lake", SWEDEN, today=day)
    return folder


@pytest.fixture
def lake(three_days: Path, tmp_path: Path) -> Path:
    shutil.copytree(three_days / "lake", tmp_path / "lake", symlinks=True)
    return tmp_path / "lake"


def test_the_version_before_stays_as_it_was_written(lake: Path) -> None:
    before = Lake(lake)
    versions.forget("BB", STRUCK, reason="a test", root=lake)
    assert [one.problems for one in verified(before) if one.problems] == []
    after = Lake(lake)
    assert [one.problems for one in verified(after) if one.problems] == []
    rows = after.observed("fundamentals").sort("ticker", "pe", "state").collect()
    assert rows.select("ticker", "pe", "state").rows() == [
        ("AA", 10.0, "kept"), ("AA", 20.0, "kept"), ("AA", 30.0, "waiting"),
        ("BB", 10.0, "struck"), ("BB", 10.0, "waiting"),
    ]  # fmt: skip


def test_what_another_contract_wrote_is_read_again_after_a_strike(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract_version, "NORMALISER_VERSION", 0)
    versions.forget("AA", STRUCK, reason="a test", root=lake)
    assert not contract_version.is_made_alike(Lake(lake).manifest)


def test_a_strike_deletes_no_version_that_the_settings_keep(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOCKRANK_KEEP_VERSIONS", "4")
    versions.forget("AA", STRUCK, reason="a test", root=lake)
    assert len(version_ids(lake)) == 4
    monkeypatch.setenv("STOCKRANK_KEEP_VERSIONS", "2")
    versions.forget("BB", STRUCK, reason="a test", root=lake)
    assert len(version_ids(lake)) == 2


def test_a_strike_frees_no_row_that_another_one_covers(tmp_path: Path) -> None:
    """A row gets another vendor, and the first vendor a row of its own, of the same day."""
    own = {"ticker": "AA", "fetched_date": "2026-03-05", "data_source": "x"}
    source = database(
        tmp_path / "app.db", stocks=[stock("AA")], daily_prices=trading_year("AA", MON),
        fundamentals=[{"id": 1, "net_income": 5.0, **own}],
    )  # fmt: skip
    edits = (
        "UPDATE fundamentals SET data_source = 'y', net_income = 6",
        "INSERT INTO fundamentals (id, ticker, fetched_date, data_source, net_income) "
        "VALUES (2, 'AA', '2026-03-05', 'x', 7)",
    )
    with bare():
        export(source, tmp_path / "lake", SWEDEN, today=MON)
        for day, edit in zip((TUE, WED), edits, strict=True):
            change(source, edit)
            export(source, tmp_path / "lake", SWEDEN, today=day)
    versions.forget("AA", datetime(2026, 3, 3), reason="a test", root=tmp_path / "lake")
    rows = Lake(tmp_path / "lake").observed("fundamentals").collect()
    assert sorted(rows.select("data_source", "net_income_ccy", "state").rows()) == [
        ("x", 5.0, "covered"), ("x", 7.0, "kept"), ("y", 6.0, "struck"), ("y", 6.0, "waiting"),
    ]  # fmt: skip
