"""The clock of a refresh, set to a time."""

from datetime import datetime, tzinfo

import pytest

READ_BY = ("pipelines.refresh.run", "pipelines.refresh.make", "pipelines.lake.layout")
"""The modules that read it: for the day and the time of a version, and for its id."""


def clock_says(patch: pytest.MonkeyPatch, now: datetime) -> None:
    """Let a refresh in this process take place at a time."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.fromtimestamp(now.timestamp(), tz)

    for module in READ_BY:
        patch.setattr(f"{module}.datetime", Clock)
