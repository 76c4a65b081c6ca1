"""The tables that are read are those of the documented schema."""

from pipelines.lake import CONTRACTS
from pipelines.source.tables import DECLARED, TABLES, tables_of


def test_the_tables_of_a_dataset() -> None:
    names = {d: [table.name for table in tables_of(d)] for d in ("prices", "fundamentals", "x")}
    assert names == {
        "prices": ["daily_prices"],
        "fundamentals": ["fundamentals", "fundamentals_snapshots"],
        "x": [],
    }


def test_every_dataset_with_a_contract_is_made_from_a_table() -> None:
    assert {table.dataset for table in TABLES.values()} == {
        name for name in CONTRACTS if tables_of(name)
    }


def test_tables_of_one_dataset_agree_on_its_key_and_floor() -> None:
    for table in TABLES.values():
        same = tables_of(table.dataset)
        assert {(other.key, other.fewest_rows) for other in same} == {
            (table.key, table.fewest_rows)
        }


def test_every_column_is_of_a_kind_that_can_be_declared() -> None:
    assert {kind for table in TABLES.values() for kind in table.columns.values()} == set(DECLARED)
