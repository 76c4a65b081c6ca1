"""Holdings are read as people have them: lines, and files of Avanza and Nordnet as they come."""

import codecs

import pytest

from pipelines.errors import WrongUsage
from pipelines.ranking import StockName, StockNames
from pipelines.research import decoded, read_holdings

STOCKS = StockNames(
    [
        StockName("VOLV B", "Volvo B", "SE0000115446", "stockholmsborsen", "SEK"),
        StockName("NDA SE", "Nordea Bank Abp", "FI4000297767", "stockholmsborsen", "SEK"),
        StockName("NDA FI", "Nordea Bank Abp", "FI4000297767", "helsinki", "EUR"),
        StockName("AKEG", "Åkergård Projekt", "SE0000100000", "first_north", "SEK"),
        StockName("SAMPO A", "Sampo", "FI0009003305", "helsinki", "EUR"),
        StockName("SAMPO B", "Sampo", "FI0009003306", "helsinki", "EUR"),
    ]
)
AVANZA = (
    "Kontonummer;Namn;Kortnamn;Volym;Marknadsvärde;GAV (SEK);GAV;Valuta;Land;ISIN;Marknad;Typ\r\n"
    "1234567;Volvo B;VOLV B;1 268;24126,00;249,33;249,33;SEK;SE;SE0000115446;XSTO;STOCK\r\n"
    "1234567;Nordea Bank Abp;NDA FI;20;2388,20;110,63;9,63;EUR;FI;FI4000297767;XHEL;STOCK\r\n"
    "7654321;Volvo B;VOLV B;32;600,00;249,33;249,33;SEK;SE;SE0000115446;XSTO;STOCK\r\n"
    "1234567;Avanza Global;;12,3456;1000,00;80,1;80,1;SEK;SE;SE0011527613;;FUND\r\n"
)
NORDNET = (
    "Namn\tValuta\tAntal\tGAV\tSenast\tVärde\r\n"
    "Åkergård Projekt\tSEK\t1\u00a0050\t1,5\t2\t2 100\r\n"
)


def told(text: str) -> list[tuple[str, int, str]]:
    found = read_holdings(text, STOCKS)
    return [(one.ticker, one.shares, one.matched_by) for one in found.holdings]


def left_out(text: str) -> list[tuple[int, str, str, list[str]]]:
    found = read_holdings(text, STOCKS)
    return [(n.line, n.text, n.reason, [s.ticker for s in n.nearest]) for n in found.not_matched]


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_file_of_avanza(mark: bytes) -> None:
    text = decoded(mark + AVANZA.encode())
    assert told(text) == [("VOLV B", 1268, "isin"), ("NDA FI", 20, "isin"), ("VOLV B", 32, "isin")]
    assert left_out(text) == [(5, "Avanza Global", "12,3456 is no whole number of shares", [])]


@pytest.mark.parametrize(
    "whole",
    [
        NORDNET.encode("utf-16"),
        codecs.BOM_UTF16_BE + NORDNET.encode("utf-16-be"),
        NORDNET.encode("utf-16-le"),
        NORDNET.encode("cp1252"),
        NORDNET.encode(),
    ],
)
def test_a_file_of_nordnet_in_any_code(whole: bytes) -> None:
    assert told(decoded(whole)) == [("AKEG", 1050, "name")]


@pytest.mark.parametrize(
    "text",
    ["volv-b;100", "VOLV_B\t100", "VOLV B,100", "VOLV B 100", "\ufeffticker;shares\nVOLV B;100",
     "SE0000115446;100,0", "volvo b|100", "\n\nVOLV B;100\n", "Ticker,Shares\nVOLV B,100",
     '"VOLV B";"100"', "shares;isin\n100;se0000115446"],
)  # fmt: skip
def test_lines_as_people_write_them(text: str) -> None:
    assert [one[:2] for one in told(text)] == [("VOLV B", 100)]


def test_lines_may_have_separators_of_their_own() -> None:
    assert told("VOLV B;100\nAKEG 5") == [("VOLV B", 100, "ticker"), ("AKEG", 5, "ticker")]


