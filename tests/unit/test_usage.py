"""Wrong usage of commands: one line with the value and the remedy."""

import os
from pathlib import Path

import pytest

from tests import commands

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("rank --as-of 20/11/2021",
         "--as-of = '20/11/2021' is no date; write it as year-month-day: 2021-11-20"),
        ("rank --as-of 2021-02-30",
         "--as-of = '2021-02-30' is no day; write it as year-month-day: 2021-11-20"),
        ("rank --format xlsx",
         "--format = 'xlsx' is unknown; expected one of table, csv, csv-sv, json, parquet"),
        ("rank trendande_varde",
         "'trendande_varde' has no option before it; use --strategy trendande_varde"),
        ("rank --top x", "--top: 'x' is neither a number above 0 nor all"),
        ("rank --nope", "no such option: --nope; the nearest is --top; --help shows how to use it"),
        ("rank --stratgy x",
         "no such option: --stratgy; the nearest is --strategy; --help shows how to use it"),
        ("export data/demo.db",
         "'data/demo.db' has no option before it; use --source data/demo.db"),
        ("export postgresql://a:b/c@d@h/db",
         "'postgresql://…' has no option before it; use --source postgresql://…"),
        ("serve --port abc", "--port = 'abc' is no whole number; write digits alone"),
        ("versions",
         "name a command: list, verify, rollback, prune, forget, diff; --help says what they do"),
        ("versions lst", "unknown command 'lst'; the nearest is list; expected one of list, "
         "verify, rollback, prune, forget, diff"),
        ("versions prune --keep 0", "--keep = '0' is too small; the least is 1"),
        ("versions diff a", "missing argument 'b'; --help shows how to use it"),
        ("history --from 2025-01-01 --to 2024-01-01 --out none",
         "--from 2025-01-01 is after --to 2024-01-01; give the earlier date as --from"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line_with_the_remedy(command: str, told: str) -> None:
    ended = commands.run(ROOT, "pipelines", *command.split(), env=os.environ)
    assert (ended.stderr.decode(), ended.returncode) == (f"error: {told}\n", 2)
