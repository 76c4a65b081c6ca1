"""The Nordic paths of the existing frontend: the ranking, the rebalance, and the allocation."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Final

import polars as pl
from fastapi import APIRouter, Body

from app.deps import AsOf, Selection, ServicesDep, VersionDep, day_until_today, universe_named
from app.routes.names import names_of
from app.routes.nordic_shapes import allocated, rebalanced
from app.routes.orders import quoted_by
from app.services import Services
from app.serving import Version, views
from app.web import nordic_models, order_models
from pipelines.ranking import NORDIC_MOMENTUM, Strategy, ticker_if_known
from pipelines.research import (
    Fees,
    Holding,
    Mode,
    Quote,
    Wish,
    allocate,
    hundredths,
    orders_for,
    told_price,
)

router = APIRouter(tags=["nordic"])

BASE: Final = "/strategies/nordic/momentum"
DAYS_BACK: Final = timedelta(days=40)
"""How far back trading days are looked for."""
MODES: Final = {"full": Mode.REBALANCE, "add_only": Mode.ADD_CASH, "fix_drift": Mode.FIX_DRIFT}
NOT_LISTED: Final = ("not_a_stock", "other_market")
REBALANCE: Final = {"holdings": [{"ticker": "NDA SE", "shares": 100}], "new_investment": 50_000}
AMOUNT: Final = {"amount": 100_000, "excluded_tickers": [], "force_include_tickers": []}


@router.get(BASE)
async def nordic_momentum(
    services: ServicesDep, version: VersionDep, as_of: AsOf = None
) -> nordic_models.NordicRanking:
    """Ranking by Nordic momentum, with the ranks of a day, a week and a month before."""
    selection = _selection(services, version, day_until_today(services, version, as_of, "as_of"))
    strategy, rankings = await _ranked(selection)
    days = await _days_before(selection)
    past = [
        (await _ranked(selection.on(day)))[1] if day else rankings.clear() for day in days.values()
    ]
    quotes = await quoted_by(selection, rankings, strategy)
    names = await names_of(services, version)
    isins = {stock.ticker: stock.isin for stock in names.stocks}
    return await asyncio.to_thread(
        _ranking, selection, strategy, rankings, dict(zip(days, past, strict=True)), quotes, isins
    )


@router.post(f"{BASE}/rebalance")
async def rebalance(
    services: ServicesDep,
    version: VersionDep,
    sent: Annotated[
        nordic_models.NordicRebalanceRequest,
        Body(description="holdings and new money", examples=[REBALANCE]),
    ],
) -> nordic_models.NordicRebalance:
    """What to hold, sell and buy by Nordic momentum; purchases never exceed the money."""
    selection = _selection(services, version, version.lake.as_of)
    strategy, rankings = await _ranked(selection)
    quotes = await quoted_by(selection, rankings, strategy)
    wish = Wish(
        mode=MODES[sent.mode], size=strategy.portfolio_size, buy_rank=strategy.buy_rank,
        sell_rank=strategy.sell_rank, fees=Fees.of(sent.cost_bps, sent.min_fee),
    )  # fmt: skip
    held = _held(sent.holdings, version)
    cash = hundredths(sent.new_investment, "new_investment")
    found = await asyncio.to_thread(orders_for, quotes, held, cash, wish)
    return rebalanced(sent.mode, held, found, _missing_rates(quotes, selection.as_of))


@router.post(f"{BASE}/allocate")
async def allocation(
    services: ServicesDep,
    version: VersionDep,
    sent: Annotated[
        nordic_models.NordicAllocationRequest,
        Body(description="an amount, and what is left out or in", examples=[AMOUNT]),
    ],
) -> nordic_models.NordicAllocation:
    """What an amount buys of the first ten by Nordic momentum, in equal parts."""
    selection = _selection(services, version, version.lake.as_of)
    strategy, rankings = await _ranked(selection)
    quotes = await quoted_by(selection, rankings, strategy)
    fees = Fees.of(sent.cost_bps, sent.min_fee)
    found = await asyncio.to_thread(
        allocate,
        quotes,
        hundredths(sent.amount, "amount"),
        size=strategy.portfolio_size,
        excluded=_tickers(sent.excluded_tickers, version),
        forced=_tickers(sent.force_include_tickers, version),
        fees=fees,
    )
    return await asyncio.to_thread(allocated, found, fees, _missing_rates(quotes, selection.as_of))


def _held(sent: Iterable[order_models.HoldingSent], version: Version) -> list[Holding]:
    return [Holding(ticker_if_known(one.ticker, version.newest), one.shares) for one in sent]


def _tickers(sent: Iterable[str], version: Version) -> set[str]:
    return {ticker_if_known(ticker, version.newest) for ticker in sent}


def _selection(services: Services, version: Version, day: date) -> Selection:
    return Selection(services, version, universe_named(services, "nordic"), day)


async def _ranked(selection: Selection) -> tuple[Strategy, pl.DataFrame]:
    """Return the strategy, as the settings have it or else as data of ours, and its ranking."""
    services, version = selection.services, selection.version
    strategy = services.strategies.get(NORDIC_MOMENTUM.name, NORDIC_MOMENTUM)
    rows = await services.computing.preview(version, selection.universe, selection.as_of, strategy)
    return strategy, rows


async def _days_before(selection: Selection) -> dict[str, date | None]:
    """Return the day of each earlier rank; None where there are not so many trading days."""
    lake, day = selection.version.lake, selection.as_of
    plan = (
        lake.prices(since=day - DAYS_BACK, until=day).select(pl.col("date").unique()).sort("date")
    )
    key = (selection.version.id, "days before", day)
    found = (await selection.services.computing.frame(key, plan))["date"].to_list()
    month = pl.Series([day]).dt.offset_by("-1mo")[0]
    return {
        "rank_1d": found[-2] if len(found) > 1 else None,
        "rank_1w": found[-6] if len(found) > 5 else None,
        "rank_1m": month,
    }


def _missing_rates(quotes: Mapping[str, Quote], day: date) -> str | None:
    """Return a sentence on the ranked stocks that have no price in SEK; None without any."""
    without = [q for q in quotes.values() if q.rank and q.close and q.rate is None]
    if not without:
        return None
    currencies = ", ".join(sorted({quote.currency or "unknown" for quote in without}))
    return (
        f"no rate of {currencies} is known on {day}, so that {len(without)} ranked stocks have no "
        "price in SEK; add the rates to the table fx_rates"
    )


def _ranking(
    selection: Selection, strategy: Strategy, rankings: pl.DataFrame,
    past: Mapping[str, pl.DataFrame], quotes: Mapping[str, Quote],
    isins: Mapping[str, str | None],
) -> nordic_models.NordicRanking:  # fmt: skip
    rows = views.finite(views.ranked(rankings, strategy))
    ranks = {name: _ranks(frame, strategy) for name, frame in past.items()}
    markets = rows["market"].value_counts(sort=True, name="n")
    return nordic_models.NordicRanking(
        strategy=strategy.name,
        computed_at=selection.version.manifest.created_at,
        total_universe=rankings.filter(
            ~pl.col("excluded_by").is_in(NOT_LISTED).fill_null(value=False)
        ).height,
        after_filters=rows.height,
        rankings=[
            _place(row, quotes[row["ticker"]], isins)
            | {name: before.get(row["ticker"]) for name, before in ranks.items()}
            for row in rows.iter_rows(named=True)
        ],
        by_market={market or "unknown": n for market, n in markets.iter_rows()},
        fx_alert=_missing_rates(quotes, selection.as_of),
    )


def _ranks(rankings: pl.DataFrame, strategy: Strategy) -> dict[str, int]:
    return dict(views.ranked(rankings, strategy).select("ticker", "rank").iter_rows())


def _place(
    row: Mapping[str, Any], quote: Quote, isins: Mapping[str, str | None]
) -> dict[str, object]:
    cap = row["market_cap_msek"]
    return {
        **{
            k: row[k] for k in ("rank", "ticker", "name", "market", "currency", "f_score", "sector")
        },
        "isin": isins.get(quote.ticker),
        "price": told_price(quote),
        "price_local": None if quote.close is None else float(quote.close),
        "market_cap_sek": None if cap is None else round(cap * 1e6),
        "momentum": _percent(row["momentum"]),
        **{f"perf_{n}m": _percent(row[f"return_{n}m"]) for n in (3, 6, 12)},
    }


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 4)
