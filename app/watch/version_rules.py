"""The rules of the alerts on a version, against the one before it; each is applied once."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.watch.alerts import Observation
from pipelines.lake import Check, Dataset, Manifest

Tops = Mapping[str, Sequence[str]]
"""The tickers of the first ranks, by strategy."""

COVERAGE: Final = ("price_coverage", "fundamentals_coverage")
COVERAGE_DROP: Final = 0.02
"""Some stocks leave a market every month; two in a hundred at once mean that a feed is gone."""
REJECTED_SHARES: Final = (0.01, 0.05)
"""Shares of rejected rows in a dataset that are a warning and critical, even if none is new."""
CHURN: Final = 0.5
"""Share of changed first ranks that is a warning."""


def of_version(
    manifest: Manifest, before: Manifest | None, tops: Tops, tops_before: Tops
) -> list[Observation]:
    """The observations of a version, compared with the one before it."""
    return [
        days_missing(manifest),
        coverage_drop(manifest, before),
        rows_rejected(manifest, before),
        rank_churn(tops, tops_before),
        version_forced(manifest),
    ]


def version_forced(manifest: Manifest) -> Observation:
    """Observe that a version was published though its checks failed, and what they found."""
    message = None
    if found := manifest.failed_checks:
        message = (
            f"version {manifest.version} was published with --force though {'; '.join(found)}; "
            "this ends with the next version that passes its checks; if it was not intended, mend "
            "the database and refresh, or roll back with python -m pipelines.versions rollback"
        )
    return Observation("version_forced", "warning", message)


def days_missing(manifest: Manifest) -> Observation:
    """Observe that most stocks have no close on a trading day, and have later ones."""
    found = next((c for c in manifest.integrity.checks if c.name == "missing_days"), None)
    message = found.message if found and found.status != "ok" else None
    critical = found is not None and found.status == "critical"
    return Observation("days_missing", "critical" if critical else "warning", message)


def coverage_drop(manifest: Manifest, before: Manifest | None) -> Observation:
    """Observe that too few stocks have prices or fundamentals, or fewer than the version before."""
    now, was = _coverage(manifest), _coverage(before)
    low = [
        _with_share_before(check, was.get(name))
        for name, check in now.items()
        if check.status != "ok" or _fell(check, was.get(name))
    ]
    critical = any(check.status == "critical" for check in now.values())
    message = f"{'; '.join(low)}; check that the feed of the database is complete" if low else None
    return Observation("coverage_drop", "critical" if critical else "warning", message)


def _coverage(manifest: Manifest | None) -> dict[str, Check]:
    checks = manifest.integrity.checks if manifest else ()
    return {check.name: check for check in checks if check.name in COVERAGE}


def _fell(check: Check, before: Check | None) -> bool:
    return before is not None and before.share - check.share >= COVERAGE_DROP


def _with_share_before(check: Check, before: Check | None) -> str:
    was = f", {before.share:.1%} in the version before" if before else ""
    return f"{check.message}{was}"


def rows_rejected(manifest: Manifest, before: Manifest | None) -> Observation:
    """Observe that a dataset has more rejected rows than the version before, or very many."""
    found, shares = [], [0.0]
    for name, dataset in manifest.datasets.items():
        rejected, rows = _rejected(dataset), dataset.rows_in or 0
        was = _rejected(before.datasets.get(name)) if before else 0
        shares.append(rejected / rows if rows else 0.0)
        if rejected > was or shares[-1] >= REJECTED_SHARES[0]:
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in dataset.rejected.items())
            found.append(f"{rejected:,} of {rows:,} rows of {name} are rejected, {was:,} in the "
                         f"version before ({reasons})")  # fmt: skip
    message = f"{'; '.join(found)}; they are in rejects/ of the version" if found else None
    critical = max(shares) >= REJECTED_SHARES[1]
    return Observation("rows_rejected", "critical" if critical else "warning", message)


def _rejected(dataset: Dataset | None) -> int:
    return dataset.rejected_rows if dataset else 0


def rank_churn(tops: Tops, before: Tops) -> Observation:
    """Observe that half of a strategy's first ranks differ from those of the version before."""
    shares = {name: churn(top, before.get(name, ())) for name, top in tops.items()}
    changed = [f"{name} {share:.0%}" for name, share in shares.items() if share >= CHURN]
    message = (
        f"the top ten changed since the version before: {', '.join(changed)}; compare them with "
        "python -m pipelines.versions diff before trading"
    )
    return Observation("rank_churn", "warning", message if changed else None)


def churn(top: Sequence[str], before: Sequence[str]) -> float:
    """The share of first ranks that are new; 0 for a strategy that had none before."""
    if not before:
        return 0.0
    return 1 - len(set(top) & set(before)) / max(len(top), len(before))
