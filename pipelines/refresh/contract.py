"""The contract by which rows are written, as one short hash that tells it from another contract."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from pipelines import lake
from pipelines.digest import digest
from pipelines.lake import Manifest

NORMALISER_VERSION: Final = 1
"""Raise it whenever a source row becomes another row, reject or warning."""

DEFINITIONS: Final = ("lake/contracts.py", "source/tables.py")
"""The modules that define the columns, types and bounds, by their text: to import them is slow."""


def contract_hash() -> str:
    """Return the hash of the schemas, of the source tables and of the normaliser's version."""
    package = Path(__file__).parents[1]
    texts = [sha256((package / name).read_bytes()).hexdigest() for name in DEFINITIONS]
    return digest([NORMALISER_VERSION, texts])


def is_made_alike(manifest: Manifest) -> bool:
    """Return whether a version was written under this contract and by these libraries."""
    made = (manifest.libraries, manifest.contract)
    return made == (lake.libraries(), contract_hash())
