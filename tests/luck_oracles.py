"""tests/golden/research_luck.json: what ffn and alphalens say of trials and of a factor.

Run it in the environment of `tests/metrics_oracles.py`: oracles/bin/python tests/luck_oracles.py
"""

import json
import math
import warnings
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

GOLDEN: Final = Path(__file__).with_name("golden") / "research_luck.json"
TRIALS: Final = 12
ROWS: Final = 330
BLOCKS: Final = 8
STOCKS: Final = 23
DATES: Final = 30
QUANTILES: Final = 5


def trials() -> list[list[float]]:
    """Daily returns of trials, a row a day; the first has a little skill."""
    random = Random(3)
    return [
        [random.gauss(0.0009 if n == 0 else 0.0, 0.01) for n in range(TRIALS)] for _ in range(ROWS)
    ]


def dates() -> list[date]:
    return [date(2020, 1, 6) + timedelta(days=n) for n in range(DATES)]


def factor_and_forward() -> list[tuple[date, str, float, float]]:
    """A factor of stocks by date, with the return after; some have none on some dates."""
    random, rows = Random(4), []
    levels = [random.gauss(0, 1) for _ in range(STOCKS)]
    for day in dates():
        for n in range(STOCKS):
            levels[n] += random.gauss(0, 0.3)
            forward = 0.01 * levels[n] + random.gauss(0, 0.03)
            if random.random() > 0.1:
                rows.append((day, f"S{n:02}", levels[n], forward))
    return rows


def main() -> None:
    """Write what the libraries say."""
    warnings.simplefilter("ignore")
    import alphalens as al  # noqa: PLC0415
    import ffn  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    frame = pd.DataFrame(trials(), index=pd.bdate_range("2020-01-01", periods=ROWS))
    ratios = frame.mean() / frame.std(ddof=1)
    told: dict[str, Any] = {
        "expected_best": ffn.calc_expected_max_sharpe(TRIALS, ratios.std(ddof=1)),
        "deflated": ffn.calc_deflated_sharpe_ratio(
            frame[ratios.idxmax()], ratios, nperiods=252, annualized_trials=False
        ),
        "overfitting": ffn.calc_prob_backtest_overfitting(frame, BLOCKS),
    }
    rows = pd.DataFrame(factor_and_forward(), columns=["date", "asset", "factor", "1D"])
    rows["date"] = pd.DatetimeIndex(rows["date"])
    rows = rows.set_index(["date", "asset"])
    rows["factor_quantile"] = rows.groupby("date")["factor"].transform(
        lambda x: pd.qcut(x, QUANTILES, labels=False) + 1
    )
    ic = al.performance.factor_information_coefficient(rows)["1D"]
    means, _ = al.performance.mean_return_by_quantile(rows, by_date=True, demeaned=False)
    quantile = rows["factor_quantile"]
    told |= {
        "ic": ic.to_list(),
        "means": [means["1D"][q].to_list() for q in range(1, QUANTILES + 1)],
        "autocorrelation": _known(al.performance.factor_rank_autocorrelation(rows)),
        "turnover": [
            _known(al.performance.quantile_turnover(quantile, q)) for q in range(1, QUANTILES + 1)
        ],
    }
    GOLDEN.write_text(json.dumps(told) + "\n", encoding="utf-8")


def _known(series: Any) -> list[float]:
    return [value for value in series.to_list() if not math.isnan(value)]


if __name__ == "__main__":
    main()
