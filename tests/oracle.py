"""The methodology once more, as plain loops over dicts: slow, obvious and without Polars."""

import calendar
import math
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

Row = dict[str, Any]

MONTHS: Final = (3, 6, 12)
MAX_PRICE_AGE: Final = timedelta(days=10)
# By a millionth, a rounded ratio may miss the bounds of 2.5 and 1.5.
LEAST_MOVE: Final = 2.5 * (1 - 1e-6)
LARGEST_REST: Final = 1.5 * (1 + 1e-6)
MULTIPLES: Final = ("pe", "pb", "ps", "p_fcf", "ev_ebitda")
RETURNS_ON_CAPITAL: Final = ("roe", "roa", "roic", "fcfroe")
RATIOS: Final = (
    "market_cap_ccy",
    *MULTIPLES,
    *RETURNS_ON_CAPITAL,
    "dividend_yield",
    "payout_ratio",
)
STATEMENT_ITEMS: Final = (
    "net_income_ccy",
    "operating_cf_ccy",
    "total_assets_ccy",
    "long_term_debt_ccy",
    "current_ratio",
    "shares_outstanding",
    "gross_margin",
    "asset_turnover",
    "piotroski_f_score",
)
FINANCIAL: Final = (
    "traditionell bankverksamhet",
    "försäkring",
    "sparande & investering",
    "kapitalförvaltning",
    "konsumentkredit",
    "finance",
    "financials",
    "investmentbolag",
    *("financial", "financial services", "diversified financials", "capital markets"),
    *("consumer finance", "asset management", "bank", "banks", "banking", "insurance", "finans"),
)
MOMENTUM: Final = "sammansatt_momentum"
DIVIDEND: Final = "trendande_utdelning"
# Strategy: the metrics of its composite, and how many of them a stock needs.
COMPOSITES: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    MOMENTUM: ((), 0),
    "trendande_varde": ((*MULTIPLES, "dividend_yield"), 4),
    DIVIDEND: (("dividend_yield",), 1),
    "trendande_kvalitet": (RETURNS_ON_CAPITAL, 3),
}
COLUMNS: Final = (
    *("ticker", "rank", "excluded_by", "score", "momentum"),
    *(f"return_{n}m" for n in MONTHS),
    *("close", "close_date", "jump_date"),
    *(f"base_date_{n}m" for n in MONTHS),
    *(f"base_close_{n}m" for n in MONTHS),
    *("market_cap_msek", "market_cap_source", "composite", "primary_rank"),
    *(*MULTIPLES, "dividend_yield", "multiples_as_of"),
    *("f_score", "f_available", "f_source", "signals", "fiscal_date"),
)


def rank(  # noqa: PLR0913 - a table each
    stocks: list[Row],
    prices: list[Row],
    fundamentals: list[Row],
    *,
    strategy: str,
    as_of: date,
    universe: Any,
    splits: Sequence[Row] = (),
    rates: Sequence[Row] = (),
) -> list[Row]:
    """Every stock with its measures: the ranked ones by rank, then the excluded by ticker."""
    metrics = COMPOSITES[strategy][0]
    closes, filings = by_ticker(prices), by_ticker(fundamentals)
    trusted = {(one.ticker, one.date) for one in field(universe, "trusted_jumps")}
    known = by_ticker(splits)
    rows = [
        measure(
            s,
            closes[s["ticker"]],
            filings[s["ticker"]],
            as_of,
            {day for ticker, day in trusted if ticker == s["ticker"]},
            known[s["ticker"]],
        )
        for s in stocks
    ]
    for row in rows:
        convert(row, rates, field(universe, "returns_in") or "local")
        row["excluded_by"] = universe_reason(row, strategy, as_of, universe)
    exclude_all_but_one(remaining(rows), share_of, "same_share")
    exclude_all_but_one(remaining(rows), company_of, "other_share_class")
    eligible = remaining(rows)
    add_composite(eligible, strategy)
    n = sum(row["composite"] is not None for row in eligible)
    for row in eligible:
        reason = composite_reason(row, n) if metrics else f_score_reason(row)
        row["excluded_by"] = reason or (None if row["momentum"] is not None else "no_momentum")
    ranked = sorted(remaining(rows), key=best_first)
    for position, row in enumerate(ranked, start=1):
        row["rank"] = position
    excluded = [row for row in rows if row["excluded_by"] is not None]
    columns = (*COLUMNS, *(f"p_{metric}" for metric in metrics))
    return [
        {column: row.get(column) for column in columns}
        for row in (*ranked, *sorted(excluded, key=lambda row: str(row["ticker"])))
    ]


