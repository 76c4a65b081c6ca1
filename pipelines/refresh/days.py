"""Days and times of the source, parsed from text; and why a text is none."""

from typing import Final

import polars as pl

ISO_DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
DAY_LENGTH: Final = 10
MIDNIGHT: Final = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00(:00(\.0+)?)?( ?(Z|[+-][0-9]{2}(:?[0-9]{2})?))?$"
)
"""A day as pandas and SQLAlchemy write it: with the time at which it begins, and a zone or none."""
LATER: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}"
NUMBER: Final = r"^-?[0-9]+(\.[0-9]+)?$"


def day(column: str) -> pl.Expr:
    """Return the date of a text that is exactly `YYYY-MM-DD`, null for any other."""
    text = pl.col(column)
    parsed = text.str.to_date("%Y-%m-%d", strict=False, cache=False)  # faster than to look it up
    return pl.when(text.str.contains(ISO_DAY)).then(parsed)


def with_days(batch: pl.DataFrame, **columns: str) -> pl.DataFrame:
    """Return the batch with the day of each text column under its new name; see `day`."""
    for text in columns.values():
        if (batch.get_column(text).str.len_bytes() > DAY_LENGTH).any():
            batch = batch.with_columns(pl.col(text).str.replace(MIDNIGHT, "$1"))
    return batch.with_columns(**{name: day(text) for name, text in columns.items()})


def bad_days(days: pl.DataFrame, **columns: str) -> dict[str, pl.Expr]:
    """Return the rules for texts that are no day, told apart where there are any."""
    bad = {text: is_bad(text, pl.col(name)) for name, text in columns.items()}
    reason = {"bad_date": pl.any_horizontal(bad.values())}
    if not days.select(reason["bad_date"].any()).item():
        return reason
    apart = {"number_in_date": NUMBER, "time_in_date": LATER}
    return {
        code: pl.any_horizontal(rule & pl.col(c).str.contains(like) for c, rule in bad.items())
        for code, like in apart.items()
    } | reason


def is_bad(column: str, parsed: pl.Expr) -> pl.Expr:
    """Return true where a text is there, and is not what it was to be parsed as."""
    return (pl.col(column) != "") & parsed.is_null()


def time(column: str) -> pl.Expr:
    """Return the time of an ISO text, null for any other; seconds, `T` and `Z` may be absent."""
    text = pl.col(column).str.replace("T", " ").str.replace(r"(Z|\+00:00)$", "")
    formats = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
    return pl.coalesce(text.str.to_datetime(f, strict=False, time_unit="us") for f in formats)
