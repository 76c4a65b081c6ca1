"""From a database to files: what is in them, what is not and why."""

import hashlib
import math
import sqlite3
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.demo import make_market
from pipelines.errors import StockRankError
from pipelines.export import export
from pipelines.lake import contracts as schemas
from pipelines.lake.version import Lake, version_ids
from pipelines.universe import SWEDEN
from tests import oracle_export
from tests.factories import Row, database, stock, trading_year

END = date(2026, 11, 20)
GOOD = trading_year("GOOD", END)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lake]:
    top = tmp_path_factory.mktemp("demo")
    make_market(top / "demo.db", stocks=120, years=4)
    export(top / "demo.db", top / "lake", SWEDEN)
    return top / "demo.db", Lake(top / "lake")


# ------------------------------------------------------------------------------ round trip


def test_every_row_of_the_source_is_in_the_files(demo: tuple[Path, Lake]) -> None:
    source, lake = demo
    con = sqlite3.connect(source)
    rows = con.execute("SELECT ticker, date, close, volume FROM daily_prices ORDER BY 1, 2")
    ours = lake.prices().select("ticker", pl.col("date").cast(pl.String), "close", "volume")
    for (t, d, c, v), (ticker, day, close, volume) in zip(
        rows, ours.sort("ticker", "date").collect().iter_rows(), strict=True
    ):
        assert (t, d, v) == (ticker, day, volume)
        assert math.isclose(c, close, rel_tol=2**-24)
    con.close()


def source_tables(path: Path) -> dict[str, list[Row]]:
    con = sqlite3.connect(path)
    con.row_factory = sqlite3.Row
    names = ("stocks", "daily_prices", "fundamentals", "fundamentals_snapshots")
    tables = {
        n: [dict(r) for r in con.execute(f"SELECT rowid AS rowid, * FROM {n}")] for n in names
    }
    con.close()
    return tables


def same(ours: list[Row], theirs: list[Row], keys: tuple[str, ...]) -> None:
    """Rows are equal in the columns that the oracle knows, by key."""

    def order(row: Row) -> tuple[Any, ...]:
        return tuple(row[k] for k in keys)

    ours, theirs = sorted(ours, key=order), sorted(theirs, key=order)
    assert [order(r) for r in ours] == [order(r) for r in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        shared = mine.keys() & other.keys() - {"last_updated", "is_active", "last_validated"}
        assert {k: mine[k] for k in shared} == {k: other[k] for k in shared}


def agree_with_the_oracle(source: Path, lake: Lake) -> None:
    stocks, prices, filed = oracle_export.normalise(source_tables(source))
    same(lake.stocks().collect().to_dicts(), stocks, ("ticker",))
    ours = lake.prices().select("ticker", "date", "close").collect().to_dicts()
    same(ours, prices, ("ticker", "date"))
    same(lake.fundamentals().collect().to_dicts(), filed, ("source", "id"))


def test_the_demo_market_is_normalised_as_the_oracle_does(demo: tuple[Path, Lake]) -> None:
    agree_with_the_oracle(*demo)


tickers = st.sampled_from(["A-B", "A_B", "A B", "C", "D.A", " E ", "F--G"])
days = st.dates(date(2020, 1, 1), date(2026, 6, 1)).map(date.isoformat)
numbers = st.none() | st.sampled_from([0.0, 57.0, -3.5, 1e12, math.inf, 0.57])
updates = st.none() | st.sampled_from(["2026-01-01 10:00:00", "2026-02-01 10:00:00.5"])


def rows_of(**columns: Any) -> Any:
    return st.lists(st.fixed_dictionaries(columns), max_size=12)


@given(
    stocks=rows_of(ticker=tickers, last_updated=updates, market_cap_msek=numbers),
    prices=rows_of(ticker=tickers, date=days, close=st.sampled_from([None, 0.0, -1.0, 7.3, 1e39])),
    filed=rows_of(
        ticker=tickers, fiscal_date=st.none() | days, fetched_date=st.none() | days, roe=numbers,
        pe=numbers, dividend_yield=numbers, gross_margin=numbers,
        data_source=st.sampled_from(["avanza", "tradingview"]),
    ),
    copies=rows_of(ticker=tickers, snapshot_date=days, roe=numbers, pe=numbers),
)  # fmt: skip
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_random_tables_are_normalised_as_the_oracle_does(
    tmp_path_factory: pytest.TempPathFactory, stocks: Any, prices: Any, filed: Any, copies: Any
) -> None:
    top = tmp_path_factory.mktemp("random")
    listed = list({row["ticker"]: row for row in stocks}.values())
    daily = list({(row["ticker"], row["date"]): row for row in prices}.values())
    source = database(top / "x.db", stocks=listed, daily_prices=[*GOOD[-5:], *daily],
                      fundamentals=filed, fundamentals_snapshots=copies)  # fmt: skip
    export(source, top / "lake", SWEDEN)
    agree_with_the_oracle(source, Lake(top / "lake"))


@pytest.mark.parametrize("values", [1, 800_000])
def test_the_unit_of_a_snapshot_is_of_the_newest_row_whatever_batch_that_was_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: int
) -> None:
    monkeypatch.setattr("pipelines.source.sqlite.BATCH_VALUES", values)
    filed = [
        {"ticker": ticker, "fetched_date": fetched, "data_source": vendor, "pe": 1.0}
        for ticker, fetched, vendor in (
            ("A", "2026-02-01", "tradingview"), ("A", "2026-01-01", "avanza"),
            ("B", "2026-02-01", "avanza"), ("B", "2026-01-01", "tradingview"),
            ("C", "2026-01-01", "tradingview"), ("C", "2026-02-01", "avanza"),
            ("D", "2026-01-01", "avanza"), ("D", "2026-02-01", "tradingview"),
        )
    ]  # fmt: skip
    copies = [{"ticker": t, "snapshot_date": "2026-03-01", "roe": 57.0} for t in "ABCD"]
    source = database(tmp_path / "app.db", daily_prices=GOOD[-5:], fundamentals=filed,
                      fundamentals_snapshots=copies)  # fmt: skip
    export(source, tmp_path / "lake", SWEDEN)
    rows = Lake(tmp_path / "lake").fundamentals().filter(pl.col("source") == "snapshots")
    found = rows.select("ticker", "roe").sort("ticker").collect()
    assert dict(found.iter_rows()) == {"A": 0.57, "B": 57.0, "C": 57.0, "D": 0.57}


