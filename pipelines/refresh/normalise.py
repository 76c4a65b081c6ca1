"""Turn a batch of a source table into valid rows, and notes on each row or value that is lost."""

import types
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import dataframely as dy
import polars as pl

from pipelines.lake import CONTRACTS, FUTURE_DATE, LARGEST_VOLUME, REASON_OF_RULE, lake_schema
from pipelines.ranking import (
    FRACTIONS,
    RATIO_COLUMNS,
    canonical_tickers,
    divided,
    first_reason,
    has_any,
)
from pipelines.refresh.days import bad_days, is_bad, time, with_days
from pipelines.refresh.held import meet
from pipelines.source import ROWID

OHL: Final = ("open", "high", "low")
CCY: Final = ("market_cap", "net_income", "operating_cf", "total_assets", "long_term_debt")
PERCENT: Final = (*FRACTIONS, "gross_margin", "perf_1m", "perf_3m", "perf_6m", "perf_12m")
"""The columns that the source `tradingview` delivers in percent."""
RATIO_ORDER: Final = ("ticker", "known_from", "fiscal_date", "id")
"""The columns by which a ticker's rows are sorted, the newest last."""
REPORTING_LAG: Final = timedelta(days=90)

REASON: Final = "reason_"
WARN: Final = "warn_"

Normalise = Callable[[pl.DataFrame], pl.DataFrame]
"""Turns columns of the source into those of the lake, and adds: `rowid_`; `reason_`, the code if a
row is rejected for a reason that the lake's types do not show, else null; `warn_<code>`, true where
a value was given up."""


@dataclass(frozen=True)
class Batch:
    """Valid rows with `rowid_`; notes `rowid, reason, kept`, one for each lost row or value."""

    rows: pl.DataFrame
    notes: pl.DataFrame


NOTES: Final = pl.Schema({"rowid": pl.Int64, "reason": pl.String, "kept": pl.Boolean})


def apply(batch: pl.DataFrame, dataset: str, normalise: Normalise) -> Batch:
    """Return the rows of a batch that meet the contract of the dataset, and notes on the others."""
    wide = normalise(batch)
    rows, rejected = _divided(wide, dataset)
    names = [name for name in wide.columns if name.startswith(WARN) and wide[name].any()]
    warned = [_warned(wide, name).join(rejected, on="rowid", how="anti") for name in names]
    return Batch(rows, pl.concat([rejected, *warned]))


