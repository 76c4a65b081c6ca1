"""Alerts: each state once, no duplicates, nothing forgotten by a restart, the command."""

import asyncio
import json
import logging
import os
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.watch.alerts import Alert, Alerts, Observation
from app.watch.events import Events
from app.watch.outbox import Notice, Undelivered
from pipelines.settings import PREFIX
from tests import commands

START = datetime(2026, 11, 24, 17, 5, tzinfo=UTC)
ROOT = Path(__file__).parents[4]


@dataclass
class Told:
    """A channel that notes what it was given."""

    name: str = "told"
    notices: list[Notice] = field(default_factory=list)

    async def send(self, notice: Notice) -> None:
        self.notices.append(notice)

    @property
    def states(self) -> list[tuple[str, str, str]]:
        return [(n.data["key"], n.data["severity"], n.data["state"]) for n in self.notices]


@dataclass
class World:
    """Time, a channel and the events that a test looks at."""

    path: Path
    told: Told = field(default_factory=Told)
    events: Events = field(default_factory=Events)
    seen: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def alerts(self) -> Alerts:
        return Alerts(
            self.path, [self.told], self.events, lambda: START + timedelta(seconds=self.seconds)
        )

    def states(self) -> list[tuple[str, str]]:
        return [(alert["key"], alert["state"]) for alert in self.seen]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "service" / "alerts.jsonl")


def run(world: World, test: Callable[[Alerts], Awaitable[None] | None]) -> Alerts:
    """A service from start to stop: what a test does with its alerts, until all is told."""

    async def main() -> Alerts:
        async with world.events.subscribe() as subscription:
            alerts = world.alerts()
            waits = test(alerts)
            if waits is not None:
                await waits
            await alerts.close()
            subscription.close()
            world.seen += [event.data async for event in subscription if event.kind == "alert"]
        return alerts

    return asyncio.run(asyncio.wait_for(main(), 30))


# ------------------------------------------------------------------------------------ states


def test_an_alert_fires_and_is_resolved_and_each_is_told_once(world: World) -> None:
    def test(alerts: Alerts) -> None:
        for world.seconds in (0, 1, 2):
            alerts.observe("memory_high", "warning", f"at {world.seconds}")
        (alert,) = alerts.active()
        assert (alert.state, alert.since, alert.message) == ("firing", START, "at 2")
        for world.seconds in (60, 61):
            alerts.observe("memory_high", "warning", None)
        assert alerts.active() == []

    alerts = run(world, test)
    assert world.told.states == [
        ("memory_high", "warning", "firing"), ("memory_high", "warning", "resolved"),
    ]  # fmt: skip
    assert world.states() == [("memory_high", "firing"), ("memory_high", "resolved")]
    (over,) = alerts.history(include_resolved=True)
    assert over.as_dict() == {
        "id": over.id, "key": "memory_high", "severity": "warning", "message": "at 2",
        "state": "resolved", "since": "2026-11-24T17:05:00.000+00:00",
        "resolved_at": "2026-11-24T17:06:00.000+00:00",
    }  # fmt: skip
    assert alerts.history() == []
    json.dumps(world.seen)


def test_what_is_told_says_what_is(world: World) -> None:
    def test(alerts: Alerts) -> None:
        alerts.observe("memory_high", "critical", "memory is at 95%")
        alerts.observe("rank_churn", "warning", "the top ten changed")
        alerts.observe("memory_high", "critical", None)

    run(world, test)
    assert [(n.title, n.text, n.level) for n in world.told.notices] == [
        ("memory_high firing (critical)", "memory is at 95%", logging.ERROR),
        ("rank_churn firing (warning)", "the top ten changed", logging.WARNING),
        ("memory_high resolved (critical)", "it is over; it was: memory is at 95%", logging.INFO),
    ]
    assert [n.data for n in world.told.notices] == world.seen


def test_notices_that_a_channel_refuses_are_counted(world: World) -> None:
    async def refuse(_: Notice) -> None:
        raise Undelivered("refused")

    world.told.send = refuse  # type: ignore[method-assign]

    def test(alerts: Alerts) -> None:
        assert alerts.undelivered() == {"told": 0}
        alerts.observe("k", "warning", "it is")
        alerts.observe("k", "warning", None)

    assert run(world, test).undelivered() == {"told": 2}


def test_a_condition_must_last_before_it_fires(world: World) -> None:
    def test(alerts: Alerts) -> None:
        states = []
        for world.seconds in range(0, 50, 10):
            alerts.observe("memory_growing", "warning", "grows", hold_seconds=30)
            states.append(alerts.active()[0].state)
        assert states == ["pending", "pending", "pending", "firing", "firing"]
        assert alerts.active()[0].since == START

    run(world, test)
    assert world.states() == [("memory_growing", "pending"), ("memory_growing", "firing")]
    assert world.told.states == [("memory_growing", "warning", "firing")]