# ----------------------------------------------------------------------------------- files


def test_files_hold_the_contracts_sorted_compressed_and_with_statistics(
    demo: tuple[Path, Lake],
) -> None:
    lake = demo[1]
    for file in (lake.path / "prices").glob("year=*/*.parquet"):
        frame = pl.read_parquet(file, hive_partitioning=False)
        assert frame.schema == schemas.lake_schema("prices")
        assert frame.equals(frame.sort("ticker", "date"))
        assert set(frame["date"].dt.year()) == {int(file.parent.name.removeprefix("year="))}
        column = pq.read_metadata(file).row_group(0).column(1)
        assert column.compression == "ZSTD"
        assert column.statistics.has_min_max


def test_other_readers_need_nothing_of_this_package(demo: tuple[Path, Lake]) -> None:
    lake = demo[1]
    volume = pl.col("volume").cast(pl.Int64).sum()
    ours = lake.prices().select(pl.len(), volume).collect().row(0)
    glob = str(lake.path / "prices" / "*" / "*.parquet")
    theirs = duckdb.sql(
        f"SELECT count(*), sum(volume), count(DISTINCT year) FROM read_parquet('{glob}')"
    ).fetchall()
    assert theirs[0] == (
        *ours,
        len({f["year"] for f in lake.manifest["datasets"]["prices"]["files"]}),
    )
    table = pq.read_table(lake.path / "prices")
    assert (table.num_rows, table["year"].type.id > 0) == (ours[0], True)
    frame = pd.read_parquet(lake.path / "prices")
    assert (len(frame), int(frame["volume"].sum())) == ours