def _divided(wide: pl.DataFrame, dataset: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that meet the contract of the dataset, and notes on the others."""
    contract, columns = ROW_CONTRACTS[dataset], (*lake_schema(dataset), ROWID)
    if meet(wide, contract):
        return wide.select(columns), NOTES.to_frame()
    kept, failure = contract.filter(wide)
    return kept.select(columns), _rejected(failure)


def _rejected(failure: dy.FailureInfo) -> pl.DataFrame:
    details = failure.details()
    rules = [c for c in details.columns if details.schema[c].base_type() is pl.Enum]
    reasons = {
        r: pl.col(r) == "invalid" for r in sorted(rules, key=lambda r: r not in REASON_OF_RULE)
    }
    return details.select(
        pl.col(ROWID).alias("rowid"),
        pl.coalesce(REASON, first_reason(reasons).replace(dict(REASON_OF_RULE))).alias("reason"),
        pl.lit(value=False).alias("kept"),
    )


def _warned(wide: pl.DataFrame, name: str) -> pl.DataFrame:
    return wide.filter(name).select(
        pl.col(ROWID).alias("rowid"),
        pl.lit(name.removeprefix(WARN)).alias("reason"),
        pl.lit(value=True).alias("kept"),
    )


def _row_contract(contract: type[dy.Schema]) -> type[dy.Schema]:
    """Return the contract of a dataset with the columns `rowid_` and `reason_`."""
    own = {
        ROWID: dy.Int64(nullable=False),
        REASON: dy.String(nullable=True),
        "rejected": dy.rule()(lambda cls: pl.col(REASON).is_null()),  # noqa: ARG005
    }
    rows: type[dy.Schema] = types.new_class(
        f"{contract.__name__}Rows", (contract,), exec_body=lambda body: body.update(own)
    )
    return rows


ROW_CONTRACTS: Final = {name: _row_contract(contract) for name, contract in CONTRACTS.items()}


# ------------------------------------------------------------------------------------ values


def _normalise_distinct(batch: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return the batch with normalised names; each distinct name is worked out once."""
    old = batch.get_column(column).unique()
    new = old.to_frame().select(canonical_tickers(column)).to_series()
    changed = old.ne_missing(new)
    if not changed.any():
        return batch
    return batch.with_columns(pl.col(column).replace(old.filter(changed), new.filter(changed)))


def _unusable(batch: pl.DataFrame, code: str) -> pl.Expr:
    """Return true for a row in which the reader gave up a value that no ranking needs."""
    return pl.col(f"{WARN}{code}") if f"{WARN}{code}" in batch.columns else pl.lit(value=False)


def _finite(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_finite()).then(column)


# ------------------------------------------------------------------------------------ prices


def quotes(batch: pl.DataFrame, *, key: str, today: date) -> pl.DataFrame:
    """Return daily rows: prices are Float32; open, high and low are all there or all null."""
    typed = with_days(_normalise_distinct(batch, key), day_="date").with_columns(
        pl.col(*OHL, "close").cast(pl.Float32)
    )
    reason = {
        "null_key": pl.col(key).is_null() | (pl.col("date") == ""),
        **bad_days(typed, day_="date"),
        FUTURE_DATE: pl.col("day_") > today + timedelta(days=1),
    }
    usable = pl.all_horizontal(pl.col(*OHL).is_finite() & (pl.col(*OHL) > 0))
    usable = (usable & (pl.col("low") <= pl.col("high"))).fill_null(value=False)
    # In two steps: within one, Polars computes an expression again for each use.
    return typed.with_columns(reason_=first_reason(reason), usable_=usable).with_columns(
        pl.when("usable_").then(pl.col(*OHL)),
        date="day_",
        warn_ohl_inconsistent=_unusable(batch, "ohl_inconsistent")
        | (~pl.col("usable_") & pl.any_horizontal(pl.col(*OHL).is_not_null())),
    )


def prices(batch: pl.DataFrame, *, today: date) -> pl.DataFrame:
    """Return daily prices of stocks: as `quotes`; volume is a whole number below 2³², or null."""
    volume = pl.col("volume")
    fits = volume.is_between(0, LARGEST_VOLUME) & (volume == volume.floor())
    return quotes(batch, key="ticker", today=today).with_columns(
        pl.when(fits).then(volume).cast(pl.UInt32),
        warn_volume_out_of_range=_unusable(batch, "volume_out_of_range")
        | (volume.is_not_null() & ~fits),
    )


# ------------------------------------------------------------------------------ fundamentals


def fundamentals(batch: pl.DataFrame) -> pl.DataFrame:
    """Return statements and ratios, as fractions, with the day from which they are known."""
    fiscal, fetched = pl.col("fiscal_"), pl.col("fetched_")
    dates, texts = (
        pl.coalesce(fiscal, fetched),
        {"fiscal_": "fiscal_date", "fetched_": "fetched_date"},
    )
    parsed = with_days(_normalise_distinct(batch, "ticker"), **texts)
    reason = {
        "null_key": pl.col("ticker").is_null(),
        **bad_days(parsed, **texts),
        "no_date": dates.is_null(),
        "fiscal_year_not_over": fiscal > fetched,
    }
    percent = pl.col("data_source").str.to_lowercase() == "tradingview"
    wide = parsed.with_columns(
        reason_=first_reason(reason),
        percent_=percent.fill_null(value=False),
        source=pl.lit("fundamentals"),
        fiscal_date=dates,
        fetched_date=fetched,
        known_from=pl.coalesce(fetched, fiscal + REPORTING_LAG),
        warn_f_score_out_of_range=~pl.col("piotroski_f_score").is_between(0, 9),
    ).with_columns(
        pl.when(pl.col("piotroski_f_score").is_between(0, 9))
        .then("piotroski_f_score")
        .cast(pl.Int8)
    )
    return _amounts(wide)


def snapshots(batch: pl.DataFrame, *, percent: pl.Series) -> pl.DataFrame:
    """Return weekly copies of the ratios; those of the tickers in `percent` are divided by 100."""
    parsed = with_days(_normalise_distinct(batch, "ticker"), known_from="snapshot_date")
    reason = {
        "null_key": pl.col("ticker").is_null() | (pl.col("snapshot_date") == ""),
        **bad_days(parsed, known_from="snapshot_date"),
    }
    wide = parsed.with_columns(
        reason_=first_reason(reason),
        percent_=pl.col("ticker").is_in(percent.implode()).fill_null(value=False),
        source=pl.lit("snapshots"),
    )
    absent = {
        name: pl.lit(None, dtype=dtype)
        for column, dtype in lake_schema("fundamentals").items()
        if (name := column.removesuffix("_ccy")) not in wide.columns
    }
    return _amounts(wide.with_columns(**absent))


def _amounts(wide: pl.DataFrame) -> pl.DataFrame:
    """Turn NaN and infinities into null, percent into fractions; name columns of money by unit."""
    numbers = [c for c, t in wide.schema.items() if t == pl.Float64]
    infinite = pl.any_horizontal(~pl.col(*numbers).is_finite())
    return (
        wide.with_columns(
            warn_not_finite=infinite.fill_null(value=False),
            unit_=pl.when("percent_").then(100.0).otherwise(1.0),
        )
        .with_columns(_finite(c) for c in numbers)
        .with_columns(divided(pl.col(*PERCENT), pl.col("unit_")))
        .rename({c: f"{c}_ccy" for c in CCY})
    )


def units(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the unit of each ticker's ratios, by its newest row: `RATIO_ORDER` and `percent`."""
    with_ratios = rows.filter(has_any(RATIO_COLUMNS))
    percent = pl.col("data_source").str.to_lowercase() == "tradingview"
    return newest_units(with_ratios.select(*RATIO_ORDER, percent=percent.fill_null(value=False)))


def newest_units(units: pl.DataFrame) -> pl.DataFrame:
    """Return the newest row of each ticker, from rows as `units` returns them."""
    return units.sort(*RATIO_ORDER).unique("ticker", keep="last")


# ------------------------------------------------------------------------------------ stocks


def stocks(batch: pl.DataFrame) -> pl.DataFrame:
    """Return instruments; a market cap or time that cannot be used becomes null."""
    batch = with_days(batch, validated_="last_validated")
    validated, updated = pl.col("validated_"), time("last_updated")
    cap = pl.col("market_cap_msek")
    return batch.with_columns(
        ticker=canonical_tickers("ticker"),
        reason_=pl.when(canonical_tickers("ticker").is_null()).then(pl.lit("null_key")),
        warn_not_finite=(~cap.is_finite()).fill_null(value=False),
        market_cap_msek=_finite("market_cap_msek"),
        warn_bad_time=is_bad("last_validated", validated) | is_bad("last_updated", updated),
        last_validated=validated,
        last_updated=updated,
    )
