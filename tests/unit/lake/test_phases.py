"""The phases of a refresh have one list."""

from typing import get_args

import pytest

from pipelines.lake import CONTRACTS, PHASES, Step


def test_a_phase_is_a_step_or_a_dataset() -> None:
    assert set(PHASES) == {*get_args(Step), *CONTRACTS, "rankings"}


def test_the_shares_are_those_of_one_time() -> None:
    assert sum(PHASES.values()) == pytest.approx(1)
