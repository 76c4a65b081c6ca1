"""The versions that are kept beside the one that is served."""

import logging
from pathlib import Path

from app.serving.published import Version
from pipelines import lake as lakes
from pipelines.errors import LakeError
from pipelines.lake import Lake, marks

logger = logging.getLogger(__name__)


def kept_versions(version: Version) -> list[Lake]:
    """Return a version and those that are kept, whole and not rolled back, newest first."""
    root = version.lake.path.parents[1]
    found = []
    for name in reversed(lakes.version_ids(root)):
        if name == version.id:
            found.append(version.lake)
        elif not (marks.is_withdrawn(root, name) or marks.known_damage(root, name)):
            found.extend(_readable(root, name))
    return found


def _readable(root: Path, name: str) -> list[Lake]:
    """Return the version; none where it was pruned meanwhile or has another layout."""
    try:
        return [lakes.open_current(root, name)]
    except LakeError as error:
        logger.warning("version %s is passed over: %s", name, error)
        return []
