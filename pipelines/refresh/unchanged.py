"""What decides that nothing changed, so that the datasets of the version before stay."""

import logging
from datetime import date, timedelta

from pipelines.fingerprint import Fingerprint
from pipelines.lake import BROKEN, Lake
from pipelines.refresh.contract_version import is_made_alike
from pipelines.refresh.waiting import due_days
from pipelines.universe import Universe

logger = logging.getLogger(__name__)


def is_unchanged(current: Lake, state: Fingerprint, today: date, universe: Universe) -> bool:
    """Return True if a new version would hold the same datasets, apart from the rankings."""
    return (
        current.manifest.source == state
        and current.manifest.universe.jump_threshold == universe.jump_threshold
        and is_made_alike(current.manifest)
        and not _is_due(current, today)
        and not _waits_no_more(current, today)
    )


def _is_due(current: Lake, today: date) -> bool:
    """Return True if rejected rows have become valid, or cannot be read, which is damage."""
    try:
        return any(due_days(current, name, today) for name in current.datasets)
    except BROKEN as error:
        logger.warning("the rejects of version %s cannot be read: %s", current.version, error)
        return True


def _waits_no_more(current: Lake, today: date) -> bool:
    """Return True if observations are to be kept that waited for the week that has begun."""
    monday = today - timedelta(days=today.weekday())
    entries = (entry.observed for entry in current.datasets.values() if entry.observed)
    return any(entry.waiting and entry.day < monday for entry in entries)
