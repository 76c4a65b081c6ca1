"""What happened to a stock, and when it was seen."""

from datetime import date
from typing import Any

import polars as pl

from pipelines.lake import lake_schema
from pipelines.ranking.events import Event, event_plans, events_of
from tests.factories import closes, frame_lake, statement, stock

MON, WED = date(2026, 3, 2), date(2026, 3, 4)


def seen(day: date, why: str, **values: Any) -> dict[str, Any]:
    return {"ticker": "A", "observed_on": day, "why": why, "state": "kept"} | values


def test_changes_have_the_day_on_which_they_were_seen() -> None:
    lake = frame_lake([stock("A")], closes("A", {"2026-02-02": 1.0, "2026-02-03": 3.0}))
    listed = [
        seen(MON, "first", listed=True, sector="Bank"),
        seen(WED, "changed", listed=True, sector="Gruv"),
        seen(date(2026, 3, 6), "gone", listed=False, sector="Gruv", last_seen=date(2026, 3, 5)),
        seen(date(2026, 3, 6), "changed", listed=True, sector="not so", state="struck"),
    ]
    filed = [
        statement("A", "2025-12-31", day, net_income_ccy=income) | seen(MON, why)
        for day, income, why in (("2026-03-01", 5.0, "first"), ("2026-03-02", 6.0, "statement"))
    ]
    for name, rows in (("stocks", listed), ("fundamentals", filed)):
        schema = lake_schema(f"observed_{name}")
        lake.datasets[f"observed_{name}"] = pl.DataFrame(rows, schema=schema)
    rows = {name: plan.collect() for name, plan in event_plans(lake, "A").items()}
    assert events_of(rows) == [
        Event(date=date(2026, 3, 5), seen_on=date(2026, 3, 6), kind="delisted"),
        Event(date=WED, seen_on=WED, kind="changed", field="sector", before="Bank", after="Gruv"),
        Event(
            date=MON, seen_on=MON, kind="statement", field="net_income_ccy", before=5.0, after=6.0
        ),
        Event(date=MON, seen_on=MON, kind="first_seen"),
        Event(date=date(2026, 2, 3), kind="jump", field="close", before=1.0, after=3.0),
    ]


def test_a_lake_without_observations_has_the_other_events() -> None:
    split = {"ticker": "A", "date": date(2026, 2, 3), "ratio": 2.0}
    lake = frame_lake([stock("A")], closes("A", {"2026-02-02": 1.0}), splits=[split])
    rows = {name: plan.collect() for name, plan in event_plans(lake, "A").items()}
    assert events_of(rows) == [Event(date=date(2026, 2, 3), kind="split", field="ratio", after=2.0)]
