"""Days of a market that overwrites itself: what was published on each is what is known of it."""

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
