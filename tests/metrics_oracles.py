"""tests/golden/research_metrics.json: the figures of other libraries, for series that are odd too.

They are in an environment of their own, for they bring pandas, SciPy and scikit-learn:

    python -m venv oracles
    oracles/bin/pip install quantstats==0.0.86 empyrical-reloaded==0.7.1 bt==1.4.1 \
        ffn==1.4.1 alphalens-reloaded==0.5.1
    oracles/bin/python tests/metrics_oracles.py
"""

import json
import math
import warnings
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

GOLDEN: Final = Path(__file__).with_name("golden") / "research_metrics.json"
START: Final = date(2020, 1, 2)


def series() -> dict[str, list[float]]:
    """Daily returns by the name of the series; the same wherever it runs."""
    random = Random(15)
    usual = [round(random.gauss(0.0006, 0.012), 6) for _ in range(750)]
    return {
        "usual": usual,
        "first_day_loss": [-0.2, *usual[:250]],
        "constant": [0.001] * 300,
        "one_row": [0.01],
        "empty": [],
        "all_losses": [-abs(r) - 1e-4 for r in usual[:200]],
        "with_gaps": usual[100:400],
    }


def dates(name: str, count: int) -> list[date]:
    """Weekdays from `START`; with gaps, every third one is missing."""
    days = (START + timedelta(days=n) for n in range(5 * count + 10))
    open_ = [day for day in days if day.weekday() < 5]
    return [d for n, d in enumerate(open_) if name != "with_gaps" or n % 3][:count]


def benchmark() -> list[float]:
    """Daily returns of a benchmark on all weekdays, related to those of `usual`."""
    random = Random(16)
    return [round(0.6 * r + random.gauss(0.0002, 0.006), 6) for r in series()["usual"]]


RISK_FREE: Final = 0.02


def main() -> None:
    """Write what the libraries say."""
    warnings.simplefilter("ignore")
    import empyrical  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415
    import quantstats.stats as qs  # noqa: PLC0415

    rate = (1 + RISK_FREE) ** (1 / 252) - 1
    index = pd.Series(benchmark(), index=pd.DatetimeIndex(dates("", len(benchmark()))))
    told: dict[str, Any] = {}
    for name, values in series().items():
        days = pd.DatetimeIndex(dates(name, len(values)))
        returns = pd.Series(values, index=days, dtype=float)
        found: dict[str, float] = {}
        if len(returns):
            found |= {
                "qs.comp": qs.comp(returns), "qs.cagr": qs.cagr(returns),
                "qs.volatility": qs.volatility(returns), "qs.sharpe": qs.sharpe(returns, RISK_FREE),
                "qs.sortino": qs.sortino(returns), "qs.max_drawdown": qs.max_drawdown(returns),
            }  # fmt: skip
            if qs.max_drawdown(returns) < 0:  # else it divides by 0
                found |= {"qs.calmar": qs.calmar(returns)}
        found |= {
            "empyrical.annual_return": empyrical.annual_return(returns),
            "empyrical.annual_volatility": empyrical.annual_volatility(returns),
            "empyrical.sharpe_ratio": empyrical.sharpe_ratio(returns, rate),
            "empyrical.sortino_ratio": empyrical.sortino_ratio(returns),
            "empyrical.downside_risk": empyrical.downside_risk(returns),
            "empyrical.max_drawdown": empyrical.max_drawdown(returns),
            "empyrical.calmar_ratio": empyrical.calmar_ratio(returns),
        }
        both = returns.index.intersection(index.index)
        if len(both) > 1:
            mine, other = returns[both], index[both]
            found |= {
                "empyrical.alpha": empyrical.alpha(mine, other, rate),
                "empyrical.beta": empyrical.beta(mine, other, rate),
                "qs.beta": qs.greeks(mine, other)["beta"],
                "qs.information_ratio": qs.information_ratio(mine, other, prepare_returns=False),
            }
        told[name] = {
            k: None if v is None or not math.isfinite(v) else float(v) for k, v in found.items()
        }
    GOLDEN.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
