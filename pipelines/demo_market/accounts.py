"""The accounts of the demo market: annual statements, and ratios that move with the price."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.demo_market.companies import (
    ACCOUNTS,
    FINANCIAL_SECTORS,
    YEAR,
    Columns,
    Company,
    Days,
    Floats,
    as_text,
    generator,
)
from pipelines.demo_market.prices import Booleans, Factors, History, Values

Ints = npt.NDArray[np.int64]

FISCAL_YEARS: Final = 5
WEEKS: Final = 104  # of snapshots
EX_AFTER, PAID_AFTER = (
    np.timedelta64(14, "D"),
    4,
)  # the report, in days, and the ex-date, in sessions
PERF: Final = {"perf_1m": 21, "perf_3m": 63, "perf_6m": 126, "perf_12m": YEAR}
PERCENT: Final = {
    "roe", "roa", "roic", "fcfroe", "dividend_yield", "payout_ratio", "gross_margin", *PERF,
}  # fmt: skip
MULTIPLES: Final = {"pe", "pb", "ps", "p_fcf", "ev_ebitda", "current_ratio"}
WHOLE_NUMBERS: Final = {
    "market_cap", "net_income", "operating_cf", "total_assets", "long_term_debt",
    "shares_outstanding", "piotroski_f_score",
}  # fmt: skip
NOT_FOR_FINANCIALS: Final = {"p_fcf", "ev_ebitda", "roic", "current_ratio", "gross_margin"}


class Reports(NamedTuple):
    """A company's annual statements, oldest first."""

    fiscal: Days
    known: Days
    items: Values


def _positions(days: Days, dates: Days) -> Ints:
    """Return the position of the last day on or before each date, 0 if there is none."""
    return np.maximum(np.searchsorted(days, dates, side="right") - 1, 0)


def _margin(company: Company, price_to_sales: float, rng: np.random.Generator) -> Floats:
    """Return the net margin of each year: seldom negative if the company is profitable."""
    usual = price_to_sales / rng.lognormal(2.85, 0.45)
    level = usual if company.profitable else -rng.uniform(0.03, 0.4)
    return np.asarray(level * rng.normal(1, 0.4, FISCAL_YEARS))


def _books(company: Company, rng: np.random.Generator) -> Values:
    """Return the items behind five annual statements, in the currency of the listing."""

    def yearly(level: float, spread: float) -> Floats:
        return level * rng.lognormal(0, spread, FISCAL_YEARS)

    price_to_sales = rng.lognormal(0.6, 0.6)
    growth = rng.normal(0.07, 0.12, FISCAL_YEARS).cumsum()
    sales = company.cap / price_to_sales * np.exp(growth - growth[-1])
    assets = sales / yearly(rng.lognormal(-0.2, 0.3), 0.08)
    income = sales * _margin(company, price_to_sales, rng)
    issued = rng.random(FISCAL_YEARS) < (0.2 if company.profitable else 0.6)
    shares = np.cumsum(issued * rng.uniform(0.01, 0.2, FISCAL_YEARS))
    operating = income + sales * rng.normal(0.04, 0.03, FISCAL_YEARS)
    return {
        "sales": sales,
        "assets": assets,
        "equity": assets * yearly(rng.uniform(0.25, 0.6), 0.1),
        "debt": assets * yearly(rng.uniform(0.02, 0.3), 0.25),
        "income": income,
        "operating": operating,
        "invested": sales * yearly(0.035, 0.3),
        "depreciation": sales * yearly(0.04, 0.1),
        "dividend": income.clip(0) * yearly(company.pays_dividend * rng.uniform(0.25, 0.7), 0.1),
        "shares": company.cap / company.price * np.exp(shares - shares[-1]),
        "dilution": np.exp(shares - shares[-1]),
        "current": yearly(rng.lognormal(0.4, 0.3), 0.1),
        "gross": np.minimum(yearly(rng.uniform(0.2, 0.65), 0.05), 0.95),
    }


def _reports(company: Company, last: np.datetime64, rng: np.random.Generator) -> Reports:
    """Return the statements that are known on the company's last day of trading."""
    month = "06-30" if rng.random() < 0.1 else "12-31"
    year = int(np.datetime_as_string(last, unit="Y"))
    ends = np.array([f"{y}-{month}" for y in range(year - 6, year + 1)], dtype="datetime64[D]")
    fiscal = ends[ends + 120 <= last][-FISCAL_YEARS:]
    known: Days = fiscal + rng.integers(45, 120, FISCAL_YEARS).astype("timedelta64[D]")
    return Reports(fiscal, known, _books(company, rng))


def _ratios(cap: Floats, items: Values) -> Values:
    """Return the ratios of a company with a market cap of `cap`."""
    income, equity = items["income"], items["equity"]
    free = items["operating"] - items["invested"]
    return {
        "market_cap": cap,
        "pe": cap / income,
        "pb": cap / equity,
        "ps": cap / items["sales"],
        "p_fcf": cap / free,
        "ev_ebitda": (cap + items["debt"]) / (1.3 * income + items["depreciation"]),
        "roe": income / equity,
        "roa": income / items["assets"],
        "roic": income / (equity + items["debt"]),
        "fcfroe": free / equity,
        "dividend_yield": items["dividend"] / cap,
        "payout_ratio": items["dividend"] / np.abs(income),
    }