def test_one_isin_of_two_listings_is_that_of_the_currency() -> None:
    head = "ISIN;Valuta;Antal\nFI4000297767;"
    assert told(f"{head}EUR;5") == [("NDA FI", 5, "isin")]
    assert told(f"{head}SEK;5") == [("NDA SE", 5, "isin")]


def test_a_name_of_two_stocks_is_neither() -> None:
    assert told("Sampo;5") == []
    assert left_out("Sampo;5") == [
        (1, "Sampo", "no stock of this ISIN, ticker or name", ["SAMPO A", "SAMPO B"])
    ]


def test_what_is_unknown_names_the_nearest() -> None:
    assert left_out("VOLVO X;5\nVLOV B;3\nQQQQ;1") == [
        (1, "VOLVO X", "no stock of this ISIN, ticker or name", ["VOLV B"]),
        (2, "VLOV B", "no stock of this ISIN, ticker or name", ["VOLV B"]),
        (3, "QQQQ", "no stock of this ISIN, ticker or name", []),
    ]


@pytest.mark.parametrize(
    ("shares", "reason"),
    [
        ("x", "'x' is no number of shares"),
        ("-5", "-5 shares are below 0; only shares that are held are taken"),
        ("1.5", "1.5 is no whole number of shares"),
        ("1,000", "1,000 may be 1000 or a fraction; write it without ','"),
        ("1.000", "1.000 may be 1000 or a fraction; write it without '.'"),
        ("NaN", "'NaN' is no number of shares"),
        ("9" * 17, "'99999999999999999' is no number of shares"),
        ("1e3", "'1e3' is no number of shares"),
        ("", "there is no number of shares"),
    ],
)
def test_a_number_is_not_guessed(shares: str, reason: str) -> None:
    assert left_out(f"AKEG;1\nVOLV B;{shares}") == [(2, "VOLV B", reason, [])]


def test_under_a_swedish_head_a_comma_is_the_decimal_one() -> None:
    assert told("Kortnamn;Antal\nVOLV B;1,000") == [("VOLV B", 1, "ticker")]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the text has no holdings; write a line such as VOLV B;100 for each"),
        (" \n\n", "the text has no holdings"),
        ("Namn;Kurs\nVolvo B;278", "no column of shares in the first line, 'Namn, Kurs'"),
        ("VOLV B", "no column of shares in the first line"),
        ("A;1\n" * 5001, "the text has 5,001 lines; at most 5,000 are read"),
    ],
)
def test_a_text_without_holdings_is_refused(text: str, what: str) -> None:
    with pytest.raises(WrongUsage) as error:
        read_holdings(text, STOCKS)
    assert what in str(error.value)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(WrongUsage, match="byte 0 of the file is no text in cp1252"):
        decoded(b"\x81\x8d")
    with pytest.raises(WrongUsage, match="utf-16"):
        decoded(codecs.BOM_UTF16_LE + b"\x00\xd8")


# -------------------------------------------------------------------------------- the search


@pytest.mark.parametrize(
    ("text", "tickers"),
    [
        ("volv b", ["VOLV B"]),
        ("VOLV-B", ["VOLV B"]),
        ("akergard", ["AKEG"]),
        ("Åkerg", ["AKEG"]),
        ("projekt", ["AKEG"]),
        ("se0000115446", ["VOLV B"]),
        ("sampo", ["SAMPO A", "SAMPO B"]),
        ("nda", ["NDA FI", "NDA SE"]),
        ("bank", ["NDA FI", "NDA SE"]),
        ("vovlo", ["VOLV B"]),
        ("qqqqqq", []),
        (" ", []),
    ],
)
def test_a_search_finds_the_best_first(text: str, tickers: list[str]) -> None:
    assert [stock.ticker for stock in STOCKS.search(text, 10)] == tickers
    assert [stock.ticker for stock in STOCKS.search(text, 1)] == tickers[:1]
