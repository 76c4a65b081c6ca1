"""Days of a market that overwrites itself: what was published on each is what is known of it."""

import os
import sqlite3
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from pipelines.demo_market import lived, make_market
from pipelines.lake import Lake
from pipelines.ranking import rankings
from pipelines.refresh import export
from pipelines.universe import SWEDEN
from tests.bare import bare
from tests.factories import change
from tests.replay import market

pytestmark = pytest.mark.slow


def test_sixty_days_are_known_at_the_end_as_they_were_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = market(tmp_path, stocks=40, years=2, end=date(2025, 10, 24), seed=1)
    days.live(60, full_on=(20, 40), patch=monkeypatch)
    assert {"skipped", "doubled", "killed", "rolled back", "full"} <= set(days.done)
    found = days.check_published()
    assert found["all"] > 25
    assert found["whole"] > 4
    assert days.check_oracle(every=8) > 3


@pytest.mark.torture
def test_hundreds_of_days_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`DAYS` in the environment is another number than 400."""
    number = int(os.environ.get("DAYS", "400"))
    days = market(tmp_path, stocks=40, years=2, end=date(2025, 10, 24), seed=2)
    days.live(number, full_on=(number // 3, number * 2 // 3), patch=monkeypatch)
    found, compared = days.check_published(), days.check_oracle(every=8)
    with capsys.disabled():
        sys.stdout.write(f"\n{dict(days.done)}, published: {dict(found)}, by oracle: {compared}\n")
    assert found["all"] > number // 2


@pytest.mark.torture
def test_after_a_year_the_f_score_has_its_nine_signals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a source that has one row a stock, which is of the day.

    The few that lack some were listed within the year.
    """
    source, root = tmp_path / "demo.db", tmp_path / "lake"
    make_market(source, stocks=250, years=2, end=date(2025, 10, 24))
    change(
        source,
        "DELETE FROM fundamentals WHERE id NOT IN "
        "(SELECT max(id) FROM fundamentals GROUP BY ticker)",
        "UPDATE fundamentals SET data_source = 'avanza', fiscal_date = NULL, "
        "piotroski_f_score = NULL",
    )
    day = date.min
    for day, _ in lived(source, 370):
        with bare():
            export(source, root, SWEDEN, today=day, keep=2)
    with closing(sqlite3.connect(source)) as con:
        sql = "SELECT min(fetched_date), count(*), count(DISTINCT ticker) FROM fundamentals"
        oldest, rows, stocks = con.execute(sql).fetchone()
    assert (oldest, rows) == (f"{day}", stocks)
    lake = Lake(root)
    ranked = rankings(lake, as_of=lake.as_of, universe=SWEDEN).collect()
    signals = ranked.unique("ticker")["f_available"]
    with capsys.disabled():
        sys.stdout.write(f"\nnine signals: {(signals == 9).sum()} of {stocks} stocks\n")
    assert (signals == 9).sum() >= 0.9 * stocks