def test_other_readers_find_the_same_sums_by_an_integer_year(demo: tuple[Path, Lake]) -> None:
    lake = demo[1]
    by_year = pl.col("date").dt.year()
    total = pl.col("close").cast(pl.Float64).sum()
    ours = dict(lake.prices().group_by(by_year).agg(total).collect().iter_rows())
    glob = lake.path / "prices" / "*" / "*.parquet"
    query = f"SELECT year, sum(close::DOUBLE) FROM read_parquet('{glob}') GROUP BY year"
    assert dict(duckdb.sql(query).fetchall()) == pytest.approx(ours, rel=1e-12)
    table = pl.DataFrame(pq.read_table(lake.path / "prices"))
    assert dict(table.group_by(pl.col("year").cast(int)).agg(total).iter_rows()) == pytest.approx(
        ours, rel=1e-12
    )
    frame = pd.read_parquet(lake.path / "prices").astype({"year": int, "close": float})
    assert frame.groupby("year")["close"].sum().to_dict() == pytest.approx(ours, rel=1e-12)


def test_every_file_is_as_the_manifest_says(demo: tuple[Path, Lake]) -> None:
    lake = demo[1]
    for dataset, entry in lake.manifest["datasets"].items():
        folder = lake.path / dataset
        paths = [str(path.relative_to(lake.path)) for path in sorted(folder.rglob("*.parquet"))]
        assert paths == sorted(file["path"] for file in entry["files"])
        assert entry["rows"] == sum(file["rows"] for file in entry["files"])
        for file in entry["files"]:
            is_as_said(lake.path / file["path"], file, entry["schema"])


def is_as_said(path: Path, file: Row, schema: dict[str, str]) -> None:
    data = path.read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
    metadata = pq.read_metadata(path)
    assert metadata.num_rows == file["rows"]
    frame = pl.read_parquet(path, hive_partitioning=False)
    assert {c: t.base_type().__name__ for c, t in frame.schema.items()} == schema
    assert {c: n for c, n in frame.null_count().to_dicts()[0].items() if n} == file["nulls"]
    assert file["year"] is None or path.parent.name == f"year={file['year']}"
    assert "year" not in frame.columns
    for group in range(metadata.num_row_groups):
        for n in range(metadata.num_columns):
            column = metadata.row_group(group).column(n)
            assert (column.compression, column.is_stats_set) == ("ZSTD", True)


@pytest.mark.parametrize("dataset", ["stocks", "fundamentals", "index_prices"])
def test_other_datasets_hold_their_contracts(demo: tuple[Path, Lake], dataset: str) -> None:
    lake = demo[1]
    schema = pl.Schema({c: getattr(pl, t)() for c, t in
                        lake.manifest["datasets"][dataset]["schema"].items()})  # fmt: skip
    contract = schemas.lake_schema(dataset)
    assert {c: t for c, t in schema.items() if c in contract} == contract
    assert set(schema) - set(contract) <= {"newest_close", "newest_date"}


def test_current_is_a_link_and_nothing_else_is_left(demo: tuple[Path, Lake]) -> None:
    source, lake = demo
    root = source.parent / "lake"
    assert (root / "current").readlink() == Path("versions") / lake.version
    assert {path.name for path in root.iterdir()} == {".lock", "current", "versions"}
    assert [path.name for path in (root / "versions").iterdir()] == [lake.version]
    assert {path.name for path in source.parent.iterdir()} == {"demo.db", "lake"}


def test_the_same_database_gives_the_same_files(demo: tuple[Path, Lake], tmp_path: Path) -> None:
    source, lake = demo
    export(source, tmp_path / "lake", SWEDEN)
    assert Lake(tmp_path / "lake").manifest["datasets"] == lake.manifest["datasets"]


