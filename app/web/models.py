"""What the endpoints answer, field by field; the OpenAPI document is made from it."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, Field

from pipelines.lake import Label, State, Status, freshness

Day = date
Kind = Literal["momentum", "value", "dividend", "quality"]


def _f(description: str, example: Any) -> Any:
    """A field with its description and an example."""
    return Field(description=description, examples=[example])


Ticker = Annotated[str, _f("ticker, class letter after a space", "VOLV B")]
Name = Annotated[str | None, _f("name of the company", "Volvo B")]
Rank = Annotated[int, _f("1 is best", 1)]
Score = Annotated[float, _f("mean of the 3, 6 and 12 month returns, a fraction", 0.412)]
StrategyName = Annotated[str, _f("name of the strategy", "trendande_varde")]
Title = Annotated[str, _f("title for people", "Trendande Värde")]
Timestamp = Annotated[datetime, _f("time in UTC", "2026-11-24T17:05:00Z")]
VersionId = Annotated[str, _f("id of a version of the data", "20261124T170500Z-3fa1c2")]


class Problem(BaseModel):
    """What every error answers."""

    detail: str = _f("one sentence with the value and the remedy",
                     "unknown strategy 'x'; expected one of sammansatt_momentum, …")  # fmt: skip


# --------------------------------------------------------------------------------- strategies


class StrategyInfo(BaseModel):
    """A strategy."""

    name: StrategyName
    display_name: Title
    description: str = _f("what it buys", "Momentum among the cheapest 40 % …")
    type: Kind = _f("family of the strategy", "value")
    portfolio_size: int = _f("how many stocks are held", 10)
    rebalance_frequency: str = _f(
        "how often: annual, semiannual, quarterly, monthly, or for example 6 times a year", "annual"
    )


class Ranked(BaseModel):
    """A place in a ranking."""

    ticker: Ticker
    name: Name
    rank: Rank
    score: Score
    last_updated: date | None = _f("day of the last close", "2026-11-20")
    data_age_days: int | None = _f("trading days since then", 1)
    freshness: Label = _f("fresh to 1 trading day, stale to 3, then very_stale", "fresh")


class Short(BaseModel):
    """A place in a ranking, in short."""

    rank: Rank
    ticker: Ticker
    name: Name
    score: Score


class Scored(BaseModel):
    """A place in a computed ranking."""

    ticker: Ticker
    rank: Rank
    score: Score


class Performance(BaseModel):
    """How a strategy's ten stocks did this year."""

    strategy: StrategyName
    display_name: Title
    ytd_return: float | None = _f(
        "mean return of the ten since the last close of the year before, percent", 18.4
    )
    stocks_counted: int = _f("how many of the ten have both closes", 10)


class Performances(BaseModel):
    """How the strategies did this year."""

    strategies: list[Performance] = _f("a strategy each", [])
    as_of: date = _f("day of the newest closes", "2026-11-20")


class Validation(BaseModel):
    """Whether to trade on a strategy's ranking today."""

    strategy: StrategyName
    safe_to_trade: bool = _f("false where any check is critical", True)
    message: str = _f("the verdict in a sentence", "the data is fresh and complete")
    issues: list[str] = _f("what speaks against it", [])
    checked_at: Timestamp


class Return(BaseModel):
    """A price return up to the date of the ranking."""

    months: int = _f("calendar months", 12)
    value: float | None = _f("close / base close - 1, a fraction", 0.31)
    base_date: date | None = _f("day of the base close", "2025-11-20")
    base_close: float | None = _f("in the listing currency", 212.4)


class Metric(BaseModel):
    """A metric of the composite."""

    name: str = _f("name of the metric", "pe")
    value: float | None = _f("ratio, or a fraction; null where it is missing", 11.2)
    percentile: float | None = _f("0 is best; null where the stock is not ranked by it", 0.125)
    higher_is_better: bool = _f("how it is ranked", False)


class Signal(BaseModel):
    """A signal of the F-score."""

    name: str = _f("name of the signal", "roa_rose")
    value: bool | None = _f("null where an input is missing", True)


