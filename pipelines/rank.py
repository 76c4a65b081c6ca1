"""`python -m pipelines.rank`: the rankings on a date, or the explanation of one stock."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer

from pipelines import console
from pipelines.dates import until_today
from pipelines.errors import StockRankError
from pipelines.lake import DEMO_NOTICE, Lake, readable
from pipelines.panics import stderr_held_back
from pipelines.ranking import (
    MONTHS,
    Explanation,
    MetricFact,
    ReturnFact,
    Strategy,
    explanations,
    origin_tables,
    published_or_computed,
    strategies_of,
    strategy_named,
    ticker_named,
)
from pipelines.settings import Settings
from pipelines.terminal_table import Column, Table


class OutputFormat(StrEnum):
    """How a ranking is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def main(  # noqa: PLR0913 - one parameter an option
    *,
    strategy: Annotated[str, typer.Option(help="A strategy, or all.")] = "all",
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A date; default the newest.")
    ] = None,
    universe: Annotated[str | None, typer.Option(help="Universe to rank.")] = None,
    top: Annotated[str, typer.Option(help="How many ranks; all also shows the excluded.")] = "10",
    format_: Annotated[
        OutputFormat, typer.Option("--format", help="How to write them.")
    ] = OutputFormat.TABLE,
    explain: Annotated[str | None, typer.Option(help="A ticker to explain.")] = None,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    version: Annotated[str | None, typer.Option(help="A version; default the current.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Rank the universe on a date.

    Example: python -m pipelines.rank --strategy trendande_varde --as-of 2026-03-02 --top 10
    """
    limit = _limit(top)
    settings = Settings.load(config)
    ranked = settings.chosen_universe(universe)
    there = strategies_of(ranked)
    chosen = list(there.values()) if strategy == "all" else [strategy_named(strategy, ranked)]
    opened = Lake(lake or settings.lake, version)
    day = until_today(as_of.date(), opened.as_of, "--as-of") if as_of else opened.as_of
    plan = published_or_computed(opened, as_of=day, universe=ranked).filter(
        pl.col("strategy").is_in([s.name for s in chosen])
    )
    with readable(), stderr_held_back():
        frame = plan.collect(engine="streaming")
    if explain is not None:
        rows = _rows_of(frame, explain)
        console.show(*map(_explained, explanations(rows, there)), *origin_tables(opened, rows, day))
    else:
        WRITE_AS[format_](frame, chosen, day, limit)
    if format_ is OutputFormat.TABLE:
        if as_of and day < (oldest := _oldest(opened)):
            console.write(f"{day} is before the oldest price, which is of {oldest}")
        if opened.manifest.demo:
            console.write(DEMO_NOTICE)


def _oldest(lake: Lake) -> date:
    """Return the day of the oldest price."""
    first = min(file.year or 0 for file in lake.datasets["prices"].files)
    with readable():
        oldest: date = lake.year("prices", first).select(pl.col("date").min()).collect().item()
    return oldest


def _limit(top: str) -> int | None:
    """Return the last rank to show; None for all ranks and the excluded."""
    if top == "all":
        return None
    if not top.isdecimal() or int(top) == 0:
        raise typer.BadParameter(f"{top!r} is neither a number above 0 nor all", param_hint="--top")
    return int(top)


def _cut(frame: pl.DataFrame, limit: int | None) -> pl.DataFrame:
    return frame if limit is None else frame.filter(pl.col("rank") <= limit)


# ----------------------------------------------------------------------------------- formats


def _write_table(
    frame: pl.DataFrame, chosen: Iterable[Strategy], day: date, limit: int | None
) -> None:
    for strategy in chosen:
        rows = frame.filter(strategy=strategy.name)
        shown = [_table_row(row) for row in _cut(rows, limit).iter_rows(named=True)]
        title = f"{strategy.title} ({strategy.name}), as of {day}"
        console.show(Table(title, _columns(limit), shown, note=_counts(rows)))


def _columns(limit: int | None) -> tuple[Column | str, ...]:
    """Return the columns; with the excluded stocks there is less room for names."""
    return (
        "rank", "ticker", Column("name", cut_to=12 if limit is None else 18), "score",
        Column("3m", extra=2), Column("6m", extra=3), Column("12m", extra=4), "F",
        Column("primary rank", extra=5), Column("market cap, M", extra=6),
        Column("excluded by", extra=1),
    )  # fmt: skip


def _table_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        _integer(row["rank"]),
        row["ticker"],
        row["name"] or "",
        *(_percent(row[c]) for c in ("score", *(f"return_{n}m" for n in MONTHS))),
        _f_score(row["f_score"], row["f_available"]),
        _integer(row["primary_rank"]),
        _integer(row["market_cap_msek"]),
        row["excluded_by"] or "",
    )


def _counts(rows: pl.DataFrame) -> str:
    """Return how many stocks are ranked, and how many are excluded for each reason."""
    reasons = rows.drop_nulls("excluded_by").group_by("excluded_by").len("n")
    counts = reasons.sort("n", "excluded_by", descending=[True, False]).iter_rows()
    ranked = rows["rank"].count()
    excluded = ", ".join(f"{reason} {n}" for reason, n in counts) or "none"
    return f"{ranked or 'none'} of {rows.height} stocks ranked; excluded: {excluded}"


def _write_csv(frame: pl.DataFrame, _: Iterable[Strategy], __: date, limit: int | None) -> None:
    console.write_data(_cut(frame, limit).write_csv().rstrip("\n"))


def _write_json(frame: pl.DataFrame, _: Iterable[Strategy], __: date, limit: int | None) -> None:
    console.write_data(_cut(frame, limit).write_json())


def _write_parquet(frame: pl.DataFrame, _: Iterable[Strategy], __: date, limit: int | None) -> None:
    if sys.stdout.isatty():
        raise StockRankError(
            "Parquet is not text; send it to a file: --format parquet > top.parquet"
        )
    whole = BytesIO()
    _cut(frame, limit).write_parquet(whole)
    sys.stdout.buffer.write(whole.getvalue())
    sys.stdout.buffer.flush()


Writer = Callable[[pl.DataFrame, Iterable[Strategy], date, int | None], None]
WRITE_AS: Final[dict[OutputFormat, Writer]] = {
    OutputFormat.TABLE: _write_table,
    OutputFormat.CSV: _write_csv,
    OutputFormat.JSON: _write_json,
    OutputFormat.PARQUET: _write_parquet,
}


# ----------------------------------------------------------------------------------- explain


Line = tuple[str, str, str]
"""The name of a figure, its value, and how it came about."""


def _rows_of(frame: pl.DataFrame, text: str) -> pl.DataFrame:
    """Return the rows of a ticker, however its separators are written."""
    return frame.filter(ticker=ticker_named(text, frame["ticker"].unique().to_list()))


def _explained(why: Explanation) -> Table:
    place = f"rank {why.rank}" if why.rank else f"out: {why.excluded_by}"
    title = f"{why.ticker} ({why.name}), {why.display_name}, as of {why.as_of}: {place}"
    own = _composite_lines(why) if why.metrics else _f_score_lines(why)
    lines = [*_listing_lines(why), *_return_lines(why), *own]
    columns = ("what", Column("value", wraps=True), Column("how", wraps=True))
    return Table(title, columns, lines)


def _listing_lines(why: Explanation) -> Iterable[Line]:
    yield "listing", f"{why.market}, {why.stock_type}", f"sector {why.sector or 'unknown'}"
    yield "market cap, M", _integer(why.market_cap_msek), why.market_cap_source or "unknown"
    yield "close", _number(why.close), _on(why.close_date) or "no close in ten days"
    if why.jump:
        how = f"from {_number(why.jump.close_before)} {_on(why.jump.date)}, and nothing explains it"
        yield "jump of the price", f"to {_number(why.jump.close)}", how


def _return_lines(why: Explanation) -> Iterable[Line]:
    for part in why.returns:
        base = f"from {_number(part.base_close)} {_on(part.base_date)}"
        how = base + _converted(part) if part.base_date else "no base close"
        yield f"return {part.months}m", _percent(part.value), how
    yield "momentum = score", _percent(why.score), "mean of the three returns"


def _converted(part: ReturnFact) -> str:
    """Return how a return came about that is not in the currency of the listing."""
    if part.local is None or part.local == part.value:
        return ""
    rate = "without a rate" if part.rate_change is None else f"its rate {part.rate_change:+.1%}"
    return f"; {_percent(part.local)} in its own currency, {rate}"


def _composite_lines(why: Explanation) -> Iterable[Line]:
    known = why.ratios_known_from
    yield "ratios", "", f"known from {known}" if known else "none in the twelve months before"
    if known:
        yield "multiples", "", f"at the price {_on(why.multiples_as_of)}"
    for metric in why.metrics:
        notes = [_standing(metric.percentile)] if why.is_compared else []
        notes += _reported(metric)
        yield metric.name, _number(metric.value), "; ".join(notes)
    if not why.is_compared:
        yield "composite", "none", "the stock is not eligible, so that its metrics are not ranked"
        return
    yield "composite", _number(why.composite), "mean percentile"
    yield "primary rank", _integer(why.primary_rank), "of the composite, the best 40 % stay"


def _reported(metric: MetricFact) -> list[str]:
    is_same = metric.reported == metric.value
    return [] if is_same else [f"{_number(metric.reported)} as reported"]


def _standing(percentile: float | None) -> str:
    if percentile is None:
        return "missing, counts as 0.5"
    return f"percentile {percentile:.4f} (0 is best)"


_F_SOURCE: Final = {
    "computed": "counted from these signals",
    "vendor": "the vendor's score, used in place of these signals",
}


def _f_score_lines(why: Explanation) -> Iterable[Line]:
    fiscal = why.fiscal_date
    yield "statements", "", f"fiscal year to {fiscal}" if fiscal else "none known in 18 months"
    for signal in why.f_signals:
        yield signal.name, {True: "yes", False: "no", None: "unknown"}[signal.value], ""
    score = _f_score(why.f_score, why.f_available)
    yield "F-score", score, f"{_F_SOURCE[why.f_source]}; 5 of 9 or as many in proportion stay"


def _f_score(score: int, available: int) -> str:
    return f"{score}/{available}"


def _on(day: date | None) -> str:
    return f"on {day}" if day else ""


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4f}"


def _integer(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


if __name__ == "__main__":
    console.run(main, option="--strategy")
