"""`python -m pipelines.orders`: what to sell, keep and buy, so that the money adds up."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from pipelines import console
from pipelines.dates import until_today
from pipelines.errors import StockRankError, WrongUsage
from pipelines.lake import DEMO_NOTICE, Lake, readable
from pipelines.panics import stderr_held_back
from pipelines.portfolio_options import BuyRank, CostBps, MinFee, SellRank, Size
from pipelines.ranking import (
    StockNames,
    Strategy,
    names_of_stocks,
    published_or_computed,
    rates_on,
    strategy_named,
)
from pipelines.research import (
    Fees,
    Holding,
    HoldingsRead,
    Mode,
    Orders,
    Quote,
    Wish,
    as_money,
    decoded,
    hundredths,
    orders_for,
    orders_frame,
    orders_json,
    quotes_of,
    rates_in,
    read_holdings,
)
from pipelines.settings import Settings
from pipelines.terminal_table import Column, Table, plain
from pipelines.universe import Universe


class OutputFormat(StrEnum):
    """How orders are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def main(  # noqa: PLR0913 - one parameter an option
    *,
    strategy: Annotated[str, typer.Option(help="A strategy.")] = "sammansatt_momentum",
    universe: Annotated[str | None, typer.Option(help="Universe to rank.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A date; default the newest.")
    ] = None,
    holdings: Annotated[
        Path | None,
        typer.Option(
            allow_dash=True,
            help="Holdings: lines as VOLV B;100, or the CSV file of a broker; - reads stdin.",
        ),
    ] = None,
    cash: Annotated[float, typer.Option(help="Money to invest.")] = 0.0,
    mode: Annotated[
        Mode, typer.Option(help="Sell and buy, only buy, or only bring weights back.")
    ] = Mode.REBALANCE,
    size: Size = None,
    buy_rank: BuyRank = None,
    sell_rank: SellRank = None,
    tolerance: Annotated[
        float, typer.Option(help="How far a weight may drift in fix_drift, as a fraction.")
    ] = 0.02,
    cost_bps: CostBps = 25.0,
    min_fee: MinFee = 0.0,
    format_: Annotated[
        OutputFormat, typer.Option("--format", help="How to write the orders.")
    ] = OutputFormat.TABLE,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    version: Annotated[str | None, typer.Option(help="A version; default the current.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Say what to sell, keep and buy in whole shares.

    Example: python -m pipelines.orders --holdings mine.csv --cash 10000 --min-fee 39
    """
    text = None if holdings is None else _text(holdings)
    settings = Settings.load(config)
    ranked = settings.chosen_universe(universe)
    chosen = strategy_named(strategy, ranked)
    wish = Wish(
        mode=mode, size=chosen.portfolio_size if size is None else size,
        buy_rank=chosen.buy_rank if buy_rank is None else buy_rank,
        sell_rank=max(chosen.sell_rank, buy_rank or 0) if sell_rank is None else sell_rank,
        tolerance=tolerance, fees=Fees.of(cost_bps, min_fee),
    )  # fmt: skip
    money, opened = hundredths(cash, "--cash"), Lake(lake or settings.lake, version)
    day = until_today(as_of.date(), opened.as_of, "--as-of") if as_of else opened.as_of
    with readable(), stderr_held_back():
        quotes = _quotes(opened, ranked, chosen, day)
        read = None if text is None else _holdings(opened, text)
    held = [Holding(one.ticker, one.shares) for one in read.holdings] if read else []
    found = orders_for(quotes, held, money, wish)
    if format_ is OutputFormat.TABLE:
        _write_table(found, read, f"{chosen.title} ({chosen.name}), as of {day}", ranked.currency)
        if opened.manifest.demo:
            console.write(DEMO_NOTICE)
    elif format_ is OutputFormat.CSV:
        console.write_data(orders_frame(found).write_csv().rstrip("\n"))
        for line in _left_out(found, read):
            sys.stderr.write(f"{plain(line)}\n")
    else:
        inputs = {"strategy": chosen.name, "universe": ranked.name, "as_of": str(day),
                  "version": opened.version, "mode": mode.value}  # fmt: skip
        _write_json(found, read, {**inputs, "account_currency": ranked.currency})


def _text(path: Path) -> str:
    """Return the text of a file, or of stdin for a dash."""
    try:
        return decoded(sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes())
    except OSError as error:
        told = f"cannot read {path}: {error.strerror}; name a file of holdings with --holdings"
        raise StockRankError(told) from None
    except WrongUsage as error:
        raise WrongUsage(f"{path}: {error}") from None


def _quotes(lake: Lake, universe: Universe, strategy: Strategy, day: date) -> dict[str, Quote]:
    rates = rates_on(lake, day).collect()
    plan = published_or_computed(lake, as_of=day, universe=universe)
    ranking = plan.filter(strategy=strategy.name).collect(engine="streaming")
    known = rates_in(universe.currency, dict(rates.iter_rows()))
    return quotes_of(ranking, known, universe.currency)


def _holdings(lake: Lake, text: str) -> HoldingsRead:
    return read_holdings(text, StockNames.of(names_of_stocks(lake).collect()))


# ----------------------------------------------------------------------------------- formats

COLUMNS: Final = (
    "order", "ticker", Column("name", extra=1, cut_to=14), "shares", Column("price", extra=2),
    Column("currency", extra=3), "value", Column("fee", extra=4), "rank",
    Column("reason", wraps=True),
)  # fmt: skip


def _write_table(found: Orders, read: HoldingsRead | None, title: str, currency: str) -> None:
    rows = [_cells(row) for row in orders_frame(found).iter_rows(named=True)]
    if not rows:
        console.write(f"{title}: nothing to sell, keep or buy")
    else:
        console.show(Table(title, COLUMNS, rows))
    for line in _left_out(found, read):
        console.write(line)
    console.write(_sum(found, currency))


def _left_out(found: Orders, read: HoldingsRead | None) -> Iterator[str]:
    """Yield a sentence for each line that was not read, and each stock that is not bought."""
    for one in read.not_matched if read else ():
        near = ", ".join(f"{s.ticker} ({s.name})" if s.name else s.ticker for s in one.nearest)
        hint = f"; the nearest: {near}" if near else ""
        yield f"line {one.line}, {one.text!r}, is left out: {one.reason}{hint}"
    for named in found.not_bought:
        yield f"{named.ticker} is not bought: {named.reason}"


def _sum(found: Orders, currency: str) -> str:
    """Return the money before, between and after as one sum."""
    parts = (f"cash {_money(found.cash)}", f"+ sales {_money(found.sales)}",
             f"- purchases {_money(found.purchases)}", f"- costs {_money(found.costs)}",
             f"= {_money(found.cash_left)} {currency} left")  # fmt: skip
    return " ".join(parts)


def _money(whole: int) -> str:
    return f"{as_money(whole):,.2f}"


def _cells(row: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(_cell(name, row[name]) for name in (
        "order", "ticker", "name", "shares", "price", "currency", "value", "fee", "rank", "reason"
    ))  # fmt: skip


def _cell(name: str, value: object) -> str:
    if value is None or (name == "fee" and not value):
        return ""
    if name == "price":
        return f"{value:,.6g}" if isinstance(value, float) and value < 1 else f"{value:,.2f}"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value}"


def _write_json(found: Orders, read: HoldingsRead | None, inputs: Mapping[str, object]) -> None:
    left_out = [
        {"line": one.line, "text": one.text, "reason": one.reason,
         "nearest": [s.ticker for s in one.nearest]}
        for one in (read.not_matched if read else ())
    ]  # fmt: skip
    told = {**inputs, **orders_json(found), "not_matched": left_out}
    console.write_data(json.dumps(told, ensure_ascii=False))


if __name__ == "__main__":
    console.run(main, option="--holdings")
