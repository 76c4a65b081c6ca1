"""The same weights, prices and costs give the same value on each day as in `bt`."""

import json

import pytest

from pipelines.research.rules import Rules
from tests.bt_oracle import CAPITAL, COSTS, GOLDEN, chosen, closes, days
from tests.unit.research.markets import a_lake, day, navs, simulated


@pytest.mark.parametrize("bps", COSTS)
def test_the_value_is_that_of_bt(bps: float) -> None:
    assert [day(n) for n in range(len(days()))] == days()
    rules = Rules(size=4, buy_rank=4, sell_rank=4, cost_bps=bps, capital=CAPITAL)
    found = navs(simulated(a_lake(closes()), chosen(), rules))
    told = json.loads(GOLDEN.read_text(encoding="utf-8"))[str(bps)]
    assert found == pytest.approx(told, rel=1e-9)
