"""A ranking in each format, with its entity tag."""

from io import BytesIO
from zipfile import ZipFile

import polars as pl
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from polars.testing import assert_frame_equal

from app.web.formats import MEDIA, Format, negotiated

PATH = "/v1/strategies/sammansatt_momentum"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
READ = {
    "text/csv": lambda raw: pl.read_csv(raw, try_parse_dates=True),
    ARROW: pl.read_ipc_stream,
    PARQUET: pl.read_parquet,
}


@pytest.mark.parametrize("media", READ)
@pytest.mark.parametrize("part", ["", "/top10"])
def test_the_formats_hold_the_same_rows(client: TestClient, media: str, part: str) -> None:
    expected = pl.DataFrame(client.get(PATH + part).json()).with_columns(
        pl.col("last_updated").str.to_date()
    )
    answer = client.get(PATH + part, headers={"accept": media})
    assert answer.headers["content-type"].split(";")[0] == media
    assert_frame_equal(READ[media](answer.content), expected, check_dtypes=False)


def test_arrow_can_be_read_without_polars(client: TestClient) -> None:
    raw = client.get(f"{PATH}?format=arrow").content
    with pa.ipc.open_stream(BytesIO(raw)) as reader:
        assert reader.read_all().column("ticker").to_pylist() == ["AA B", "BB"]


@pytest.mark.parametrize("form", [f.value for f in Format])
def test_the_parameter_wins_over_accept(client: TestClient, form: str) -> None:
    named = client.get(f"{PATH}?format={form}", headers={"accept": "text/csv"})
    alone = client.get(f"{PATH}?format={form}")
    assert (named.content, named.headers["etag"]) == (alone.content, alone.headers["etag"])


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, Format.JSON),
        ("*/*", Format.JSON),
        ("application/*", Format.JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Format.JSON),
        ("text/csv", Format.CSV),
        ("TEXT/CSV; charset=utf-8", Format.CSV),
        (f"text/csv;q=0.5, {ARROW}", Format.ARROW),
        (f"text/csv;q=0, {PARQUET};q=0.1", Format.PARQUET),
        ("*/*;q=0.1, text/csv;q=0.2", Format.CSV),
        # Ranges, and what they do not say of a type that is named itself.
        ("text/*", Format.CSV),
        ("text/html, text/*;q=0.9, */*;q=0.1", Format.CSV),
        ("text/*;q=0.3, application/*;q=0.2", Format.CSV),
        ("text/*, text/csv;q=0.1, application/json;q=0.2", Format.JSON),
        ("*/*, text/*;q=0.5, application/json;q=0.4", Format.ARROW),
        # What has no weight is never sent, whatever a wider range says.
        ("application/json;q=0, */*", Format.CSV),
        ("*/*, application/json; q=0.000", Format.CSV),
        ("application/*;q=0, */*", Format.CSV),
        (f"application/*;q=0, {PARQUET}", Format.PARQUET),
        (f"*/*;q=0, {ARROW};q=0.001", Format.ARROW),
        # Of equal weights: the more specific, then the first.
        ("*/*, text/csv", Format.CSV),
        (f"{ARROW}, text/csv", Format.ARROW),
        (f"text/csv, {ARROW}", Format.CSV),
        # What is no weight says nothing.
        ("text/csv;q=9, application/json;q=0.9", Format.CSV),
        ("text/csv;q=0.9, application/json;q=1.5", Format.JSON),
        ("", Format.JSON),
    ],
)
def test_what_accept_means(accept: str | None, form: Format) -> None:
    assert negotiated(accept, None) is form


@pytest.mark.parametrize(
    "accept",
    ["image/png", "text/csv;q=0", ",", "*/*;q=0", "image/*", "text/*;q=0, application/*;q=0.0"],
)
def test_a_type_that_is_not_offered(client: TestClient, accept: str) -> None:
    answer = client.get(PATH, headers={"accept": accept})
    assert answer.status_code == 406
    assert "expected application/json, text/csv" in answer.json()["detail"]


# -------------------------------------------------------------------------------- entity tags


def test_a_client_that_has_the_answer_gets_none(client: TestClient) -> None:
    first = client.get(PATH)
    assert first.headers["cache-control"] == "max-age=300"
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = client.get(PATH, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert client.get(PATH, headers={"if-none-match": '"x"'}).status_code == 200


def test_every_query_has_a_tag_of_its_own(client: TestClient) -> None:
    queries = ["", "?limit=1", "?offset=1", "?format=csv", "?as_of=2026-11-19", "/top10"]
    tags = [client.get(PATH + query).headers["etag"] for query in queries]
    assert len(set(tags)) == len(queries)


def test_a_file_of_the_whole_ranking(client: TestClient) -> None:
    answer = client.get("/v1/export/rankings/trendande_varde")
    assert answer.headers["content-disposition"] == (
        'attachment; filename="trendande_varde-2026-11-20.csv"'
    )
    header, row = answer.text.splitlines()
    assert header.startswith("ticker,name,rank,score,last_updated,data_age_days,freshness,")
    assert row.startswith("AA B,Aa B,1,0.3166")
    assert ",2026-11-20,1,fresh," in row
    told = dict(zip(header.split(","), row.split(","), strict=True))
    assert (told["sector"], told["close"], told["pe"]) == ("Industri", "150.0", "10.0")


def test_a_file_that_a_swedish_excel_opens(client: TestClient) -> None:
    answer = client.get("/v1/export/rankings/trendande_varde?locale=sv")
    assert answer.content.startswith(b"\xef\xbb\xbfticker;name;rank;score;")
    assert b"\nAA B;Aa B;1;0,3166" in answer.content
    short = client.get(f"{PATH}?format=csv&locale=sv")
    assert short.content.startswith(b"\xef\xbb\xbfticker;name;rank;score;")
    assert client.get(f"{PATH}?format=csv").content.startswith(b"ticker,name")


@pytest.mark.parametrize("form", ["json", "parquet", "xlsx"])
def test_no_other_format_has_a_language(client: TestClient, form: str) -> None:
    for path in (PATH, "/v1/export/rankings/trendande_varde"):
        answer = client.get(f"{path}?format={form}&locale=sv")
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith(f"locale=sv is for csv, not for {form}")


def test_a_file_for_excel(client: TestClient) -> None:
    answer = client.get("/v1/export/rankings/trendande_varde?format=xlsx")
    assert answer.headers["content-type"] == MEDIA[Format.XLSX]
    assert answer.headers["content-disposition"].endswith('.xlsx"')
    with ZipFile(BytesIO(answer.content)) as file:
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
        texts = file.read("xl/sharedStrings.xml").decode()
    assert "<v>150</v>" in sheet
    assert "<t>AA B</t>" in texts
    assert "<t>market_cap_msek</t>" in texts


def test_a_file_of_parquet_has_all_columns(client: TestClient) -> None:
    answer = client.get("/v1/export/rankings/trendande_varde?format=parquet")
    frame = pl.read_parquet(answer.content)
    assert frame.select("ticker", "close", "pe").row(0) == ("AA B", 150.0, 10.0)
