"""The manifest as JSON: what is written is what is read, and nothing else is."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pipelines.definition import definition_of
from pipelines.lake import Check, Manifest, Phase, parse, text
from pipelines.lake.manifest import UnknownKey, layout_of
from pipelines.universe import Universe
from tests.factories import data_file, dataset, fingerprint, integrity, manifest

WHOLE = manifest(
    "v", source=fingerprint(wal=(32, 7), wal_header="00"), failed_checks=("odd",),
    universe=Universe(name="u", markets=("oslo",), currency="NOK", floors=((date.min, 1.5),)),
    datasets={
        "prices": dataset(
            data_file("prices/year=2024/0.parquet", year=2024, rows=3, bytes=9, nulls={"open": 1}),
            data_file("prices/year=2025/0.parquet", year=2025, rows=4, bytes=8),
            rows_in=10, rejected={"bad_date": 1, "null_key": 2}, warnings={"ohl_missing": 1},
            widest_text=11, rejects_sha256="aa", rejects_bytes=5, source_years={"2024": 10},
        ),
        "rankings": dataset(data_file("rankings/0.parquet", rows=2)),
    },
    phases=(Phase(phase="copy", rows=None, seconds=0.5, before_mb=80.0, peak_mb=90.1),),
    integrity=integrity(
        Check(name="isins", status="ok", message="none", value={"count": 0, "cases": []})
    ),
)  # fmt: skip


def test_what_is_written_is_what_is_read() -> None:
    assert parse(text(WHOLE).encode()) == WHOLE


def test_json_is_one_value_a_line_in_ascii() -> None:
    made = text(
        replace(
            WHOLE, version="v\u00e5\u20ac\U0001f600", universe=replace(WHOLE.universe, name="é")
        )
    )
    assert made.isascii()
    assert made == json.dumps(json.loads(made), indent=1)


def test_json_holds_dates_and_times_as_text_and_leaves_out_what_is_unknown() -> None:
    read = json.loads(text(WHOLE))
    assert (read["created_at"], read["as_of"]) == ("2026-11-20T17:00:00+00:00", "2026-11-20")
    assert read["universe"]["floors"] == [["0001-01-01", 1.5]]
    assert read["integrity"]["priced_to"] == "2026-11-20"
    rankings = read["datasets"]["rankings"]
    assert sorted(rankings) == ["files", "rows", "schema"]
    assert rankings["files"][0]["year"] is None


def test_sums_over_files_and_datasets() -> None:
    prices = WHOLE.datasets["prices"]
    assert (prices.rows, prices.bytes, prices.rejected_rows) == (7, 17, 3)
    assert (WHOLE.rows, WHOLE.bytes) == (9, 20)


@pytest.mark.parametrize(
    "change",
    [{"as_of": 20261120}, {"as_of": None}, {"datasets": []}, {"created_at": "yesterday"},
     {"version": 7}, {"phases": {}}, {"integrity": None}],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        parse(json.dumps(json.loads(text(WHOLE)) | change).encode())


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"7", b"\xff", b'{"schema_version": 1}'])
def test_what_is_no_manifest_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="Manifest"):
        parse(raw)


@pytest.mark.parametrize(
    ("raw", "layout"),
    [(b'{"schema_version": 7, "more": []}', 7), (b"{}", None), (b"{", None), (b"[]", None)],
)
def test_the_layout_can_be_told_of_any_release(raw: bytes, layout: int | None) -> None:
    assert layout_of(raw) == layout


MINE = definition_of("mine", {
    "title": "Mine", "description": "Mine.", "type": "value", "rebalance_months": [3],
    "composite": {"factors": [{"factor": "pe", "weight": 2}], "at_least": 1},
})  # fmt: skip


@pytest.mark.parametrize("universe", ["universe", "other_universes"])
@pytest.mark.parametrize("part", ["", ".composite", ".composite.factors[0]"])
def test_a_key_of_a_strategy_that_is_not_known_is_named(universe: str, part: str) -> None:
    """Other keys of a manifest may be added; that of a strategy changes what it ranks."""
    own = replace(WHOLE.universe, strategies=(MINE,))
    made = replace(WHOLE, universe=own, other_universes=(own,), release="9.9.0")
    read = json.loads(text(made))
    place = read[universe] if universe == "universe" else read[universe][0]
    at = f"{universe}.strategies[0]" if universe == "universe" else f"{universe}[0].strategies[0]"
    found = place["strategies"][0]
    for step in part.replace("[0]", "").split(".")[1:]:
        found = found[step][0] if step == "factors" else found[step]
    found["twist"] = 1
    with pytest.raises(UnknownKey) as caught:
        parse(json.dumps(read).encode())
    assert (str(caught.value), caught.value.release) == (f"{at}{part}.twist", "9.9.0")


def test_older_manifests_know_less() -> None:
    """What releases of the same layout did not write has a value that says so."""
    read = json.loads(text(WHOLE))
    for name in ("rules", "contract", "release", "failed_checks"):
        del read[name]
    old: Manifest = parse(json.dumps(read).encode())
    assert (old.rules, old.contract, old.release, old.failed_checks) == ("", "", "", ())
    assert replace(old, failed_checks=("odd",)) == WHOLE
    assert WHOLE.created_at == datetime(2026, 11, 20, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "share"), [({"share": 0.25}, 0.25), ({"share": 1}, 1.0), ({"share": None}, 0.0),
                         ("XSTO", 0.0)],
)  # fmt: skip
def test_the_share_of_a_check(value: object, share: float) -> None:
    assert Check(name="n", status="ok", message="m", value=value).share == share  # type: ignore[arg-type]
