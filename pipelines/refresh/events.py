"""Splits, dividends and rates of the source as rows of the lake, by the rules of `normalise`."""

from datetime import date, timedelta

import polars as pl

from pipelines.lake import FUTURE_DATE
from pipelines.ranking import canonical_tickers, first_reason
from pipelines.refresh.days import bad_days, with_days


def splits(batch: pl.DataFrame) -> pl.DataFrame:
    """Return splits; their date may lie in the future, for splits are announced."""
    return _of_a_day(batch, "ticker", "date").with_columns(ticker=canonical_tickers("ticker"))


def dividends(batch: pl.DataFrame) -> pl.DataFrame:
    """Return dividends; their dates may lie in the future, for dividends are announced."""
    dated = _of_a_day(batch, "ticker", "ex_date")
    paid = with_days(dated, payment_="payment_date")
    bad = first_reason(bad_days(paid, payment_="payment_date"))
    return paid.with_columns(
        ticker=canonical_tickers("ticker"),
        payment_date="payment_",
        reason_=pl.coalesce("reason_", bad),
    )


def fx_rates(batch: pl.DataFrame, *, today: date) -> pl.DataFrame:
    """Return daily rates; those of a day after tomorrow wait."""
    late = {FUTURE_DATE: pl.col("date") > today + timedelta(days=1)}
    dated = _of_a_day(batch, "currency", "date")
    return dated.with_columns(reason_=pl.coalesce("reason_", first_reason(late)))


def _of_a_day(batch: pl.DataFrame, name: str, date: str) -> pl.DataFrame:
    """Return the batch with its day parsed, and the reason of a row without a name or day."""
    dated = with_days(batch, day_=date)
    reason = {
        "null_key": pl.col(name).is_null() | (pl.col(date) == ""),
        **bad_days(dated, day_=date),
    }
    return dated.with_columns(pl.col("day_").alias(date), reason_=first_reason(reason))
