"""The files of a history: what is in them, and how they replace older ones."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import Unfinished
from pipelines.ranking import many
from pipelines.ranking.many import HISTORY_COLUMNS
from pipelines.ranking.strategies import STRATEGIES
from pipelines.sweep import task
from pipelines.sweep.history import write_history
from pipelines.universe import SWEDEN
from tests.factories import frame_lake, stock

LAKE = frame_lake([stock("A"), stock("B")])
DATES = [date(2023, 12, 1), date(2024, 1, 2), date(2024, 2, 1)]


def test_files_by_year_and_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "TOGETHER", 4)  # two dates of two stocks
    out, told = tmp_path / "history", []
    done = write_history(
        LAKE, out, dates=DATES, universe=SWEDEN, progress=lambda *step: told.append(step)
    )
    assert done.rows == len(DATES) * 2 * len(STRATEGIES)
    assert told == [("dates", 2, 3), ("dates", 3, 3)]
    files = sorted(str(p.relative_to(out)) for p in out.rglob("*.parquet"))
    assert files == ["year=2023/0.parquet", "year=2024/0.parquet", "year=2024/1.parquet"]
    last = pl.read_parquet(out / files[2], hive_partitioning=False)
    assert (tuple(last.columns), last["as_of"].unique().to_list()) == (HISTORY_COLUMNS, DATES[2:])


def test_an_older_history_stays_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "history"
    out.mkdir()
    (out / "old").touch()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def write() -> None:
        write_history(LAKE, out, dates=DATES, universe=SWEDEN, progress=lambda *_: None)

    with monkeypatch.context() as patch:
        patch.setitem(task.WRITERS, task.Kind.HISTORY, full)
        with pytest.raises(Unfinished, match=r"cannot write .*history.*: No space left"):
            write()
    assert [p.name for p in tmp_path.rglob("*")] == ["history", "old"]
    write()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["history"]
    assert sorted(p.name for p in out.iterdir()) == ["year=2023", "year=2024"]
