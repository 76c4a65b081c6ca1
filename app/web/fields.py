"""Fields that the models of several answers share."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

CalendarDay = date
"""The type of a field that is itself called `date`."""


def field(description: str, example: object) -> Any:
    """Describe a field for the OpenAPI document."""
    return Field(description=description, examples=[example])


Ticker = Annotated[str, field("ticker, with the class letter after a space", "VOLV B")]
CompanyName = Annotated[str | None, field("name of the company", "Volvo B")]
Rank = Annotated[int, field("rank; 1 is best", 1)]
Score = Annotated[float, field("mean of the 3, 6 and 12 month returns, as a fraction", 0.412)]
StrategyName = Annotated[str, field("name of the strategy", "trendande_varde")]
Title = Annotated[str, field("title to display", "Trendande Värde")]
Timestamp = Annotated[datetime, field("time in UTC", "2026-11-24T17:05:00Z")]
VersionId = Annotated[str, field("id of the version", "20261124T170500Z-3fa1c2")]