def test_the_size_of_a_batch_does_not_matter(
    demo: tuple[Path, Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, lake = demo
    monkeypatch.setattr("pipelines.source.sqlite.BATCH_VALUES", 9_999)
    export(source, tmp_path / "lake", SWEDEN)
    assert Lake(tmp_path / "lake").manifest["datasets"] == lake.manifest["datasets"]


def test_the_next_version_has_the_same_calendar_without_asking_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = database(tmp_path / "app.db", stocks=[stock("GOOD")], daily_prices=GOOD)
    first = export(source, tmp_path / "lake", SWEDEN, force=True)
    monkeypatch.setattr("pipelines.refresh.report.sessions", lambda *_: pytest.fail("asked again"))
    second = export(source, tmp_path / "lake", SWEDEN, full=True, force=True)
    assert second["version"] != first["version"]
    assert second["integrity"]["calendar"] == first["integrity"]["calendar"]


def test_the_parquet_is_at_most_a_quarter_of_the_database(demo: tuple[Path, Lake]) -> None:
    source, lake = demo
    size = sum(path.stat().st_size for path in lake.path.rglob("*.parquet"))
    assert size < source.stat().st_size / 4


def test_the_order_of_the_source_does_not_matter(demo: tuple[Path, Lake], tmp_path: Path) -> None:
    source, lake = demo
    other = tmp_path / "by_date.db"
    other.write_bytes(source.read_bytes())
    con = sqlite3.connect(other)
    con.executescript(
        "CREATE TABLE kept AS SELECT * FROM daily_prices ORDER BY date, ticker DESC;"
        "DELETE FROM daily_prices; INSERT INTO daily_prices SELECT * FROM kept; DROP TABLE kept;"
    )
    con.close()
    export(other, tmp_path / "lake", SWEDEN)
    for dataset in ("prices", "rankings"):
        hashes = [[f["sha256"] for f in v.manifest["datasets"][dataset]["files"]]
                  for v in (lake, Lake(tmp_path / "lake"))]  # fmt: skip
        assert hashes[0] == hashes[1]


def test_the_size_of_a_window_does_not_matter(
    demo: tuple[Path, Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, lake = demo
    monkeypatch.setattr("pipelines.source.sqlite.WINDOW_VALUES", 56_000)
    export(source, tmp_path / "lake", SWEDEN)
    assert Lake(tmp_path / "lake").manifest["datasets"] == lake.manifest["datasets"]


# --------------------------------------------------------------------------------- rejects

# What a price row may look like that must not be ranked, and why.
BAD_PRICES: dict[str, tuple[Row, str]] = {
    "null ticker": ({"ticker": None}, "null_key"),
    "empty ticker": ({"ticker": ""}, "null_key"),
    "ticker of separators": ({"ticker": "-_ "}, "null_key"),
    "null date": ({"date": None}, "null_key"),
    "short date": ({"date": "2024-1-3"}, "bad_date"),
    "date after a space": ({"date": " 2024-01-03"}, "bad_date"),
    "date with a sign": ({"date": "+2024-01-03"}, "bad_date"),
    "date with a sign, ten long": ({"date": "+2024-1-03"}, "bad_date"),
    "two-digit year": ({"date": "24-01-03"}, "bad_date"),
    "no such day": ({"date": "2024-02-30"}, "bad_date"),
    "time after the date": ({"date": "2024-01-03 00:00:00"}, "bad_date"),
    "number for a date": ({"date": 20240103}, "bad_date"),
    "blob for a date": ({"date": b"2024-01-03"}, "bad_date"),
    "date of long ago": ({"date": "1700-01-03"}, "date_out_of_range"),
    "date to come": ({"date": "2099-01-03"}, "future_date"),
    "null close": ({"close": None}, "close_missing"),
    "zero close": ({"close": 0.0}, "close_not_positive"),
    "negative close": ({"close": -1.0}, "close_not_positive"),
    "infinite close": ({"close": math.inf}, "close_not_finite"),
    "close above Float32": ({"close": 1e39}, "close_not_finite"),
    "close below Float32": ({"close": 1e-50}, "close_not_positive"),
    "text in close": ({"close": "abc"}, "text_in_number"),
    "text in volume": ({"volume": "n/a"}, "text_in_number"),
    "blob in open": ({"open": b"1"}, "text_in_number"),
    "blob in ticker": ({"ticker": b"BAD"}, "blob_in_text"),
    "duplicate by its separator": ({"ticker": "GOOD ", "date": GOOD[-1]["date"]}, "duplicate_key"),
}

NULLED_PRICES: dict[str, tuple[Row, str, tuple[str, ...]]] = {
    "low above high": ({"low": 9.0, "high": 8.0}, "ohl_inconsistent", ("open", "high", "low")),
    "zero open": ({"open": 0.0}, "ohl_inconsistent", ("open", "high", "low")),
    "null high": ({"high": None}, "ohl_inconsistent", ("open", "high", "low")),
    "infinite high": ({"high": math.inf}, "ohl_inconsistent", ("open", "high", "low")),
    "part of a share": ({"volume": 12.5}, "volume_out_of_range", ("volume",)),
    "volume above UInt32": ({"volume": 5e9}, "volume_out_of_range", ("volume",)),
    "negative volume": ({"volume": -1.0}, "volume_out_of_range", ("volume",)),
}

BAD = {"ticker": "BAD", "date": "2024-01-03", "open": 5.0, "high": 6.0, "low": 4.0, "close": 5.0,
       "volume": 10.0}  # fmt: skip


def exported(tmp_path: Path, **tables: Any) -> Lake:
    defaults = {"stocks": [stock("GOOD")], "daily_prices": GOOD}
    source = database(tmp_path / "x.db", **(defaults | tables))
    export(source, tmp_path / "lake", SWEDEN)
    assert [p.name for p in tmp_path.iterdir() if "x.db" in p.name] == ["x.db"]
    return Lake(tmp_path / "lake")


def rejects(lake: Lake, dataset: str) -> pl.DataFrame:
    return pl.read_parquet(lake.path / "rejects" / f"{dataset}.parquet")


@pytest.mark.parametrize("name", BAD_PRICES)
def test_a_bad_price_is_rejected_counted_and_kept_as_it_was(tmp_path: Path, name: str) -> None:
    change, reason = BAD_PRICES[name]
    if change.get("ticker", "") is None or change.get("date", "") is None:
        pytest.skip("the table's own NOT NULL refuses it; see the table without constraints")
    lake = exported(tmp_path, daily_prices=[*GOOD, BAD | change])
    entry = lake.manifest["datasets"]["prices"]
    assert entry["rejected"] == {reason: 1}
    assert entry["rows_in"] == entry["rows"] + 1
    row = rejects(lake, "prices").row(0, named=True)
    column, value = next(iter(change.items()))
    assert row["kept"] is False
    if not name.startswith("duplicate"):
        assert row["rowid"] == len(GOOD) + 1
        text = value.decode() if isinstance(value, bytes) else str(value)
        assert row[column] == (None if value is None else text)


@pytest.mark.parametrize("name", NULLED_PRICES)
def test_a_bad_value_beside_a_good_close_becomes_null(tmp_path: Path, name: str) -> None:
    change, reason, columns = NULLED_PRICES[name]
    lake = exported(tmp_path, daily_prices=[*GOOD, BAD | change])
    row = lake.prices().collect().row(by_predicate=pl.col("ticker") == "BAD", named=True)
    assert {c for c, v in row.items() if v is None} == set(columns)
    assert lake.manifest["datasets"]["prices"]["warnings"] == {reason: 1}
    assert rejects(lake, "prices").select("reason", "kept").row(0) == (reason, True)


def test_a_table_without_constraints_loses_nothing_unsaid(tmp_path: Path) -> None:
    rows = [BAD | {"ticker": None}, BAD | {"date": None}, BAD, BAD | {"close": 7.0}]
    source = database(tmp_path / "x.db", stocks=[stock("GOOD")])
    con = sqlite3.connect(source)
    con.executescript(
        "DROP TABLE daily_prices; CREATE TABLE daily_prices (ticker VARCHAR, date DATE,"
        " open FLOAT, close FLOAT, high FLOAT, low FLOAT, volume FLOAT)"
    )
    con.close()
    con = sqlite3.connect(source)
    for row in rows:
        con.execute(
            "INSERT INTO daily_prices VALUES (:ticker, :date, :open, :close, :high, :low, :volume)",
            row,
        )
    con.commit()
    con.close()
    manifest = export(source, tmp_path / "lake", SWEDEN)
    assert manifest["datasets"]["prices"]["rejected"] == {"duplicate_key": 1, "null_key": 2}
    assert Lake(tmp_path / "lake").prices().collect()["close"].to_list() == [7.0]


FUNDAMENTALS: dict[str, tuple[Row, str, bool]] = {
    "no date": ({"fiscal_date": None, "fetched_date": None}, "no_date", False),
    "bad fiscal date": ({"fiscal_date": "2023"}, "bad_date", False),
    "bad fetched date": ({"fetched_date": "yesterday"}, "bad_date", False),
    "null ticker": ({"ticker": None}, "null_key", False),
    "text in a ratio": ({"pe": "12,5"}, "text_in_number", False),
    "half a score": ({"piotroski_f_score": 4.5}, "text_in_number", False),
    "negative id": ({"id": -1}, "id_out_of_range", False),
    "huge id": ({"id": 2**60}, "id_out_of_range", False),
    "infinite ratio": ({"pe": math.inf}, "not_finite", True),
    "score of ten": ({"piotroski_f_score": 10}, "f_score_out_of_range", True),
}


@pytest.mark.parametrize("name", FUNDAMENTALS)
def test_bad_fundamentals(tmp_path: Path, name: str) -> None:
    change, reason, kept = FUNDAMENTALS[name]
    row = {"ticker": "GOOD", "fiscal_date": "2023-12-31", "fetched_date": "2024-02-01", "pe": 9.0}
    lake = exported(tmp_path, fundamentals=[row | change])
    entry = lake.manifest["datasets"]["fundamentals"]
    assert entry["warnings" if kept else "rejected"] == {reason: 1}
    assert entry["rows"] == int(kept)
    assert rejects(lake, "fundamentals")["reason"].to_list() == [reason]


def test_stocks_that_become_one_ticker_keep_the_last_updated(tmp_path: Path) -> None:
    listed = [
        stock("V-B", name="old", last_updated="2026-01-01 10:00:00"),
        stock("V B", name="none"),
        stock("V_B", name="new", last_updated="2026-02-01T10:00:00Z"),
        stock("W", name="odd", last_updated="soon"),
    ]
    lake = exported(tmp_path, stocks=listed)
    frame = lake.stocks().collect()
    assert frame["name"].to_list() == ["new", "odd"]
    assert frame["last_updated"].to_list() == [datetime(2026, 2, 1, 10), None]
    entry = lake.manifest["datasets"]["stocks"]
    assert (entry["rejected"], entry["warnings"]) == ({"duplicate_key": 2}, {"bad_time": 1})


def test_text_that_is_no_unicode_is_rejected(tmp_path: Path) -> None:
    source = database(tmp_path / "x.db", stocks=[stock("GOOD"), stock("BAD")], daily_prices=GOOD)
    con = sqlite3.connect(source)
    con.execute("UPDATE stocks SET name = CAST(x'ff41' AS TEXT) WHERE ticker = 'BAD'")
    con.commit()
    con.close()
    manifest = export(source, tmp_path / "lake", SWEDEN)
    assert manifest["datasets"]["stocks"]["rejected"] == {"bad_text": 1}


# ----------------------------------------------------------------------------- bad sources


def with_sql(sql: str) -> Any:
    def make(path: Path) -> None:
        database(path, stocks=[stock("GOOD")], daily_prices=GOOD)
        con = sqlite3.connect(path)
        con.executescript(sql)
        con.close()

    return make


def truncated(path: Path) -> None:
    with_sql("")(path)
    path.write_bytes(path.read_bytes()[:5000])


SOURCES: dict[str, tuple[Any, str]] = {
    "missing": (lambda path: path.exists(), "no database at"),
    "folder": (lambda path: path.mkdir(), "is not a file"),
    "empty": (lambda path: path.touch(), "is not a SQLite database"),
    "text": (lambda path: path.write_text("hello " * 100), "is not a SQLite database"),
    "truncated": (truncated, "cannot"),
    "no stocks": (with_sql("DROP TABLE stocks"), "has no table stocks"),
    "no prices": (with_sql("DROP TABLE daily_prices"), "has no table daily_prices"),
    "no fundamentals": (with_sql("DROP TABLE fundamentals"), "has no table fundamentals"),
    "no column": (with_sql("ALTER TABLE stocks DROP COLUMN sector"), "stocks has no column sector"),
    "wrong type": (
        with_sql("DROP TABLE daily_prices; CREATE TABLE daily_prices (ticker VARCHAR, date DATE,"
                 " open FLOAT, close BLOB, high FLOAT, low FLOAT, volume FLOAT)"),
        "daily_prices.close is declared BLOB",
    ),
    "no rowid": (
        with_sql("DROP TABLE index_prices; CREATE TABLE index_prices (index_id VARCHAR, date DATE,"
                 " close FLOAT, open FLOAT, high FLOAT, low FLOAT, PRIMARY KEY (index_id, date))"
                 " WITHOUT ROWID"),
        "has no rowid",
    ),
    "id no key": (
        with_sql("CREATE TABLE f AS SELECT * FROM fundamentals; ALTER TABLE fundamentals RENAME TO"
                 " g; CREATE TABLE fundamentals (id INTEGER, ticker VARCHAR)"),
        "has no column",
    ),
    "no rows": (with_sql("DELETE FROM daily_prices"), "no valid row in daily_prices"),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_a_bad_source_is_refused_by_name_and_leaves_the_lake_alone(
    tmp_path: Path, name: str
) -> None:
    make, message = SOURCES[name]
    exported(tmp_path)
    before = sorted(p.name for p in (tmp_path / "lake").rglob("*") if ".lock" not in p.name)
    bad = tmp_path / "bad 100%? #.db"
    make(bad)
    beside = sorted(tmp_path.iterdir())
    with pytest.raises(StockRankError, match=message) as caught:
        export(bad, tmp_path / "lake", SWEDEN)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == beside
    after = sorted(p.name for p in (tmp_path / "lake").rglob("*") if ".lock" not in p.name)
    assert after == before


def test_optional_tables_may_be_absent_and_paths_may_be_odd(tmp_path: Path) -> None:
    path = tmp_path / "a b 100%? #å.db"
    with_sql("DROP TABLE index_prices; DROP TABLE fundamentals_snapshots")(path)
    root = tmp_path / "la ke %41?"
    export(path, root, SWEDEN)
    assert "index_prices" not in Lake(root).manifest["datasets"]
    assert Lake(root).prices().collect().height == len(GOOD)


def test_a_lake_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    source = database(tmp_path / "x.db", stocks=[stock("GOOD")], daily_prices=GOOD)
    (tmp_path / "lake").write_text("a file")
    with pytest.raises(StockRankError, match="cannot write"):
        export(source, tmp_path / "lake", SWEDEN)


def test_a_loss_of_stocks_is_not_published_unless_forced(tmp_path: Path) -> None:
    listed = [stock(f"S{n}") for n in range(60)]
    lake = exported(tmp_path, stocks=listed)
    con = sqlite3.connect(tmp_path / "x.db")
    con.execute("DELETE FROM stocks WHERE ticker > 'S3'")
    con.commit()
    con.close()
    with pytest.raises(StockRankError, match="fewer than the last version"):
        export(tmp_path / "x.db", tmp_path / "lake", SWEDEN)
    assert Lake(tmp_path / "lake").version == lake.version
    manifest = export(tmp_path / "x.db", tmp_path / "lake", SWEDEN, force=True)
    assert "fewer than the last version" in manifest["failed_checks"][0]


# ---------------------------------------------------------------------------------- golden


def test_two_kinds_of_unreadable_rows_in_two_tables_are_rejected(tmp_path: Path) -> None:
    row = {"ticker": "GOOD", "fiscal_date": "2023-12-31", "pe": 9.0}
    copy = {"ticker": "GOOD", "snapshot_date": "2024-01-05", "pe": "x"}
    filed = {"fundamentals": [row, row | {"pe": "x"}, row], "fundamentals_snapshots": [copy]}
    listed = {"stocks": [stock("GOOD")], "daily_prices": GOOD}
    source = database(tmp_path / "x.db", **listed, **filed)
    con = sqlite3.connect(source)
    con.execute("UPDATE fundamentals SET data_source = CAST(x'ff41' AS TEXT) WHERE id = 3")
    con.commit()
    con.close()
    entry = export(source, tmp_path / "lake", SWEDEN)["datasets"]["fundamentals"]
    assert entry["rejected"] == {"bad_text": 1, "text_in_number": 2}
    assert entry["rows"] == 1


def test_only_as_many_versions_stay_as_are_to_be_kept(tmp_path: Path) -> None:
    source = database(tmp_path / "app.db", stocks=[stock("GOOD")], daily_prices=GOOD)
    for _ in range(3):
        export(source, tmp_path / "lake", SWEDEN, full=True, keep=1)
        assert version_ids(tmp_path / "lake") == [Lake(tmp_path / "lake").version]
