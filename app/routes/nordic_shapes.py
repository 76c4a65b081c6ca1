"""Orders and allocations in the shapes of the existing frontend: percent, and local amounts."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from app.web import nordic_models, order_models
from pipelines.research import (
    Allocation,
    Fees,
    Holding,
    Order,
    Orders,
    Part,
    Quote,
    as_money,
    better_amounts,
    told_price,
)

FAR: Final = 2.0
"""The drift above which a weight has drifted far, in percent: the tolerance of orders."""
REASONS: Final = {"above_target": "above_target", "too_expensive": "below_threshold"}
"""The reasons of sales that are neither of a rank nor of a stock without one."""


# --------------------------------------------------------------------------------- rebalance


def rebalanced(
    mode: str, held: Sequence[Holding], found: Orders, fx_alert: str | None
) -> nordic_models.NordicRebalance:
    """Return orders in the shape of the existing frontend."""
    drift = _drift(found)
    final = _final(found)
    traded = found.sales + found.purchases
    return nordic_models.NordicRebalance(
        mode=mode,
        current_holdings_count=len({one.ticker for one in held if one.shares}),
        hold=[_holding(order) for order in found.keep],
        sell=[
            nordic_models.NordicSale(
                **dict(_holding(order)), reason=_reason(order), why=order.reason
            )
            for order in found.sell
        ],
        buy=[_holding(order) for order in found.buy],
        kept_unpriced=[
            order_models.NotTraded(ticker=n.ticker, shares=n.shares, reason=n.reason)
            for n in found.kept_unpriced
        ],
        final_portfolio=final,
        drift_analysis=drift,
        max_drift=max((abs(one.drift) for one in drift), default=0.0),
        drift_recommendation=_advice(drift),
        summary=nordic_models.RebalanceSummary(
            stocks_held=len(found.keep),
            stocks_sold=len(found.sell),
            stocks_bought=len(found.buy),
            sell_proceeds=as_money(found.sales),
            new_investment=as_money(found.cash),
            total_cash_used=as_money(found.purchases + found.costs),
            cash_remaining=as_money(found.cash_left),
            final_portfolio_value=round(sum(one.value_sek for one in final), 2),
            final_stock_count=len(final),
        ),
        costs=nordic_models.RebalanceCosts(
            total=as_money(found.costs),
            percentage=round(100 * found.costs / traded, 3) if traded else 0.0,
        ),
        fx_alert=fx_alert,
    )


def _holding(order: Order) -> nordic_models.NordicHolding:
    return _shares(order.quote, order.shares, order.value)


def _shares(quote: Quote, shares: int, value: int) -> nordic_models.NordicHolding:
    close = quote.close or 0
    return nordic_models.NordicHolding(
        ticker=quote.ticker,
        name=quote.name,
        shares=shares,
        price=float(close),
        value=round(float(shares * close), 2),
        value_sek=as_money(value),
        currency=quote.currency,
        rank=quote.rank,
    )


def _reason(order: Order) -> str:
    if order.reason in REASONS:
        return REASONS[order.reason]
    return "below_threshold" if order.quote.rank else "not_in_universe"


def _weights(values: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """Return the weight of each value, and how far it is from an equal part, in percent."""
    total, part = sum(values.values()), Fraction(100, max(len(values), 1))
    weights = {name: Fraction(100 * value, total or 1) for name, value in values.items()}
    return {name: (_two(weight), _two(weight - part)) for name, weight in weights.items()}


def _two(number: Fraction) -> float:
    return round(float(number), 2)


def _sums(orders: Iterable[Order], part: str) -> dict[str, int]:
    """Return the sum of a field of orders, by ticker."""
    found: dict[str, int] = {}
    for order in orders:
        ticker = order.quote.ticker
        found[ticker] = found.get(ticker, 0) + int(getattr(order, part))
    return found


def _final(found: Orders) -> list[nordic_models.NordicFinal]:
    """Return the stocks after the trades, with what is kept of them and bought."""
    after = (*found.keep, *found.buy)
    values, shares = _sums(after, "value"), _sums(after, "shares")
    quotes = {order.quote.ticker: order.quote for order in after}
    before = {order.quote.ticker for order in found.keep}
    weights = _weights(values)
    stocks = [
        nordic_models.NordicFinal(
            **dict(_shares(quote, shares[ticker], values[ticker])),
            action="HOLD" if ticker in before else "BUY",
            weight=weights[ticker][0],
            drift=weights[ticker][1],
        )
        for ticker, quote in quotes.items()
    ]
    return sorted(stocks, key=lambda one: (one.rank is None, one.rank or 0, one.ticker))


def _drift(found: Orders) -> list[nordic_models.Drift]:
    """Return the weights before the trades, the farthest from an equal part first."""
    weights = _weights(_sums((*found.keep, *found.sell), "value"))
    drift = [
        nordic_models.Drift(
            ticker=ticker, weight=weight, drift=far, target_weight=round(weight - far, 2)
        )
        for ticker, (weight, far) in weights.items()
    ]
    return sorted(drift, key=lambda one: (-abs(one.drift), one.ticker))


def _advice(drift: Sequence[nordic_models.Drift]) -> str:
    far = [one for one in drift if abs(one.drift) > FAR]
    if not far:
        return f"no weight is more than {FAR:g} percent from its part"
    side = "above" if far[0].drift > 0 else "below"
    return (
        f"{len(far)} of {len(drift)} weights are more than {FAR:g} percent from their part; "
        f"{far[0].ticker} is {abs(far[0].drift):g} percent {side}; fix_drift brings them back"
    )


# -------------------------------------------------------------------------------- allocation


def allocated(
    found: Allocation, fees: Fees, fx_alert: str | None
) -> nordic_models.NordicAllocation:
    """Return an allocation in the shape of the existing frontend."""
    included = [part for part in found.parts if part.shares]
    return nordic_models.NordicAllocation(
        investment_amount=as_money(found.amount),
        target_per_stock=_two(Fraction(found.amount, 100 * found.size)),
        allocations=[_part(found, part) for part in found.parts],
        summary=nordic_models.AllocationSummary(
            total_invested=as_money(found.invested),
            cash_remaining=as_money(found.cash_left),
            utilization=_two(Fraction(100 * found.invested, found.amount)),
            stocks_included=len(included),
            stocks_skipped=len(found.parts) - len(included),
            max_deviation=_two(found.max_deviation),
            costs=as_money(found.costs),
        ),
        warnings=[*_warnings(found), *([fx_alert] if fx_alert else [])],
        substitutes=[
            nordic_models.Substitute(
                rank=q.rank or 0, ticker=q.ticker, name=q.name, price=told_price(q)
            )
            for q in found.substitutes
        ],
        optimal_amounts=[
            nordic_models.BetterAmount(amount=as_money(amount), max_deviation=_two(deviation))
            for amount, deviation in better_amounts(found, fees)
        ],
    )


def _part(found: Allocation, part: Part) -> nordic_models.AllocationPart:
    quote = part.quote
    return nordic_models.AllocationPart(
        rank=quote.rank or 0,
        ticker=quote.ticker,
        name=quote.name,
        price=told_price(quote),
        price_local=None if quote.close is None else float(quote.close),
        currency=quote.currency,
        shares=part.shares,
        target_amount=_two(Fraction(found.amount, 100 * found.size)),
        actual_amount=as_money(part.value),
        target_weight=_two(Fraction(100, found.size)),
        actual_weight=_two(Fraction(100 * part.value, found.amount)),
        deviation=_two(found.deviation(part)),
        too_expensive=part.too_expensive,
        included=part.shares > 0,
    )


def _warnings(found: Allocation) -> Iterable[str]:
    for part in found.parts:
        price, ticker = told_price(part.quote) or 0, part.quote.ticker
        if ticker in found.unpaid:
            yield f"one share of {ticker} costs {price:,.2f} SEK, for which the amount is too small"
        elif part.too_expensive:
            yield f"one share of {ticker} costs {price:,.2f} SEK, which is more than its part"
        elif not part.shares:
            yield f"of {ticker} nothing is bought: its part is not worth the fee"
    if len(found.parts) < found.size:
        yield f"only {len(found.parts)} stocks are ranked and have a price; {found.size} are held"
