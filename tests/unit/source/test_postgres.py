"""What needs no server: faults of a catalogue, states, and the rows that must be read."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from pipelines.errors import LakeError, SourceError
from pipelines.postgres import Session
from pipelines.source import check_state
from pipelines.source.catalogue import Found, Part, preflight
from pipelines.source.postgres import RemoteState, is_of_postgres
from pipelines.source.remote_cells import cell, year
from pipelines.source.remote_table import RemoteTable
from pipelines.source.tables import FUNDAMENTALS, PRICES, STOCKS, TABLES, SourceTable

NATIVE = {"text": "varchar", "day": "date", "time": "timestamp", "float": "float8", "int": "int8",
          "bool": "bool"}  # fmt: skip
NUMBERS = {"text": "text", "day": "text", "time": "timestamptz", "float": "int4", "int": "int2",
           "bool": "bool"}  # fmt: skip


@dataclass
class Answers:
    """A session that knows the answers by a word of the question."""

    known: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    asked: list[tuple[str, Sequence[object]]] = field(default_factory=list)

    def rows(self, query: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.asked.append((query, params))
        none = [(0,) * query.count("FILTER")]
        return next((rows for word, rows in self.known.items() if word in query), none)


def found(
    table: SourceTable, types: dict[str, str] | None = None, *, native: Any = NATIVE,
    answers: Answers | None = None, **part: Any,
) -> Found:  # fmt: skip
    """A table as a catalogue has it, with some other types; None of a type leaves it out."""
    session = answers or Answers({"server_encoding": [("UTF8",)]})
    one = Found(cast("Session", session), table, 1)
    names = {c: native[kind] for c, kind in table.columns.items()} | (types or {})
    vars(one)["types"] = {c: (name, name) for c, name in names.items() if name}
    made: dict[str, Any] = {"kind": "r", "is_readable": True, "is_filtered": False}
    vars(one)["parts"] = [Part(1, f"public.{table.name}", **{**made, **part})]
    return one


def refused(*changed: Found) -> str:
    """The error of a database whose other tables are as they should be."""
    tables = {n: found(TABLES[n]) for n in ("stocks", "daily_prices", "fundamentals")}
    with pytest.raises(SourceError) as caught:
        preflight(changed[0].session, tables | {one.table.name: one for one in changed})
    return str(caught.value).removesuffix(
        '; see "The database: source_schema" in docs/operations.md'
    )


@pytest.mark.parametrize("native", [NATIVE, NUMBERS])
def test_tables_that_can_be_read(native: dict[str, str]) -> None:
    tables = {
        n: found(TABLES[n], native=native) for n in ("stocks", "daily_prices", "fundamentals")
    }
    assert preflight(tables["stocks"].session, tables) == [t.table for t in tables.values()]


@pytest.mark.parametrize("name", ["numeric", "money", "text", "json"])
def test_a_number_of_another_type_is_refused_by_name(name: str) -> None:
    assert refused(found(FUNDAMENTALS, {"pe": name})) == (
        f"fundamentals.pe is {name}; make it double precision "
        "(ALTER TABLE public.fundamentals ALTER COLUMN pe TYPE double precision)"
    )


def test_all_faults_are_told_at_once() -> None:
    told = refused(found(PRICES, {"close": "", "date": "int4"}), found(STOCKS, kind="v"))
    assert told.startswith("the database has 3 faults: (1) public.stocks is a view, whose rows ")
    assert "(2) daily_prices.date is int4; make it date (ALTER TABLE" in told
    assert told.endswith("(3) the table daily_prices has no column close; add it")


def test_rows_that_a_role_would_not_see() -> None:
    assert refused(found(PRICES, is_readable=False)) == (
        "this role may not read public.daily_prices; GRANT SELECT ON public.daily_prices TO it"
    )
    assert refused(found(PRICES, is_filtered=True)).startswith("row security hides rows of public.")
    any_text = Answers({"server_encoding": [("SQL_ASCII",)]})
    assert "SQL_ASCII" in refused(found(PRICES, answers=any_text))


def test_days_outside_the_calendar_are_counted() -> None:
    answers = Answers({"server_encoding": [("UTF8",)], "WHERE date <": [(3,)]})
    told = refused(found(PRICES, answers=answers))
    assert told.startswith("daily_prices.date has 3 days before the year 1 or after 9999, such as ")
    assert "date < '0001-01-01' OR date >= '10000-01-01'" in answers.asked[-1][0]


# ------------------------------------------------------------------------------------- states


def state(**years: list[str]) -> RemoteState:
    rows = {key.removeprefix("y"): value for key, value in years.items()}
    return RemoteState({"daily_prices": {"date": "date"}}, {"daily_prices": rows})


def test_a_year_changed_whose_count_or_sum_differs() -> None:
    was = state(y2022=["2", "7"], y2023=["2", "8"], y2024=["3", "-9"], y=["1", "5"])
    assert state(**{f"y{y}": v for y, v in was.rows["daily_prices"].items()}) == was
    now = state(y2022=["2", "7"], y2023=["2", "9"], y2025=["1", "1"], y=["1", "5"])
    assert now.changed_years(was) == {"2023", "2024", "2025"}
    assert now.digest != was.digest
    assert not now.is_same(was, "daily_prices")
    assert now.is_same(was, "fx_rates"), "a table that is absent both times"
    assert replace(now, types={"daily_prices": {"date": "text"}}).changed_years(was) is None


def test_a_state_is_known_again(tmp_path: Path) -> None:
    path = tmp_path / "source.state"
    state(y2024=["3", "9"]).save(path)
    assert RemoteState.load(path) == state(y2024=["3", "9"])
    assert is_of_postgres(path)
    check_state(path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(LakeError, match=r"^source\.state cannot be read$"):
        check_state(path)
    path.write_bytes(b'[["sql", 4096, "UTF-8"], {}]\n')
    assert not is_of_postgres(path)
    assert not is_of_postgres(tmp_path / "absent")


# --------------------------------------------------------------------------------------- rows


def prices(rows: int = 10, **types: str) -> RemoteTable:
    return RemoteTable(found(PRICES, types), rows, rows, {"2020": 4, "2021": 3, "2024": 2, "": 1})


def test_the_rows_of_other_years_and_how_many_they_are() -> None:
    rest = prices().outside({"2020", "2021", "2024"}, ())
    assert rest.where == (
        "(date IS NULL OR NOT (date >= '2020-01-01' AND date < '2022-01-01' "
        "OR date >= '2024-01-01' AND date < '2025-01-01'))"
    )
    assert (rest.rows, rest.wanted) == (10, 1)
    text = prices(date="text").outside({"2020"}, ())
    assert text.where == "(date IS NULL OR NOT (coalesce(substr(date, 1, 4), '') IN ('2020')))"


def test_a_rejected_row_is_carried_by_its_key(tmp_path: Path) -> None:
    schema = ["table", "rowid", "reason", "kept", *PRICES.columns]
    rows = [
        [
            "daily_prices",
            None,
            "bad_close",
            False,
            "A",
            "2023-01-02",
            None,
            None,
            "-1.0",
            None,
            None,
        ],
        [
            "daily_prices",
            None,
            "bad_close",
            False,
            "A",
            "2024-01-02",
            None,
            None,
            "-2.0",
            None,
            None,
        ],
        ["daily_prices", None, "null_key", False, "A", None, None, None, "-3.0", None, None],
    ]
    pl.DataFrame(rows, schema=dict.fromkeys(schema, pl.String) | {"kept": pl.Boolean},
                 orient="row").write_parquet(tmp_path / "prices.parquet")  # fmt: skip
    table = prices()
    notes = table.carried(tmp_path / "prices.parquet", {"2024", "2022"})
    assert notes.rows() == [(-1, "bad_close", False)]
    assert list(table.originals([-1])) == [("A", "2024-01-02", None, None, "-2.0", None, None)]
    assert table.source_years([-1]) == ["2024"]
    again = table.carried(tmp_path / "prices.parquet", {"2023"})
    assert again["rowid"].to_list() == [-2]
    assert table.source_years([-2, -1]) == ["2023", "2024"]


def test_originals_are_looked_up_by_page_and_line() -> None:
    answers = Answers({"ctid = ANY": [(3 << 16 | 7, "A", True, 2.0)]})
    table = RemoteTable(found(PRICES, answers=answers), 10, 10)
    assert list(table.originals([3 << 16 | 7])) == [("A", "1", "2.0")]
    assert answers.asked[-1][1] == (["(3,7)"],)
    assert table.source_years([]) == []


@pytest.mark.parametrize(
    ("rows", "stretches"),
    [(10, [(0, 1_000)]), (1_000_000, [(0, 200), (200, 400), (400, 600), (600, 800), (800, 1_000)])],
)
def test_a_stretch_has_as_many_rows_as_may_wait(
    rows: int, stretches: list[tuple[int, int]]
) -> None:
    answers = Answers({"pg_relation_size": [(1, 1_000)]})
    table = RemoteTable(found(PRICES, answers=answers), rows, rows)
    assert list(table.stretches(table.found.parts[0])) == stretches


def test_the_parts_of_a_table_are_in_stretches_of_as_many_rows() -> None:
    answers = Answers({"pg_relation_size": [(1, 600), (2, 400), (3, 0)]})
    table = RemoteTable(found(PRICES, answers=answers), 1_000_000, 1_000_000)
    parts = [replace(table.found.parts[0], oid=oid) for oid in (1, 2, 3)]
    assert [len(list(table.stretches(part))) for part in parts] == [3, 2, 0]
    few = replace(table, wanted=10)
    assert [len(list(few.stretches(part))) for part in parts] == [1, 1, 0]


def test_cells_in_sql() -> None:
    assert cell("day", "timestamptz", "d") == "coalesce((d AT TIME ZONE 'UTC')::text, '')"
    assert cell("day", "date", "d") == "coalesce(d::text, '')"
    assert [cell(k, "x", "c") for k in ("text", "float", "int", "bool")] == [
        "c::text", "c::float8", "c::int8", "c",
    ]  # fmt: skip
    assert year("date", "d") == "coalesce(lpad(date_part('year', d)::int::text, 4, '0'), '')"
