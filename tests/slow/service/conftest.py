"""A small market that is as old as yesterday, and a service that has published it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.demo import last_weekday, make_market
from tests.slow.service.serving import Server, serving


def small_market(folder: Path) -> Path:
    """A database of 60 stocks up to today, so that its prices are fresh tomorrow, too."""
    end = last_weekday(datetime.now(UTC).date() + timedelta(days=1))
    make_market(folder / "app.db", stocks=60, years=2, end=end)
    return folder / "app.db"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running service with one refresh behind it, for requests that do no harm."""
    folder = tmp_path_factory.mktemp("service")
    small_market(folder)
    with serving(folder, memory_limit_mb="8000", api_token="secret") as started:
        job = started.refresh()
        assert job["status"] == "succeeded", job
        yield started
