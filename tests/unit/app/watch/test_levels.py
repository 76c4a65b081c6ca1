"""The level in force, by samples that come and go."""

from app.watch.levels import Level, LevelHold
from tests.unit.app.watch.machine import Machine


def test_the_levels_without_a_hold(machine: Machine) -> None:
    guard = machine.guard(hold=0)
    assert guard.level is Level.OK
    seen = [machine.at(guard, n, mb) for n, mb in enumerate((749, 750, 899, 900, 1500, 899, 0))]
    assert seen == ["OK", "WARNING", "WARNING", "CRITICAL", "CRITICAL", "WARNING", "OK"]


def test_a_level_counts_once_it_was_held_upwards(machine: Machine) -> None:
    guard = machine.guard()
    levels = [machine.at(guard, second, 950 if second >= 5 else 100) for second in range(20)]
    assert levels == ["OK"] * 15 + ["CRITICAL"] * 5


def test_a_level_counts_once_it_was_held_downwards(machine: Machine) -> None:
    guard = machine.guard()
    assert [machine.at(guard, second, 950) for second in (0, 10)] == ["OK", "CRITICAL"]
    levels = [machine.at(guard, second, 100) for second in range(11, 25)]
    assert levels == ["CRITICAL"] * 10 + ["OK"] * 4


def test_a_short_peak_and_a_short_dip_change_nothing(machine: Machine) -> None:
    guard = machine.guard()
    peaks = [machine.at(guard, s, 950 if s % 10 else 100) for s in range(100)]
    assert set(peaks) == {"OK"}
    held = [machine.at(guard, s, 950) for s in (100, 110, 120)]
    assert held[-1] is Level.CRITICAL
    dips = [machine.at(guard, s, 100 if s % 10 else 950) for s in range(121, 220)]
    assert set(dips) == {"CRITICAL"}


def test_memory_that_swings_between_two_levels_is_in_the_lower_going_up(machine: Machine) -> None:
    guard = machine.guard()
    levels = [machine.at(guard, s, 950 if s % 2 else 800) for s in range(30)]
    assert levels == ["OK"] * 10 + ["WARNING"] * 20


def test_memory_that_swings_between_two_levels_is_in_the_higher_going_down(
    machine: Machine,
) -> None:
    guard = machine.guard()
    machine.at(guard, 0, 950)
    machine.at(guard, 10, 950)
    levels = [machine.at(guard, s, 800 if s % 2 else 100) for s in range(11, 41)]
    assert levels == ["CRITICAL"] * 10 + ["WARNING"] * 20


def test_a_level_is_held_over_a_pause_of_the_clock(machine: Machine) -> None:
    guard = machine.guard()
    assert machine.at(guard, 0, 950) is Level.OK
    assert machine.at(guard, 3600, 950) is Level.CRITICAL
    assert machine.at(guard, 7200, 100) is Level.CRITICAL


def test_a_hold_alone() -> None:
    hold = LevelHold(10)
    seen = [hold.see(at, Level.CRITICAL if at < 15 else Level.OK) for at in range(0, 30, 3)]
    assert seen == ["OK"] * 4 + ["CRITICAL"] * 5 + ["OK"]