def _statement(items: Values, split: Floats) -> Values:
    """Return the items of statements; before a split a company had fewer shares."""
    return {
        "net_income": items["income"],
        "operating_cf": items["operating"],
        "total_assets": items["assets"],
        "long_term_debt": items["debt"],
        "current_ratio": items["current"],
        "shares_outstanding": items["shares"] / split,
        "gross_margin": items["gross"],
        "asset_turnover": items["sales"] / items["assets"],
    }


def _performance(path: Floats, at: Ints) -> Values:
    """Return the change of value over the months before each position, NaN before the first day."""
    return {
        name: np.where(at >= back, np.expm1(path[at] - path[np.maximum(at - back, 0)]), np.nan)
        for name, back in PERF.items()
    }


def _vendor_score(items: Values, rng: np.random.Generator) -> Floats:
    """Return the vendor's F-score, which two companies in five have."""
    income, operating = items["income"], items["operating"]
    score = (income > 0) + 1.0 * (operating > 0) + (operating > income)
    score += rng.binomial(6, 0.55, len(income))
    return score if rng.random() < 0.4 else np.full(len(income), np.nan)


def _delivered(company: Company, values: Values, gaps: Booleans) -> Columns:
    """Return values as the company's data source delivers them: rounded, in its unit, with gaps."""
    blank = NOT_FOR_FINANCIALS if company.sector in FINANCIAL_SECTORS else set()
    shown: Columns = {}
    for (name, value), gap in zip(values.items(), gaps, strict=True):
        percent = company.source == "tradingview" and name in PERCENT
        decimals = 0 if name in WHOLE_NUMBERS else 2 if percent or name in MULTIPLES else 4
        rounded = np.round(value * (100 if percent else 1), decimals)
        shown[name] = np.where(gap | (name in blank), np.nan, rounded).tolist()
    return shown


def _fundamentals(
    company: Company, past: History, reports: Reports, rng: np.random.Generator
) -> Columns:
    """Return the statements, then restatements of a few, which become known later."""
    again = np.flatnonzero(rng.random(FISCAL_YEARS - 1) < 0.03)
    year = np.append(np.arange(FISCAL_YEARS), again)
    restated = np.arange(len(year)) >= FISCAL_YEARS
    known = np.minimum(reports.known[year] + 150 * restated, past.days[-1])
    items = {name: value[year] for name, value in reports.items.items()}
    items["income"] = items["income"] * np.where(restated, rng.uniform(0.8, 1.1), 1)
    at = _positions(past.days, known)
    values = {
        **_ratios(company.cap * np.exp(past.path[at]) * items["dilution"], items),
        **_statement(items, past.split[_positions(past.days, reports.fiscal[year])]),
        **_performance(past.path, at),
        "piotroski_f_score": _vendor_score(items, rng),
    }
    known[rng.random(len(known)) < 0.02] = np.datetime64("NaT")
    return {
        "fiscal_date": as_text(reports.fiscal[year]),
        "fetched_date": as_text(known),
        "data_source": company.source,
        **_delivered(company, values, rng.random((len(values), len(year))) < 0.015),
    }


def _weekly(company: Company, common: Factors) -> Ints:
    """Return the positions, in a company's life, of the last trading day of each recent week."""
    week = (common.days.astype(np.int64) + 3) // 7  # 1970-01-01 was a Thursday
    ends = np.flatnonzero(np.diff(week, append=week[-1] + 1))[-WEEKS:] - company.life.start
    listed: Ints = ends[(ends >= 0) & (ends < company.life.stop - company.life.start)]
    return listed


def _snapshots(
    company: Company, past: History, at: Ints, reports: Reports, rng: np.random.Generator
) -> Columns:
    """Return the ratios at the end of each week, from the price and the newest statement then."""
    year = _positions(reports.known, past.days[at])
    items = {name: value[year] for name, value in reports.items.items()}
    values = _ratios(company.cap * np.exp(past.path[at]) * items["dilution"], items)
    return {
        "snapshot_date": as_text(past.days[at]),
        **_delivered(company, values, rng.random((len(values), 1)) < 0.02),
    }


def account_tables(company: Company, common: Factors, past: History) -> dict[str, Columns]:
    """Return the tables of fundamentals, alike for all shares of a company; a fund has none."""
    if company.is_fund:
        return {}
    rng = generator(common.seed, ACCOUNTS, company.index)
    reports = _reports(company, past.days[-1], rng)
    weeks = _weekly(company, common)
    return {
        "fundamentals": _fundamentals(company, past, reports, rng),
        "fundamentals_snapshots": _snapshots(company, past, weeks, reports, rng),
    }


def dividend_events(company: Company, common: Factors, past: History) -> Columns:
    """Return the yearly dividends of a share, in the currency of its listing; a fund has none."""
    reports = _reports(company, past.days[-1], generator(common.seed, ACCOUNTS, company.index))
    at = np.searchsorted(past.days, reports.known + EX_AFTER)
    within = (reports.known >= past.days[0]) & (at < len(past.days) - PAID_AFTER)
    at = at[within]
    shares = reports.items["shares"][within] / past.split[at]
    amount = np.round(reports.items["dividend"][within] / shares, 2)
    paid = (amount > 0) & (not company.is_fund)
    return {
        "ex_date": as_text(past.days[at[paid]]),
        "payment_date": as_text(past.days[at[paid] + PAID_AFTER]),
        "amount": amount[paid].tolist(),
        "currency": company.place.currency,
    }
