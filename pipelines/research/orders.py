"""Orders: what a portfolio sells, keeps and buys in whole shares, so that the money adds up.

Purchases and fees never exceed the cash and the sales, to the hundredth. What has no price that can
be trusted is kept and named, never sold for nothing. Orders for the result propose nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pipelines.errors import WrongUsage
from pipelines.ranking import Banding, Place, trades
from pipelines.research.money import Lot
from pipelines.research.order_values import Holding, Mode, Named, Order, Orders, Wish
from pipelines.research.quotes import Quote
from pipelines.research.sizes import Sizing


def orders_for(
    quotes: Mapping[str, Quote], holdings: Iterable[Holding], cash: int, wish: Wish
) -> Orders:
    """Return the orders for holdings and cash, in hundredths, by the quotes of a strategy.

    `WrongUsage` for a number of shares, or cash, below 0.
    """
    held = _summed(holdings)
    if cash < 0:
        raise WrongUsage(f"cash = {cash / 100:.2f} is below 0; pay the debt first, or give 0")
    unpriced = {
        ticker: reason
        for ticker in held
        if (reason := quotes[ticker].kept_because if ticker in quotes else "unknown_ticker")
    }
    known = {ticker: shares for ticker, shares in held.items() if ticker not in unpriced}
    found = _Desk(quotes, known, cash, wish).orders()
    named = (Named(ticker, held[ticker], reason) for ticker, reason in sorted(unpriced.items()))
    return replace(found, kept_unpriced=tuple(named))


def allocated(quotes: Mapping[str, Quote], cash: int, wish: Wish) -> Orders:
    """Return the purchases that put an amount, in hundredths, into the first of a ranking.

    They are the first with a price, as many as the portfolio holds, whatever their ranks.
    """
    ranks = sorted(q.rank for q in quotes.values() if q.rank and q.price is not None)[: wish.size]
    last = max(ranks, default=wish.size)
    return orders_for(quotes, (), cash, replace(wish, buy_rank=last, sell_rank=last))


def _summed(holdings: Iterable[Holding]) -> dict[str, int]:
    """Return the shares of each ticker; those of several accounts are added."""
    found: dict[str, int] = {}
    for holding in holdings:
        if holding.shares < 0:
            told = "give 0 or more"
            raise WrongUsage(f"{holding.shares} shares of {holding.ticker!r} cannot be; {told}")
        if holding.shares:
            found[holding.ticker] = found.get(holding.ticker, 0) + holding.shares
    return found


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where the orders for holdings with prices are made."""

    quotes: Mapping[str, Quote]
    held: Mapping[str, int]
    cash: int
    wish: Wish

    def orders(self) -> Orders:
        """Return the orders, without the holdings that have no price."""
        if self.wish.mode is Mode.REBALANCE:
            return self._rebalanced()
        band = self._band(())
        if self.wish.mode is Mode.FIX_DRIFT:
            lots = self._lots(place.ticker for place in band.keep)
            return self._orders(band, lots, *self._without_drift(lots))
        lots = self._lots(place.ticker for place in _by_rank(band))
        found = self._sizing(lots, self.cash, can_sell=False).sized()
        return self._orders(band, lots, *found)

    # --------------------------------------------------------------------- what is wanted

    def _band(self, dropped: Collection[str]) -> Banding:
        """Return who stays, goes and comes, as if the holdings `dropped` were not held."""
        places = [
            Place(quote.ticker, quote.rank, quote.excluded_by)
            for quote in self.quotes.values()
            if quote.price is not None
        ]
        held = [ticker for ticker in self.held if ticker not in dropped]
        wish = self.wish
        return trades(places, held, wish.size, buy_rank=wish.buy_rank, sell_rank=wish.sell_rank)

    def _lots(self, tickers: Iterable[str]) -> list[Lot]:
        return [self._lot(ticker) for ticker in tickers]

    def _lot(self, ticker: str) -> Lot:
        return Lot(ticker, self.held.get(ticker, 0), self.quotes[ticker].hundredths)

    def _sizing(self, lots: Sequence[Lot], cash: int, *, can_sell: bool = True) -> Sizing:
        return Sizing(
            lots=lots,
            cash=cash,
            fees=self.wish.fees,
            total=cash + sum(lot.worth() for lot in lots),
            count=len(lots),
            can_sell=can_sell,
        )

    # ------------------------------------------------------------------------- rebalance

    def _rebalanced(self) -> Orders:
        """Return the orders of a rebalance.

        A stock of which its part of the money buys no share is sold, as if it had not been held:
        another may take its place.
        """
        dropped: frozenset[str] = frozenset()
        while True:
            band = self._band(dropped)
            lots = self._lots(place.ticker for place in _by_rank(band))
            wanted = {lot.ticker for lot in lots}
            leaving = self._lots(ticker for ticker in self.held if ticker not in wanted)
            sold = [lot for lot in leaving if lot.worth() > self.wish.fees.swallowed]
            cash = self.cash + sum(lot.cash(0, self.wish.fees) for lot in sold)
            target, numbers = self._sizing(lots, cash).sized()
            kept = {place.ticker for place in band.keep}
            lost = {lot.ticker for lot, to in zip(lots, numbers, strict=True) if not to} & kept
            if not lost:
                after = [*numbers, *(0 for _ in sold)]
                return self._orders(band, [*lots, *sold], target, after, dropped=dropped)
            dropped |= lost

    # ------------------------------------------------------------------------- fix_drift

    def _without_drift(self, lots: Sequence[Lot]) -> tuple[int, list[int]]:
        """Return the part of each stock, and the shares that bring back the weights that drifted.

        If these trades cannot bring all weights within the tolerance, all stocks are traded.
        """
        whole = replace(self._sizing(lots, self.cash), leaves_one=True)
        part, held = whole.total // max(whole.count, 1), [lot.shares for lot in lots]
        drifted = self._drifted(whole)
        if not drifted:
            return part, held
        some = replace(whole, lots=drifted)
        level, numbers = some.sized()
        by_ticker = dict(zip((lot.ticker for lot in drifted), numbers, strict=True))
        after = [by_ticker.get(lot.ticker, lot.shares) for lot in lots]
        moved = list(zip(lots, after, strict=True))
        left = self.cash + sum(lot.cash(to, self.wish.fees) for lot, to in moved)
        result = [replace(lot, shares=to) for lot, to in moved]
        is_steady = whole.sized()[1] == held
        if is_steady:
            return part, held
        if not self._drifted(replace(self._sizing(result, left), leaves_one=True)):
            return level, after
        return whole.sized()

    def _drifted(self, sizing: Sizing) -> list[Lot]:
        """Return the stocks whose weight is too far from its part, by more than a share."""
        part = sizing.total // max(sizing.count, 1)
        room = int(Decimal(str(self.wish.tolerance)) * sizing.total)
        return [
            lot
            for lot in sizing.lots
            if abs(lot.worth() - part) > max(room, int(lot.price), self.wish.fees.swallowed)
        ]

    # --------------------------------------------------------------------------- orders

    def _orders(
        self,
        band: Banding,
        lots: Sequence[Lot],
        target: int,
        numbers: Sequence[int],
        *,
        dropped: Collection[str] = (),
    ) -> Orders:
        """Return the orders that bring lots to their numbers of shares."""
        after = {lot.ticker: to for lot, to in zip(lots, numbers, strict=True)}
        entering = {place.ticker for place in band.buy}
        leaving = {sale.ticker: sale.reason for sale in band.sell}
        leaving |= dict.fromkeys(set(dropped) - entering, "too_expensive")
        kept = [self._kept(ticker, after, leaving) for ticker in self.held]
        moved = [(lot, to) for lot, to in zip(lots, numbers, strict=True)]
        return Orders(
            keep=tuple(sorted((order for order in kept if order.shares), key=_order)),
            sell=tuple(
                self._trade(lot, to, leaving.get(lot.ticker, "above_target"))
                for lot, to in moved
                if to < lot.shares
            ),
            buy=tuple(
                self._trade(lot, to, self._why_bought(lot)) for lot, to in moved if to > lot.shares
            ),
            kept_unpriced=(),
            not_bought=tuple(
                Named(lot.ticker, 0, self._why_not_bought(lot))
                for lot, to in moved
                if not lot.shares and not to
            ),
            target=target,
            cash=self.cash,
        )

    def _kept(self, ticker: str, after: Mapping[str, int], leaving: Mapping[str, str]) -> Order:
        """Return the shares of a holding that stay."""
        lot = self._lot(ticker)
        shares = min(lot.shares, after.get(ticker, lot.shares))
        reason = leaving.get(ticker, f"inside_rank_{self.wish.sell_rank}")
        if ticker in leaving and self.wish.mode is Mode.REBALANCE:
            reason = "fee_above_value"
        return Order(self.quotes[ticker], shares, lot.worth(shares), reason)

    def _trade(self, lot: Lot, to: int, reason: str) -> Order:
        value = lot.traded(to)
        fee = self.wish.fees.of_trade(value)
        return Order(self.quotes[lot.ticker], abs(to - lot.shares), value, reason, fee)

    def _why_bought(self, lot: Lot) -> str:
        return "below_target" if lot.shares else f"inside_rank_{self.wish.buy_rank}"

    def _why_not_bought(self, lot: Lot) -> str:
        swallowed = lot.traded(1) <= self.wish.fees.swallowed
        return "fee_above_value" if swallowed else "too_expensive"


def _by_rank(band: Banding) -> list[Place]:
    """Return the stocks that are wanted, best first."""
    return sorted((*band.keep, *band.buy), key=lambda place: (place.rank or 0, place.ticker))


def _order(order: Order) -> tuple[bool, int, str]:
    quote = order.quote
    return quote.rank is None, quote.rank or 0, quote.ticker
