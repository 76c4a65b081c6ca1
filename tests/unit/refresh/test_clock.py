"""Phases in the order in which they ended, each told to the log."""

import pytest

from pipelines.refresh import clock
from pipelines.refresh.clock import Clock
from tests.factories import dataset


def test_phases_have_rows_seconds_and_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ticks = iter([10.0, 10.25, 20.0, 21.5])
    monkeypatch.setattr(clock.time, "perf_counter", lambda: next(ticks))
    monkeypatch.setattr(clock, "resident_mb", lambda: 80.04)
    peaks = iter([79.0, 120.06])
    monkeypatch.setattr(clock, "peak_mb", lambda: next(peaks))
    watch, entry = Clock(), dataset(rows=7)
    with caplog.at_level("DEBUG"), watch.phase("copy"):
        pass
    assert watch.making("prices", lambda: entry) is entry
    assert [(p.phase, p.rows, p.seconds, p.before_mb, p.peak_mb) for p in watch.phases] == [
        ("copy", None, 0.25, 80.0, 80.0), ("prices", 7, 1.5, 80.0, 120.1)
    ]  # fmt: skip
    assert caplog.messages == ["copy begins", "copy"]


def test_a_phase_that_fails_is_none() -> None:
    watch = Clock()
    with pytest.raises(ValueError, match="odd"), watch.phase("copy"):
        raise ValueError("odd")
    assert watch.phases == []
