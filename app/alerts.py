"""`python -m app.alerts`: try the channels of the alerts, or show the alerts of the service."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from app.watch import (
    Alert,
    Channel,
    Notice,
    Undelivered,
    alerts_file,
    configured_channels,
    recorded_alerts,
    trial_alert,
)
from pipelines import console
from pipelines.console import LogFormat
from pipelines.settings import PREFIX, Settings
from pipelines.terminal_table import Column, Table

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file.")]
"""A settings file other than the one in the working folder."""

CHANNELS: Final = {
    "webhook": ("webhook_url",),
    "e-mail": ("smtp_host", "smtp_to", "smtp_port", "smtp_user", "smtp_password", "smtp_from"),
}
HELP = """Try the channels of the alerts, or show the alerts of the service.

Example: python -m app.alerts test
"""


def send_test(*, config: ConfigOption = None) -> None:
    """Send a test alert through every channel that is set, once, and show the outcome.

    Example: python -m app.alerts test
    """
    console.log_to_stderr(LogFormat.TEXT)
    settings = Settings.load(config)
    channels = configured_channels(settings)
    outcomes = asyncio.run(_outcomes(channels, settings.lake))
    rows = [(channel.name, outcome or "sent") for channel, outcome in outcomes]
    columns = ("channel", Column("outcome", wraps=True))
    console.show(Table("test alert", columns, rows))
    if len(channels) == 1:
        console.write("alerts go to the log only; these settings make a channel:")
        for name, keys in CHANNELS.items():
            console.write(f"{name}: {', '.join(f'{PREFIX}{key}'.upper() for key in keys)}")
    failed = [channel.name for channel, outcome in outcomes if outcome]
    if failed:
        raise Undelivered(f"the test alert did not arrive by {' and '.join(failed)}")


async def _outcomes(channels: Sequence[Channel], lake: Path) -> list[tuple[Channel, str]]:
    """Each channel with the reason why the test alert did not arrive; empty where it did."""
    notice = trial_alert(lake).notice()
    return [(channel, await _outcome(channel, notice)) for channel in channels]


async def _outcome(channel: Channel, notice: Notice) -> str:
    try:
        await channel.send(notice)
    except Undelivered as error:
        return str(error)
    return ""


def show_history(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    lake: Annotated[Path | None, typer.Option(help="Folder of the lake.")] = None,
    config: ConfigOption = None,
) -> None:
    """Show the newest alerts that fired, newest first.

    Example: python -m app.alerts history --limit 50
    """
    settings = Settings.load(config)
    path = alerts_file(lake or settings.lake)
    alerts = recorded_alerts(path)[:limit]
    many = f"{len(alerts)} alert{'s' * (len(alerts) > 1)}"
    title = many if alerts else "no alert has fired"
    console.show(Table(title, HISTORY_COLUMNS, [_row(alert) for alert in alerts]))


HISTORY_COLUMNS: Final = (
    Column("since", extra=1), Column("resolved", extra=4),
    Column("state", extra=3), Column("severity", extra=2), "key",
    Column("message", wraps=True),
)  # fmt: skip


def _row(alert: Alert) -> tuple[str, ...]:
    begin, end = (at.strftime("%Y-%m-%d %H:%M:%S") if at else ""
                  for at in (alert.since, alert.resolved_at))  # fmt: skip
    return (begin, end, alert.state, alert.severity, alert.key, alert.message)


if __name__ == "__main__":
    send_test.__name__, show_history.__name__ = "test", "history"
    console.run(send_test, show_history, help_=HELP)
