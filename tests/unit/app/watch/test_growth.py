"""Growth that lasts, apart from noise, single steps and refreshes."""

from collections.abc import Callable

import pytest

from app.watch.growth import growth_per_hour
from tests.unit.app.watch.machine import Machine


def trend(machine: Machine, size: Callable[[int], float], seconds: int = 900) -> float | None:
    guard = machine.guard()
    for second in range(seconds + 1):
        machine.at(guard, second, size(second))
    return guard.trend_mb_per_hour()


def test_a_steady_growth_is_measured(machine: Machine) -> None:
    assert trend(machine, lambda second: 100 + second / 36) == pytest.approx(100, rel=1e-6)


def test_noise_and_single_peaks_do_not_hide_the_growth(machine: Machine) -> None:
    def size(second: int) -> float:
        return 100 + second / 36 + (second * 7919 % 13) + 500 * (second % 97 == 0)

    assert trend(machine, size) == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("when", range(0, 900, 25))
def test_a_single_step_is_no_growth(machine: Machine, when: int) -> None:
    assert trend(machine, lambda second: 100 + 200 * (second > when)) == 0


def test_growth_that_turned_is_none(machine: Machine) -> None:
    assert trend(machine, lambda s: 100 + (s if s < 450 else 675 - s / 2)) == 0


def test_shrinking_is_a_negative_growth(machine: Machine) -> None:
    assert trend(machine, lambda second: 500 - second / 36) == pytest.approx(-100, rel=1e-6)


def test_a_refresh_does_not_count_as_growth(machine: Machine) -> None:
    guard = machine.guard()
    machine.pid = 77
    for second in range(900):
        machine.child = second
        machine.at(guard, second, 100)
    assert guard.trend_mb_per_hour() == 0


def test_there_is_no_trend_before_there_are_ten_minutes(machine: Machine) -> None:
    assert machine.guard().trend_mb_per_hour() is None
    assert trend(machine, float, seconds=590) is None
    assert trend(machine, float, seconds=610) == pytest.approx(3600)


def test_growth_of_points_is_by_the_hour() -> None:
    assert growth_per_hour((second, 5 + second / 3600) for second in range(590)) is None
    points = [(second, 5 + second / 3600) for second in range(631)]
    assert growth_per_hour(points) == pytest.approx(1)
    assert growth_per_hour([]) is None
