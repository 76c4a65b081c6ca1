"""`python -m pipelines.backtest`: what strategies would have earned, with every trade."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

import csv
import json
import sys
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer

from pipelines import console
from pipelines.driver_options import Asked, Cluster, Processes, Resume, Work, ranking
from pipelines.errors import StockRankError, WrongUsage
from pipelines.lake import DEMO_NOTICE, Lake, readable
from pipelines.portfolio_options import BuyRank, CostBps, MinFee, SellRank, Size
from pipelines.ranking import strategies_of, strategy_named
from pipelines.research import (
    Backtest,
    Calendar,
    Fill,
    Inputs,
    Rules,
    Weighting,
    as_json,
    backtests,
    report,
    shown,
    times,
)
from pipelines.settings import Settings
from pipelines.stretch import FIRST, Since, Until, refuse_reversed
from pipelines.sweep import Ranking
from pipelines.terminal_table import Column, Table

SHOWN: Final = (
    "cagr", "total_return", "volatility", "sharpe", "sortino", "max_drawdown", "calmar", "alpha",
    "beta", "tracking_error", "information_ratio", "hit_rate", "hit_rate_relative", "best_period",
    "worst_period", "turnover", "costs",
)  # fmt: skip
"""The figures in the table; JSON has all of them."""


class OutputFormat(StrEnum):
    """How a backtest is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