class Explanation(BaseModel):
    """Why a stock is where it is."""

    strategy: StrategyName
    display_name: Title
    ticker: Ticker
    name: Name
    as_of: date = _f("date of the ranking", "2026-11-20")
    rank: int | None = _f("1 is best; null for a stock that is out", 4)
    excluded_by: str | None = _f("the first reason out; null for a ranked stock", None)
    score: float | None = _f("mean of the three returns, a fraction", 0.412)
    market_cap_msek: float | None = _f("million of the universe's currency", 512300.0)
    market_cap_source: Literal["reported", "current", "price_scaled"] | None = _f(
        "where the market cap is from", "reported"
    )
    market: str | None = _f("listing market", "stockholmsborsen")
    sector: str | None = _f("sector", "Industri")
    stock_type: str | None = _f("kind of instrument", "stock")
    currency: str | None = _f("listing currency", "SEK")
    close: float | None = _f("last close, at most ten days old", 278.3)
    close_date: date | None = _f("its day", "2026-11-20")
    returns: list[Return] = _f("the returns that make the score", [])
    metrics: list[Metric] = _f("the metrics of the composite; none for momentum", [])
    composite: float | None = _f("mean percentile, 0 is best", 0.21)
    primary_rank: int | None = _f("rank of the composite", 34)
    f_score: int | None = _f("true signals, or the vendor's score", 7)
    f_available: int | None = _f("signals that are known", 9)
    f_source: Literal["computed", "vendor"] | None = _f("where the score is from", "computed")
    fiscal_date: date | None = _f("end of the newest fiscal year that is known", "2025-12-31")
    f_signals: list[Signal] = _f("the nine signals", [])
    ratios_known_from: date | None = _f("first day on which the ratios were known", "2026-10-27")


class Kept(BaseModel):
    """A stock to keep or to buy."""

    ticker: Ticker
    rank: Rank


class Sold(BaseModel):
    """A stock to sell."""

    ticker: Ticker
    rank: int | None = _f("null for a stock that is not ranked", 27)
    reason: str = _f("outside_rank_20, beyond_10_names, unknown_ticker, or why it has no rank",
                     "outside_rank_20")  # fmt: skip


class Banding(BaseModel):
    """What to do with what is held."""

    keep: list[Kept] = _f("held and to be kept, best first", [])
    sell: list[Sold] = _f("held and not to be kept", [])
    buy: list[Kept] = _f("not held and to be bought, while there is room", [])
    portfolio: list[str] = _f("tickers to hold afterwards, best first", ["VOLV B"])


class Holding(BaseModel):
    """A part of the combined portfolio."""

    ticker: Ticker
    name: Name
    weight: float = _f("fraction of the portfolio", 0.025)
    strategy: StrategyName


class Portfolio(BaseModel):
    """Ten stocks of each strategy; a stock in two strategies is there twice."""

    holdings: list[Holding] = _f("equal weights", [])
    as_of_date: date = _f("date of the rankings", "2026-11-20")
    next_rebalance_date: date | None = _f("the next of all strategies", "2026-12-01")


class Rebalance(BaseModel):
    """When a strategy is rebalanced."""

    strategy_name: StrategyName
    next_date: date | None = _f("a trading day of the exchange, today or later", "2027-03-01")


class Computed(BaseModel):
    """A ranking that was computed for a date."""

    strategy: StrategyName
    date: Day = _f("the newest day with a close by then", "2026-02-27")
    target_date: Day = _f("the date that was asked for", "2026-03-01")
    rankings: list[Scored] = _f("the whole ranking, best first", [])


class Past(BaseModel):
    """A ranking as it was published."""

    date: Day = _f("date of the ranking", "2026-11-20")
    rankings: list[Scored] = _f("the whole ranking, best first", [])


class Snapshot(BaseModel):
    """A weekly copy of the ratios."""

    date: Day = _f("day of the copy", "2026-11-14")
    stocks: int = _f("how many stocks are in it", 424)


class Snapshots(BaseModel):
    """The weekly copies of the ratios."""

    snapshots: list[Snapshot] = _f("newest first", [])
    total_snapshots: int = _f("how many there are", 114)


