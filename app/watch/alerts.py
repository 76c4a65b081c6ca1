"""Alerts: pending, firing, resolved; told once each, and remembered across restarts."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from socket import gethostname
from typing import Final, Literal

from pydantic import AwareDatetime, JsonValue, TypeAdapter, ValidationError

from app.watch.events import Events
from app.watch.journal import Entry, Journal
from app.watch.outbox import Channel, Notice, Outbox
from pipelines.lake import layout

Severity = Literal["warning", "critical"]
AlertState = Literal["pending", "firing", "resolved"]

ALERTS_FILE: Final = "alerts.jsonl"
"""The alerts, in the folder of what a service remembers."""
LOG_LEVELS: Final = {"warning": logging.WARNING, "critical": logging.ERROR}
CLOSE_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observation:
    """A look at the condition of an alert: a message where it is met, None where it is not.

    The condition must be met for `hold_seconds` before the alert fires.
    """

    key: str
    severity: Severity
    message: str | None
    hold_seconds: float = 0.0


@dataclass(frozen=True)
class Alert:
    """A condition from when it was first met (`since`) until it ended (`resolved_at`).

    The severity is the worst so far.
    """

    id: str
    key: str
    severity: Severity
    message: str
    state: AlertState
    since: AwareDatetime
    resolved_at: AwareDatetime | None = None

    def as_dict(self) -> dict[str, JsonValue]:
        """The alert as JSON holds it, with times in ISO 8601."""
        return asdict(self) | {"since": _iso(self.since), "resolved_at": _iso(self.resolved_at)}

    def notice(self, instance: str | None = None) -> Notice:
        """The notice that tells people of it, and of the service that it is about."""
        level = logging.INFO if self.state == "resolved" else LOG_LEVELS[self.severity]
        title, data = f"{self.key} {self.state} ({self.severity})", self.as_dict()
        if instance:
            title, data = f"{title} at {instance}", data | {"instance": instance}
        text = f"it is over; it was: {self.message}" if self.resolved_at else self.message
        return Notice(title, text, level, data)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds") if at else None


_ALERT: Final = TypeAdapter(Alert)


class Alerts:
    """The alerts by key; needs a running event loop.

    A firing alert is told once, once more if a warning becomes critical, and when it is resolved.
    """

    def __init__(
        self,
        path: Path,
        channels: Iterable[Channel],
        events: Events,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        instance: str | None = None,
    ) -> None:
        self.instance: Final = instance
        """The name of the service in what people are told; None where there is no other."""
        self._events: Final = events
        self._clock: Final = clock
        self._outboxes: Final = [Outbox(channel) for channel in channels]
        self._journal: Final = Journal(path, key="id", lasts=_is_firing)
        remembered = _alerts(self._journal.entries())
        self._active: Final = {a.key: a for a in remembered if a.state == "firing"}

    def observe(
        self, key: str, severity: Severity, message: str | None, *, hold_seconds: float = 0.0
    ) -> None:
        """Take in that a condition is met, with its message, or that it is not (None)."""
        before = self._active.get(key)
        if message is None:
            if before:
                self._end(before)
            return
        now = self._clock()
        if before is None:
            alert = Alert(token_hex(6), key, severity, message, "pending", now)
        else:
            alert = replace(before, message=message, severity=_worse(before.severity, severity))
        if now - alert.since >= timedelta(seconds=hold_seconds):
            alert = replace(alert, state="firing")
        self._active[key] = alert
        self._changed(before, alert)

    def observe_all(self, observations: Iterable[Observation]) -> None:
        """Take in several observations."""
        for seen in observations:
            self.observe(seen.key, seen.severity, seen.message, hold_seconds=seen.hold_seconds)

    def active(self) -> list[Alert]:
        """The alerts that are pending or firing, newest first."""
        return _newest_first(self._active.values())

    def history(self, limit: int = 50, *, include_resolved: bool = False) -> list[Alert]:
        """The newest alerts, newest first; resolved ones only on request."""
        found = list(self._active.values())
        if include_resolved:
            remembered = _alerts(self._journal.entries())
            found = [alert for alert in remembered if alert.state == "resolved"] + found
        return _newest_first(found)[:limit]

    def trouble(self) -> str | None:
        """Why the file of the alerts does not hold all of them; None where it does."""
        return self._journal.trouble()

    def undelivered(self) -> dict[str, int]:
        """How many notices have not arrived by each channel, since the last one that did."""
        return {outbox.name: outbox.undelivered for outbox in self._outboxes}

    async def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Wait some seconds for the notices that are on their way, and give up the rest."""
        await asyncio.gather(*(outbox.close(seconds) for outbox in self._outboxes))

    def _changed(self, before: Alert | None, alert: Alert) -> None:
        """Tell of a new state or a worse severity."""
        if before and (before.state, before.severity) == (alert.state, alert.severity):
            return
        self._events.publish("alert", alert.as_dict())
        if alert.state == "firing":
            self._tell(alert)

    def _end(self, alert: Alert) -> None:
        del self._active[alert.key]
        over = replace(alert, state="resolved", resolved_at=self._clock())
        self._events.publish("alert", over.as_dict())
        # An alert that never fired was told to nobody.
        if alert.state == "firing":
            self._tell(over)

    def _tell(self, alert: Alert) -> None:
        self._journal.record(alert.as_dict())
        for outbox in self._outboxes:
            outbox.put(alert.notice(self.instance))


def _is_firing(entry: Entry) -> bool:
    return bool(entry.get("state") == "firing")


def _alerts(entries: Iterable[Entry]) -> list[Alert]:
    """The alerts among the entries of a file; any other entry is logged and passed over."""
    found = []
    for entry in entries:
        try:
            found.append(_ALERT.validate_python(entry))
        except ValidationError as error:
            logger.warning("alert %s cannot be read: %s", entry.get("id"), error.errors()[0]["msg"])
    return found


def alerts_file(lake: Path) -> Path:
    """Return the file in which the service keeps the alerts of a lake."""
    return layout.service(lake) / ALERTS_FILE


def recorded_alerts(path: Path) -> list[Alert]:
    """The alerts that a file remembers, newest first."""
    return _newest_first(_alerts(Journal(path, key="id").entries()))


def trial_alert(lake: Path) -> Alert:
    """An alert to try the channels with; it names the lake, and the host it comes from."""
    message = f"this is a test of the alert channels of {lake.resolve()} on {gethostname()}"
    return Alert(token_hex(6), "test", "warning", message, "firing", datetime.now(UTC))


def _newest_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Sort by time; of those with the same time the last one comes first."""
    return sorted(alerts, key=lambda alert: alert.since)[::-1]


def _worse(a: Severity, b: Severity) -> Severity:
    return "critical" if "critical" in (a, b) else "warning"
