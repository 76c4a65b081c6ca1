"""Days of a market that overwrites itself: what was published on each is what is known of it."""

import os
import sys
from datetime import date
from pathlib import Path

import pytest

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