def main(  # noqa: PLR0913 - one parameter an option
    *,
    strategy: Annotated[str, typer.Option(help="A strategy, or all.")] = "all",
    universe: Annotated[str | None, typer.Option(help="Universe to rank.")] = None,
    since: Since = FIRST,
    until: Until = None,
    rebalance: Annotated[
        Calendar, typer.Option(help="When to rebalance, on the first trading day.")
    ] = Calendar.STRATEGY,
    size: Size = None,
    buy_rank: BuyRank = None,
    sell_rank: SellRank = None,
    weighting: Annotated[
        Weighting, typer.Option(help="Back to equal weights, or only new stocks bought.")
    ] = Weighting.EQUAL,
    cost_bps: CostBps = 25.0,
    min_fee: MinFee = 0.0,
    half_spread_bps: Annotated[
        float, typer.Option(help="Half of the spread, in basis points, on top of the cost.")
    ] = 0.0,
    fill: Annotated[Fill, typer.Option(help="The price of a trade.")] = Fill.NEXT_CLOSE,
    capital: Annotated[float, typer.Option(help="Capital at the beginning.")] = 100_000.0,
    whole_shares: Annotated[
        bool, typer.Option("--whole-shares", help="Trade whole shares alone.")
    ] = False,
    delisting_factor: Annotated[
        float, typer.Option(help="Part of the last close that a delisted stock pays.")
    ] = 1.0,
    currency: Annotated[
        str | None, typer.Option(help="Currency of the portfolio; default none is converted.")
    ] = None,
    benchmark: Annotated[
        str, typer.Option(help="universe, the id of an index, a CSV file of date and close, none.")
    ] = "universe",
    risk_free: Annotated[float, typer.Option(help="Risk-free rate of a year, as 0.02.")] = 0.0,
    format_: Annotated[
        OutputFormat, typer.Option("--format", help="How to write the result.")
    ] = OutputFormat.TABLE,
    with_days: Annotated[
        bool, typer.Option("--with-days", help="Put values by day and trades into the JSON.")
    ] = False,
    nav: Annotated[
        Path | None, typer.Option(help="File for the values by day: .csv or .parquet.")
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="File for the trades: .csv or .parquet.")
    ] = None,
    each: Annotated[
        Path | None, typer.Option(help="Folder for the JSON of each strategy, with its days.")
    ] = None,
    processes: Processes = None,
    cluster: Cluster = None,
    work: Work = None,
    resume: Resume = False,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    version: Annotated[str | None, typer.Option(help="A version; default the current.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Follow strategies through the past: what they would have earned, after costs.

    Example: python -m pipelines.backtest --strategy trendande_varde --from 2010-01-01
    """
    for path in filter(None, (nav, ledger)):
        _writer_of(path)
    settings, started = Settings.load(config), time.monotonic()
    chosen = settings.chosen_universe(universe)
    opened = Lake(lake or settings.lake, version)
    last = until.date() if until else opened.as_of
    refuse_reversed(since.date(), last)
    named = (
        [strategy_named(strategy, chosen)] if strategy != "all" else strategies_of(chosen).values()
    )
    inputs = Inputs(
        universe=chosen, since=since.date(), until=last, calendar=rebalance, fill=fill, size=size,
        buy_rank=buy_rank, sell_rank=sell_rank, currency=currency, benchmark=benchmark,
        risk_free=risk_free,
        terms=Rules(
            weighting=weighting, cost_bps=cost_bps, min_fee=min_fee, capital=capital,
            half_spread_bps=half_spread_bps, whole_shares=whole_shares,
            delisting_factor=delisting_factor,
        ),
    )  # fmt: skip
    asked, beside = Asked.of(settings, processes, cluster), work and work / "backtest"
    with ranking(asked, beside, resume=resume) as ranked:
        with console.progress() as progress, readable():
            found = backtests(opened, list(named), inputs, progress, ranked)
        _write_files(found, nav, ledger)
        if each is not None:
            _write_each(found, each)
    if format_ is OutputFormat.JSON:
        _write_json(found, with_days=with_days)
    else:
        WRITE_AS[format_](found)
    if format_ is OutputFormat.TABLE:
        _say_the_end(opened, ranked, time.monotonic() - started)


def _say_the_end(lake: Lake, ranked: Ranking, seconds: float) -> None:
    console.write(f"version {lake.version}, {seconds:.1f} s")
    for swept in ranked.swept:
        console.write(swept.told())
    if lake.manifest.demo:
        console.write(DEMO_NOTICE)


# ------------------------------------------------------------------------------------- files


def _writer_of(path: Path) -> Callable[[pl.DataFrame, Path], None]:
    """Return what writes a file of that ending; `WrongUsage` for another one."""
    writers: dict[str, Callable[[pl.DataFrame, Path], None]] = {
        ".csv": pl.DataFrame.write_csv,
        ".parquet": pl.DataFrame.write_parquet,
    }
    if path.suffix not in writers:
        raise WrongUsage(f"{path} ends in neither .csv nor .parquet; name a file that does")
    return writers[path.suffix]


def _write_files(found: Sequence[Backtest], nav: Path | None, ledger: Path | None) -> None:
    for path, frames in (
        (nav, [one.nav for one in found]), (ledger, [one.ledger for one in found])
    ):  # fmt: skip
        if path is not None:
            try:
                _writer_of(path)(pl.concat(frames), path)
            except OSError as error:
                raise StockRankError(f"cannot write {path}: {error.strerror}") from None


def _write_each(found: Sequence[Backtest], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in found:
            text = json.dumps(as_json(one, with_days=True), ensure_ascii=False)
            (folder / f"{one.strategy.name}.json").write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise StockRankError(f"cannot write {error.filename}: {error.strerror}") from None


# ----------------------------------------------------------------------------------- formats


def _write_table(found: Sequence[Backtest]) -> None:
    for one in found:
        sheet = one.sheet
        figures = [(m.name, shown(m.name, m.value), m.reason or "")
                   for m in sheet.metrics if m.name in SHOWN]  # fmt: skip
        title = f"{one.strategy.title} ({one.strategy.name}), {one.since} to {one.until}"
        note = " ".join(one.caveats)
        columns = ("figure", "value", Column("note", extra=1, wraps=True))
        bounds = [
            (b.name, times(b.growth), shown("cagr", b.cagr), shown("cagr", b.max_drawdown))
            for b in sheet.bounds
        ]
        console.show(
            Table(title, columns, figures),
            Table("With other rules", ("rule", "growth", "a year", "deepest fall"), bounds, note),
        )


def _write_json(found: Sequence[Backtest], *, with_days: bool) -> None:
    told = [as_json(one, with_days=with_days) for one in found]
    console.write_data(json.dumps(told[0] if len(told) == 1 else told, ensure_ascii=False))


def _write_csv(found: Sequence[Backtest]) -> None:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["strategy", "metric", "value", "reason"])
    for one in found:
        writer.writerows([one.strategy.name, m.name, m.value, m.reason] for m in one.sheet.metrics)
    console.write_data(text.getvalue().rstrip("\n"))


def _write_html(found: Sequence[Backtest]) -> None:
    sys.stdout.write(report(found))


WRITE_AS: Final[dict[OutputFormat, Callable[[Sequence[Backtest]], None]]] = {
    OutputFormat.TABLE: _write_table,
    OutputFormat.CSV: _write_csv,
    OutputFormat.HTML: _write_html,
}


if __name__ == "__main__":
    console.run(main, option="--strategy")
