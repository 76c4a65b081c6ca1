"""What `test_house.py` finds today: lists that may only become shorter."""

from typing import Final

ARROWS: Final[frozenset[str]] = frozenset(
    {
        "app.routes.operations -> pipelines.source",
        "app.serving.views -> pipelines.refresh",
        "app.web.recall -> app.services",
    }
)
"""A room that uses another against the arrows."""

CIRCLES: Final[frozenset[str]] = frozenset(
    {
        "app.deps",
        "app.main",
        "app.metrics",
        "app.routes.cache",
        "app.routes.data",
        "app.routes.operations",
        "app.routes.rankings",
        "app.routes.stocks",
        "app.routes.strategies",
        "app.services",
        "app.web.recall",
    }
)
"""Modules on a circle, or between two."""

PAST_A_DOOR: Final[frozenset[str]] = frozenset()
"""A module that takes from behind a door."""

NAMED_LIKE_A_MODULE: Final[frozenset[str]] = frozenset()
"""Names on a door that are also modules."""

WITHOUT_A_SENTENCE: Final[frozenset[str]] = frozenset(
    {
        "app.web.MEDIA",
        "pipelines.demo_market.SCHEMA",
        "pipelines.lake.CONTRACTS",
        "pipelines.lake.LARGEST_VOLUME",
        "pipelines.lake.Label",
        "pipelines.lake.MANIFEST",
        "pipelines.lake.Manifest",
        "pipelines.lake.PARTIAL",
        "pipelines.lake.Report",
        "pipelines.lake.SCHEMA_VERSION",
        "pipelines.lake.SEVERITY",
        "pipelines.lake.State",
        "pipelines.lake.Status",
        "pipelines.ranking.ANCHORS",
        "pipelines.ranking.MAX_PRICE_AGE",
        "pipelines.ranking.MONTHS",
        "pipelines.ranking.RATIOS",
        "pipelines.ranking.SIGNALS",
        "pipelines.ranking.STRATEGIES",
        "pipelines.source.BUSY_SECONDS",
        "pipelines.source.ROWID",
        "pipelines.source.TABLES",
    }
)
"""Names on a door of which nothing is said."""

UNTYPED: Final[frozenset[str]] = frozenset(
    {
        "app.deps.PERMISSION",
        "app.jobs.schedule.Schedule.jobs",
        "app.main.PROBLEMS",
        "app.routes.strategies.RANKING",
        "app.serving.published.Version.manifest",
        "app.serving.published.Version.report",
        "app.serving.views.banding",
        "app.serving.views.explained",
        "pipelines.demo_market.accounts.account_tables",
        "pipelines.demo_market.companies.stocks_table",
        "pipelines.demo_market.prices.daily_prices",
        "pipelines.demo_market.prices.index_prices",
        "pipelines.export.export",
        "pipelines.lake.damage.by_hash",
        "pipelines.lake.damage.by_size",
        "pipelines.lake.damage.expected",
        "pipelines.lake.freshness.calendar_of",
        "pipelines.lake.freshness.freshness",
        "pipelines.lake.freshness.quick",
        "pipelines.lake.freshness.verdict",
        "pipelines.lake.listing.Listed.before",
        "pipelines.lake.listing.Listed.manifest",
        "pipelines.lake.listing.changes",
        "pipelines.lake.listing.problems",
        "pipelines.lake.version.Lake.at",
        "pipelines.lake.version.manifest_of",
        "pipelines.lake.version.write_manifest",
        "pipelines.refresh.build.version",
        "pipelines.refresh.build.reranked",
        "pipelines.refresh.clock.Clock.phase",
        "pipelines.refresh.clock.Clock.phases",
        "pipelines.refresh.contract.is_made_alike",
        "pipelines.refresh.report.calendar",
        "pipelines.refresh.report.report",
        "pipelines.refresh.reuse.Kept.files",
        "pipelines.refresh.reuse.link_dataset",
        "pipelines.refresh.reuse.source_years",
        "pipelines.refresh.rows.Tally.files",
        "pipelines.refresh.rows.Tally.manifest",
        "pipelines.refresh.rows.write",
        "pipelines.refresh.staging.Build.datasets",
        "pipelines.refresh.staging.Build.source",
        "pipelines.source.changes.fingerprint",
        "pipelines.universe.Universe.from_dict",
    }
)
"""Public functions and fields with `dict[str, Any]`."""

LONG_FILES: Final[frozenset[str]] = frozenset(
    {
        "app/web/models.py",
        "pipelines/ranking/rank.py",
        "pipelines/refresh/report.py",
        "pipelines/refresh/rows.py",
        "pipelines/source/changes.py",
        "pipelines/source/sqlite.py",
        "pipelines/tune.py",
    }
)
"""Files above 300 lines."""

LONG_BODIES: Final[frozenset[str]] = frozenset()
"""Functions above 40 lines."""
