"""Twenty-five days of a market that overwrites itself; `tests/slow` has more of them."""

from datetime import date
from pathlib import Path

import pytest

from tests.replay import market


def test_days_are_known_at_the_end_as_they_were_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = market(tmp_path, stocks=12, years=2, end=date(2025, 10, 24), seed=5)
    days.live(25, full_on=(9,), patch=monkeypatch)
    found = days.check_published()
    assert found["all"] > 8
    assert found["whole"] > 1
    assert days.check_oracle(every=6) > 1
