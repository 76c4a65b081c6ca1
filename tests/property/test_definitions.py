"""Definitions of strategies, random and hostile: ranked as the oracle does, or refused by a line.

`DEFINITIONS=5000 pytest tests/property/test_definitions.py` tries as many.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import polars as pl
from hypothesis import HealthCheck, event, given
from hypothesis import strategies as st

from pipelines.definition import Definition, definition_of
from pipelines.errors import BadDefinition
from pipelines.ranking.as_data import strategy_of
from pipelines.ranking.catalogue import FACTORS, PRICE_WINDOWS
from pipelines.ranking.factors import SIGNALS
from pipelines.ranking.known import cross_section
from pipelines.ranking.price_windows import PriceWindows
from pipelines.ranking.rank import ranking_tables
from pipelines.universe import SWEDEN
from tests.definition_oracle import ranked
from tests.examples import drawn
from tests.factories import frame_lake, statement, stock
from tests.unit.ranking.test_plans import fallbacks
from tests.unit.ranking.test_price_windows import LONG, D, price_rows, walk

FAST, WHOLE = (int(os.environ.get("DEFINITIONS", number)) for number in (10, 25))
NUMBERS: Final = sorted(FACTORS)


def market() -> pl.LazyFrame:
    """Everything that is known of 24 stocks, some of it missing."""
    tickers = [f"S{n:02}{' B' if n % 3 else ''}" for n in range(24)]
    ratios = (
        "pe",
        "pb",
        "ps",
        "p_fcf",
        "ev_ebitda",
        "roe",
        "roa",
        "roic",
        "fcfroe",
        "dividend_yield",
        "payout_ratio",
    )
    items = (
        "net_income_ccy",
        "operating_cf_ccy",
        "total_assets_ccy",
        "long_term_debt_ccy",
        "current_ratio",
        "shares_outstanding",
        "gross_margin",
        "asset_turnover",
    )
    rows = []
    for n, ticker in enumerate(tickers):
        values = {
            name: ((n * 7 + k * 5) % 13 - 3) / (k + 1)
            for k, name in enumerate(ratios)
            if (n + k) % 7
        }
        for year in (2022, 2023):
            held = {
                name: float((n * 3 + k * year) % 11 + 1)
                for k, name in enumerate(items)
                if (n + k) % 8
            }
            rows.append(
                statement(
                    ticker,
                    f"{year}-12-31",
                    f"{year + 1}-03-30",
                    number=n * 2 + year,
                    **held,
                    **values,
                )
            )
    prices = [
        row
        for n, t in enumerate(tickers)
        for row in price_rows(t, walk(n % 20, LONG[60 * (n % 5) :]), 10 ** (n % 6))
    ]
    sectors = ("Industri", "Finance", "Hälsovård", None)
    lake = frame_lake(
        [
            stock(t, sector=sectors[n % 4], market_cap_msek=[5000.0, 3000.0, 900.0][n % 3])
            for n, t in enumerate(tickers)
        ],
        prices,
        rows,
    )
    names = frozenset(window.name for window in PRICE_WINDOWS)
    known = cross_section(lake, as_of=D, read=PriceWindows(names=names, index="OMXS30"))
    return known.collect(engine="streaming").lazy()


MARKET: Final = market()


# ------------------------------------------------------------------------------------ grammar


def joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(" ".join)


NUMBER: Final = st.one_of(
    st.integers(0, 100).map(str),
    st.floats(0, 1e6, allow_nan=False).map(lambda x: f"{x:.4f}"),
    st.sampled_from(["0", "0.5", "50e6", "1e-3", "1"]),
)
TEXT: Final = st.sampled_from(["'Industri'", "'Ind%'", "'%a_d%'", "'x''y'", "''", "'Hälsovård'"])
FACTOR: Final = st.sampled_from(NUMBERS)


def numbers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        joined(st.just("("), inner, st.sampled_from("+-*/"), inner, st.just(")")),
        joined(st.just("abs("), inner, st.just(")")),
        joined(st.just("-"), st.just("("), inner, st.just(")")),
        joined(st.just("coalesce("), inner, st.just(","), inner, st.just(")")),
        joined(st.just("nullif("), inner, st.just(","), inner, st.just(")")),
    )


VALUE: Final = st.recursive(st.one_of(FACTOR, FACTOR, NUMBER), numbers, max_leaves=5)
COMPARISON: Final = st.one_of(
    joined(VALUE, st.sampled_from(["<", "<=", ">", ">=", "=", "<>"]), VALUE),
    joined(VALUE, st.sampled_from(["BETWEEN", "NOT BETWEEN"]), NUMBER, st.just("AND"), NUMBER),
    joined(FACTOR, st.sampled_from(["IS NULL", "IS NOT NULL"])),
    joined(
        st.sampled_from(["sector", "ticker", "name"]), st.sampled_from(["=", "<>", "LIKE"]), TEXT
    ),
    joined(st.just("sector"), st.sampled_from(["IN", "NOT IN"]), st.just("( 'Industri' , 'b' )")),
    st.sampled_from(SIGNALS),
    joined(
        st.just("CASE WHEN"), FACTOR, st.just("> 0 THEN"), VALUE, st.just("ELSE 1 END >"), VALUE
    ),
)


def conditions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        joined(st.just("("), inner, st.sampled_from(["AND", "OR"]), inner, st.just(")")),
        joined(st.just("NOT ("), inner, st.just(")")),
    )


CONDITION: Final = st.recursive(COMPARISON, conditions, max_leaves=4)
HOSTILE: Final = st.sampled_from(
    [
        "read_csv('/etc/passwd') = 'x'",
        "(SELECT 1) = 1",
        "rank() OVER (ORDER BY pe) < 3",
        "pe; DROP",
        "__import__('os').system('id') = 0",
        "pe > max(pe)",
        "exists (select * from t)",
        "pe < 'x'",
        "sector + 1 > 2",
        "pe < NULL",
        "1e999 < pe",
        "(" * 60 + "pe" + ")" * 60,
        "pe" + " + pe" * 400,
        "CASE " * 30,
        "NOT " * 150 + "pe > 1",
        "pe > 1 -- x",
        "pe /* x */ > 1",
        "\x00",
        "pe > 1\n\n",
        "'" * 31,
        "pe IN ()",
        "length(sector) > sector",
        "pe > 1 OR",
        "1/" * 90 + "pe > 1",
        "ticker",
        "pe.roe > 1",
        "$pe > 1",
        "pe ** 2 > 1",
        "pe::int > 1",
        "CAST(pe AS INT) > 1",
        "İ > 1",
        "pe = = 1",
        '"pe" > 1',
        "[pe] > 1",
        "pl.col('pe') > 1",
        "{pe} > 1",
        "pe > 1 UNION SELECT 1",
        "lambda: 0",
        "greatest(" * 20 + "pe" + ",1)" * 20 + " > 1",
        "abs(abs(abs(abs(pe)))) >= 0",
        "TRUE",
        "FALSE = TRUE",
    ]
)
MUTATED: Final = st.tuples(CONDITION, st.integers(0, 200), st.text(max_size=3)).map(
    lambda t: t[0][: t[1] % (len(t[0]) + 1)] + t[2] + t[0][t[1] % (len(t[0]) + 1) :]
)
ANY_CONDITION: Final = st.one_of(
    CONDITION, CONDITION, CONDITION, MUTATED, HOSTILE, st.text(max_size=40)
)
ORDER: Final = st.sampled_from(["highest", "lowest", None])
NAME: Final = st.one_of(
    FACTOR, FACTOR, FACTOR, st.sampled_from(["composite", "pee", "", "PE", "rank"])
)


def kept(form: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in form.items() if value is not None}


ORDERED: Final = st.one_of(
    st.builds(lambda f, o: kept({"factor": f, "order": o}), NAME, ORDER),
    st.builds(lambda e, o: kept({"expression": e, "order": o}), VALUE, ORDER),
)
WEIGHTED: Final = st.one_of(
    NAME,
    st.builds(
        lambda f, o, w, c: kept({"factor": f, "order": o, "weight": w, "where": c}),
        NAME,
        ORDER,
        st.sampled_from([None, 1, 2, 0.5, 3.0, 0, -1]),
        st.one_of(st.none(), st.none(), ANY_CONDITION),
    ),
)
COMPOSITE: Final = st.builds(
    lambda f, n, k: kept({"factors": f, "at_least": n, "keep_percent": k}),
    st.lists(WEIGHTED, min_size=0, max_size=5),
    st.integers(0, 4),
    st.sampled_from([None, 1, 10, 40, 50, 100, 100, 101]),
)
JUNK: Final = st.sampled_from(
    [None, True, 3, -1, 1.5, "x", [], {}, [1], {"a": 1}, "pe", float("nan")]
)
FORM: Final = st.fixed_dictionaries(
    {
        "title": st.just("Mine"),
        "description": st.just("Mine."),
        "type": st.just("other"),
        "rebalance_months": st.just([3]),
    },
    optional={
        "screens": st.dictionaries(
            st.sampled_from(["a", "b", "c", "low_f_score"]), ANY_CONDITION, max_size=3
        ),
        "composite": COMPOSITE,
        "score": st.one_of(ORDERED, ORDERED, VALUE, JUNK),
        "ties": st.lists(st.one_of(FACTOR, ORDERED), max_size=3),
        "keeps_sectors": st.lists(
            st.sampled_from(["finance", "investmentbolag", "Bank"]), max_size=2
        ),
        "portfolio_size": st.one_of(st.integers(1, 30), st.integers(1, 30), JUNK),
        "extra": JUNK,
    },
)
MOSTLY_GOOD: Final = FORM.map(lambda form: {k: v for k, v in form.items() if k != "extra"})

OPENED: Final[list[str]] = []
REFUSALS: Final[list[str]] = []
WATCHED: Final = ("open", "os.system", "subprocess.Popen", "socket.connect", "exec")
UNSEEN: Final[dict[str, None]] = {}
"""The events that are waited for, and have not come."""

# A method in C: a function of ours would let other threads run in the midst of each audited call,
# and Python 3.11 ends a thread that sets its tracer, as coverage does, while another one does.
sys.addaudithook(UNSEEN.pop)


@contextmanager
def watching() -> Iterator[None]:
    """Put into `OPENED` what is opened or run meanwhile."""
    OPENED.clear()
    UNSEEN.update(dict.fromkeys(WATCHED))
    try:
        yield
    finally:
        OPENED.extend(event_ for event_ in WATCHED if event_ not in UNSEEN)
        UNSEEN.clear()


def test_what_is_opened_is_seen() -> None:
    with watching(), Path(os.devnull).open("rb"):
        pass
    assert OPENED == ["open"]
    with watching():
        pass
    assert OPENED == []


def made(form: dict[str, Any]) -> Definition | None:
    """The definition of a form, or None for one that is refused by a line that says why."""
    REFUSALS.clear()
    try:
        with watching():
            one = definition_of("mine", form)
            strategy_of(one)
    except BadDefinition as error:
        REFUSALS.append(str(error))
        return None
    return one


@given(form=st.one_of(MOSTLY_GOOD, MOSTLY_GOOD, MOSTLY_GOOD, FORM), sample=st.integers(0, 19))
@drawn(FAST, WHOLE, suppress_health_check=list(HealthCheck))
def test_a_definition_is_ranked_as_the_oracle_does_or_refused(
    form: dict[str, Any], sample: int
) -> None:
    one = made(form)
    assert OPENED == []
    assert all(line.startswith("strategy 'mine'") for line in REFUSALS)
    event("refused" if one is None else "ranked")
    if one is None:
        return
    strategy = strategy_of(one)
    (plan,) = ranking_tables(MARKET, SWEDEN, [strategy])
    if sample == 0:
        assert fallbacks(plan) == []
        assert "SCAN" not in plan.explain()
    rows = plan.collect(engine="streaming").to_dicts()
    found = {row["ticker"]: row["rank"] or row["excluded_by"] for row in rows}
    assert found == ranked(one, rows)
