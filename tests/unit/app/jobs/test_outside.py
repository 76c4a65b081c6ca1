"""Refreshes that no service started: which of them are of the service's database."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.jobs.outside import outside_job, service_databases
from pipelines.lake import MANIFEST, Run, layout, text
from pipelines.lake.publishing import point_current_to
from pipelines.settings import Settings
from tests.factories import fingerprint, manifest

AT = datetime(2026, 11, 24, 17, 5, tzinfo=UTC)
FAILED = Run(id="a", began_at=AT, ended_at=AT, outcome="failed", error="no table stocks")


def test_a_failure_names_a_database_that_is_not_the_services() -> None:
    job = outside_job(replace(FAILED, database="/home/a/try.db"), {"/srv/app.db"})
    assert (job.trigger, job.status, job.other_database) == ("outside", "failed", "try.db")
    assert job.error == "of another database, try.db: no table stocks"


@pytest.mark.parametrize("database", ["/srv/app.db", None], ids=["own", "not recorded"])
def test_a_failure_with_the_services_database_is_its_own(database: str | None) -> None:
    job = outside_job(replace(FAILED, database=database), {"/srv/app.db"})
    assert (job.other_database, job.error) == (None, "no table stocks")


def test_a_success_is_the_services_whatever_its_database() -> None:
    published = replace(FAILED, database="/home/a/try.db", outcome="published", error=None)
    assert outside_job(published, {"/srv/app.db"}).other_database is None


def test_the_databases_of_the_service_are_the_one_set_and_that_of_the_current_version(
    tmp_path: Path,
) -> None:
    settings = Settings(source=tmp_path / "app.db", lake=tmp_path / "lake")
    assert service_databases(settings) == {str((tmp_path / "app.db").resolve())}
    made = manifest(source=fingerprint(path="/srv/cron.db"))
    folder = layout.version(tmp_path / "lake", made.version)
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(text(made))
    point_current_to(tmp_path / "lake", made.version)
    assert service_databases(settings) == {str((tmp_path / "app.db").resolve()), "/srv/cron.db"}
