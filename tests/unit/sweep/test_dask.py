"""What a Dask cluster gives in place of results, and the library that is an extra."""

import sys

import pytest

from pipelines.driver_options import Asked
from pipelines.errors import Unfinished, WrongUsage
from pipelines.settings import Settings
from pipelines.sweep.dask import _told, on_cluster
from pipelines.sweep.local import local_cluster
from pipelines.sweep.task import Counts, Failed


class FutureCancelledError(Exception):
    pass


class KilledWorker(Exception):
    pass


def test_results_are_as_they_are() -> None:
    for result in (Counts(number=0, rows=1, worker="w", peak_mb=1.0),
                   Failed(number=0, why="why")):  # fmt: skip
        assert _told(result, "tcp://a:1") is result


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (FutureCancelledError("lost"), "the scheduler at tcp://a:1 is gone"),
        ((FutureCancelledError, FutureCancelledError("lost"), None),
         "the scheduler at tcp://a:1 is gone"),
        (KilledWorker("x"), "again and again, most often for its memory; give each worker more"),
        (ModuleNotFoundError("No module named 'pipelines'"),
         "a worker of tcp://a:1 failed: ModuleNotFoundError: No module named 'pipelines'"),
        (None, "a worker of tcp://a:1 failed: NoneType: None"),
    ],
)  # fmt: skip
def test_what_is_no_result_is_an_error(result: object, told: str) -> None:
    with pytest.raises(Unfinished) as caught:
        _told(result, "tcp://a:1")
    assert told in str(caught.value)


def test_without_the_extra_an_error_tells_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Unfinished, match=r"needs an extra: pip install 'stockrank\[cluster\]'"):
        next(on_cluster("tcp://127.0.0.1:9")([]))
    with (
        pytest.raises(Unfinished, match=r"pip install 'stockrank\[cluster\]'"),
        local_cluster(1, 0, "none"),
    ):
        pass


def test_options_win_over_the_setting() -> None:
    of_settings = Settings(cluster="tcp://a:1")
    assert Asked.of(of_settings, None, None).cluster == "tcp://a:1"
    assert Asked.of(of_settings, None, "tcp://b:1").cluster == "tcp://b:1"
    assert Asked.of(of_settings, 2, None) == Asked(2, None)
    with pytest.raises(WrongUsage, match="either --processes or --cluster"):
        Asked.of(of_settings, 2, "tcp://b:1")
