"""StockRank: a database → versions of plain Parquet → rankings."""

from typing import Final

__version__: Final = "0.1.0"
"""The release: the one definition, which pyproject.toml takes too."""
