"""Multiples and the market cap, brought from the price that they were made with to that of a date.

C. Asness and A. Frazzini, The Devil in HML's Details (2013): a stale price in a multiple matters
most where value meets momentum.
"""

import polars as pl


def priced_on() -> pl.Expr:
    """Return the day whose price is in the ratios of a row of `fundamentals`.

    It is the day of a snapshot, the end of the year of statements, else the day of the fetch.
    """
    of_year = pl.col("data_source").str.to_lowercase() == "statements"
    fetched = pl.when(~of_year.fill_null(value=False)).then("fetched_date")
    of_report = pl.coalesce(fetched, "fiscal_date")
    return pl.when(pl.col("source") == "snapshots").then("known_from").otherwise(of_report)
