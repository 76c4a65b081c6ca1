"""The content of a version: the part of its manifest that does not say how it was made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pipelines.lake import Dataset, Report


@dataclass(frozen=True)
class Content:
    """The datasets of a version and the report on them; `as_of` is the newest date with a price."""

    datasets: Mapping[str, Dataset]
    as_of: date
    integrity: Report
