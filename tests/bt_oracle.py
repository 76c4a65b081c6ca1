"""tests/golden/research_bt.json: the value by day of portfolios that `bt` follows.

Run it in the environment of `tests/metrics_oracles.py`: oracles/bin/python tests/bt_oracle.py
"""

import json
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final

GOLDEN: Final = Path(__file__).with_name("golden") / "research_bt.json"
START: Final = date(2024, 1, 1)
TICKERS: Final = "ABCDEFGH"
DAYS: Final = 200
CAPITAL: Final = 100_000.0
COSTS: Final = (0.0, 25.0, 150.0)
"""Basis points of each trade."""


def days() -> list[date]:
    """Weekdays; the first one is a Tuesday."""
    all_days = (START + timedelta(days=n) for n in range(1, 2 * DAYS))
    return [day for day in all_days if day.weekday() < 5][:DAYS]


def closes() -> dict[str, list[float]]:
    """Closes in eighths, which single precision holds as they are."""
    random, found = Random(8), {}
    for ticker in TICKERS:
        price, found[ticker] = 100.0, list[float]()
        for _ in range(DAYS):
            price *= 1 + random.gauss(0.0005, 0.02)
            found[ticker].append(round(price * 8) / 8)
    return found


def chosen() -> dict[int, str]:
    """The stocks to hold, each equally, by the number of the day of the signal."""
    random = Random(9)
    return {n: "".join(random.sample(TICKERS, 4)) for n in range(0, DAYS - 1, 21)}


def main() -> None:
    """Write the values by the costs."""
    import bt  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    prices = pd.DataFrame(closes(), index=pd.DatetimeIndex(days()))
    weights = pd.DataFrame(
        [[0.25 * (t in held) for t in TICKERS] for held in chosen().values()],
        index=[prices.index[n + 1] for n in chosen()], columns=list(TICKERS),
    )  # fmt: skip

    def close_first(target: bt.Strategy) -> bool:
        """Sell what is not wanted before the weights, or `bt` spends the costs of it twice."""
        for name, child in target.children.items():
            if child.value and not target.temp["weights"].get(name):
                target.close(name)
        return True

    told = {}
    for bps in COSTS:
        algos = [bt.algos.WeighTarget(weights), close_first, bt.algos.Rebalance()]
        test = bt.Backtest(
            bt.Strategy("s", algos), prices, initial_capital=CAPITAL, integer_positions=False,
            commissions=lambda q, p, bps=bps: abs(q) * p * bps / 1e4, progress_bar=False,
        )  # fmt: skip
        bt.run(test)
        told[str(bps)] = test.strategy.values[prices.index].to_list()
    GOLDEN.write_text(json.dumps(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
