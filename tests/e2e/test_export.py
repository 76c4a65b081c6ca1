"""The files of a version: their form, their readers, and what does not matter to them."""

import hashlib
import sqlite3
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from pipelines.errors import StockRankError
from pipelines.export import export
from pipelines.lake import DataFile
from pipelines.lake import contracts as schemas
from pipelines.lake.version import Lake, version_ids
from pipelines.universe import SWEDEN
from tests.factories import change, database, stock, trading_year

END = date(2026, 11, 20)
GOOD = trading_year("GOOD", END)


@pytest.fixture(scope="module")
def demo(demo_market: Path) -> tuple[Path, Lake]:
    return demo_market / "demo.db", Lake(demo_market / "lake")


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
        len({f.year for f in lake.manifest.datasets["prices"].files}),
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
    for dataset, entry in lake.manifest.datasets.items():
        folder = lake.path / dataset
        paths = [str(path.relative_to(lake.path)) for path in sorted(folder.rglob("*.parquet"))]
        assert paths == sorted(file.path for file in entry.files)
        assert entry.rows == sum(file.rows for file in entry.files)
        for file in entry.files:
            is_as_said(lake.path / file.path, file, entry.schema)


def is_as_said(path: Path, file: DataFile, schema: Mapping[str, str]) -> None:
    data = path.read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)
    metadata = pq.read_metadata(path)
    assert metadata.num_rows == file.rows
    frame = pl.read_parquet(path, hive_partitioning=False)
    assert {c: t.base_type().__name__ for c, t in frame.schema.items()} == schema
    assert {c: n for c, n in frame.null_count().to_dicts()[0].items() if n} == file.nulls
    if file.year and "/observed_" not in f"{path.parent}":
        assert path.parent.name == f"year={file.year}"
    assert "year" not in frame.columns
    for group in range(metadata.num_row_groups):
        for n in range(metadata.num_columns):
            column = metadata.row_group(group).column(n)
            assert (column.compression, column.is_stats_set) == ("ZSTD", file.rows > 0)


@pytest.mark.parametrize("dataset", ["stocks", "fundamentals", "index_prices"])
def test_other_datasets_hold_their_contracts(demo: tuple[Path, Lake], dataset: str) -> None:
    lake = demo[1]
    schema = pl.Schema({c: getattr(pl, t)() for c, t in
                        lake.manifest.datasets[dataset].schema.items()})  # fmt: skip
    contract = schemas.lake_schema(dataset)
    assert {c: t for c, t in schema.items() if c in contract} == contract
    assert set(schema) - set(contract) <= {"newest_close", "newest_date"}


def test_current_is_a_link_and_nothing_else_is_left(demo: tuple[Path, Lake]) -> None:
    source, lake = demo
    root = source.parent / "lake"
    assert (root / "current").readlink() == Path("versions") / lake.version
    locks = {".lock", ".pointer.lock"}
    assert {path.name for path in root.iterdir()} == {*locks, "current", "kept", "versions"}
    assert [path.name for path in (root / "versions").iterdir()] == [lake.version]
    assert {path.name for path in source.parent.iterdir()} == {"demo.db", "lake"}


def test_the_same_database_gives_the_same_files(demo: tuple[Path, Lake], tmp_path: Path) -> None:
    source, lake = demo
    export(source, tmp_path / "lake", SWEDEN)
    assert Lake(tmp_path / "lake").manifest.datasets == lake.manifest.datasets


def test_the_size_of_a_batch_does_not_matter(
    demo: tuple[Path, Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, lake = demo
    monkeypatch.setattr("pipelines.source.batches.BATCH_VALUES", 9_999)
    export(source, tmp_path / "lake", SWEDEN)
    assert Lake(tmp_path / "lake").manifest.datasets == lake.manifest.datasets


def test_the_next_version_has_the_same_calendar_without_asking_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = database(tmp_path / "app.db", stocks=[stock("GOOD")], daily_prices=GOOD)
    first = export(source, tmp_path / "lake", SWEDEN, force=True)
    monkeypatch.setattr("pipelines.refresh.trading_days.sessions", lambda *_: pytest.fail("asked"))
    second = export(source, tmp_path / "lake", SWEDEN, full=True, force=True)
    assert second.version != first.version
    assert second.integrity.calendar == first.integrity.calendar


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
        hashes = [[f.sha256 for f in v.manifest.datasets[dataset].files]
                  for v in (lake, Lake(tmp_path / "lake"))]  # fmt: skip
        assert hashes[0] == hashes[1]


def test_the_size_of_a_stretch_does_not_matter(
    demo: tuple[Path, Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, lake = demo
    monkeypatch.setattr("pipelines.source.batches.STRETCH_VALUES", 56_000)
    export(source, tmp_path / "lake", SWEDEN)
    assert Lake(tmp_path / "lake").manifest.datasets == lake.manifest.datasets


# ------------------------------------------------------------------------------- versions


def test_a_loss_of_stocks_is_not_published_unless_forced(tmp_path: Path) -> None:
    listed = [stock(f"S{n}") for n in range(60)]
    source = database(tmp_path / "x.db", stocks=listed, daily_prices=GOOD)
    export(source, tmp_path / "lake", SWEDEN)
    lake = Lake(tmp_path / "lake")
    change(source, "DELETE FROM stocks WHERE ticker > 'S3'")
    with pytest.raises(StockRankError, match="fewer than the last version"):
        export(tmp_path / "x.db", tmp_path / "lake", SWEDEN)
    assert Lake(tmp_path / "lake").version == lake.version
    manifest = export(tmp_path / "x.db", tmp_path / "lake", SWEDEN, force=True)
    assert "fewer than the last version" in manifest.failed_checks[0]


def test_only_as_many_versions_stay_as_are_to_be_kept(tmp_path: Path) -> None:
    source = database(tmp_path / "app.db", stocks=[stock("GOOD")], daily_prices=GOOD)
    for _ in range(3):
        export(source, tmp_path / "lake", SWEDEN, full=True, keep=1)
        assert version_ids(tmp_path / "lake") == [Lake(tmp_path / "lake").version]
