"""The checks of jumps in the integrity report: what is listed, and what its owner can do."""

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines.lake import Check
from pipelines.universe import SWEDEN, TrustedJump
from tests.factories import FrameLake, closes, stock
from tests.integrity import checks, lake, value

FELL = {"2026-11-18": 10.0, "2026-11-19": 1.0, "2026-11-20": 1.1}
ROSE = {"2020-01-02": 1.0, "2020-01-03": 3.0, "2026-11-20": 3.5}
SLIP = {"2026-11-18": 10.0, "2026-11-19": 1.0, "2026-11-20": 10.0}


def market() -> FrameLake:
    """Stocks that fell tenfold, that rose 3.4-fold long ago, that slipped, and one abroad."""
    listed = [stock("FELL"), stock("ROSE"), stock("SLIP"), stock("ABROAD", market="oslo")]
    prices = [*closes("FELL", FELL), *closes("ROSE", ROSE | {"2020-01-03": 3.4}),
              *closes("SLIP", SLIP), *closes("ABROAD", FELL)]  # fmt: skip
    made = lake(listed, prices)
    reason = pl.when(pl.col("ticker") == "FELL").then(pl.lit("suspect_price"))
    made.datasets["rankings"] = made.datasets["rankings"].with_columns(excluded_by=reason)
    return made


def found(*trusted: str) -> dict[str, Check]:
    jumps = tuple(map(TrustedJump.of, trusted))
    return checks(market(), universe=replace(SWEDEN, trusted_jumps=jumps))


def test_the_jumps_that_nothing_explains_are_listed_with_what_to_do() -> None:
    check = found()["jumps"]
    assert check.status == "warning"
    assert check.message == "jumps of prices that nothing explains: 2; not ranked for one: FELL"
    assert value(check)["count"] == 2
    fell, rose = value(check)["cases"]
    assert fell == {
        "ticker": "FELL", "date_before": "2026-11-18", "date": "2026-11-19", "suspect": True,
        "ratio": 0.1, "from": 10.0, "to": 1.0,
        "what_to_do": "add the split 10:1 to splits if there was one; else mend the row in "
        'daily_prices; or if it is real, trust "FELL 2026-11-19"',
    }  # fmt: skip
    assert (rose["ticker"], rose["suspect"]) == ("ROSE", False)
    assert rose["what_to_do"] == (
        'mend the row in daily_prices; or if it is real, trust "ROSE 2020-01-03"'
    )


def test_what_is_trusted_is_listed_no_more() -> None:
    checked = found("FELL 2026-11-19", "ROSE 2020-01-03")
    assert value(checked["jumps"])["count"] == 0
    assert checked["jumps"].status == "ok"
    assert checked["trusted_jumps"].message == "trusted jumps that match a jump: all 2"
    assert checked["trusted_jumps"].status == "ok"


def test_an_entry_that_matches_nothing_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING"):
        check = found("FELL 2026-11-18", "GONE 2026-11-19", "FELL 2026-11-19")["trusted_jumps"]
    lost = ["FELL 2026-11-18", "GONE 2026-11-19"]
    said = f"trusted jumps that match no jump: {', '.join(lost)}; correct or remove them"
    assert (check.status, check.message, caplog.messages) == ("warning", said, [said])
    assert [case["entry"] for case in value(check)["cases"]] == lost


def test_without_trusted_jumps_there_is_no_check_of_them() -> None:
    assert "trusted_jumps" not in found()


@pytest.mark.parametrize(
    ("text", "jump"),
    [
        ("ROCK B 2020-03-09", ("ROCK B", date(2020, 3, 9))),
        ("ROCK-B 2020-03-09", ("ROCK-B", date(2020, 3, 9))),
        ("A/B 2020-03-09", ("A/B", date(2020, 3, 9))),
    ],
)
def test_a_trusted_jump_in_words(text: str, jump: Any) -> None:
    found = TrustedJump.of(text)
    assert ((found.ticker, found.date), str(found)) == (jump, text)


@pytest.mark.parametrize(
    "text", ["", "ROCK B", "2020-03-09", " 2020-03-09", "ROCK B 2020-02-30", "ROCK B 2020-3-9"]
)
def test_what_is_no_trusted_jump(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as ROCK B 2020-03-09|day is out of range"):
        TrustedJump.of(text)
