"""The integrity report of a version: coverage, outliers, orphans and the exchange's trading days.

It is made at export, when the rankings are there, and kept in the manifest. What depends on the
day on which it is read, above all how old the prices are, is `pipelines.freshness`.

Checks look at what can be traded: stocks on the universe's markets. A single odd value is a
warning where a ranked stock has it, for then someone may buy on it; elsewhere it is only listed.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import polars as pl

from pipelines.lake import Lake, Report, Status, calendar_of
from pipelines.refresh.calendar import sessions
from pipelines.universe import STOCK_TYPES, Universe

Check = dict[str, Any]

WINDOW: Final = timedelta(days=400)
"""Twelve months of returns and the ten days before them: older prices move no ranking."""
WEEK: Final = timedelta(days=7)

PRICE_FLOORS: Final = (0.90, 0.75)
"""Least share, for no warning and for not being critical, of stocks with a close this week, of
those with one in the window. Some 3 to 6 per cent of a market leave it in that time; with a
quarter missing, another market is ranked."""
FUNDAMENTALS_FLOORS: Final = (0.80, 0.50)
"""New listings and late reports lack them; with half missing, the best 40 per cent are chance."""
MOST: Final = 0.5
"""On a trading day nearly all stocks trade; with fewer, the day's prices are not in yet."""

LARGEST_MOVE: Final = 0.60
SPLITS: Final = (2, 3, 4, 5, 10, 20)
SPLIT_TOLERANCE: Final = 0.03
"""The stock moves by itself on the day of a split."""
SAME_DAY_SHARE: Final = 0.02
SAME_DAY_STOCKS: Final = 5
"""Large moves of one market hardly share a day. With this share, and at least so many stocks, the
feed has changed its unit or its currency."""

LARGEST_JUMP: Final = 1000.0
"""Earnings close to zero make ratios leap, but rarely so far; a change of unit does."""
RATIOS: Final = (
    "pe", "pb", "ps", "p_fcf", "ev_ebitda", "roe", "roa", "roic", "fcfroe", "dividend_yield",
    "payout_ratio", "market_cap_ccy",
)  # fmt: skip

ORDER: Final = ("ticker", "known_from", "fiscal_date", "source", "id")
"""In which the rows of a ticker became known."""

GRADES: Final[tuple[Status, ...]] = ("ok", "warning", "critical")
AT_A_TIME: Final = 1000
"""Stocks whose rows are in memory together."""
LISTED: Final = 50
"""Cases that a check lists; it counts all."""

DEFAULT_EXCHANGE: Final = "XSTO"
EXCHANGES: Final[Mapping[str, str]] = {
    "stockholmsborsen": "XSTO",
    "first_north": "XSTO",
    "helsinki": "XHEL",
    "oslo": "XOSL",
    "copenhagen": "XCSE",
    "reykjavik": "XICE",
    "sp500": "XNYS",
    "usa": "XNYS",
}
PAST_DAYS: Final = 10
COMING_DAYS: Final = 260
"""A year and a week: an annual strategy's next rebalancing is always among them."""
LEAST_COMING_DAYS: Final = 254


def report(
    lake: Lake, *, as_of: date, universe: Universe, calendar: Sequence[date]
) -> dict[str, Any]:
    """The report of a version with its rankings, as JSON holds it; see `calendar`."""
    stocks = _stocks(lake, universe)
    active = stocks.filter(pl.col("newest_date") > as_of - WEEK)
    priced_to, newest_day = _newest_day(lake, active, as_of)
    exchange, trading = _exchange(universe.markets)
    return {
        "as_of": as_of.isoformat(),
        "priced_to": priced_to and priced_to.isoformat(),
        "exchange": exchange,
        "calendar": [day.isoformat() for day in calendar],
        "checks": [
            trading,
            _prices(stocks, active, as_of),
            newest_day,
            _fundamentals(lake, active, as_of),
            *_moves(lake, stocks, as_of),
            _jumps(lake, stocks, as_of),
            _orphans(lake, as_of),
            _isins(stocks),
        ],
    }


def _stocks(lake: Lake, universe: Universe) -> pl.DataFrame:
    """`ticker, isin, newest_date, rank` of the markets' stocks; rank is the best of each."""
    best = lake.rankings().group_by("ticker").agg(pl.col("rank").min())
    return (
        lake.stocks()
        .filter(
            pl.col("stock_type").str.to_lowercase().is_in(STOCK_TYPES),
            pl.col("market").is_in(universe.markets),
        )
        .select("ticker", "isin", "newest_date")
        .join(best, on="ticker", how="left")
        .sort("ticker")
        .collect(engine="streaming")
    )


