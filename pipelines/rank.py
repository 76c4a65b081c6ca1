"""`python -m pipelines.rank`: the rankings on a date, and why a stock is where it is."""

import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer

from pipelines import console
from pipelines.errors import StockRankError
from pipelines.lake import Lake
from pipelines.ranking import (
    MONTHS,
    SIGNALS,
    STRATEGIES,
    Strategy,
    published_or_computed,
    strategy_named,
    tickers,
)
from pipelines.settings import Settings

Row = dict[str, Any]


class Format(StrEnum):
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
    top: Annotated[str, typer.Option(help="How many ranks, or all: with the excluded.")] = "10",
    form: Annotated[Format, typer.Option("--format", help="How to write them.")] = Format.TABLE,
    explain: Annotated[str | None, typer.Option(help="A ticker: why it is where it is.")] = None,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    version: Annotated[str | None, typer.Option(help="A version; default the current.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Rank the universe on a date.

    Example: python -m pipelines.rank --strategy trendande_varde --as-of 2026-03-02 --top 10
    """
    chosen = list(STRATEGIES.values()) if strategy == "all" else [strategy_named(strategy)]
    limit = _limit(top)
    settings = Settings.load(config)
    opened = Lake(lake or settings.lake, version)
    day = as_of.date() if as_of else opened.as_of
    plan = published_or_computed(
        opened, as_of=day, universe=settings.chosen_universe(universe)
    ).filter(pl.col("strategy").is_in([s.name for s in chosen]))
    frame = plan.collect(engine="streaming")
    if explain is not None:
        console.show(*(_explained(row) for row in _rows_of(frame, explain)))
    else:
        WRITERS[form](frame, chosen, day, limit)


def _limit(top: str) -> int | None:
    """The last rank to show; None for all, with the excluded."""
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
        # Those with a rank are excluded by nothing.
        width = len(TABLE_COLUMNS) - (limit is not None)
        cells = [row[:width] for row in shown]
        console.show(console.Table(title, TABLE_COLUMNS[:width], cells))
        console.write(f"{_why(rows)}\n")


TABLE_COLUMNS: Final = (
    "rank", "ticker", "name", "score", "3m", "6m", "12m", "F", "primary rank", "market cap, M",
    "excluded by",
)  # fmt: skip


def _table_row(row: Row) -> tuple[str, ...]:
    return (
        _integer(row["rank"]),
        row["ticker"],
        row["name"] or "",
        *(_percent(row[c]) for c in ("score", *(f"return_{n}m" for n in MONTHS))),
        _f_score(row),
        _integer(row["primary_rank"]),
        _integer(row["market_cap_msek"]),
        row["excluded_by"] or "",
    )


def _why(rows: pl.DataFrame) -> str:
    """How many stocks are ranked, and how many left for each reason."""
    reasons = rows.drop_nulls("excluded_by").group_by("excluded_by").len("n")
    counts = reasons.sort("n", "excluded_by", descending=[True, False]).iter_rows()
    ranked = rows["rank"].count()
    excluded = ", ".join(f"{reason} {n}" for reason, n in counts) or "none"
    return f"{ranked or 'none'} of {rows.height} stocks ranked; excluded: {excluded}"


def _write_csv(frame: pl.DataFrame, _: Iterable[Strategy], __: date, limit: int | None) -> None:
    console.write(_cut(frame, limit).write_csv().rstrip("\n"))


def _write_json(frame: pl.DataFrame, _: Iterable[Strategy], __: date, limit: int | None) -> None:
    console.write(_cut(frame, limit).write_json())


def _write_parquet(frame: pl.DataFrame, _: Iterable[Strategy], __: date, limit: int | None) -> None:
    if sys.stdout.isatty():
        raise StockRankError(
            "Parquet is no text; send it to a file: --format parquet > top.parquet"
        )
    whole = BytesIO()
    _cut(frame, limit).write_parquet(whole)
    sys.stdout.buffer.write(whole.getvalue())
    sys.stdout.buffer.flush()


Writer = Callable[[pl.DataFrame, Iterable[Strategy], date, int | None], None]
WRITERS: Final[dict[Format, Writer]] = {
    Format.TABLE: _write_table,
    Format.CSV: _write_csv,
    Format.JSON: _write_json,
    Format.PARQUET: _write_parquet,
}


# ----------------------------------------------------------------------------------- explain


def _rows_of(frame: pl.DataFrame, text: str) -> Iterable[Row]:
    """The rows of a ticker, however its separators are written; else `Unknown`."""
    ticker = tickers.known(text, frame["ticker"].unique().to_list())
    return frame.filter(ticker=ticker).iter_rows(named=True)


def _explained(row: Row) -> console.Table:
    strategy = STRATEGIES[row["strategy"]]
    place = f"rank {row['rank']}" if row["rank"] else f"out: {row['excluded_by']}"
    title = f"{row['ticker']} ({row['name']}), {strategy.title}, as of {row['as_of']}: {place}"
    return console.Table(title, ("what", "value", "how"), list(_facts(row, strategy)))


def _facts(row: Row, strategy: Strategy) -> Iterable[tuple[str, str, str]]:
    yield "listing", f"{row['market']}, {row['stock_type']}", f"sector {row['sector'] or 'unknown'}"
    yield "market cap, M", _integer(row["market_cap_msek"]), row["market_cap_source"] or "unknown"
    yield "close", _number(row["close"]), _on(row["close_date"]) or "no close in ten days"
    for n in MONTHS:
        base, on = row[f"base_close_{n}m"], row[f"base_date_{n}m"]
        how = f"from {_number(base)} {_on(on)}" if on else "no base close"
        yield f"return {n}m", _percent(row[f"return_{n}m"]), how
    yield "momentum = score", _percent(row["momentum"]), "mean of the three returns"
    if strategy.composite:
        yield from _composite_facts(row, strategy)
    else:
        yield from _f_score_facts(row)


def _composite_facts(row: Row, strategy: Strategy) -> Iterable[tuple[str, str, str]]:
    known = row["ratios_known_from"]
    yield "ratios", "", f"known from {known}" if known else "none in the twelve months before"
    eligible = row["composite"] is not None or row["excluded_by"] == "missing_metrics"
    for metric in strategy.composite.metrics if strategy.composite else ():
        p = row[f"p_{metric.name}"]
        yield metric.name, _number(row[metric.name]), _standing(p, eligible=eligible)
    yield "composite", _number(row["composite"]), "mean percentile"
    yield "primary rank", _integer(row["primary_rank"]), "of the composite, the best 40 % stay"


def _standing(percentile: float | None, *, eligible: bool) -> str:
    if not eligible:
        return "not ranked, for the stock is not eligible"
    if percentile is None:
        return "missing, counts as 0.5"
    return f"percentile {percentile:.4f} (0 is best)"


def _f_score_facts(row: Row) -> Iterable[tuple[str, str, str]]:
    fiscal = row["fiscal_date"]
    yield "statements", "", f"fiscal year to {fiscal}" if fiscal else "none known in 18 months"
    for signal in SIGNALS:
        yield signal, {True: "yes", False: "no", None: "unknown"}[row[signal]], ""
    yield "F-score", _f_score(row), f"{row['f_source']}; 5 of 9 or as many in proportion stay"


def _f_score(row: Row) -> str:
    return f"{row['f_score']}/{row['f_available']}"


def _on(day: date | None) -> str:
    return f"on {day}" if day else ""


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4f}"


def _integer(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


if __name__ == "__main__":
    console.run(main)
