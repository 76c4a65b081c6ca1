"""The options of commands that look at a stretch of time."""

from datetime import date, datetime
from typing import Annotated, Final

from typer import Option

from pipelines.errors import WrongUsage

FIRST: Final = datetime(1990, 1, 1)
"""The first date, unless another is named; the help of `Since` tells it."""
Since = Annotated[
    datetime,
    Option(
        "--from",
        formats=["%Y-%m-%d"],
        show_default=False,
        help="First date; default 1990-01-01.",
    ),
]
Until = Annotated[
    datetime | None, Option("--to", formats=["%Y-%m-%d"], help="Last date; default the newest.")
]


def refuse_reversed(since: date, until: date) -> None:
    """Raise `WrongUsage` if the first date is after the last."""
    if since > until:
        raise WrongUsage(f"--from {since} is after --to {until}; give the earlier date as --from")
