"""The methodology in pandas: what each pandas contender does once it has read its rows."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

# What pandas imports when it is first needed, imported before any clock starts.
import pandas.core.arrays.arrow.extension_types
import pandas.core.reshape.reshape

from tests.benchmarks.contenders.task import COLUMNS, Task
from tests.oracle import (
    COMPOSITES,
    DIVIDEND,
    FINANCIAL,
    MOMENTUM,
    MONTHS,
    MULTIPLES,
    RATIOS,
    STATEMENT_ITEMS,
    months_back,
)  # fmt: skip

VENDOR: Final = "piotroski_f_score"
RISE: Final = ["market_cap_ccy", "pe", "pb", "ps", "p_fcf"]
ITEMS: Final = [*STATEMENT_ITEMS]
SHARE_CLASS: Final = r"^(.+)[ \-_.]([A-D])$"


def rank(
    stocks: pd.DataFrame, closes: pd.DataFrame, ratios: pd.DataFrame, filings: pd.DataFrame,
    task: Task,
) -> pd.DataFrame:  # fmt: skip
    """The rankings of `stocks`, from the closes of `last_closes` and rows as the lake has them.

    `ratios` are those of `newest_ratios`, with the close on `priced_on` as `then`.
    """
    market = stocks.set_index("ticker").join(closes).join(ratios)
    market = _brought(market).join(_f_score(_known(filings, task), task))
    market["f_score"] = market["f_score"].fillna(0)
    market["f_available"] = market["f_available"].fillna(0)
    reported = market["market_cap_ccy"].where(lambda cap: cap > 0) / 1e6
    listed = market["market_cap_msek"].where(lambda cap: cap > 0)
    market["cap"] = reported.fillna(listed)
    returns = [market[0] / market[n] - 1 for n in MONTHS]
    market["score"] = (returns[0] + returns[1] + returns[2]) / 3
    market = market.rename_axis(None)
    tables = [_table(market, name, task) for name in COMPOSITES]
    return pd.concat(tables, ignore_index=True)[[*COLUMNS]]


def save(answer: pd.DataFrame, path: Path) -> None:
    answer.to_parquet(path, index=False)


# ------------------------------------------------------------------------- known on the day


def last_closes(prices: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The last close of each window by ticker; a column a window."""
    found = {}
    for months, (first, last) in task.windows().items():
        rows = prices[prices["date"].between(pd.Timestamp(first), pd.Timestamp(last))]
        found[months] = rows.sort_values("date").groupby("ticker")["close"].last()
    return as_stored(pd.DataFrame(found))


def as_stored(closes: pd.DataFrame) -> pd.DataFrame:
    """Closes with the precision of the lake, which decides near ties."""
    return closes.astype("float32").astype("float64")


def _known(filings: pd.DataFrame, task: Task) -> pd.DataFrame:
    return filings[filings["known_from"] <= pd.Timestamp(task.as_of)]