def test_a_condition_that_passes_before_it_fires_is_told_to_nobody(world: World) -> None:
    def test(alerts: Alerts) -> None:
        for world.seconds in range(100):
            message = "grows" if world.seconds % 20 else None
            alerts.observe("memory_growing", "warning", message, hold_seconds=30)
        alerts.observe("memory_growing", "warning", None, hold_seconds=30)

    alerts = run(world, test)
    assert world.states() == [("memory_growing", "pending"), ("memory_growing", "resolved")] * 5
    assert world.told.notices == []
    assert alerts.history(include_resolved=True) == []
    assert not world.path.exists()


def test_a_warning_that_becomes_critical_is_told_once_more_and_stays_critical(
    world: World,
) -> None:
    def test(alerts: Alerts) -> None:
        for severity in ("warning", "critical", "warning", "critical", "warning"):
            alerts.observe("memory_high", severity, "high")  # type: ignore[arg-type]
        assert [alert.severity for alert in alerts.active()] == ["critical"]
        alerts.observe("memory_high", "warning", None)

    run(world, test)
    assert [state[1:] for state in world.told.states] == [
        ("warning", "firing"), ("critical", "firing"), ("critical", "resolved"),
    ]  # fmt: skip
    assert len({notice.data["id"] for notice in world.told.notices}) == 1


def test_a_condition_that_comes_back_is_a_new_alert(world: World) -> None:
    def test(alerts: Alerts) -> None:
        for world.seconds, message in enumerate(("high", None, "high", None)):
            alerts.observe("memory_high", "warning", message)

    alerts = run(world, test)
    assert [state[2] for state in world.told.states] == ["firing", "resolved"] * 2
    first, second = alerts.history(include_resolved=True)
    assert first.id != second.id
    assert first.since > second.since


def test_conditions_are_told_apart_by_their_key(world: World) -> None:
    def test(alerts: Alerts) -> None:
        alerts.observe_all([
            Observation("a", "warning", "A"), Observation("b", "critical", "B"),
            Observation("c", "warning", None), Observation("d", "warning", "D", 60),
        ])  # fmt: skip
        alerts.observe("a", "warning", None)
        found = [(alert.key, alert.state) for alert in alerts.active()]
        assert found == [("d", "pending"), ("b", "firing")]

    run(world, test)
    assert [state[0] for state in world.told.states] == ["a", "b", "a"]


def test_a_message_that_changes_is_no_event(world: World) -> None:
    def test(alerts: Alerts) -> None:
        for number in range(50):
            alerts.observe("memory_high", "warning", f"at {number}%")
        assert alerts.active()[0].message == "at 49%"

    run(world, test)
    assert len(world.seen) == len(world.told.notices) == 1
    assert len(world.path.read_text().splitlines()) == 1


# ---------------------------------------------------------------------------------- restarts


def test_a_firing_alert_is_still_firing_after_a_restart_and_not_told_again(world: World) -> None:
    run(world, lambda alerts: alerts.observe("refresh_failed", "warning", "failed at night"))
    first = world.told.notices.pop()
    world.seconds = 3600

    def again(alerts: Alerts) -> None:
        (alert,) = alerts.active()
        assert (alert.state, alert.since) == ("firing", START)
        assert alert.as_dict() == first.data
        alerts.observe("refresh_failed", "warning", "failed again", hold_seconds=7200)
        assert alerts.active()[0].message == "failed again"

    run(world, again)
    assert world.told.notices == []
    world.seconds = 7200
    run(world, lambda alerts: alerts.observe("refresh_failed", "warning", None))
    (resolved,) = world.told.notices
    assert (resolved.data["id"], resolved.data["state"]) == (first.data["id"], "resolved")
    run(world, lambda alerts: alerts.observe("refresh_failed", "warning", None))
    assert len(world.told.notices) == 1


def test_history_is_kept_newest_first_across_restarts(world: World) -> None:
    for key in "abc":
        world.seconds += 10

        def test(alerts: Alerts, key: str = key) -> None:
            alerts.observe(key, "warning", "there")
            if key != "b":
                alerts.observe(key, "warning", None)

        run(world, test)

    def again(alerts: Alerts) -> None:
        assert [alert.key for alert in alerts.history(include_resolved=True)] == ["c", "b", "a"]
        assert [alert.key for alert in alerts.history(2, include_resolved=True)] == ["c", "b"]
        assert [alert.key for alert in alerts.history()] == ["b"]
        alerts.observe("d", "warning", "there", hold_seconds=60)
        assert [alert.key for alert in alerts.history()] == ["d", "b"]

    run(world, again)


def test_a_pending_alert_begins_anew_after_a_restart(world: World) -> None:
    def test(alerts: Alerts) -> None:
        assert alerts.active() == []
        alerts.observe("memory_growing", "warning", "grows", hold_seconds=30)

    run(world, test)
    world.seconds = 60
    run(world, test)
    assert world.told.notices == []


