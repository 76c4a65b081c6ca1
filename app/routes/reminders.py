"""Sentences for the investor: rebalancings that come, and alerts that fire."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from fastapi import APIRouter

from app.deps import CurrentDep, ServicesDep
from app.watch import Alert
from app.web import nordic_models
from pipelines.ranking import Strategy, next_rebalance

router = APIRouter(tags=["nordic"])

AHEAD: Final = 7
"""How many days ahead a rebalancing is told."""
MOST: Final = 500


@router.get("/alerts")
async def alerts(services: ServicesDep, version: CurrentDep) -> nordic_models.Reminders:
    """Rebalancings within a week, and the alerts that fire, the most urgent first."""
    days = {s: next_rebalance(s, version.calendar, services.today)
            for s in services.strategies.values()}  # fmt: skip
    found = [
        *_of_data(services.alerts.history(MOST, include_resolved=False)),
        *_of_strategies(days.items(), services.today),
    ]
    urgent_first = sorted(found, key=lambda one: one.priority != "high")
    return nordic_models.Reminders(alerts=nordic_models.ReminderList(alerts=urgent_first))


def _of_data(found: Iterable[Alert]) -> Iterable[nordic_models.Reminder]:
    for alert in found:
        if alert.state == "firing":
            priority = "high" if alert.severity == "critical" else "medium"
            yield nordic_models.Reminder(
                message=alert.message,
                priority=priority,
                type="data",
                strategy=None,
                days_until=None,
            )


def _of_strategies(
    days: Iterable[tuple[Strategy, date | None]], today: date
) -> Iterable[nordic_models.Reminder]:
    for strategy, day in days:
        until = (day - today).days if day else AHEAD + 1
        if until <= AHEAD:
            when = "today" if not until else f"in {until} day{'s' * (until > 1)}"
            yield nordic_models.Reminder(
                message=f"{strategy.title} is rebalanced on {day}, {when}",
                priority="medium" if until else "high",
                type="rebalance",
                strategy=strategy.name,
                days_until=until,
            )