def newest_ratios(filings: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The ratios of each ticker, and the day of the price that is in them, as `priced_on`."""
    known = _known(filings, task)
    rows = known[known[[*RATIOS]].notna().any(axis=1)]
    newest = rows.groupby("ticker")["fiscal_date"].transform("max")
    rows = rows[rows["fiscal_date"].isna() | (rows["fiscal_date"] == newest)]
    rows = rows.assign(annual=rows["source"] == "fundamentals")
    rows = rows.sort_values(["known_from", "annual", "fiscal_date", "id"])
    rows = rows.drop_duplicates("ticker", keep="last")
    rows = rows[rows["known_from"] >= pd.Timestamp(months_back(task.as_of, 12))]
    of_year = rows["data_source"].astype("str").str.lower() == "statements"
    reported = rows["fetched_date"].where(~of_year).fillna(rows["fiscal_date"])
    rows["priced_on"] = rows["known_from"].where(~rows["annual"], reported)
    return rows.set_index("ticker")[[*RATIOS, "priced_on"]]


def closes_on(quotes: pd.DataFrame, ratios: pd.DataFrame) -> pd.Series:
    """The last close of each ticker on the day of its ratios' price, or ten days before."""
    days = ratios["priced_on"].reset_index().sort_values("priced_on")
    quotes = quotes[quotes["close"] > 0].sort_values("date")
    near = pd.merge_asof(
        days, quotes, left_on="priced_on", right_on="date", by="ticker",
        tolerance=pd.Timedelta(days=10),
    )  # fmt: skip
    return near.set_index("ticker")["close"].astype("float32").astype("float64")


def first_day(ratios: pd.DataFrame) -> pd.Timestamp:
    """The oldest day whose close may be in a ratio."""
    return ratios["priced_on"].min() - pd.Timedelta(days=10)


def _brought(market: pd.DataFrame) -> pd.DataFrame:
    """The ratios brought to the price of the day; the market is taken to be free of jumps."""
    change = (market[0] / market["then"]).fillna(1.0)
    market[RISE] = market[RISE].mul(change, axis=0)
    market["dividend_yield"] /= change
    return market


def _f_score(known: pd.DataFrame, task: Task) -> pd.DataFrame:
    rows = known[known[ITEMS].notna().any(axis=1)]
    rows = rows[["ticker", "known_from", "fiscal_date", "id", "data_source", *ITEMS]]
    rows = rows.sort_values(["fiscal_date", "known_from", "id"])
    years = rows.drop_duplicates(["ticker", "fiscal_date"], keep="last")
    t = years.drop_duplicates("ticker", keep="last").set_index("ticker")
    t = t[t["fiscal_date"] >= pd.Timestamp(months_back(task.as_of, 18))]
    t1 = _year_before(years, t["fiscal_date"])
    t2 = _year_before(years, t1["fiscal_date"])
    nine = _signals(t, t1.reindex(t.index), t2.reindex(t.index))
    nine[3] = nine[3].where(~_mixes_periods(t))
    available = nine.notna().sum(axis=1)
    vendor = _vendor(rows, t).where((available < 9) | _mixes_periods(t))
    return pd.DataFrame({"f_score": vendor.fillna(nine.sum(axis=1)),
                         "f_available": available.where(vendor.isna(), 9)})  # fmt: skip


def _mixes_periods(t: pd.DataFrame) -> pd.Series:
    return t["data_source"].astype("str").str.lower() == "tradingview"


def _vendor(rows: pd.DataFrame, t: pd.DataFrame) -> pd.Series:
    """The vendor's newest score of the year t."""
    scored = rows.dropna(subset=VENDOR).merge(t["fiscal_date"], on=["ticker", "fiscal_date"])
    return (
        scored.drop_duplicates("ticker", keep="last").set_index("ticker")[VENDOR].reindex(t.index)
    )


def _year_before(years: pd.DataFrame, later: pd.Series) -> pd.DataFrame:
    """Of each ticker the year nearest to twelve months before, within ten to fourteen."""
    rows = years.assign(later=years["ticker"].map(later)).dropna(subset="later")
    first, middle, last = (rows["later"] - pd.DateOffset(months=n) for n in (14, 12, 10))
    rows = rows.assign(distance=(rows["fiscal_date"] - middle).abs())
    rows = rows[rows["fiscal_date"].between(first, last)]
    rows = rows.sort_values(["distance", "fiscal_date"], ascending=[True, False])
    return rows.drop_duplicates("ticker").set_index("ticker")


def _signals(t: pd.DataFrame, t1: pd.DataFrame, t2: pd.DataFrame) -> pd.DataFrame:
    a, a1, a2 = (y["total_assets_ccy"].where(lambda x: x > 0) for y in (t, t1, t2))
    whole = a2.notna()
    begin, begin1 = a1.where(whole, a), a2.where(whole, a1)
    mean, mean1 = ((a + a1) / 2).where(whole, a), ((a1 + a2) / 2).where(whole, a1)
    income, cash = t["net_income_ccy"], t["operating_cf_ccy"]
    debt, debt1 = t["long_term_debt_ccy"] / mean, t1["long_term_debt_ccy"] / mean1
    nothing = pd.Series(0.0, t.index)
    pairs = [
        (income, nothing), (cash, nothing), (income / begin, t1["net_income_ccy"] / begin1),
        (cash, income), (debt1, debt),
        *((t[item], t1[item]) for item in ("current_ratio", "gross_margin", "asset_turnover")),
    ]  # fmt: skip
    nine = [(x > y).astype(float).where(x.notna() & y.notna()) for x, y in pairs]
    shares, shares1 = t["shares_outstanding"], t1["shares_outstanding"]
    nine.append((shares <= shares1).astype(float).where(shares.notna() & shares1.notna()))
    return pd.concat(nine, axis=1)


# ---------------------------------------------------------------------------- one strategy


def _table(market: pd.DataFrame, strategy: str, task: Task) -> pd.DataFrame:
    reason = _universe_reason(market, strategy, task)
    eligible = market[reason == ""]
    table = pd.DataFrame({
        "strategy": strategy, "ticker": market.index, "score": market["score"],
        "cap": market["cap"], "f_score": market["f_score"], "composite": np.nan,
        "primary_rank": np.nan,
    })  # fmt: skip
    if COMPOSITES[strategy][0]:
        composite = _composite(eligible, strategy)
        table["composite"], table["primary_rank"] = composite, composite.rank(method="min")
        kept = max(1, int(composite.count()) * 2 // 5)
        screens = {"missing_metrics": table["composite"].isna(),
                   "outside_best_40_percent": table["primary_rank"] > kept}  # fmt: skip
    else:
        available, score = market["f_available"], market["f_score"]
        screens = {"no_f_score": available < 3, "low_f_score": score * 9 < available * 5}
    screens["no_momentum"] = market["score"].isna()
    own = np.select(list(screens.values()), list(screens), "")
    table["excluded_by"] = np.where(reason == "", own, reason)
    return _ordered(table)


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    table = table.sort_values(["score", "cap", "ticker"], ascending=[False, False, True])
    stays = table["excluded_by"] == ""
    return table.assign(rank=stays.cumsum().where(stays),
                        excluded_by=table["excluded_by"].where(~stays))  # fmt: skip


def _universe_reason(market: pd.DataFrame, strategy: str, task: Task) -> np.ndarray:
    """The first rule of the universe that each stock breaks; an empty text for none."""
    keep = ("investmentbolag",) if strategy == MOMENTUM else ()
    rules = {
        "not_a_stock": ~market["stock_type"].str.lower().isin(["stock", "sdb"]),
        "other_market": ~market["market"].isin(task.markets),
        "inactive": market[0].isna(),
        "no_market_cap": market["cap"].isna(),
        "below_market_cap": market["cap"] < task.floor,
        "financial": market["sector"].str.lower().isin([s for s in FINANCIAL if s not in keep]),
    }
    rules = {code: rule.to_numpy(dtype=bool) for code, rule in rules.items()}
    reason = np.select(list(rules.values()), list(rules), "")
    return np.where(_other_share_class(market, reason == ""), "other_share_class", reason)


def _other_share_class(market: pd.DataFrame, eligible: np.ndarray) -> pd.Series:
    """Of each company the eligible classes but one: B, else the highest cap, else the ticker."""
    ticker = market.index.to_series()
    parts = ticker.str.extract(SHARE_CLASS)
    classes = pd.DataFrame({
        "company": parts[0].fillna(ticker), "is_b": parts[1] == "B",
        "cap": market["cap"], "ticker": ticker,
    })[eligible]  # fmt: skip
    classes = classes.sort_values(["is_b", "cap", "ticker"], ascending=[False, False, True])
    return classes.duplicated("company").reindex(market.index, fill_value=False)


def _composite(eligible: pd.DataFrame, strategy: str) -> pd.Series:
    """The mean percentile, a missing one counting 0.5, where there are enough of them."""
    metrics, at_least = COMPOSITES[strategy]
    ps = {}
    for metric in metrics:
        value = eligible[metric].astype(float)
        if metric in MULTIPLES:
            value = 1 / value.where(value != 0)
        elif strategy == DIVIDEND:
            value = value.where(value > 0)
        ps[metric] = (value.rank(ascending=False) - 0.5) / value.count()
    found = pd.DataFrame(ps)
    mean = (found.fillna(0.5).sum(axis=1) / len(metrics)).round(12)
    return mean.where(found.notna().sum(axis=1) >= at_least)