def test_a_kill_in_the_middle_of_a_write_costs_only_that_alert(world: World) -> None:
    def test(alerts: Alerts) -> None:
        alerts.observe("a", "warning", "A")
        alerts.observe("b", "warning", "B")

    run(world, test)
    world.path.write_bytes(world.path.read_bytes()[:-7])
    world.told.notices.clear()

    def again(alerts: Alerts) -> None:
        assert [alert.key for alert in alerts.active()] == ["a"]
        alerts.observe("b", "warning", "B")

    run(world, again)
    assert [state[0] for state in world.told.states] == ["b"]
    assert sorted(alert.key for alert in world.alerts().active()) == ["a", "b"]


@pytest.mark.parametrize(
    "change", [{"since": "yesterday"}, {"since": "2026-11-24T17:05:00"}, {"state": "burning"},
               {"key": None}]
)  # fmt: skip
def test_what_is_not_an_alert_is_passed_over(
    world: World, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    good = Alert("1", "a", "warning", "A", "firing", START).as_dict()
    lines = [good, good | {"id": "2", "key": "b"} | change, {"id": "3"}, good | {"more": 1}]
    world.path.parent.mkdir()
    world.path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [alert.key for alert in world.alerts().active()] == ["a"]
    assert {message.split(":")[0] for message in caplog.messages} == {
        "alert 2 cannot be read", "alert 3 cannot be read",
    }  # fmt: skip


def test_a_long_history_is_cut_and_keeps_what_fires(world: World) -> None:
    def test(alerts: Alerts) -> None:
        alerts.observe("refresh_failed", "warning", "failed")
        for _ in range(600):
            alerts.observe("memory_high", "warning", "high")
            alerts.observe("memory_high", "warning", None)

    alerts = run(world, test)
    assert len(alerts.history(10_000, include_resolved=True)) == 500
    assert len(world.path.read_text().splitlines()) < 1000
    assert [alert.key for alert in world.alerts().active()] == ["refresh_failed"]


# ----------------------------------------------------------------------------------- command


def command(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    env |= {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1"} | settings
    done = commands.run(folder, "app.alerts", *words, env=env)
    shown = (done.stdout.decode(), done.stderr.decode())
    return subprocess.CompletedProcess(done.args, done.returncode, *shown)


def test_the_command_tells_what_makes_a_channel_if_there_is_only_the_log(tmp_path: Path) -> None:
    result = command(tmp_path, "test")
    assert result.returncode == 0
    assert "log      sent" in result.stdout
    assert "test firing (warning)" in result.stderr
    for name in ("WEBHOOK_URL", "SMTP_HOST", "SMTP_TO"):
        assert f"{PREFIX}{name}" in result.stdout


def test_the_command_fails_if_a_channel_does(tmp_path: Path) -> None:
    result = command(
        tmp_path, "test", STOCKRANK_WEBHOOK_URL="http://127.0.0.1:1/secret", NO_PROXY="127.0.0.1"
    )
    assert result.returncode == 1
    assert "webhook  127.0.0.1 cannot be reached" in result.stdout
    assert result.stderr.endswith("error: the test alert did not arrive by webhook\n")
    assert "secret" not in result.stdout + result.stderr
    assert "these settings" not in result.stdout


def test_the_command_shows_the_history(world: World, tmp_path: Path) -> None:
    assert command(tmp_path, "history").stdout.strip() == "no alert has fired"

    def test(alerts: Alerts) -> None:
        alerts.observe("memory_high", "critical", "memory is at 95%")
        world.seconds = 60
        alerts.observe("memory_high", "critical", None)
        alerts.observe("rank_churn", "warning", "changed")

    run(world, test)
    result = command(tmp_path, "history", "--lake", str(tmp_path))
    assert result.stdout.startswith("2 alerts")
    churn, high = result.stdout.splitlines()[-3:-1]
    assert churn.split()[:3] == ["2026-11-24", "17:06:00", "firing"]
    assert high.split()[:5] == ["2026-11-24", "17:05:00", "2026-11-24", "17:06:00", "resolved"]
    result = command(tmp_path, "history", "--lake", str(tmp_path), "--limit", "1")
    assert "memory_high" not in result.stdout


@pytest.mark.parametrize("word", ["", "test", "history"])
def test_help_has_an_example(tmp_path: Path, word: str) -> None:
    result = command(tmp_path, *word.split(), "--help")
    assert f"Example: python -m app.alerts {word or 'test'}" in result.stdout


def test_a_notice_names_the_service_that_is_one_of_several() -> None:
    alert = Alert("a1", "memory_high", "critical", "memory is at 95%", "firing", START)
    alone, named = alert.notice(), alert.notice("web-2")
    assert (alone.title, "instance" in alone.data) == ("memory_high firing (critical)", False)
    assert named.title == "memory_high firing (critical) at web-2"
    assert named.data == alert.as_dict() | {"instance": "web-2"}
    assert named.text == alone.text