class TopPlace(BaseModel):
    """A place in a top ten, with what moved it."""

    rank: Rank
    ticker: Ticker
    name: Name
    score: Score
    return_3m: float | None = _f("fraction", 0.12)
    return_6m: float | None = _f("fraction", 0.25)
    return_12m: float | None = _f("fraction", 0.61)
    f_score: int | None = _f("true signals, or the vendor's score", 7)
    f_available: int | None = _f("signals that are known", 9)
    rank_before: int | None = _f("rank in the version before; null for a new one", 3)


class TopTen(BaseModel):
    """The first ten of a strategy."""

    name: StrategyName
    display_name: Title
    rankings: list[TopPlace] = _f("best first", [])


class Top(BaseModel):
    """The four top tens, for the dashboard."""

    version: VersionId
    as_of: date = _f("date of the rankings", "2026-11-20")
    previous_version: str | None = _f("what the ranks before are of", "20261123T170500Z-90ab12")
    strategies: list[TopTen] = _f("a strategy each", [])


# ------------------------------------------------------------------------------------- stocks


class Stock(BaseModel):
    """A stock with what is known of it at the date of the rankings."""

    ticker: Ticker
    name: Name
    market_cap_msek: float | None = _f("million of the universe's currency", 512300.0)
    sector: str | None = _f("sector", "Industri")
    pe: float | None = _f("price / earnings", 11.2)
    pb: float | None = _f("price / book value", 2.8)
    ps: float | None = _f("price / sales", 1.1)
    pfcf: float | None = _f("price / free cash flow", 14.0)
    ev_ebitda: float | None = _f("enterprise value / EBITDA", 8.1)
    roe: float | None = _f("return on equity, fraction", 0.24)
    roa: float | None = _f("return on assets, fraction", 0.08)
    roic: float | None = _f("return on invested capital, fraction", 0.17)
    fcfroe: float | None = _f("free cash flow / equity, fraction", 0.19)
    dividend_yield: float | None = _f("fraction", 0.041)
    payout_ratio: float | None = _f("fraction", 0.5)
    return_1m: float | None = _f("fraction", 0.02)
    return_3m: float | None = _f("fraction", 0.12)
    return_6m: float | None = _f("fraction", 0.25)
    return_12m: float | None = _f("fraction", 0.61)


class Close(BaseModel):
    """A close."""

    date: Day = _f("trading day", "2026-11-20")
    close: float = _f("in the listing currency", 278.3)


class Closes(BaseModel):
    """The last closes of a stock."""

    prices: list[Close] = _f("oldest first", [])


# --------------------------------------------------------------------------------------- data


class Started(BaseModel):
    """A refresh that was started."""

    job_id: str = _f("names the refresh", "7f3a91c2")
    status: str = _f("queued or running", "running")
    started_at: Timestamp
    status_url: str = _f("where to follow it", "/v1/data/jobs/7f3a91c2")


class SyncResult(BaseModel):
    """What a refresh did."""

    version: VersionId
    rows: int = _f("rows in all datasets", 2300000)
    rejected: int = _f("rows in the rejects", 0)
    seconds: float = _f("duration", 4.1)
    peak_memory_mb: float | None = _f("largest resident size of the export", 301.2)
    strategies: dict[str, int] = _f("ranked stocks by strategy", {"trendande_varde": 92})


class Synced(BaseModel):
    """A refresh that is done."""

    sync_result: SyncResult = _f("what it did", {})
    timestamp: Timestamp


class JobStatus(BaseModel):
    """A refresh."""

    job_id: str = _f("names the refresh", "7f3a91c2")
    status: Literal["queued", "running", "succeeded", "failed"] = _f("how it stands", "running")
    phase: str | None = _f("what it does now", "prices")
    progress: float = _f("share that is done, 0 to 1", 0.42)
    rows: int | None = _f("rows that were read, or written at its end", 960000)
    started_at: datetime | None = _f("time in UTC", "2026-11-24T17:05:00Z")
    finished_at: datetime | None = _f("time in UTC; null while it runs", None)
    error: str | None = _f("why it failed", None)
    peak_memory_mb: float | None = _f("largest resident size so far", 288.0)


class SyncStatus(BaseModel):
    """How much is published."""

    stocks: int = _f("rows of stocks", 730)
    prices: int = _f("rows of prices", 2119530)
    fundamentals: int = _f("rows of fundamentals", 90123)
    latest_price_date: date = _f("newest close", "2026-11-20")
    latest_fundamental_date: date | None = _f("newest day from which a row is known", "2026-11-20")


