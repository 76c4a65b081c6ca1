"""A file of one version in another, without its bytes twice where the file system can do that."""

import os
import shutil
from errno import EMLINK, ENOTSUP, EPERM, EXDEV
from pathlib import Path
from typing import Final

NO_LINK: Final = {EPERM, EXDEV, EMLINK, ENOTSUP}


def link(source: Path, target: Path) -> None:
    """Link a file; copy it where the file system permits no link. The folder is made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        shutil.copyfile(source, target)
