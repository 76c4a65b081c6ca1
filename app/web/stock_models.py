"""Answers on single stocks."""

from pydantic import BaseModel

from app.web.fields import CalendarDay, CompanyName, Ticker, field


class Stock(BaseModel):
    """Facts of a stock on the date of the rankings."""

    ticker: Ticker
    name: CompanyName
    market_cap_msek: float | None = field(
        "market cap in millions of the universe's currency", 512300.0
    )
    sector: str | None = field("sector", "Industri")
    pe: float | None = field("price / earnings", 11.2)
    pb: float | None = field("price / book value", 2.8)
    ps: float | None = field("price / sales", 1.1)
    pfcf: float | None = field("price / free cash flow", 14.0)
    ev_ebitda: float | None = field("enterprise value / EBITDA", 8.1)
    roe: float | None = field("return on equity, as a fraction", 0.24)
    roa: float | None = field("return on assets, as a fraction", 0.08)
    roic: float | None = field("return on invested capital, as a fraction", 0.17)
    fcfroe: float | None = field("free cash flow / equity, as a fraction", 0.19)
    dividend_yield: float | None = field("dividend / price, as a fraction", 0.041)
    payout_ratio: float | None = field("dividend / earnings, as a fraction", 0.5)
    return_1m: float | None = field("return over 1 month, as a fraction", 0.02)
    return_3m: float | None = field("return over 3 months, as a fraction", 0.12)
    return_6m: float | None = field("return over 6 months, as a fraction", 0.25)
    return_12m: float | None = field("return over 12 months, as a fraction", 0.61)


class Event(BaseModel):
    """Something that happened to a stock, or that was seen to have changed."""

    date: CalendarDay = field("day of it; the day from which a statement is known", "2026-11-20")
    seen_on: CalendarDay | None = field("day of the refresh that saw a change, UTC", "2026-11-20")
    kind: str = field(
        "split, dividend, jump; first_seen, listed, delisted, changed, statement", "changed"
    )
    before: str | float | None = field("the value before", "Industri")
    after: str | float | None = field("the value after", "Teknik")
    field: str | None = field("what changed; of a dividend its currency", "sector")


class Events(BaseModel):
    """What happened to a stock, newest first."""

    ticker: Ticker
    remembered_since: CalendarDay | None = field(
        "day of the first refresh that kept what it saw; before it no change is known", "2026-01-05"
    )
    events: list[Event] = field("newest first", [])


class Close(BaseModel):
    """The close of a day."""

    date: CalendarDay = field("trading day", "2026-11-20")
    close: float = field("close in the listing currency", 278.3)


class Closes(BaseModel):
    """The last closes of a stock."""

    prices: list[Close] = field("oldest first", [])