def by_ticker(rows: Sequence[Row]) -> defaultdict[str, list[Row]]:
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["ticker"]].append(row)
    return groups


def remaining(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["excluded_by"] is None]


def best_first(row: Row) -> tuple[float, float, str]:
    return -row["momentum"], -row["market_cap_msek"], row["ticker"]


def measure(
    stock: Row,
    closes: list[Row],
    filings: list[Row],
    as_of: date,
    trusted: set[date],
    splits: list[Row],
) -> Row:
    """What is known about one stock on a date: prices, ratios, market cap and F-score."""
    known = [row for row in filings if row["known_from"] <= as_of]
    ratios = ratios_row(known, as_of)
    everything = adjusted(closes, splits, date.max)
    jumps, closes = without_runs(adjusted(closes, splits, as_of), trusted)
    first = months_back(as_of, 12) - MAX_PRICE_AGE
    suspect = max((jump for jump in jumps if jump > first), default=None)
    ratios = brought(ratios, closes, jumps, as_of)
    good = {row["date"] for row in closes}
    of_today = [row for row in everything if row["date"] in good]
    # A cap that was observed belongs to the closes up to that day, any other to all.
    of_then = [row for row in everything if row["date"] <= stock.get("observed_on", date.max)]
    ahead = any(row["date"] > as_of for row in of_then)
    of_cap = close_of_cap(of_then, trusted, as_of) if ahead else None
    cap, source = market_cap(stock, of_today, of_cap, ratios, as_of)
    attributes = {name: stock[name] for name in ("ticker", "sector", "market", "stock_type")}
    attributes["currency"] = stock.get("currency")
    return {
        **attributes,
        "isin": stock.get("isin"),
        **{metric: ratios.get(metric) for metric in RATIOS},
        "multiples_as_of": ratios.get("multiples_as_of"),
        **price_columns(closes, as_of),
        **f_score_columns(known, as_of, splits),
        "market_cap_msek": cap,
        "market_cap_source": source,
        "jump_date": suspect,
    }


# --- prices -------------------------------------------------------------------------------------


