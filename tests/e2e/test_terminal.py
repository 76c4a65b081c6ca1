"""What the commands show on a terminal."""

from datetime import date
from pathlib import Path

import pytest

from pipelines import rank
from pipelines.export import export
from pipelines.universe import SWEDEN
from tests import factories

END = date(2026, 11, 20)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A lake whose names and sectors look like markup, emoji codes and commands of a terminal."""
    names = {"AA": "Nord [publ] AB", "BB": "Tre :cat: Kronor", "CC": "Nord [/b] \x1b[31m AB"}
    stocks = [
        {**factories.stock(ticker), "name": name, "sector": "Data [/it]", "country": "sweden",
         "is_active": 1}
        for ticker, name in names.items()
    ]  # fmt: skip
    prices = [row for t in names for row in factories.trading_year(t, END, growth=0.1)]
    statements = [
        {"ticker": t, "fiscal_date": "2025-12-31", "fetched_date": "2026-03-01", "pe": 10.0,
         "net_income": 1e6, "operating_cf": 2e6, "piotroski_f_score": 7}
        for t in names
    ]  # fmt: skip
    path = factories.database(
        tmp_path / "app.db", stocks=stocks, daily_prices=prices, fundamentals=statements
    )
    export(path, tmp_path / "lake", SWEDEN)
    return tmp_path / "lake"


def test_names_are_shown_as_they_are(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rank.main(lake=odd, strategy="sammansatt_momentum")
    shown = capsys.readouterr().out
    for name in ("Nord [publ] AB ", "Tre :cat: Kronor ", "Nord [/b] [31m AB "):
        assert name in shown
    assert "\x1b" not in shown


def test_a_sector_is_explained_as_it_is(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rank.main(lake=odd, strategy="sammansatt_momentum", explain="CC")
    shown = capsys.readouterr().out
    assert "sector Data [/it]" in shown
    assert shown.startswith("CC (Nord [/b] [31m AB), ")
