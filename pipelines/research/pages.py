"""The pages of a factor report and of a search, and the report as values of JSON."""

from datetime import date
from html import escape

from pipelines.research.as_json import Json, made_by, rows
from pipelines.research.charts import Line, bars
from pipelines.research.factor_report import HORIZONS, FactorReport, Horizon, table_of
from pipelines.research.page import (
    number,
    page,
    pair,
    paragraph,
    percent,
    section,
    table,
    times,
)
from pipelines.research.search import Searched

SHOWN = 50
"""Variants on the page; the Parquet file has all."""
LEFT_OUT = {"no_value": "not ranked", "not_over": "not over yet", "no_price": "no price in time"}
"""Why a row is in no figure of a horizon."""
AFTER = ("time", "Sharpe ratio before", "in it", "median of all")
IN_PERCENT = frozenset({"cagr", "max_drawdown", "turnover"})
"""The figures of a variant that people read in per cent; its costs are money."""


def factor_json(found: FactorReport) -> Json:
    """Return a factor report as values of JSON."""
    return {
        "factor": found.name, "title": found.title, "universe": found.universe.name,
        "from": found.since.isoformat(), "to": found.until.isoformat(), "dates": found.dates,
        "horizons": [_horizon(one) for one in found.horizons],
        "factor_rank_autocorrelation": found.autocorrelation._asdict(),
        "quantile_turnover": [mean._asdict() for mean in found.turnover],
        "coverage": rows(found.coverage), "version": found.version,
        "inputs": {
            "quantiles": len(found.turnover), "months": list(HORIZONS),
            **made_by(found.strategy, found.universe),
        },
    }  # fmt: skip


def _horizon(one: Horizon) -> Json:
    return {
        "months": one.months, "rows": one.rows, "dropped": one.dropped,
        "information_coefficient": one.ic._asdict(),
        "mean_return_by_quantile": [mean._asdict() for mean in one.quantiles],
        "spread": one.spread._asdict(), "by_year": rows(one.by_year),
        "by_sector": rows(one.by_sector),
    }  # fmt: skip


def factor_page(found: FactorReport) -> str:
    """Return the page of a factor report."""
    count = len(found.turnover)
    names = [f"Q{n}" for n in range(1, count + 1)]
    parts = [
        f"<h1>{escape(found.title)}</h1>",
        paragraph(f"Rank and return after, {found.universe.name}, {found.dates} months from "
                  f"{found.since} to {found.until}. Q{count} holds the best ranks.", "muted"),
        section("By horizon", table(
            ("", "IC", "t", *names, "spread", "t of it", "rows"),
            [line[:-1] for line in table_of(found)],
        )),
        section("Mean return by quantile", pair(*(
            (f"after {line[0]}", _means(one, names))
            for line, one in zip(table_of(found), found.horizons, strict=True)
        ))),
    ]  # fmt: skip
    first = found.horizons[0]
    years = [str(year) for year in first.by_year["year"]]
    parts += [
        section("Rank correlation by year, 1 month",
                bars(years, [Line("IC", "mine", first.by_year["ic"].to_list())], 160,
                     in_percent=False)),
        section("By sector, 1 month", table(("sector", "IC", "dates"), (
            (sector or "unknown", "" if ic is None else f"{ic:.4f}", dates)
            for sector, ic, dates in first.by_sector.iter_rows()
        ))),
        section("Coverage", table(found.coverage.columns, (
            (year, *(f"{count:,}" for count in counts))
            for year, *counts in found.coverage.iter_rows()
        ))),
        section("Rows that are left out", table(("", *LEFT_OUT.values()), [
            (line[0], *(f"{one.dropped[reason]:,}" for reason in LEFT_OUT))
            for line, one in zip(table_of(found), found.horizons, strict=True)
        ])),
        paragraph(f"Version {found.version} of the data.", "muted"),
    ]  # fmt: skip
    return page(f"Factor report: {found.title}", parts)


def _means(one: Horizon, names: list[str]) -> str:
    return bars(names, [Line("mean return", "mine", [mean.mean for mean in one.quantiles])], 240)


def search_page(found: Searched) -> str:
    """Return the page of a search: what luck would give comes first."""
    best = found.variants.head(SHOWN)
    shown = [
        [_text(name, value) for name, value in zip(best.columns, row, strict=True)]
        for row in best.iter_rows()
    ]
    afterwards = [
        [_span(since, until), *(f"{ratio:.2f}" for ratio in ratios)]
        for since, until, *ratios in found.afterwards()
    ]
    since, until = found.days[0], found.days[-1]
    return page("Search", [
        "<h1>Search</h1>",
        paragraph(f"{', '.join(found.grid.strategies)}, {_span(since, until)}.", "muted"),
        section("Read this first", *map(paragraph, found.verdicts()), style="warn"),
        *([section("The best until then, in the time after", table(AFTER, afterwards))]
          if afterwards else []),
        section(f"The best {len(shown)} of {found.trials:,} variants",
                table(best.columns, shown)),
        paragraph(f"Version {found.version} of the data.", "muted"),
    ])  # fmt: skip


def _span(since: date, until: date) -> str:
    return f"{since} to {until}"


def _text(name: str, value: object) -> str:
    """Return a figure, or a choice, as people read it."""
    if not isinstance(value, float):
        return "" if value is None else str(value)
    if name in IN_PERCENT:
        return percent(value)
    return {"growth": times, "sharpe": number, "costs": _whole}.get(name, "{:g}".format)(value)


def _whole(value: float) -> str:
    return number(value, 0)
