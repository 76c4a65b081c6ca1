"""The backtests beside a version, and what becomes of them."""

from pathlib import Path

from pipelines.lake import (
    Prepared,
    forget_prepared,
    layout,
    note_prepared,
    prepared,
    prepared_backtest,
)

V, W = "20261120T170000Z-abcdef", "20261121T170000Z-abcdef"
FOUND = Prepared(
    version=V, universe="sweden", rules="r", release="0.1.0", seconds=1.5, peak_mb=280.0
)


def test_they_are_known_once_all_are_there(tmp_path: Path) -> None:
    folder = layout.backtests_of(tmp_path, V)
    folder.mkdir(parents=True)
    layout.backtest(tmp_path, V, "a").write_bytes(b"{}")
    assert prepared(tmp_path, V) is None
    note_prepared(tmp_path, FOUND)
    assert prepared(tmp_path, V) == FOUND
    assert prepared_backtest(tmp_path, V, "a") == b"{}"
    assert prepared_backtest(tmp_path, V, "b") is None
    assert sorted(path.name for path in folder.iterdir()) == [".made", "a.json"]


def test_what_cannot_be_read_is_not_there(tmp_path: Path) -> None:
    layout.backtests_of(tmp_path, V).mkdir(parents=True)
    layout.prepared(tmp_path, V).write_bytes(b'{"version": "')
    assert prepared(tmp_path, V) is None


def test_those_of_versions_that_are_gone_go(tmp_path: Path) -> None:
    for version in (V, W):
        layout.backtests_of(tmp_path, version).mkdir(parents=True)
    layout.version(tmp_path, W).mkdir(parents=True)
    (layout.version(tmp_path, W) / "manifest.json").touch()
    forget_prepared(tmp_path)
    assert [path.name for path in layout.backtests(tmp_path).iterdir()] == [W]
