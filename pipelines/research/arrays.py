"""Types of arrays, and what is done to whole columns of them."""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]

COLUMNS_AT_ONCE: Final = 64
"""How many columns are filled at once; the size bounds the memory beside the matrix."""


def fill_forward(matrix: Floats) -> None:
    """Put the last value above into each NaN of a matrix, in place."""
    rows = np.arange(len(matrix), dtype=np.int32)[:, None]
    for first in range(0, matrix.shape[1], COLUMNS_AT_ONCE):
        part = matrix[:, first : first + COLUMNS_AT_ONCE]
        last = np.maximum.accumulate(np.where(np.isnan(part), np.int32(0), rows), axis=0)
        part[:] = np.take_along_axis(part, last, axis=0)


def next_true(flags: Flags, after: int) -> int:
    """Return the first row after one in which a column is true; the number of rows if none is."""
    later = flags[after + 1 :]
    return after + 1 + int(later.argmax()) if later.any() else len(flags)


def summed(matrix: Floats) -> Floats:
    """Return the sums over the last axis, added one by one from the left.

    Zeros in between change no bit of a sum, so that it does not depend on what else is computed.
    """
    if not matrix.shape[-1]:
        return np.zeros(matrix.shape[:-1])
    total: Floats = np.add.accumulate(matrix, axis=-1)[..., -1]
    return total


def places(flags: Flags) -> Numbers:
    """Return where flags are true."""
    return flags.nonzero()[0]


def columns_with(flags: Flags) -> Numbers:
    """Return the columns of a matrix in which any flag is true."""
    return places(np.logical_or.reduce(flags, axis=0))


def or_nothing(values: Floats) -> Floats:
    """Return values with 0 in place of NaN."""
    return np.where(np.isnan(values), 0.0, values)
