"""Orders: what to keep, sell and buy, and what an amount buys. Nothing that is sent is kept."""

import asyncio
from typing import Annotated, Final

import polars as pl
from fastapi import APIRouter, Body

from app.deps import (
    Selection,
    ServicesDep,
    VersionDep,
    day_until_today,
    named_strategy,
    universe_named,
)
from app.services import Services
from app.serving import Version
from app.web import order_models
from pipelines.ranking import Strategy, rates_on, ticker_if_known
from pipelines.research import (
    Fees,
    Holding,
    Mode,
    Orders,
    Quote,
    Wish,
    allocated,
    hundredths,
    orders_for,
    orders_json,
    quotes_of,
    rates_in,
)

router = APIRouter(tags=["portfolio"])

ALLOCATION: Final = {"strategy": "sammansatt_momentum", "amount": 100_000, "min_fee": 39}
PORTFOLIO: Final = {
    "strategy": "sammansatt_momentum",
    "holdings": [{"ticker": "VOLV B", "shares": 100}],
    "cash": 10_000,
    "mode": "rebalance",
    "min_fee": 39,
}


@router.post("/portfolio/orders")
async def portfolio_orders(
    services: ServicesDep,
    version: VersionDep,
    sent: Annotated[
        order_models.OrdersRequest,
        Body(description="a portfolio, and the rules", examples=[PORTFOLIO]),
    ],
) -> order_models.OrdersAnswer:
    """What to keep, sell and buy in whole shares; purchases and costs never exceed the money."""
    strategy, selection = _asked(services, version, sent)
    wish = _wish(sent, strategy, sent)
    cash = hundredths(sent.cash, "cash")
    held = [
        Holding(ticker_if_known(one.ticker, version.newest), one.shares) for one in sent.holdings
    ]
    quotes = await quoted(selection, strategy)
    found = await asyncio.to_thread(orders_for, quotes, held, cash, wish)
    return order_models.OrdersAnswer.model_validate(
        _common(selection, strategy, found) | {"mode": sent.mode}
    )


@router.post("/portfolio/allocate")
async def allocate(
    services: ServicesDep,
    version: VersionDep,
    sent: Annotated[
        order_models.AllocationRequest,
        Body(description="an amount, and the rules", examples=[ALLOCATION]),
    ],
) -> order_models.Purchases:
    """What an amount buys of the first stocks of a strategy, in equal parts and whole shares."""
    strategy, selection = _asked(services, version, sent)
    quotes = await quoted(selection, strategy)
    cash = hundredths(sent.amount, "amount")
    found = await asyncio.to_thread(allocated, quotes, cash, _wish(sent, strategy))
    return order_models.Purchases.model_validate(_common(selection, strategy, found))


def _asked(
    services: Services, version: Version, sent: order_models.Trading
) -> tuple[Strategy, Selection]:
    """Return the strategy, and the universe and day of its ranking."""
    universe = universe_named(services, sent.universe)
    day = day_until_today(services, version, sent.as_of, "as_of")
    return named_strategy(services, sent.strategy), Selection(services, version, universe, day)


def _wish(
    sent: order_models.Trading,
    strategy: Strategy,
    band: order_models.OrdersRequest | None = None,
) -> Wish:
    """Return the rules of the orders; the band is the strategy's where none is sent."""
    fees, size = Fees.of(sent.cost_bps, sent.min_fee), sent.size or strategy.portfolio_size
    if band is None:
        return Wish(size=size, fees=fees)
    return Wish(
        mode=Mode(band.mode),
        size=size,
        buy_rank=band.buy_rank or strategy.buy_rank,
        sell_rank=band.sell_rank or max(strategy.sell_rank, band.buy_rank or 0),
        tolerance=band.tolerance,
        fees=fees,
    )


async def quoted(selection: Selection, strategy: Strategy) -> dict[str, Quote]:
    """Return the quotes of a strategy on the day, in the currency of the universe."""
    rankings = await selection.rankings()
    return await quoted_by(selection, rankings, strategy)


async def quoted_by(
    selection: Selection, rankings: pl.DataFrame, strategy: Strategy
) -> dict[str, Quote]:
    """Return the quotes of the rows of a strategy among rankings."""
    key = (selection.version.id, "rates", selection.as_of)
    plan = rates_on(selection.version.lake, selection.as_of)
    rates = await selection.services.computing.frame(key, plan)
    currency = selection.universe.currency
    return await asyncio.to_thread(_quotes, rankings, strategy.name, rates, currency)


def _quotes(
    rankings: pl.DataFrame, strategy: str, rates: pl.DataFrame, currency: str
) -> dict[str, Quote]:
    known = rates_in(currency, dict(rates.iter_rows()))
    return quotes_of(rankings.filter(strategy=strategy), known, currency)


def _common(selection: Selection, strategy: Strategy, found: Orders) -> dict[str, object]:
    """Return the fields that orders and an allocation have in common."""
    return {
        "strategy": strategy.name,
        "universe": selection.universe.name,
        "as_of": selection.as_of,
        "version": selection.version.id,
        "account_currency": selection.universe.currency,
        **orders_json(found),
    }
