"""What `test_house.py` finds today: lists that may only become shorter."""

from typing import Final

ARROWS: Final[frozenset[str]] = frozenset(
    {
        "app.routes.operations -> pipelines.source",
    }
)
"""A room that uses another against the arrows."""

CIRCLES: Final[frozenset[str]] = frozenset()
"""Modules on a circle, or between two."""

PAST_A_DOOR: Final[frozenset[str]] = frozenset()
"""A module that takes from behind a door."""

NAMED_LIKE_A_MODULE: Final[frozenset[str]] = frozenset()
"""Names on a door that are also modules."""

WITHOUT_A_SENTENCE: Final[frozenset[str]] = frozenset(
    {
        "app.web.MEDIA",
        "pipelines.demo_market.SCHEMA",
        "pipelines.lake.LARGEST_VOLUME",
        "pipelines.lake.Label",
        "pipelines.lake.MANIFEST",
        "pipelines.lake.SEVERITY",
        "pipelines.lake.State",
        "pipelines.lake.Status",
    }
)
"""Names on a door of which nothing is said."""

UNTYPED: Final[frozenset[str]] = frozenset(
    {
        "app.deps.PERMISSION",
        "app.jobs.schedule.Schedule.jobs",
        "app.main.PROBLEMS",
        "app.routes.strategies.RANKING",
        "app.serving.views.banding",
        "pipelines.demo_market.accounts.account_tables",
        "pipelines.demo_market.companies.stocks_table",
        "pipelines.demo_market.prices.daily_prices",
        "pipelines.demo_market.prices.index_prices",
        "pipelines.universe.Universe.from_dict",
    }
)
"""Public functions and fields with `dict[str, Any]`."""

LONG_FILES: Final[frozenset[str]] = frozenset(
    {
        "app/web/models.py",
    }
)
"""Files above 300 lines."""

LONG_BODIES: Final[frozenset[str]] = frozenset()
"""Functions above 40 lines."""