def _check(name: str, status: Status, message: str, value: Any) -> Check:
    return {"name": name, "status": status, "message": message, "value": value}


def _cases(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """The first rows, as JSON holds them."""
    shown = rows.head(LISTED).with_columns(
        pl.selectors.date().dt.to_string(), pl.selectors.float().round_sig_figs(6)
    )
    return shown.to_dicts()


# ---------------------------------------------------------------------------------- coverage


def _prices(stocks: pl.DataFrame, active: pl.DataFrame, as_of: date) -> Check:
    """How many stocks have a close in the last week, of those that did not leave long ago."""
    left = pl.col("newest_date") < as_of - WINDOW
    living = stocks.filter(~left.fill_null(value=False))
    silent = living.join(active, on="ticker", how="anti").sort("newest_date", "ticker")
    return _share(
        "price_coverage",
        f"have a close in the week to {as_of}",
        (active.height, living.height),
        PRICE_FLOORS,
        silent.select("ticker", "newest_date"),
    )


def _fundamentals(lake: Lake, active: pl.DataFrame, as_of: date) -> Check:
    """How many stocks that trade have a row of fundamentals that became known in twelve months."""
    known = (
        lake.fundamentals(known_by=as_of)
        .filter(pl.col("known_from") >= pl.lit(as_of).dt.offset_by("-12mo"))
        .select(pl.col("ticker").unique())
        .collect(engine="streaming")
    )
    missing = active.join(known, on="ticker", how="anti")
    return _share(
        "fundamentals_coverage",
        "that trade have fundamentals younger than 12 months",
        (active.height - missing.height, active.height),
        FUNDAMENTALS_FLOORS,
        missing.select("ticker").sort("ticker"),
    )


def _share(
    name: str, what: str, part: tuple[int, int], floors: tuple[float, float], missing: pl.DataFrame
) -> Check:
    """A check of a share, whose floors are those of a warning and of what is critical."""
    share = part[0] / part[1] if part[1] else 0.0
    status = GRADES[sum(share < floor for floor in floors)]
    message = f"{part[0]} of {part[1]} stocks {what} ({share:.1%})"
    value = {"share": round(share, 4), "stocks": part[1], "missing": _cases(missing)}
    return _check(name, status, message, value)


def _newest_day(lake: Lake, active: pl.DataFrame, as_of: date) -> tuple[date | None, Check]:
    """The newest day on which most of the active stocks have a close, if there is one."""
    days = (
        lake.prices(since=as_of - WEEK, until=as_of)
        .join(active.lazy().select("ticker"), on="ticker", how="semi")
        .group_by("date")
        .len("closes")
        .sort("date")
        .collect(engine="streaming")
    )
    complete: Any = days.filter(pl.col("closes") >= MOST * active.height)["date"].max()
    closes = days.filter(date=as_of)["closes"].sum()
    message = f"{closes} of {active.height} stocks that trade have a close on {as_of}"
    if complete == as_of:
        return as_of, _check("newest_day", "ok", message, {"date": as_of.isoformat()})
    last = f"; most have one on {complete}" if complete else "; there is no day when most have one"
    value = {"date": complete and complete.isoformat()}
    return complete, _check("newest_day", "warning", message + last, value)


# ---------------------------------------------------------------------------------- outliers


def moves(prices: pl.LazyFrame) -> pl.DataFrame:
    """Closes that are far from the one before: `ticker, from_date, date, from, to, split`.

    Far is more than `LARGEST_MOVE`, or the ratio of a split, which `split` tells.
    """
    ratio = pl.col("to") / pl.col("from")
    splits = [r for n in SPLITS for r in (float(n), 1 / n)]
    is_split = pl.any_horizontal((ratio - r).abs() <= SPLIT_TOLERANCE * r for r in splits)
    return (
        prices.select("ticker", "date", to=pl.col("close").cast(pl.Float64))
        .sort("ticker", "date")
        .with_columns(
            pl.col("date").shift().over("ticker").alias("from_date"),
            pl.col("to").shift().over("ticker").alias("from"),
        )
        .with_columns(split=is_split)
        .filter(~ratio.is_between(1 - LARGEST_MOVE, 1 + LARGEST_MOVE) | pl.col("split"))
        .select("ticker", "from_date", "date", "from", "to", "split")
        .collect(engine="streaming")
    )


def _moves(lake: Lake, stocks: pl.DataFrame, as_of: date) -> list[Check]:
    """Moves that no split explains, and those of splits that closes are not adjusted for."""
    prices = lake.prices(since=as_of - WINDOW, until=as_of)
    found = _ranked_first(_found(prices, stocks, moves), stocks)
    odd = found.filter(~pl.col("split")).drop("split")
    splits = found.filter("split").drop("split")
    return [
        _same_day(found, stocks)
        or _odd("outliers", odd, f"closes that moved more than {LARGEST_MOVE:.0%} in a day"),
        _odd("splits", splits, "closes that moved as in a split, and are not adjusted for it"),
    ]


def _same_day(found: pl.DataFrame, stocks: pl.DataFrame) -> Check | None:
    """Many moves on one day, which are a fault of the feed."""
    days = found.group_by("date").len("stocks").sort("stocks", "date", descending=True)
    if not days.height or days["stocks"][0] < max(SAME_DAY_STOCKS, SAME_DAY_SHARE * stocks.height):
        return None
    day, count = days.row(0)
    value = {"count": found.height, "cases": _cases(found.filter(date=day).drop("split"))}
    return _check(
        "outliers",
        "critical",
        f"{count} closes moved more than {LARGEST_MOVE:.0%} or as in a split on {day} alone; "
        "the feed has changed its unit, currency or adjustment",
        value,
    )


def jumps(fundamentals: pl.LazyFrame) -> pl.DataFrame:
    """Ratios a thousand times as large or small as the ticker's one before, sign and zeros aside.

    `ticker, known_from, ratio, from, to`; rows without the ratio are passed over.
    """
    rows = fundamentals.select(*ORDER, *RATIOS).sort(ORDER).collect(engine="streaming")
    # One after the other: side by side they would need memory for all ratios at once.
    return pl.concat(_jump(rows.lazy(), ratio).collect() for ratio in RATIOS)


def _jump(rows: pl.LazyFrame, ratio: str) -> pl.LazyFrame:
    """The jumps of one ratio, in rows that are sorted by time within each ticker."""
    before, after = pl.col("from"), pl.col("to")
    times = (after / before).abs()
    far = (times >= LARGEST_JUMP) | (times <= 1 / LARGEST_JUMP)
    return (
        rows.select("ticker", "known_from", to=ratio)
        .drop_nulls("to")
        .with_columns(pl.col("to").shift().over("ticker").alias("from"), ratio=pl.lit(ratio))
        .filter(far, after != 0, before != 0)
        .select("ticker", "known_from", "ratio", "from", "to")
    )


def _jumps(lake: Lake, stocks: pl.DataFrame, as_of: date) -> Check:
    """Jumps in the window, each from a row that is at most another window older."""
    rows = lake.fundamentals(known_by=as_of).filter(pl.col("known_from") >= as_of - 2 * WINDOW)
    recent = _found(rows, stocks, jumps).filter(pl.col("known_from") >= as_of - WINDOW)
    found = _ranked_first(recent, stocks)
    return _odd("ratios", found, f"ratios that jumped {LARGEST_JUMP:,.0f} times up or down")


def _found(
    rows: pl.LazyFrame, stocks: pl.DataFrame, search: Callable[[pl.LazyFrame], pl.DataFrame]
) -> pl.DataFrame:
    """What a search finds in the rows of the stocks, some of which it sees at a time.

    Searches sort, so that in one go they would need memory for the whole market. The files are
    sorted by ticker: of each, only the part with the tickers in question is read.
    """
    found = []
    for some in stocks.iter_slices(AT_A_TIME):
        tickers = some.select("ticker")
        first, last = (pl.lit(tickers["ticker"][at]) for at in (0, -1))
        near = pl.col("ticker").is_between(first, last)
        of_some = rows.filter(near).join(tickers.lazy(), on="ticker", how="semi")
        found.append(search(of_some))
    return pl.concat(found) if found else search(rows.clear())


def _ranked_first(cases: pl.DataFrame, stocks: pl.DataFrame) -> pl.DataFrame:
    """The cases with the rank of their stock, the best ranks and then the newest first."""
    day = "date" if "date" in cases.columns else "known_from"
    ranked = cases.join(stocks.select("ticker", "rank"), on="ticker", how="left")
    newest = ranked.sort(pl.all()).sort(day, descending=True, maintain_order=True)
    return newest.sort("rank", nulls_last=True, maintain_order=True)


def _odd(name: str, cases: pl.DataFrame, what: str) -> Check:
    """A check of single odd values: a warning if ranked stocks have any."""
    ranked = cases.drop_nulls("rank")["ticker"].unique(maintain_order=True).to_list()
    named = f", of ranked stocks those of {_some(ranked)}" if ranked else ", none of a ranked stock"
    message = f"{what}: {cases.height} in {WINDOW.days} days{named if cases.height else ''}"
    value = {"count": cases.height, "cases": _cases(cases)}
    return _check(name, "warning" if ranked else "ok", message, value)


def _some(tickers: Sequence[str], most: int = 5) -> str:
    more = f" and {len(tickers) - most} more" if len(tickers) > most else ""
    return ", ".join(tickers[:most]) + more


# --------------------------------------------------------------------------------- identities


def _orphans(lake: Lake, as_of: date) -> Check:
    """Tickers with prices that are not among the stocks, and so are not ranked on any market."""
    orphans = (
        lake.prices(since=as_of - WINDOW, until=as_of)
        .group_by("ticker")
        .agg(newest_date=pl.col("date").max())
        .join(lake.stocks().select("ticker"), on="ticker", how="anti")
        .sort("newest_date", "ticker", descending=[True, False])
        .collect(engine="streaming")
    )
    trade = orphans.filter(pl.col("newest_date") > as_of - WEEK)["ticker"].to_list()
    named = f", of which {_some(trade)} still trade" if trade else ""
    message = f"tickers with prices that are not in stocks: {orphans.height}{named}"
    value = {"count": orphans.height, "cases": _cases(orphans)}
    return _check("orphans", "warning" if trade else "ok", message, value)


def _isins(stocks: pl.DataFrame) -> Check:
    """ISINs of more than one ticker, such as a share under its old and its new name."""
    twice = (
        stocks.filter(pl.col("isin") != "")
        .group_by("isin")
        .agg("ticker")
        .filter(pl.col("ticker").list.len() > 1)
        .sort("isin")
        .select("isin", tickers="ticker")
    )
    message = f"ISINs of more than one ticker: {twice.height}"
    return _check("isins", "ok", message, {"count": twice.height, "cases": _cases(twice)})


# ---------------------------------------------------------------------------------- calendar


def trading_days(market: str, first: date, last: date) -> list[date]:
    """Days from `first` to `last` on which a market's exchange is open, half days included.

    A market that is not known is taken for Stockholm's.
    """
    return sessions(EXCHANGES.get(market, DEFAULT_EXCHANGE), first, last)


def _exchange(markets: Sequence[str]) -> tuple[str, Check]:
    """The exchange whose trading days count, that of the first market, and what to say of it."""
    unknown = [market for market in markets if market not in EXCHANGES]
    exchanges = list(dict.fromkeys(EXCHANGES.get(m, DEFAULT_EXCHANGE) for m in markets))
    message = f"age is counted in trading days of {exchanges[0]}"
    if unknown:
        message += f"; no exchange is known for {_some(unknown)}, {DEFAULT_EXCHANGE} is assumed"
    if exchanges[1:]:
        message += f"; the universe is also on {_some(exchanges[1:])}"
    check = _check("calendar", "warning" if unknown else "ok", message, exchanges[0])
    return exchanges[0], check


def calendar(universe: Universe, now: date, kept: Report | None = None) -> list[date]:
    """`PAST_DAYS` trading days of a universe's exchange up to now, and `COMING_DAYS` after it.

    `kept` is the report of the version before: its calendar is used again while it reaches far
    enough, which spares the export a process of its own.
    """
    exchange, _ = _exchange(universe.markets)
    if kept and kept["exchange"] == exchange:
        days = calendar_of(kept)
        past = bisect_right(days, now)
        if past >= PAST_DAYS and len(days) - past >= LEAST_COMING_DAYS:
            return days
    days = sessions(exchange, now - timedelta(days=60), now + timedelta(days=420))
    past = bisect_right(days, now)
    return days[past - PAST_DAYS : past + COMING_DAYS]