def months_back(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last day if it is shorter."""
    year, month0 = divmod(day.year * 12 + day.month - 1 - months, 12)
    last_day = calendar.monthrange(year, month0 + 1)[1]
    return date(year, month0 + 1, min(day.day, last_day))


def last_close(closes: list[Row], day: date) -> Row | None:
    """The newest price row on or before a day, however old."""
    past = [row for row in closes if row["date"] <= day]
    return max(past, key=lambda row: row["date"], default=None)


def recent_close(closes: list[Row], day: date) -> Row | None:
    """The newest price row on or before a day, None if it is more than ten days older."""
    last = last_close(closes, day)
    return last if last is not None and day - last["date"] <= MAX_PRICE_AGE else None


def adjusted(closes: list[Row], splits: list[Row], as_of: date) -> list[Row]:
    """The closes up to a date, each brought over the splits that are applied after it."""
    known = [row for row in closes if row["date"] <= as_of]
    applied = applied_of(splits, known)

    def ahead(day: date) -> Any:
        return math.prod(split["ratio"] for split in applied if split["date"] > day)

    return [row | {"close": row["close"] / ahead(row["date"])} for row in known]


def applied_of(splits: list[Row], closes: list[Row]) -> list[Row]:
    """The splits around which the closes are raw, each after those between the same closes."""
    applied: list[Row] = []
    left: dict[date, Fraction] = {}  # what is not explained, by the day of the close before
    for split in sorted(splits, key=lambda s: s["date"]):
        before = last_close(closes, split["date"] - timedelta(days=1))
        later = [
            row for row in closes if split["date"] <= row["date"] <= split["date"] + MAX_PRICE_AGE
        ]
        if before is None or not later:
            continue
        after = min(later, key=lambda row: row["date"])
        moved = Fraction(after["close"]) / Fraction(before["close"])
        moved = left.get(before["date"], moved)
        with_it = moved * Fraction(split["ratio"])
        if max(with_it, 1 / with_it) < max(moved, 1 / moved):
            applied.append(split)
            left[before["date"]] = with_it
    return applied


def without_runs(closes: list[Row], trusted: set[date]) -> tuple[list[date], list[Row]]:
    """The days of the jumps, and the closes without those of runs that reverted.

    Only what is known is passed. A jump that is trusted is none, but keeps its place in the order.
    """
    closes = sorted(closes, key=lambda row: row["date"])
    jumps = {
        row["date"]: row["close"] / before["close"]
        for before, row in pairwise(closes)
        if max(row["close"] / before["close"], before["close"] / row["close"]) >= LEAST_MOVE
    }
    runs: dict[date, date] = {}
    for first, ratio in jumps.items():
        if first in runs.values():
            continue
        back = [
            day
            for day, other in jumps.items()
            if day > first
            and (day - first).days <= 400
            and day not in runs.values()
            and 1 / LARGEST_REST <= ratio * other <= LARGEST_REST
        ]
        if back:
            runs[first] = back[0]
    runs = {a: b for a, b in runs.items() if not {a, b} & trusted}
    of_runs = {day for run in runs.items() for day in run}
    good = [row for row in closes if not any(a <= row["date"] < b for a, b in runs.items())]
    return [day for day in jumps if day not in of_runs | trusted], good


def price_columns(closes: list[Row], as_of: date) -> Row:
    now = recent_close(closes, as_of)
    row: Row = {"close": now and now["close"], "close_date": now and now["date"]}
    row["inactive"] = now is None
    for n in MONTHS:
        base = recent_close(closes, months_back(as_of, n))
        row[f"base_date_{n}m"] = base["date"] if base else None
        row[f"base_close_{n}m"] = base["close"] if base else None
        row[f"return_{n}m"] = now["close"] / base["close"] - 1 if now and base else None
    row["momentum"] = row["score"] = momentum(*(row[f"return_{n}m"] for n in MONTHS))
    return row


def momentum(return_3m: float | None, return_6m: float | None, return_12m: float | None) -> Any:
    """The mean of the three returns; None if one is missing."""
    if return_3m is None or return_6m is None or return_12m is None:
        return None
    return (return_3m + return_6m + return_12m) / 3


def convert(row: Row, rates: Sequence[Row], returns_in: str) -> None:
    """Bring the returns of a row to a currency, each close at the rate of its own day."""
    row["lacks_rate"] = False
    if returns_in in ("local", row["currency"]):
        return
    now = rate_on(rates, row["currency"], row["close_date"])
    row["lacks_rate"] = row["close_date"] is not None and now is None
    for n in MONTHS:
        day, local = row[f"base_date_{n}m"], row[f"return_{n}m"]
        base = rate_on(rates, row["currency"], day)
        row["lacks_rate"] |= day is not None and base is None
        known = local is not None and now is not None and base is not None
        row[f"return_{n}m"] = (local + 1) * (now / base) - 1 if known else None
    row["momentum"] = row["score"] = momentum(*(row[f"return_{n}m"] for n in MONTHS))


def rate_on(rates: Sequence[Row], currency: str | None, day: date | None) -> Any:
    """The last rate of a currency on or before a day, None if it is more than ten days older."""
    if day is None:
        return None
    of_one = [r for r in rates if r["currency"] == currency and r["date"] <= day]
    last = max(of_one, key=lambda r: r["date"], default=None)
    return last["rate"] if last is not None and day - last["date"] <= MAX_PRICE_AGE else None


# --- fundamentals -------------------------------------------------------------------------------


def has_any(row: Row, columns: tuple[str, ...]) -> bool:
    return any(row.get(column) is not None for column in columns)


def ratios_row(known: list[Row], as_of: date) -> Row:
    """The row whose ratios hold on a date; an empty one if there is none or it is too old."""
    rows = [row for row in known if has_any(row, RATIOS)]
    dates = [row["fiscal_date"] for row in rows if row["fiscal_date"] is not None]
    current = [row for row in rows if row["fiscal_date"] in (None, max(dates, default=None))]
    best = max(current, key=ratios_order, default=None)
    if best is None or best["known_from"] < months_back(as_of, 12):
        return {}
    return best


def ratios_order(row: Row) -> tuple[date, bool, date, int]:
    fiscal_date = row["fiscal_date"] or date.min
    return row["known_from"], row["source"] == "fundamentals", fiscal_date, row["id"]


def priced_on(row: Row) -> Any:
    """The day of the price that is in the ratios of a row."""
    if row["source"] == "snapshots":
        return row["known_from"]
    if (row.get("data_source") or "").casefold() == "statements":
        return row["fiscal_date"]
    return row.get("fetched_date") or row["fiscal_date"]


def brought(ratios: Row, closes: list[Row], jumps: list[date], as_of: date) -> Row:
    """The ratios with what depends on a price brought to that of the date, if that can be."""
    if not ratios:
        return {}
    day = priced_on(ratios)
    then, now = recent_close(closes, day), recent_close(closes, as_of)
    if then is None or now is None or any(then["date"] < jump for jump in jumps):
        return {**ratios, "multiples_as_of": day}
    change = now["close"] / then["close"]
    row = {**ratios, "multiples_as_of": as_of}
    for name in ("market_cap_ccy", "pe", "pb", "ps", "p_fcf"):
        row[name] = None if row[name] is None else row[name] * change
    if row["dividend_yield"] is not None:
        row["dividend_yield"] /= change
    return row


def close_of_cap(closes: list[Row], trusted: set[date], as_of: date) -> Row | None:
    """The close that the cap of now goes with: the last one before the next unexplained jump."""
    ahead = [day for day in without_runs(closes, trusted)[0] if day > as_of]
    return last_close(closes, min(ahead) - timedelta(days=1) if ahead else date.max)


def market_cap(
    stock: Row, closes: list[Row], of_cap: Row | None, ratios: Row, as_of: date
) -> tuple[float | None, str | None]:
    """Market cap in million and where it comes from; both None if there is none above zero.

    `of_cap` is the close that the cap of now is scaled from; None where nothing is scaled.
    """
    if recent_close(closes, as_of) is None:
        return None, None
    reported = ratios.get("market_cap_ccy")
    if reported is not None and reported > 0:
        return reported / 1e6, "reported"
    cap, source = stock["market_cap_msek"], "current"
    if cap is not None and of_cap is not None:
        then, source = recent_close(closes, as_of), "price_scaled"
        cap = cap * (then["close"] / of_cap["close"]) if then else None
    return (cap, source) if cap is not None and cap > 0 else (None, None)


# --- F-score ------------------------------------------------------------------------------------


def fiscal_years(known: list[Row]) -> dict[date, Row]:
    """For each fiscal date the row with statement items that became known last."""
    rows = [row for row in known if has_any(row, STATEMENT_ITEMS)]
    return {row["fiscal_date"]: row for row in sorted(rows, key=known_order)}


def known_order(row: Row) -> tuple[date, int]:
    return row["known_from"], row["id"]


def year_before(years: dict[date, Row], year: date | None) -> date | None:
    """The known fiscal date nearest to twelve months before, within ten to fourteen."""
    if year is None:
        return None
    first, middle, last = (months_back(year, n) for n in (14, 12, 10))
    candidates = [day for day in years if first <= day <= last]
    return min(candidates, key=lambda day: (abs(day - middle), -day.toordinal()), default=None)


def vendor_score(known: list[Row], t: date) -> Any:
    """The vendor's score of a fiscal date; one of another year never stands in."""
    rows = [row for row in known if row.get("piotroski_f_score") is not None]
    newest = max((row for row in rows if row["fiscal_date"] == t), key=known_order, default={})
    return newest.get("piotroski_f_score")


def mixes_periods(row: Row) -> bool:
    return (row.get("data_source") or "").casefold() == "tradingview"


def f_score_columns(known: list[Row], as_of: date, splits: Sequence[Row] = ()) -> Row:
    years = fiscal_years(known)
    t = max(years, default=None)
    if t is None or t < months_back(as_of, 18):
        return f_score(None, [None] * 9, vendor=None)
    t1 = year_before(years, t)
    t2 = year_before(years, t1)
    empty: Row = {}
    of_year = [years[year] if year is not None else empty for year in (t, t1, t2)]
    if t1 is not None:
        between = [split["ratio"] for split in splits if t1 < split["date"] <= t]
        of_year[0] = with_shares_of(of_year[0], of_year[1], math.prod(between))
    nine = signals(*of_year)
    if mixes_periods(years[t]):
        nine[3] = None
    return f_score(t, nine, vendor=vendor_score(known, t), mixed=mixes_periods(years[t]))


def with_shares_of(t: Row, t1: Row, ratio: float) -> Row:
    """The statements of t, its shares without those of splits, where they are among them."""
    now, then = t.get("shares_outstanding"), t1.get("shares_outstanding")
    if ratio == 1 or not now or not then or now < 0 or then < 0:
        return t
    moved = now / then
    is_nearer = abs(math.log(moved / ratio)) < abs(math.log(moved))
    return t | {"shares_outstanding": float(f"{now / ratio:.11e}")} if is_nearer else t


def f_score(
    fiscal_date: date | None, nine: list[bool | None], *, vendor: Any, mixed: bool = False
) -> Row:
    """Our score; the vendor's if it has one and a signal is missing or periods mix."""
    available = sum(signal is not None for signal in nine)
    use_vendor = (available < 9 or mixed) and vendor is not None
    return {
        "fiscal_date": fiscal_date,
        "signals": nine,
        "f_score": vendor if use_vendor else sum(signal is True for signal in nine),
        "f_available": 9 if use_vendor else available,
        "f_source": "vendor" if use_vendor else "computed",
    }


def signals(t: Row, t1: Row, t2: Row) -> list[bool | None]:
    """Piotroski's nine signals of year t; one is None where an input is missing."""
    a, a1, a2 = assets(t), assets(t1), assets(t2)
    begin, begin1, mean, mean1 = a1, a2, average(a, a1), average(a1, a2)
    if a2 is None:
        begin, begin1, mean, mean1 = a, a1, a, a1
    income, cash = t.get("net_income_ccy"), t.get("operating_cf_ccy")
    income1 = t1.get("net_income_ccy")
    debt, debt1 = t.get("long_term_debt_ccy"), t1.get("long_term_debt_ccy")
    shares, shares1 = t.get("shares_outstanding"), t1.get("shares_outstanding")
    return [
        above(income, 0),
        above(cash, 0),
        above(ratio(income, begin), ratio(income1, begin1)),
        above(cash, income),
        above(ratio(debt1, mean1), ratio(debt, mean)),
        above(t.get("current_ratio"), t1.get("current_ratio")),
        None if shares is None or shares1 is None else shares <= shares1,
        above(t.get("gross_margin"), t1.get("gross_margin")),
        above(t.get("asset_turnover"), t1.get("asset_turnover")),
    ]


def assets(row: Row) -> float | None:
    total: float | None = row.get("total_assets_ccy")
    return total if total is not None and total > 0 else None


def average(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else (a + b) / 2


def ratio(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a / b


def above(a: float | None, b: float | None) -> bool | None:
    return None if a is None or b is None else a > b


# --- universe -----------------------------------------------------------------------------------


def universe_reason(row: Row, strategy: str, as_of: date, universe: Any) -> str | None:
    """The first rule that the stock breaks, share classes apart; None if it breaks none."""
    cap = row["market_cap_msek"]
    rules = {
        "not_a_stock": (row["stock_type"] or "").casefold() not in ("stock", "sdb"),
        "other_market": not is_listed_on(row["market"], field(universe, "markets")),
        "inactive": row["inactive"],
        "suspect_price": row["jump_date"] is not None,
        "no_rate": row["lacks_rate"],
        "no_market_cap": cap is None,
        "below_market_cap": (cap or 0) < floor_on(field(universe, "floors"), as_of),
        "financial": is_financial(row["sector"], strategy),
    }
    return next((reason for reason, broken in rules.items() if broken), None)


def field(universe: Any, name: str) -> Any:
    return universe.get(name, ()) if isinstance(universe, dict) else getattr(universe, name)


def floor_on(floors: tuple[tuple[date | None, float], ...], as_of: date) -> float:
    """The floor that began last on or before a date, None being the beginning of time."""
    begun = [(start or date.min, floor) for start, floor in floors]
    return max((pair for pair in begun if pair[0] <= as_of), default=(date.min, 0.0))[1]


def is_financial(sector: str | None, strategy: str) -> bool:
    name = unicodedata.normalize("NFC", sector or "").strip().casefold()
    return name in FINANCIAL and not (strategy == MOMENTUM and name == "investmentbolag")


def share_class(ticker: str) -> tuple[str, str]:
    """Company and class letter; the letter is empty where there is none.

    It ends the ticker, or what is before a dot and one to three capitals, the exchange's suffix.
    """
    before, dot, suffix = ticker.rpartition(".")
    has_suffix = dot and 1 <= len(suffix) <= 3 and all("A" <= c <= "Z" for c in suffix)
    for text in (ticker, before) if has_suffix else (ticker,):
        if len(text) > 2 and text[-2] in " -_." and text[-1] in "ABCD":
            return text[:-2], text[-1]
    return ticker, ""


def company_of(row: Row) -> str:
    return share_class(row["ticker"])[0]


def share_of(row: Row) -> str:
    """The ISIN, the ticker where it has none of twelve characters."""
    isin = (row.get("isin") or "").strip().upper()
    return isin if len(isin) == 12 and isin[:2].isalpha() else row["ticker"]


def exclude_all_but_one(rows: list[Row], group: Callable[[Row], str], reason: str) -> None:
    """Of each group keep one: B, else the highest market cap, else the first ticker."""
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[group(row)].append(row)
    for members in groups.values():
        for row in sorted(members, key=class_order)[1:]:
            row["excluded_by"] = reason


def is_listed_on(market: str | None, markets: tuple[str, ...]) -> bool:
    return market is not None and plain(market) in [plain(name) for name in markets]


def plain(market: str) -> str:
    """The name of a market without case, accents, spaces, hyphens and underscores."""
    letters = unicodedata.normalize("NFKD", market).lower()
    return "".join(c for c in letters if not unicodedata.combining(c) and c not in " -_")


def class_order(row: Row) -> tuple[bool, float, str]:
    ticker = row["ticker"]
    return share_class(ticker)[1] != "B", -row["market_cap_msek"], ticker


# --- strategies ---------------------------------------------------------------------------------


def f_score_reason(row: Row) -> str | None:
    if row["f_available"] < 3:
        return "no_f_score"
    return "low_f_score" if 9 * row["f_score"] < 5 * row["f_available"] else None


def composite_reason(row: Row, n: int) -> str | None:
    if row["composite"] is None:
        return "missing_metrics"
    return None if row["primary_rank"] <= max(1, n * 2 // 5) else "outside_best_40_percent"


def add_composite(eligible: list[Row], strategy: str) -> None:
    """Give the eligible stocks a p for each metric, a composite and its rank."""
    metrics, minimum = COMPOSITES[strategy]
    for metric in metrics:
        merits = [merit(strategy, metric, row[metric]) for row in eligible]
        for row, value in zip(eligible, merits, strict=True):
            row[f"p_{metric}"] = percentile(value, [m for m in merits if m is not None])
    for row in eligible:
        row["composite"] = composite([row[f"p_{metric}"] for metric in metrics], minimum)
    composites = [row["composite"] for row in eligible if row["composite"] is not None]
    for row in eligible:
        own = row["composite"]
        row["primary_rank"] = None if own is None else 1 + sum(c < own for c in composites)


def merit(strategy: str, metric: str, value: float | None) -> float | None:
    """The number of which the highest is best; None if the metric is missing."""
    if value is None:
        return None
    if metric in MULTIPLES:
        return 1 / value if value != 0 else None
    return None if strategy == DIVIDEND and value <= 0 else value


def percentile(value: float | None, everyone: list[float]) -> float | None:
    """(average rank - 0.5) / n, the best near 0."""
    if value is None:
        return None
    better = sum(other > value for other in everyone)
    equal = sum(other == value for other in everyone)
    average_rank = better + (1 + equal) / 2
    return (average_rank - 0.5) / len(everyone)


def composite(ps: list[float | None], minimum: int) -> float | None:
    """The mean of the p's, a missing one counting 0.5; None if there are too few."""
    if not ps or sum(p is not None for p in ps) < minimum:
        return None
    return round(sum(0.5 if p is None else p for p in ps) / len(ps), 12)
