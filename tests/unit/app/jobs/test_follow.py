"""The progress and the error of an export, from its log."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.jobs.follow import PHASES, Follower


def follow(*entries: dict[str, Any], floor: float = 0.0) -> Follower:
    follower = Follower(floor)
    for entry in entries:
        follower.see(json.dumps({"time": "2026-11-24T17:05:00Z", **entry}))
    return follower


def test_the_usual_shares_of_the_phases_are_the_whole() -> None:
    assert sum(PHASES.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("entries", "progress"),
    [
        ([], 0.0),
        ([{"begins": "copy"}], 0.0),
        ([{"begins": "copy"}, {"phase": "copy", "peak_mb": 1.0}], 0.08),
        ([{"begins": "prices"}], 0.12),
        ([{"begins": "prices"}, {"table": "daily_prices", "done": 1, "total": 2}], 0.392),
        ([{"begins": "prices"}, {"table": "daily_prices", "done": 2, "total": 2}], 0.664),
        ([{"begins": "stocks"}, {"table": "stocks", "done": 0, "total": 0}], 0.86),
        # Without a table of indices its phase never begins.
        ([{"begins": "stocks"}, {"begins": "rankings"}], 0.92),
        ([{"begins": "publish"}], 0.99),
        ([{"begins": "copy"}, {"begins": "changes"}, {"begins": "something new"},
          {"table": "new", "done": 1, "total": 1}], 0.08),
    ],
)  # fmt: skip
def test_progress_counts_phases_and_rows(entries: list[dict[str, Any]], progress: float) -> None:
    assert follow(*entries).progress == pytest.approx(progress)
    assert follow(*entries, floor=0.5).progress == pytest.approx(0.5 + progress / 2)


lines = st.one_of(
    st.builds(lambda name: {"begins": name}, st.sampled_from([*PHASES, "new"])),
    st.builds(
        lambda name, done, more: {"table": name, "done": done, "total": done + more},
        st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 9),
    ),
    st.builds(lambda name: {"phase": name, "peak_mb": 1.0}, st.sampled_from([*PHASES, "new"])),
)  # fmt: skip


@given(st.lists(lines), st.floats(0, 1))
def test_progress_never_goes_back_nor_past_the_end(
    entries: list[dict[str, Any]], floor: float
) -> None:
    follower, last = Follower(floor), floor
    for entry in entries:
        follower.see(json.dumps(entry))
        assert last <= follower.progress <= 1 + 1e-9
        last = follower.progress


def test_rows_of_all_tables_count_and_a_table_that_is_read_again_counts_once() -> None:
    follower = follow(
        {"table": "fundamentals", "done": 7, "total": 7},
        {"table": "stocks", "done": 5, "total": 9},
        {"table": "stocks", "done": 2, "total": 9},
    )
    assert follower.rows == 9
    assert follow({"begins": "copy"}).rows is None


def test_the_largest_peak_of_the_phases_counts() -> None:
    phases = [{"phase": "copy", "peak_mb": mb} for mb in (150.0, 310.5, 200.0)]
    assert follow(*phases).peak_mb == 310.5
    # They have a process of their own.
    assert follow(*phases, {"phase": "backtests", "peak_mb": 400.0}).peak_mb == 310.5


def test_the_error_is_the_one_that_was_logged_and_other_text_is_kept_apart() -> None:
    follower = follow({"error": "no database", "type": "SourceError"}, {"message": "a warning"})
    for line in ("Traceback:", "ValueError: x", "", "  "):
        follower.see(line)
    assert (follower.error, follower.error_type) == ("no database", "SourceError")
    assert follower.said == "ValueError: x"


@pytest.mark.parametrize("line", ["", "7", "null", "[1]", '"begins"', "{", '{"other": 1}'])
def test_other_lines_say_nothing(line: str) -> None:
    follower = Follower()
    follower.see(line)
    assert (follower.progress, follower.phase, follower.error) == (0.0, None, None)
