"""What a new version must hold, most of it against the version before."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake import Lake
from pipelines.ranking import STRATEGIES, rules_hash
from pipelines.refresh.checks import COVERED, failures
from tests.factories import dataset, manifest

FIRST = next(iter(STRATEGIES))


class Version(Lake):
    """A version of so many rows a dataset, and so many stocks that all strategies rank."""

    def __init__(self, stocks: int = 0, covered: int | None = None, **rows: int) -> None:
        self.path = Path("v")
        self.datasets = {name: dataset(rows=count) for name, count in rows.items()}
        self.as_of = date(2024, 5, 31)
        self.complete(rules=rules_hash())
        known = stocks if covered is None else covered
        self.ranked = pl.DataFrame(
            {"strategy": s, "ticker": f"T{n}", "rank": n + 1, "excluded_by": None,
             **dict.fromkeys(COVERED, 0.25 if n < known else None)}
            for s in STRATEGIES for n in range(stocks)
        ) if stocks else pl.DataFrame(
            schema={
                **dict.fromkeys(("strategy", "ticker", "rank", "excluded_by"), pl.String),
                **dict.fromkeys(COVERED, pl.Float64),
            }
        )  # fmt: skip

    def complete(self, *, rules: str) -> None:
        """Give it a manifest."""
        self._complete = manifest(rules=rules, as_of=self.as_of)

    def rankings(self) -> pl.LazyFrame:
        return self.ranked.lazy()


@pytest.mark.parametrize(
    ("was", "now", "refused"),
    [(1000, 0, False), (1001, 0, True), (100_000, 98_000, False), (100_000, 97_999, True)],
)
def test_rows_may_be_fewer_by_two_per_cent_or_some(was: int, now: int, *, refused: bool) -> None:
    found = failures(Version(prices=now), Version(prices=was))
    told = f"prices has {now:,} rows, {was - now:,} fewer than the last version"
    assert found == [told] * refused


def test_a_dataset_that_is_gone_has_no_rows() -> None:
    assert failures(Version(), Version(stocks_=1, fundamentals=201)) == [
        "fundamentals has 0 rows, 201 fewer than the last version"
    ]


def test_the_newest_price_does_not_go_back() -> None:
    older = Version()
    older.as_of = date(2024, 5, 30)
    assert failures(older, Version()) == [
        "the newest price is of 2024-05-30, before that of the last version 2024-05-31"
    ]
    assert failures(Version(), older) == []


@pytest.mark.parametrize(("before", "refused"), [(20, False), (21, True)])
def test_a_strategy_does_not_lose_all_its_ranks(before: int, *, refused: bool) -> None:
    new = Version(before)
    new.ranked = new.ranked.with_columns(
        rank=pl.when(strategy=FIRST).then(None).otherwise("rank"),
        excluded_by=pl.when(strategy=FIRST).then(pl.lit("no_price")),
    )
    told = f"{FIRST} ranks no stock, the last version ranked {before}"
    assert failures(new, Version(before)) == [told] * refused


@pytest.mark.parametrize(
    ("stocks", "covered", "refused"),
    [(100, 80, False), (100, 79, True), (300, 270, False), (300, 269, True)],
)
def test_a_tenth_or_twenty_may_lose_what_is_known_of_them(
    stocks: int, covered: int, *, refused: bool
) -> None:
    told = [
        f"{covered} stocks have a {column}, {stocks - covered} fewer than in the last version"
        for column in COVERED
    ]
    assert failures(Version(stocks, covered), Version(stocks)) == told * refused


def test_a_rule_that_changed_is_no_loss_of_data(monkeypatch: pytest.MonkeyPatch) -> None:
    new, before = Version(100, 50), Version(100)
    assert failures(new, before)
    monkeypatch.setattr("pipelines.ranking.rank.rankings", lambda *_, **__: new.rankings())
    before.complete(rules="others")
    assert failures(new, before) == []


def test_every_stock_has_one_row_with_a_rank_or_a_reason() -> None:
    new = Version(2)
    new.ranked = new.ranked.with_columns(excluded_by=pl.when(ticker="T1").then(pl.lit("x")))
    assert failures(new, None) == [
        f"{len(STRATEGIES)} stocks have neither a rank nor a reason, such as T1"
    ]
    twice = Version(1)
    twice.ranked = pl.concat([twice.ranked, twice.ranked])
    assert failures(twice, None) == ["a stock is ranked twice by one strategy"]
