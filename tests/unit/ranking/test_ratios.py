"""The ratios, and the lists that follow from them."""

from pipelines.lake.contracts import lake_schema
from pipelines.ranking.ratios import RATIO_COLUMNS, RATIOS
from pipelines.refresh.normalise import PERCENT
from tests import oracle


def test_the_ratios_are_those_of_the_methodology() -> None:
    assert sorted(RATIO_COLUMNS) == sorted(oracle.RATIOS)
    assert set(RATIO_COLUMNS) <= set(lake_schema("fundamentals"))
    assert {r.name for r in RATIOS if r.best == "lowest"} == {*oracle.MULTIPLES}
    assert {r.name for r in RATIOS if r.best is None} == {"market_cap_ccy", "payout_ratio"}


def test_what_comes_in_percent() -> None:
    assert {*PERCENT} == {
        "roe", "roa", "roic", "fcfroe", "dividend_yield", "payout_ratio", "gross_margin",
        "perf_1m", "perf_3m", "perf_6m", "perf_12m",
    }  # fmt: skip
