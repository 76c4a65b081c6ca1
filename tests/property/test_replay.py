"""Eight days of a market that overwrites itself; `tests/slow` has more of them."""

from datetime import date
from pathlib import Path

import pytest

from tests.replay import market


def test_days_are_known_at_the_end_as_they_were_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = market(tmp_path, stocks=12, years=2, end=date(2025, 10, 24), seed=36)
    days.live(8, full_on=(4,), patch=monkeypatch)
    assert {"skipped", "doubled", "killed", "rolled back", "full"} <= set(days.done)
    found = days.check_published()
    assert found["all"] > 3
    assert found["whole"] > 0
    assert days.check_oracle(every=3) > 0
