"""An export that rejects most of a table is not published, and says why."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.definition import definition_of
from pipelines.errors import ChecksFailed, ContractError, OtherMarket
from pipelines.export import export
from pipelines.fingerprint import DEMO_MARK
from pipelines.lake import current_id
from pipelines.universe import SWEDEN
from tests.factories import change, database, stock

DAY = "2026-11-20"


def market(folder: Path, **changed: Any) -> Path:
    """Four stocks with a price and a row of fundamentals each."""
    names = [f"T{n}" for n in range(4)]
    prices = [{"ticker": t, "date": DAY, "close": 10.0} for t in names]
    filed = [{"ticker": t, "fiscal_date": "2025-12-31", "fetched_date": "2026-03-01", "pe": 9.0}
             for t in names]  # fmt: skip
    tables = {"stocks": [stock(t) for t in names], "daily_prices": prices, "fundamentals": filed}
    return database(folder / "app.db", **(tables | changed))


def test_most_of_a_table_rejected_is_told_with_reason_count_and_three_samples(
    tmp_path: Path,
) -> None:
    source, root = market(tmp_path), tmp_path / "lake"
    change(source, "UPDATE fundamentals SET pe = '9,5' WHERE id < 4",
           "UPDATE fundamentals SET fiscal_date = '2027-12-31' WHERE id = 4")  # fmt: skip
    with pytest.raises(ChecksFailed) as refused:
        export(source, root, SWEDEN)
    samples = "; ".join(
        f"ticker 'T{n}' fiscal_date '2025-12-31' fetched_date '2026-03-01' pe '9,5'"
        for n in range(3)
    )
    assert str(refused.value).startswith(
        "not published: 4 rows of fundamentals are rejected, 3 for text_in_number (there is text "
        "or a blob where a number should be, and no integer of 8 bytes), such as "
        f"{samples}, the others for fiscal_year_not_over"
    )
    assert current_id(root) is None
    forced = export(source, root, SWEDEN, force=True)
    assert len(forced.failed_checks) == 1
    change(source, "UPDATE fundamentals SET pe = 9.5 WHERE id = 3", "UPDATE stocks SET name = 'x'")
    with pytest.raises(ChecksFailed, match=r"^not published: 3 rows of fundamentals are rejected"):
        export(source, root, SWEDEN)
    change(source, "UPDATE fundamentals SET pe = 9.5 WHERE id = 2")
    assert export(source, root, SWEDEN).failed_checks == ()


def test_a_table_that_had_rows_is_held_to_those(tmp_path: Path) -> None:
    source, root = market(tmp_path), tmp_path / "lake"
    export(source, root, SWEDEN)
    snapshot = "INSERT INTO fundamentals_snapshots (snapshot_date, pe) VALUES ('2026-03-01', 9)"
    change(source, "UPDATE fundamentals SET pe = 'x' WHERE id < 4", snapshot)
    with pytest.raises(ChecksFailed, match=r"^not published: 1 rows of fundamentals_snapshots are"):
        export(source, root, SWEDEN)
    change(source, "DELETE FROM fundamentals_snapshots")
    assert export(source, root, SWEDEN).datasets["fundamentals"].rejected == {"text_in_number": 3}


@pytest.mark.parametrize(("bad", "refused"), [(2, False), (3, True)])
def test_half_of_a_table_may_be_rejected(tmp_path: Path, bad: int, *, refused: bool) -> None:
    source, root = market(tmp_path), tmp_path / "lake"
    change(source, f"UPDATE stocks SET market_cap_msek = 'x' WHERE rowid <= {bad}")
    if refused:
        with pytest.raises(ChecksFailed, match=r"^not published: 3 rows of stocks are rejected"):
            export(source, root, SWEDEN)
    else:
        assert export(source, root, SWEDEN).datasets["stocks"].rejected == {"text_in_number": 2}


def test_each_table_of_a_dataset_counts_by_itself(tmp_path: Path) -> None:
    """Some snapshots without a date beside many reports."""
    source = market(tmp_path, fundamentals_snapshots=[{"ticker": "T0", "snapshot_date": "soon"}])
    with pytest.raises(ChecksFailed, match=r"1 rows of fundamentals_snapshots are rejected, 1 for "
                       r"bad_date .*, such as ticker 'T0' snapshot_date 'soon'\."):  # fmt: skip
        export(source, tmp_path / "lake", SWEDEN)


def test_duplicates_are_not_lost(tmp_path: Path) -> None:
    many = [{"ticker": t, "date": DAY, "close": 10.0} for t in ("A-B", "A_B", "A B", "A  B")]
    made = export(market(tmp_path, daily_prices=many), tmp_path / "lake", SWEDEN)
    assert made.datasets["prices"].rejected == {"duplicate_key": 3}


def test_a_database_without_a_valid_price_is_told_why(tmp_path: Path) -> None:
    source = market(tmp_path)
    change(source, "UPDATE daily_prices SET date = 1795132800 + rowid")
    with pytest.raises(ContractError) as refused:
        export(source, tmp_path / "lake", SWEDEN)
    assert str(refused.value).startswith(
        f"{source} has no valid row in daily_prices, so there is no date to rank: 4 rows of "
        "daily_prices are rejected, 4 for number_in_date (a date is a number, such as seconds "
        "since 1970, in place of `YYYY-MM-DD`), such as ticker 'T0' date '1795132801'; "
    )


def test_a_first_export_with_a_half_in_another_unit_is_refused_and_a_later_one_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"T{n:02}" for n in range(12)]
    prices = [{"ticker": t, "date": DAY, "close": 10.0} for t in names]
    filed = [
        {"ticker": t, "fiscal_date": f"{year - 1}-12-31", "fetched_date": f"{year}-03-01",
         "roe": 12.0 if year < 2020 else 0.12}
        for t in names for year in (2018, 2019, 2020, 2021)
    ]  # fmt: skip
    tables = {"stocks": [stock(t) for t in names], "daily_prices": prices, "fundamentals": filed}
    source, root = market(tmp_path, **tables), tmp_path / "lake"
    told = "the median of roe is 12 in 2019 and 0.12 in 2020: its unit has changed"
    with pytest.raises(ChecksFailed, match=f"^not published: {told}"):
        export(source, root, SWEDEN)
    assert current_id(root) is None
    assert (
        "sammansatt_momentum ranks none of 12 stocks; 12 are out for no_f_score "
        "(fewer than three signals of its F-score are known)"
    ) in caplog.messages
    export(source, root, SWEDEN, force=True)
    caplog.clear()
    change(source, "UPDATE stocks SET name = name || ' AB'")
    made = export(source, root, SWEDEN)
    (check,) = (c for c in made.integrity.checks if c.name == "unit_breaks")
    assert (made.failed_checks, check.status) == ((), "warning")
    assert "ranks none of" not in caplog.text  # as in the version before


def demo_mark(path: Path, number: int) -> None:
    """Write the mark of a demo market into a database, or 0 for that of any other."""
    change(path, f"PRAGMA application_id = {number}")


def test_real_data_does_not_follow_a_demo_market_unless_forced(tmp_path: Path) -> None:
    source, root = market(tmp_path), tmp_path / "lake"
    demo_mark(source, DEMO_MARK)
    assert export(source, root, SWEDEN).demo
    demo_mark(source, 0)
    with pytest.raises(OtherMarket) as refused:
        export(source, root, SWEDEN)
    assert str(refused.value) == (
        f"not published: the published version is of the demo market; delete {root} or name "
        "another folder with --lake (or STOCKRANK_LAKE)"
    )
    assert not export(source, root, SWEDEN, force=True).demo
    demo_mark(source, DEMO_MARK)
    with pytest.raises(OtherMarket) as refused:
        export(source, root, SWEDEN)
    assert str(refused.value) == (
        "not published: the database is of the demo market, the published version is not; name "
        "another folder with --lake (or STOCKRANK_LAKE)"
    )


@pytest.mark.parametrize(
    ("failures", "told"), [("abc", "a; b; c"), ("abcde", "a; b; c; and 2 more, in the log")]
)
def test_the_line_has_three_failed_checks_and_the_log_the_others(failures: str, told: str) -> None:
    assert str(ChecksFailed(list(failures))) == (
        f"not published: {told}. If this is as it should be, publish it with --force"
    )


def test_a_strategy_of_ones_own_that_ranks_nobody_is_told_with_its_screen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = definition_of("calm", {
        "title": "Calm", "description": "Calm.", "type": "other", "rebalance_months": [1],
        "screens": {"small": "market_cap_msek < 1e9"},
    })  # fmt: skip
    export(market(tmp_path), tmp_path / "lake", replace(SWEDEN, strategies=(own,)))
    told = "calm ranks none of 4 stocks; 4 are out for small (its screen is true: market_cap_msek"
    assert told in caplog.text
