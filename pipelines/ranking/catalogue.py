"""The catalogue of factors: numbers that are known of a stock on a date, each a value.

A factor is an expression over the columns of a cross-section, or a window over the prices of a
stock. Null in, null out; a number that is not finite is null.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from pipelines.definition import Order
from pipelines.ranking.expressions import inverse, positive
from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.ratios import RATIOS
from pipelines.ranking.sql_parts import Kind

Unit = Literal["fraction", "multiple", "money", "million", "count", "ratio"]
"""Money is in units of the listing's currency; `million` is million of the universe's currency."""

ON_DATE: Final = "a close at most 10 days old"
OF_RATIOS: Final = "ratios that were known in the 12 months before"
OF_YEAR: Final = "the statements of a year that ended in the 18 months before"
OF_YEARS: Final = f"{OF_YEAR}, and those of the year before it"


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Factor:
    """A number by which stocks can be screened and ordered.

    `best` says which values are good, None where that depends on the strategy. `value` is an
    expression over a cross-section; None for a window over the prices of a stock.
    """

    name: str
    unit: Unit
    best: Order | None
    history: str
    sentence: str
    source: str
    value: pl.Expr | None

    @property
    def is_column(self) -> bool:
        """Return true for a column that every cross-section has."""
        return self.value is not None and str(self.value) == str(pl.col(self.name))

    def highest_first(self, order: Order | None = None) -> pl.Expr:
        """Return the expression whose highest value is the best one.

        Of a multiple that is best when low it is the inverse, so that a negative one is worst and
        zero is missing.
        """
        if (order or self.best) == "highest":
            return pl.col(self.name)
        return inverse(self.name) if self.unit == "multiple" else -pl.col(self.name)


# ------------------------------------------------------------------------------- expressions


def _of_years(newer: str, older: str) -> pl.Expr:
    """Return the growth from one item to another, where the older one is positive."""
    return pl.col(newer) / positive(older) - 1


def _average_assets() -> pl.Expr:
    both = positive("total_assets_ccy_0") + positive("total_assets_ccy_1")
    return both * pl.lit(0.5)


def _accruals() -> pl.Expr:
    """Return accruals; null where income and cash flow are of different months."""
    difference = pl.col("net_income_ccy_0") - pl.col("operating_cf_ccy_0")
    mixed = pl.col("mixes_periods").fill_null(value=False)
    return pl.when(~mixed).then(difference / _average_assets())


# ------------------------------------------------------------------------------ the catalogue


def _prices(name: str, best: Order | None, history: str, sentence: str, source: str) -> Factor:
    unit: Unit = "money" if name == "turnover_3m" else "fraction"
    unit = "ratio" if name in ("beta_12m", "high_52w", "above_200d") else unit
    return Factor(
        name=name,
        unit=unit,
        best=best,
        history=history,
        sentence=sentence,
        source=source,
        value=None,
    )


JT: Final = "Jegadeesh and Titman, Journal of Finance 48 (1993)"
YEAR: Final = "180 closes in 12 months"
PRICE_WINDOWS: Final = (
    _prices(
        "return_1m", "highest", "closes on D and a month before",
        "price return over one month, which tends to reverse",
        "Jegadeesh, Journal of Finance 45 (1990)",
    ),
    _prices(
        "volatility_12m", "lowest", YEAR,
        "standard deviation of the daily log returns of 12 months, * √252",
        "Blitz and van Vliet, Journal of Portfolio Management 34 (2007)",
    ),
    _prices(
        "volatility_3m", "lowest", "45 closes in 3 months",
        "standard deviation of the daily log returns of 3 months, * √252",
        "Blitz and van Vliet, Journal of Portfolio Management 34 (2007)",
    ),
    _prices(
        "max_drawdown_12m", "highest", YEAR,
        "largest fall of the close from a high before it, in 12 months; zero or negative",
        "M. Magdon-Ismail and A. Atiya, Risk 17 (2004)",
    ),
    _prices(
        "high_52w", "highest", YEAR,
        "close over the highest close of 12 months; 1 is a new high",
        "George and Hwang, Journal of Finance 59 (2004)",
    ),
    _prices(
        "above_200d", "highest", "200 closes in 12 months and 10 days",
        "close over the mean of the last 200 closes",
        "Faber, Journal of Wealth Management 9 (2007)",
    ),
    _prices(
        "turnover_3m", "highest", "40 days with a volume in 3 months",
        "median of close * volume a day, in 3 months",
        "Amihud, Journal of Financial Markets 5 (2002)",
    ),
    _prices(
        "beta_12m", "lowest", "180 days with a return of the stock and of the index, in 12 months",
        "slope of the daily log returns on those of the universe's index",
        "Frazzini and Pedersen, Journal of Financial Economics 111 (2014)",
    ),
)  # fmt: skip


def _of_prices(name: str, months: int) -> Factor:
    return Factor(
        name=name, unit="fraction", best="highest", value=pl.col(name),
        history=f"closes on D and {months} months before",
        sentence=f"price return over {months} months", source=JT,
    )  # fmt: skip


RATIO_SENTENCES: Final[Mapping[str, str]] = {
    "pe": "price / earnings",
    "pb": "price / book value",
    "ps": "price / sales",
    "p_fcf": "price / free cash flow",
    "ev_ebitda": "enterprise value / EBITDA",
    "roe": "return on equity",
    "roa": "return on assets",
    "roic": "return on invested capital",
    "fcfroe": "free cash flow / equity",
    "dividend_yield": "dividend / price",
    "payout_ratio": "dividend / earnings",
}
INVERSES: Final[Mapping[str, tuple[str, str]]] = {
    "earnings_to_price": ("pe", "earnings / price; negative for a loss"),
    "book_to_price": ("pb", "book value / price"),
    "sales_to_price": ("ps", "sales / price"),
    "fcf_to_price": ("p_fcf", "free cash flow / price"),
    "ebitda_to_ev": ("ev_ebitda", "EBITDA / enterprise value"),
}
"""The inverse of each multiple, which is null where the multiple is 0."""
OSHAUGHNESSY: Final = "O'Shaughnessy, What Works on Wall Street (2011)"
GREENBLATT: Final = "Greenblatt, The Little Book That Beats the Market (2005)"


def _ratios() -> tuple[Factor, ...]:
    named = [ratio for ratio in RATIOS if ratio.name in RATIO_SENTENCES]
    plain = [
        Factor(
            name=ratio.name, unit="multiple" if ratio.unit == "multiple" else "fraction",
            best=ratio.best, history=OF_RATIOS, sentence=RATIO_SENTENCES[ratio.name],
            source=OSHAUGHNESSY, value=pl.col(ratio.name),
        )
        for ratio in named
    ]  # fmt: skip
    inverses = [
        Factor(
            name=name, unit="fraction", best="highest", history=OF_RATIOS, sentence=sentence,
            source=OSHAUGHNESSY, value=inverse(multiple),
        )
        for name, (multiple, sentence) in INVERSES.items()
    ]  # fmt: skip
    return (*plain, *inverses)


STATEMENTS: Final = (
    Factor(
        name="earnings_yield", unit="fraction", best="highest", history=OF_RATIOS,
        sentence="EBITDA / enterprise value, in place of EBIT, which is not in the data",
        source=GREENBLATT, value=inverse("ev_ebitda"),
    ),
    Factor(
        name="return_on_capital", unit="fraction", best="highest", history=OF_RATIOS,
        sentence="return on invested capital", source=GREENBLATT, value=pl.col("roic"),
    ),
    Factor(
        name="f_score", unit="count", best="highest", history=OF_YEARS,
        sentence="signals of the F-score that are true, or the vendor's score",
        source="Piotroski, Journal of Accounting Research 38 (2000)", value=pl.col("f_score"),
    ),
    Factor(
        name="f_available", unit="count", best="highest", history=OF_YEARS,
        sentence="signals of the F-score that are known", value=pl.col("f_available"),
        source="Piotroski, Journal of Accounting Research 38 (2000)",
    ),
    Factor(
        name="accruals", unit="fraction", best="lowest", history=OF_YEARS,
        sentence="(net income - operating cash flow) / mean assets of the two years",
        source="Sloan, The Accounting Review 71 (1996)", value=_accruals(),
    ),
    Factor(
        name="asset_growth", unit="fraction", best="lowest", history=OF_YEARS,
        sentence="growth of total assets in a year",
        source="Cooper, Gulen and Schill, Journal of Finance 63 (2008)",
        value=_of_years("total_assets_ccy_0", "total_assets_ccy_1"),
    ),
    Factor(
        name="share_issuance", unit="fraction", best="lowest", history=OF_YEARS,
        sentence="growth of the shares outstanding in a year",
        source="Pontiff and Woodgate, Journal of Finance 63 (2008)",
        value=_of_years("shares_outstanding_0", "shares_outstanding_1"),
    ),
    Factor(
        name="gross_profitability", unit="fraction", best="highest", history=OF_YEAR,
        sentence="gross margin * asset turnover: gross profit / assets",
        source="Novy-Marx, Journal of Financial Economics 108 (2013)",
        value=pl.col("gross_margin_0") * pl.col("asset_turnover_0"),
    ),
    Factor(
        name="leverage", unit="fraction", best="lowest", history=OF_YEAR,
        sentence="long-term debt / total assets",
        source="Asness, Frazzini and Pedersen, Review of Accounting Studies 24 (2019)",
        value=pl.col("long_term_debt_ccy_0") / positive("total_assets_ccy_0"),
    ),
    Factor(
        name="current_ratio", unit="ratio", best="highest", history=OF_YEAR,
        sentence="current assets / current liabilities",
        source="Graham and Dodd, Security Analysis (1934)", value=pl.col("current_ratio_0"),
    ),
)  # fmt: skip
FACTORS: Final[Mapping[str, Factor]] = {
    factor.name: factor
    for factor in (
        Factor(
            name="momentum", unit="fraction", best="highest", value=pl.col("momentum"),
            history="closes on D and 3, 6 and 12 months before",
            sentence="mean of the returns over 3, 6 and 12 months",
            source="the strategy pages of borslabbet.se",
        ),
        *(_of_prices(f"return_{months}m", months) for months in (3, 6, 12)),
        Factor(
            name="return_12m_1m", unit="fraction", best="highest",
            history="closes a month and 12 months before",
            sentence="price return over 12 months, the last one left out", source=JT,
            value=(pl.col("return_12m") + 1) / (pl.col("return_1m") + 1) - 1,
        ),
        *PRICE_WINDOWS,
        Factor(
            name="close", unit="money", best=None, history=ON_DATE, value=pl.col("close"),
            sentence="last close, on the scale of D", source="the prices",
        ),
        Factor(
            name="market_cap_msek", unit="million", best="highest",
            history=f"{ON_DATE}, and a market cap", value=pl.col("market_cap_msek"),
            sentence="market cap on D", source="Banz, Journal of Financial Economics 9 (1981)",
        ),
        *_ratios(),
        *STATEMENTS,
    )
}  # fmt: skip
"""Every factor by its name."""
TEXTS: Final = ("ticker", "name", "sector", "market", "currency", "stock_type", "f_source")
COLUMNS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(FACTORS, "number"),
    **dict.fromkeys(TEXTS, "text"),
    **dict.fromkeys(SIGNALS, "truth"),
}
"""What a condition may name: all factors, the texts, and the signals of the F-score."""
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {"return_12m_1m": ("return_1m",)}
"""The price windows that an expression reads."""


def windows_of(names: frozenset[str]) -> frozenset[str]:
    """Return the price windows that factors are, or are made of."""
    needed = names.union(*(NEEDS.get(name, ()) for name in names))
    return needed.intersection(window.name for window in PRICE_WINDOWS)
