"""Files against the manifest: bytes, columns and types, rows."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.lake import Lake, verified
from pipelines.lake.damage import hashed
from pipelines.lake.verify import Verified
from pipelines.lake.version import schema_text
from tests.factories import data_file, dataset

ROWS = pl.DataFrame({"ticker": ["A", "B"], "close": [1.0, 2.0]})


def found(folder: Path, schema: pl.Schema = ROWS.schema, **known: Any) -> Verified:
    """What is found of a dataset of one file, as the manifest has it."""
    path = folder / "0.parquet"
    ROWS.write_parquet(path)
    (folder / "rejects").mkdir(exist_ok=True)
    (folder / "rejects" / "prices.parquet").write_bytes(b"abc")
    file = data_file("0.parquet", **{"rows": 2, "sha256": hashed(path)} | known)
    entry = dataset(file, schema=schema_text(schema), rejects_sha256="ba7816bf8f01cfea414140de5dae"
                    "2223b00361a396177a9cb410ff61f20015ad")  # fmt: skip
    (one,) = verified(Lake.unfinished(folder, {"prices": entry}, date(2024, 5, 31)))
    return one


def test_what_is_as_it_was_written(tmp_path: Path) -> None:
    assert found(tmp_path) == Verified("prices", 1, 2, ())


def test_what_is_not(tmp_path: Path) -> None:
    other = pl.Schema({"ticker": pl.String, "close": pl.Float32})
    assert found(tmp_path, other, rows=3).problems == (
        "0.parquet has other columns than the manifest",
        "0.parquet has another number of rows than the manifest",
    )
    assert found(tmp_path, sha256="00").problems == ("0.parquet has other bytes than were written",)


def test_rejects_are_files_of_the_version_too(tmp_path: Path) -> None:
    found(tmp_path)
    whole = dataset(rejects_sha256="00")
    lake = Lake.unfinished(tmp_path, {"prices": whole, "stocks": whole}, date(2024, 5, 31))
    assert [one.problems for one in verified(lake)] == [
        ("rejects/prices.parquet has other bytes than were written",),
        ("rejects/stocks.parquet is missing",),
    ]
