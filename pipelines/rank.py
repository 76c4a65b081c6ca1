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
from pipelines.explained import explained
from pipelines.lake import DEMO_NOTICE, Lake, readable
from pipelines.ranking import (
    MONTHS,
    Strategy,
    explanations,
    origin_tables,
    published_or_computed,
    strategies_of,
    strategy_named,
    ticker_named,
)
from pipelines.settings import Settings
from pipelines.shown import f_score, integer, number, percent
from pipelines.terminal_table import Column, Table


class OutputFormat(StrEnum):
    """How a ranking is written."""

    TABLE = "table"
    CSV = "csv"
    CSV_SV = "csv-sv"
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
        OutputFormat,
        typer.Option("--format", help="How to write them; csv-sv is for a Swedish Excel."),
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
    with readable():
        frame = plan.collect(engine="streaming")
    if explain is not None:
        with readable():
            stocks = opened.stocks().select("ticker", "isin").collect()
        rows = _rows_of(frame, explain)
        why = explanations(rows, there, among=frame, isins=dict(stocks.iter_rows()))
        console.show(*map(explained, why), *origin_tables(opened, rows, day))
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
        shown = [_table_row(row, strategy) for row in _cut(rows, limit).iter_rows(named=True)]
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


def _table_row(row: Mapping[str, Any], strategy: Strategy) -> tuple[str, ...]:
    return (
        integer(row["rank"]),
        row["ticker"],
        row["name"] or "",
        (percent if strategy.score.is_fraction else number)(row["score"]),
        *(percent(row[f"return_{n}m"]) for n in MONTHS),
        f_score(row["f_score"], row["f_available"]),
        integer(row["primary_rank"]),
        integer(row["market_cap_msek"]),
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


def _write_swedish_csv(
    frame: pl.DataFrame, _: Iterable[Strategy], __: date, limit: int | None
) -> None:
    """Write what a Swedish Excel opens: semicolons, decimal commas, a byte order mark."""
    text = _cut(frame, limit).write_csv(separator=";", decimal_comma=True, include_bom=True)
    console.write_data(text.rstrip("\n"))


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
    OutputFormat.CSV_SV: _write_swedish_csv,
    OutputFormat.JSON: _write_json,
    OutputFormat.PARQUET: _write_parquet,
}


def _rows_of(frame: pl.DataFrame, text: str) -> pl.DataFrame:
    """Return the rows of a ticker, however its separators are written."""
    return frame.filter(ticker=ticker_named(text, frame["ticker"].unique().to_list()))


if __name__ == "__main__":
    console.run(main, option="--strategy")
