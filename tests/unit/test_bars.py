"""The bars of a command: rows that are done, and a step that counts none while it goes on."""

import pytest

from pipelines import bars
from pipelines.bars import STEP
from pipelines.lake import Phase
from pipelines.refresh.clock import Clock
from tests.factories import dataset


def test_a_step_is_shown_until_the_next_one(capfd: pytest.CaptureFixture[str]) -> None:
    with bars.drawn() as progress:
        progress("daily_prices", 10, 10)
        progress("prices", 0, STEP)
        progress("rankings", 0, STEP)
    last = capfd.readouterr().err.rpartition("daily_prices")[2]
    assert "10/10" in last
    assert "now: rankings" in last
    assert "now: prices" not in last


def test_every_phase_of_a_refresh_begins_as_a_step() -> None:
    told: list[tuple[str, int, int]] = []
    clock = Clock(progress=lambda *step: told.append(step))
    with clock.phase("copy"):
        pass
    clock.making("prices", dataset)
    clock.begin("publish")
    assert told == [("copy", 0, STEP), ("prices", 0, STEP), ("publish", 0, STEP)]
    assert [phase.phase for phase in clock.phases] == ["copy", "prices"]
    assert isinstance(clock.phases[0], Phase)
