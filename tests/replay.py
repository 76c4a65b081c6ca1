"""Days of a market with a refresh on each: skipped, doubled, killed, rolled back, full.

What was published on a day is compared with what the lake says of it at the end, and with the
oracle over a recorder that saw the same states.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.demo_market import lived, make_market
from pipelines.lake import Lake, rollback
from pipelines.ranking import rankings
from pipelines.refresh import export
from pipelines.universe import SWEDEN
from tests import oracle
from tests.bare import unreported
from tests.factories import change
from tests.recorder import Recorder

STEPS: Final = (
    "pipelines.refresh.build.report.report", "pipelines.refresh.checks.failures",
    "pipelines.lake.publish", "pipelines.refresh.observed.entry_of",
)  # fmt: skip
"""Where a refresh is ended, in place of a kill."""
OF_STOCKS: Final = ("name", "market", "sector", "stock_type", "currency")
OF_PRICES: Final = (
    "close", "close_date", "momentum", "return_3m", "return_6m", "return_12m", "base_date_12m",
    "jump_date",
)  # fmt: skip
KEY: Final = ("strategy", "ticker")


class Killed(BaseException):
    """A refresh that is ended in its midst."""


@dataclass
class Replay:
    """A market, its lake, and what was published and written down of it."""

    database: Path
    lake: Path
    seed: int
    recorder: Recorder = field(default_factory=Recorder)
    published: dict[date, pl.DataFrame] = field(default_factory=dict)
    partly: dict[date, set[str]] = field(default_factory=dict)
    """The tickers of a date of which a row counted that was not kept."""
    done: Counter[str] = field(default_factory=Counter)
    before: Recorder | None = None

    def live(self, days: int, *, full_on: tuple[int, ...], patch: pytest.MonkeyPatch) -> None:
        """Let days pass, each with its refresh."""
        rng = Random(self.seed)
        for number, (day, _) in enumerate(lived(self.database, days)):
            how = rng.choices(("once", "skipped", "doubled", "killed", "rolled back"),
                              (70, 10, 8, 8, 4))[0]  # fmt: skip
            how = "full" if number in full_on else "once" if number == 0 else how
            self.done[how] += 1
            if how == "skipped":
                continue
            if how == "killed":
                self._kill(day, rng.choice(STEPS), patch)
            self._refresh(day, full=how == "full")
            if how == "doubled":
                self._restate(rng)
                self._refresh(day)
            if how == "rolled back" and self.before is not None:
                rollback(self.lake)
                self.recorder, self.before = self.before, None
                self.published.pop(day, None)

    def _refresh(self, day: date, *, full: bool = False) -> None:
        with unreported():
            export(self.database, self.lake, SWEDEN, today=day, full=full, keep=3)
        self.before = self.recorder.copy() if self.recorder.last else None
        self.recorder.see(self.database, day)
        version = Lake(self.lake)
        if version.as_of == day:
            self.published[day] = version.rankings().collect()
            self.partly[day] = {row["ticker"] for row in self.recorder.waiting} | set(
                self.recorder.waiting_caps
            )

    def _kill(self, day: date, step: str, patch: pytest.MonkeyPatch) -> None:
        def stop(*_: object, **__: object) -> None:
            raise Killed

        with patch.context() as context:
            context.setattr(step, stop)
            with pytest.raises(Killed):
                export(self.database, self.lake, SWEDEN, today=day, keep=3)

    def _restate(self, rng: Random) -> None:
        """Change a row in place, with the same day of its fetch, and the sector of another.

        Now and then the row gets another vendor, too.
        """
        ticker = rng.choice(sorted({row["ticker"] for row in self.recorder.last or ()}))
        other = rng.choice(sorted(self.recorder.last_stocks or ()))
        change(
            self.database,
            "UPDATE fundamentals SET net_income = net_income * 1.5, pe = pe * 1.1, data_source = "
            f"replace(data_source, 'avanza', '{rng.choice(('avanza', 'avanza2'))}') "
            f"WHERE ticker = '{ticker}'",
            f"UPDATE stocks SET sector = 'Teknik' WHERE ticker = '{other}'",
        )

    # -------------------------------------------------------------------- what must hold

    def check_published(self) -> Counter[str]:
        """Compare each ranking that was published on its day with that of the lake now."""
        lake, seen, found = Lake(self.lake), self.recorder.first_seen(), Counter[str]()
        for day, was in self.published.items():
            now = rankings(lake, as_of=day, universe=SWEDEN).collect(engine="streaming")
            now = now.filter(
                pl.col("ticker").is_in([t for t, first in seen.items() if first <= day])
            )
            if not self.partly[day]:
                assert_frame_equal(was.sort(KEY), now.sort(KEY), check_exact=True)
                found["whole"] += 1
            columns = [*KEY, *OF_STOCKS, *OF_PRICES]
            assert_frame_equal(was.select(columns).sort(KEY), now.select(columns).sort(KEY))
            rest = ~pl.col("ticker").is_in(self.partly[day])
            own = [*KEY, "f_score", "f_available", "f_source", "fiscal_date", "roe", "pe"]
            assert_frame_equal(*(f.filter(rest).select(own).sort(KEY) for f in (was, now)))
            found["all"] += 1
        return found

    def check_oracle(self, every: int) -> int:
        """Compare the rankings of some dates with those of the oracle over the recorder."""
        lake = Lake(self.lake)
        prices = lake.prices().collect().to_dicts()
        snapshots = lake.fundamentals().filter(source="snapshots").collect().to_dicts()
        days = [*self.published][::every]
        for day in days:
            filed = self.recorder.fundamentals_on(day, with_waiting=True)
            known = [*filed, *(row for row in snapshots if row["known_from"] <= day)]
            now = rankings(lake, as_of=day, universe=SWEDEN).collect(engine="streaming")
            for strategy in now["strategy"].unique():
                expected = oracle.rank(
                    self.recorder.stocks_on(day), prices, known,
                    strategy=strategy, as_of=day, universe=SWEDEN,
                )  # fmt: skip
                _compare(now.filter(strategy=strategy), expected, day)
        return len(days)


def _compare(now: pl.DataFrame, expected: list[oracle.Row], day: date) -> None:
    columns = ("ticker", "rank", "excluded_by", "f_score", "f_available", "fiscal_date",
               "market_cap_source", "multiples_as_of", "primary_rank")  # fmt: skip
    ours = {row["ticker"]: row for row in now.to_dicts()}
    assert len(ours) == len(expected), day
    for row in expected:
        mine = ours[row["ticker"]]
        assert {c: mine[c] for c in columns} == {c: row[c] for c in columns}, (day, row["ticker"])
        for name in ("momentum", "market_cap_msek", "pe", "dividend_yield"):
            close = None if row[name] is None else pytest.approx(row[name], rel=1e-6)
            assert mine[name] == close, (day, row["ticker"], name)


def market(folder: Path, *, stocks: int, years: int, end: date, seed: int) -> Replay:
    """A market that is to live on from a day, without a refresh yet."""
    make_market(folder / "demo.db", stocks=stocks, years=years, end=end)
    return Replay(folder / "demo.db", folder / "lake", seed)
