"""Load Polars so that it keeps for ten seconds what it freed: many small exports take it again.

Processes that the tests start have the settings that Polars itself leaves in the environment.
"""

import os

from pipelines.runtime import JEMALLOC, POLARS_OWN

if os.environ.get(JEMALLOC, POLARS_OWN) == POLARS_OWN:
    os.environ[JEMALLOC] = "dirty_decay_ms:10000,muzzy_decay_ms:10000"
    import polars as pl  # noqa: F401

    os.environ[JEMALLOC] = POLARS_OWN
