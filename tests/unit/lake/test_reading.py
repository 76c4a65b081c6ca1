"""Files that cannot be read when a plan is collected: one error, whatever Polars raises."""

import polars as pl
import pytest

from pipelines.errors import LakeError
from pipelines.lake import readable


@pytest.mark.parametrize(
    "error",
    [pl.exceptions.ComputeError("torn"), pl.exceptions.PanicException("torn"), OSError("torn")],
    ids=lambda error: type(error).__name__,
)
def test_the_files_cannot_be_read(error: BaseException) -> None:
    told = "the files of the version cannot be read: torn; see python -m pipelines.versions verify"
    with pytest.raises(LakeError) as raised, readable():
        raise error
    assert str(raised.value) == told
