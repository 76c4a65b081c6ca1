"""Refreshes that make less than all, for tests that compare no more: the rest follows from it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import Any

import polars as pl
import pytest

from pipelines.lake import Lake, Report
from pipelines.ranking import rankings
from pipelines.refresh import build
from pipelines.universe import SWEDEN
from tests.factories import frame_lake

DAY = date(2024, 1, 2)


@contextmanager
def bare() -> Iterator[None]:
    """Publish rankings without a row and a report without a check."""
    with unreported(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "rankings", no_rankings)
        yield


@contextmanager
def unreported() -> Iterator[None]:
    """Publish a report without a check."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build.report, "report", no_report)
        yield


def no_rankings(_: Lake, **_how: Any) -> pl.LazyFrame:
    return empty().lazy()


@cache
def empty() -> pl.DataFrame:
    """The columns of rankings, without a row."""
    return rankings(frame_lake([]), as_of=DAY, universe=SWEDEN).collect().clear()


def no_report(_: Lake, *, as_of: date, calendar: Sequence[date], **_more: Any) -> Report:
    return Report(
        as_of=as_of, priced_to=as_of, exchange="XSTO", calendar=tuple(calendar), checks=()
    )
