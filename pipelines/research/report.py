"""Backtests as a page that can be shown, sent and printed."""

from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from itertools import groupby
from typing import Final

import polars as pl

from pipelines.ranking import Strategy
from pipelines.research.as_json import inputs_of
from pipelines.research.backtest import Backtest
from pipelines.research.charts import Line, bars, lines
from pipelines.research.metrics import TRADING_DAYS
from pipelines.research.page import (
    Shade,
    figure,
    folded,
    legend,
    number,
    page,
    pair,
    paragraph,
    percent,
    section,
    table,
    times,
)

ROLLING_YEARS: Final = 3
MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
IN_PERCENT: Final = frozenset(
    {
        "total_return", "cagr", "annual_return", "volatility", "downside_risk", "max_drawdown",
        "best_day", "worst_day", "alpha", "tracking_error", "benchmark_return", "hit_rate",
        "best_period", "worst_period", "hit_rate_relative", "turnover", "costs",
    }
)  # fmt: skip
"""The figures that people read in per cent."""


def report(found: Sequence[Backtest]) -> str:
    """Return the page of some backtests."""
    titles = [one.strategy.title for one in found]
    links = "".join(f'<a href="#{s.name}">{escape(s.title)}</a>' for s in map(_strategy, found))
    parts = [f"<nav>{links}</nav>"] if len(found) > 1 else []
    return page(f"Backtest: {', '.join(titles)}", [*parts, *(p for one in found for p in _of(one))])


def _strategy(found: Backtest) -> Strategy:
    return found.strategy


def _of(found: Backtest) -> Iterator[str]:
    strategy, sheet = found.strategy, found.sheet
    kind = "Price return" if any(c.startswith("Price return") for c in found.caveats) else "Return"
    yield f'<h1 id="{strategy.name}">{escape(strategy.title)}</h1>'
    yield paragraph(strategy.description, "muted")
    yield paragraph(
        f"{kind} of a portfolio of {found.rules.size} from {found.since} to {found.until}, "
        f"universe {found.inputs.universe.name}, after costs. What was is no promise.", "muted",
    )  # fmt: skip
    yield section("Result", _figures(found))
    yield section("What to keep in mind", *map(paragraph, found.caveats), style="warn")
    yield from _charts(found)
    yield section("Month by month", _months(sheet.months))
    yield section("With other rules", table(
        ("", "growth", "a year", "deepest fall"),
        [(b.name, times(b.growth), percent(b.cagr), percent(b.max_drawdown))
         for b in sheet.bounds],
    ))  # fmt: skip
    yield section("Deepest falls", table(("peak", "trough", "recovery", "depth"), [
        (row["peak"], row["trough"], row["recovery"] or "not yet", percent(row["depth"]))
        for row in sheet.drawdowns.iter_rows(named=True)
    ]))  # fmt: skip
    yield section("Worst and best holdings", _holdings(sheet.gains))
    yield section("All figures", table(("figure", "value", "note"), [
        (m.name, shown(m.name, m.value), m.reason or "") for m in sheet.metrics
    ]))  # fmt: skip
    yield section("Data", _data(found))
    yield section("Trades and inputs", _trades(found.ledger), _inputs(found))


def shown(name: str, value: float | None) -> str:
    """Return a figure as people read it."""
    return percent(value) if name in IN_PERCENT else number(value)


def _figures(found: Backtest) -> str:
    value = found.sheet.value
    chosen = [
        ("a year", percent(value("cagr"))),
        ("growth", times(1 + (value("total_return") or 0))),
        ("volatility", percent(value("volatility"))),
        ("Sharpe ratio", number(value("sharpe"))),
        ("deepest fall", percent(value("max_drawdown"))),
        ("turnover a year", percent(value("turnover"), 0)),
        ("costs a year", percent(value("costs"), 2)),
        ("periods with a gain", percent(value("hit_rate"), 0)),
    ]
    return f'<div class="figures">{"".join(figure(*one) for one in chosen)}</div>'


def _charts(found: Backtest) -> Iterator[str]:
    nav, sheet = found.nav, found.sheet
    days: list[date] = nav["date"].to_list()
    series = [Line(found.strategy.title, "mine", (nav["nav"] / nav["nav"][0]).to_list())]
    names = [(found.strategy.title, "mine")]
    if found.benchmark is not None:
        other = nav.select("date").join_asof(found.benchmark.select("date", other="nav"), on="date")
        start = other["other"].drop_nulls()[0]
        series.append(Line("benchmark", "theirs", (other["other"] / start).to_list()))
        names.append((f"benchmark: {found.inputs.benchmark}", "theirs"))
    yield section("Growth of 1, logarithmic", lines(days, series, log=True), legend(*names))
    fall = (nav["nav"] / nav["nav"].cum_max() - 1).to_list()
    yield section(
        "Fall from the last peak", lines(days, [Line("fall", "loss", fall)], 160, log=False)
    )
    years = [str(day.year) for day in sheet.years["period"]]
    by_year = [Line(found.strategy.title, "mine", sheet.years["return"].to_list())]
    if "benchmark" in sheet.years.columns:
        by_year.append(Line("benchmark", "theirs", sheet.years["benchmark"].to_list()))
    yield section("By year", bars(years, by_year))
    span = ROLLING_YEARS * TRADING_DAYS
    rolling = nav.select((pl.col("nav") / pl.col("nav").shift(span)) ** (1 / ROLLING_YEARS) - 1)
    yield section("Return a year over three years, rolling", lines(
        days, [Line("rolling return", "mine", rolling["nav"].to_list())], 180, log=False,
    ))  # fmt: skip
    flow_years = [str(day.year) for day in sheet.flows["period"]]
    yield section("Turnover and costs by year",
        bars(flow_years, [Line("turnover", "mine", sheet.flows["turnover"].to_list())], 150),
        bars(flow_years, [Line("costs", "theirs", sheet.flows["costs"].to_list())], 150),
        legend(("turnover", "mine"), ("costs, of the value", "theirs")),
    )  # fmt: skip


def _months(months: pl.DataFrame) -> str:
    rows: list[list[object]] = []
    for year, part in groupby(
        months.select("period", "return").iter_rows(), key=lambda row: row[0].year
    ):
        by_month = {day.month: value for day, value in part}
        rows.append([year, *(Shade(by_month.get(n), 0.15) for n in range(1, 13))])
    return table(("year", *MONTHS), rows)


def _holdings(gains: pl.DataFrame) -> str:
    def of(rows: pl.DataFrame) -> str:
        return table(("stock", "gain"), [(t, number(g, 0)) for t, g in rows.iter_rows()])

    return pair(("Worst", of(gains.tail(5).reverse())), ("Best", of(gains.head(5))))


def _data(found: Backtest) -> str:
    ended = table(("year", "stocks", "ended"), found.survivorship.iter_rows())
    jumps = table(found.suspects.columns, found.suspects.iter_rows())
    count = found.suspects.height
    return (
        folded("Stocks of the universe by year, and those that ended in it", ended)
        + folded(f"Unexplained jumps of stocks that were held: {count}", jumps)
        + paragraph(f"Version {found.version} of the data.", "muted")
    )


def _trades(ledger: pl.DataFrame) -> str:
    rows = ledger.drop("strategy").with_columns(
        pl.col("shares", "price", "cost", "cash_after").round(2), pl.col("score").round(4)
    )
    return folded(f"All {rows.height:,} trades", table(rows.columns, rows.iter_rows()))


def _inputs(found: Backtest) -> str:
    return folded("All inputs", table(("input", "value"), list(inputs_of(found).items())))
