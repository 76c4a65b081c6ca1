"""The contract under which rows are written, as a short hash that changes with it."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from pipelines import lake
from pipelines.digest import digest
from pipelines.lake import Manifest

NORMALISER_VERSION: Final = 5
"""Raise it whenever a change of the code makes another row, reject or warning of a source row, or
puts rows into other files."""

DEFINITIONS: Final = (
    "lake/contracts.py", "source/tables.py", "refresh/jumps.py", "refresh/splits.py",
    "refresh/priced_days.py", "refresh/ratio_prices.py",
)  # fmt: skip
"""The modules that define columns, types and bounds, and what is made of prices.

Their text is hashed, for it is slow to import them.
"""


def contract_hash() -> str:
    """Return a hash of the schemas, the source tables and the version of the normaliser."""
    package = Path(__file__).parents[1]
    texts = [sha256((package / name).read_bytes()).hexdigest() for name in DEFINITIONS]
    return digest([NORMALISER_VERSION, texts])


def is_made_alike(manifest: Manifest) -> bool:
    """Return True if a version was written under this contract and by these libraries."""
    made = (manifest.libraries, manifest.contract)
    return made == (lake.libraries(), contract_hash())