class SyncEntry(BaseModel):
    """A refresh of the past."""

    id: str = _f("names the refresh", "7f3a91c2")
    timestamp: Timestamp
    sync_type: str = _f("manual or scheduled", "manual")
    success: bool = _f("whether it succeeded", True)
    duration_seconds: float | None = _f("duration", 4.1)
    stocks_updated: int = _f("rows of stocks that were published", 730)
    prices_updated: int = _f("rows of prices that were published", 2119530)
    error_message: str | None = _f("why it failed", None)
    peak_memory_mb: float | None = _f("largest resident size of the export", 301.2)


class SyncHistory(BaseModel):
    """The refreshes of the past."""

    history: list[SyncEntry] = _f("newest first", [])
    last_successful_sync: datetime | None = _f("time in UTC", "2026-11-24T17:05:00Z")
    next_scheduled_sync: datetime | None = _f("time in UTC", "2026-11-25T17:00:00Z")
    sync_hour_utc: int | None = _f("hour of the daily refresh", 17)
    total_syncs: int = _f("in that time", 7)
    successful_syncs: int = _f("in that time", 7)
    failed_syncs: int = _f("in that time", 0)


class FreshSummary(BaseModel):
    """How many stocks have recent prices."""

    total_stocks: int = _f("stocks on the universe's markets", 428)
    fresh_count: int = _f("with a close at most one trading day old", 424)
    fresh_percentage: float = _f("percent", 99.1)
    stale_count: int = _f("two or three trading days old", 0)
    very_stale_count: int = _f("older", 3)
    no_data_count: int = _f("without a close", 1)


class DataStatus(BaseModel):
    """How old the data is."""

    system_status: str = _f("FRESH, STALE, VERY_STALE or NO_DATA", "FRESH")
    system_message: str = _f("the same in a sentence", "closes are of 2026-11-20, …")
    can_run_strategies: bool = _f("false where any check is critical", True)
    last_checked: Timestamp
    summary: FreshSummary = _f("by stock", {})


class Check(BaseModel):
    """A check of the data."""

    name: str = _f("name of the check", "price_coverage")
    status: Literal["ok", "warning", "critical"] = _f("outcome", "ok")
    message: str = _f("in a sentence", "424 of 428 stocks have a close in the week to …")
    value: Any = _f("the numbers behind it", {"share": 0.991})


class Finding(BaseModel):
    """A check that was not ok."""

    type: str = _f("name of the check", "outliers")
    message: str = _f("in a sentence", "closes that moved more than 60% in a day: 7 …")


Verdict = Literal["OK", "WARNING", "CRITICAL"]
STATUSES: Final[Mapping[Status, Verdict]] = {
    "ok": "OK",
    "warning": "WARNING",
    "critical": "CRITICAL",
}


class Integrity(BaseModel):
    """Whether to trade on the published version."""

    status: Verdict = _f("the worst of all checks", "OK")
    recommendation: str = _f("what to do", "the data is fresh and complete; safe to trade on")
    checked_at: date = _f("the day for which age is counted", "2026-11-24")
    checks: list[Check] = _f("all checks", [])
    issues: list[Finding] = _f("critical ones", [])
    warnings: list[Finding] = _f("the others that are not ok", [])
    safe_to_trade: bool = _f("false where any check is critical", True)

    @classmethod
    def of(cls, verdict: freshness.Verdict) -> Self:
        """The answer to a verdict."""
        return cls(
            status=STATUSES[verdict.worst],
            recommendation=verdict.recommendation,
            checked_at=verdict.checked_at,
            checks=[Check(**vars(check)) for check in verdict.checks],
            issues=_findings(verdict.issues),
            warnings=_findings(verdict.warnings),
            safe_to_trade=verdict.safe_to_trade,
        )


def _findings(found: Iterable[freshness.Finding]) -> list[Finding]:
    return [Finding(type=one.type, message=one.message) for one in found]


