"""What a command in a process of its own needs to know of the service's settings."""

import json
import os
from pathlib import Path
from typing import Final

from pipelines import lake as lakes
from pipelines.place import spelled
from pipelines.runtime import without_allocators
from pipelines.settings import PREFIX, Settings

PASSED_ON: Final = {
    "source", "lake", "universe", "keep_versions", "universes", "published_universes",
    "trusted_jumps", "jump_threshold", "backtests",
}  # fmt: skip


def environment(settings: Settings) -> dict[str, str]:
    """Return what a command needs to know, without the service's secrets and allocators."""
    inherited = without_allocators(os.environ)
    given = {name: value for name, value in inherited.items() if not name.startswith(PREFIX)}
    known = settings.model_dump(mode="json", include=PASSED_ON, exclude_none=True)
    known["source"] = spelled(settings.source)
    # As the service has read them: a file may have changed since.
    known["strategies"] = {one.name: one.form() for one in settings.own_strategies}
    for name, value in known.items():
        given[f"{PREFIX}{name}".upper()] = value if isinstance(value, str) else json.dumps(value)
    places = [str(Path(lakes.__file__).parents[2]), given.get("PYTHONPATH")]
    return given | {"PYTHONPATH": os.pathsep.join(place for place in places if place)}
