"""Open a source by its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.place import Place, Postgres
from pipelines.postgres import session
from pipelines.source.changes import SourceState
from pipelines.source.postgres import PostgresSource, RemoteState, is_of_postgres
from pipelines.source.protocol import Source
from pipelines.source.pulse import answering
from pipelines.source.sqlite import SqliteSource
from pipelines.source.tables import TABLES


@contextmanager
def opened(place: Place) -> Iterator[Source]:
    """Yield the database at a place; what is open to it is closed at the end."""
    if isinstance(place, Postgres):
        with session(place, tuple(TABLES)) as one, answering(one):
            yield PostgresSource(one)
    else:
        yield SqliteSource(place)


def check_state(saved: Path) -> None:
    """Raise `LakeError` where the saved state of a database is absent or damaged."""
    (RemoteState if is_of_postgres(saved) else SourceState).load(saved)