class QuickIntegrity(BaseModel):
    """Whether to trade on the published version, in short."""

    safe_to_trade: bool = _f("false where any check is critical", True)
    status: Verdict = _f("the worst of all checks", "OK")
    recommendation: str = _f("what to do", "the data is fresh and complete; safe to trade on")
    critical_issues: list[Finding] = _f("what speaks against it", [])
    warning_count: int = _f("how many warnings there are", 0)

    @classmethod
    def of(cls, verdict: freshness.Verdict) -> Self:
        """The answer to a verdict, in short."""
        return cls(
            safe_to_trade=verdict.safe_to_trade,
            status=STATUSES[verdict.worst],
            recommendation=verdict.recommendation,
            critical_issues=_findings(verdict.issues),
            warning_count=len(verdict.warnings),
        )


class AlertInfo(BaseModel):
    """An alert."""

    id: str = _f("names this occurrence", "memory_high-3")
    key: str = _f("what it watches", "memory_high")
    severity: Literal["warning", "critical"] = _f("how bad it is", "warning")
    message: str = _f("in a sentence", "memory is at 78.0% …")
    state: Literal["pending", "firing", "resolved"] = _f("how it stands", "firing")
    since: Timestamp
    resolved_at: datetime | None = _f("time in UTC; null while it lasts", None)


class ScheduledJob(BaseModel):
    """Something that runs by the clock."""

    id: str = _f("what runs", "daily-refresh")
    next: datetime | None = _f("time in UTC", "2026-11-25T17:00:00Z")


class Scheduler(BaseModel):
    """What runs by the clock."""

    running: bool = _f("whether anything is scheduled", True)
    jobs: list[ScheduledJob] = _f("what runs", [])


class VersionInfo(BaseModel):
    """A kept version."""

    version: VersionId
    created_at: datetime | None = _f(
        "time in UTC; null where it cannot be read", "2026-11-24T17:05:00Z"
    )
    as_of: date | None = _f("date of its rankings; null where it cannot be read", "2026-11-20")
    rows: int | None = _f("rows in all datasets; null where it cannot be read", 2300000)
    bytes: int | None = _f("size of its files; null where it cannot be read", 36200000)
    current: bool = _f("whether it is published", True)
    withdrawn: bool = _f("whether it was rolled back", False)
    state: State = _f("damaged and other layout cannot be rolled back to", "current")
    changed: list[str] = _f("what is new against the version before", ["prices +428"])


class RolledBack(BaseModel):
    """A roll-back."""

    previous: VersionId
    version: VersionId
    as_of: date = _f("date of the rankings that are published now", "2026-11-20")


class CacheStats(BaseModel):
    """What the cache did."""

    hits: int = _f("answers that were there", 1200)
    misses: int = _f("answers that were not", 14)
    entries: int = _f("values that are kept", 9)
    bytes: int = _f("their size", 410000)


class Invalidated(BaseModel):
    """What was forgotten."""

    removed: int = _f("values", 9)


# --------------------------------------------------------------------------------- operations


class Health(BaseModel):
    """Whether the service is well."""

    status: Literal["healthy", "degraded"] = _f("degraded still serves", "healthy")
    database: str = _f("connected, or what is wrong with it", "connected")
    reason: str | None = _f("why it is degraded; null where it is healthy", None)
    timestamp: Timestamp
    version: str = _f("release of StockRank", "0.1.0")


class Alive(BaseModel):
    """A probe that was answered."""

    status: Literal["ok"] = _f("always ok", "ok")


class Process(BaseModel):
    """Memory of a process."""

    name: str = _f("service or refresh", "service")
    pid: int = _f("its id", 12)
    resident_mb: float = _f("resident size", 141.0)
    peak_mb: float = _f("largest resident size", 160.2)


class Memory(BaseModel):
    """Memory of the service against its limit."""

    usage_mb: float = _f("what counts against the limit", 141.0)
    percent: float = _f("of the limit", 13.8)
    available_mb: float = _f("what is left", 883.0)
    status: Literal["OK", "WARNING", "CRITICAL"] = _f("the level in force", "OK")
    action_needed: bool = _f("false while it is OK", False)
    recommendations: list[str] = _f("what to do", [])
    limit_mb: float = _f("the limit", 1024.0)
    peak_mb: float = _f("most in use since the start", 160.2)
    processes: list[Process] = _f("who uses it", [])
