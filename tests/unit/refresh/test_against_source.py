"""A version compared with its database: what counts as the same value."""

from pathlib import Path

import pytest

from pipelines.lake import Lake
from pipelines.refresh import export, verify_against_source
from pipelines.universe import SWEDEN
from tests import edits
from tests.factories import change


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        # 5e-8 is less than the rounding of single precision, in which only prices are stored.
        ("UPDATE fundamentals SET pe = pe * (1 + 5e-8)", "fundamentals.pe"),
        ("UPDATE fundamentals SET pe = pe * (1 + 5e-16)", "fundamentals.pe"),
        ("UPDATE stocks SET market_cap_msek = market_cap_msek * (1 - 1e-9)",
         "stocks.market_cap_msek"),
        ("UPDATE daily_prices SET open = open * (1 + 1e-6)", "prices.open"),
        ("UPDATE daily_prices SET open = open * (1 + 1e-12)", None),
    ],
)  # fmt: skip
def test_only_what_is_stored_in_single_precision_may_be_rounded(
    tmp_path: Path, statement: str, problem: str | None
) -> None:
    source = edits.market(tmp_path / "app.db")
    change(source, "UPDATE fundamentals SET pe = 10.0", "UPDATE daily_prices SET open = close")
    export(source, tmp_path / "lake", SWEDEN)
    change(source, statement)
    found = verify_against_source(Lake(tmp_path / "lake"), source).problems
    assert found == (
        [
            "the database was written to since the version was made",
            f"{problem} differs from the database",
        ]
        if problem
        else []
    )
