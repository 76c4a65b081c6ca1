"""StockRank from Python: `Lake`, `rankings`, `ranking_history`, `export_database`.

For example:
    >>> import pipelines as sr
    >>> sr.rankings("data/lake", strategy="trendande_varde").head(10).collect()

Each name is loaded when it is first used. No function here is named like a module, for an import
of that module would take the place of the function: hence `ranking_history`, beside the command
`pipelines.history`.
"""

from typing import Final

import lazy_loader

__version__: Final = "0.1.0"
"""The release, defined here alone; pyproject.toml reads it."""

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
