"""The export and the rankings against their floors, each in fresh processes, alternating.

Example: python -m tests.benchmarks.floors --source data/demo.db --runs 5

The export's floor is connectorx reading `daily_prices` into batches that are thrown away, as a
whole process. The rankings' floor is pyarrow reading the same columns of the same files, with
imports left out on both sides. Memory is the `VmHWM` of each process.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from pipelines import console
from pipelines.memory import peak_mb, resident_mb
from pipelines.settings import Settings

ROUNDS = 5


def bare_read(source: Path, _: Path) -> dict[str, Any]:
    """Read the prices, and keep nothing but their number."""
    from connectorx import read_sql  # noqa: PLC0415 - only this process needs it

    batches = read_sql(
        f"sqlite://{source}", "SELECT * FROM daily_prices", return_type="arrow_stream",
        batch_size=50_000,
    )  # fmt: skip
    return {"rows": sum(batch.num_rows for batch in batches)}


def export(source: Path, lake: Path) -> dict[str, Any]:
    """A full refresh."""
    from pipelines.export import export as refresh  # noqa: PLC0415 - as above
    from pipelines.universe import SWEDEN  # noqa: PLC0415

    manifest = refresh(source, lake, SWEDEN, full=True)
    return {"rows": manifest["datasets"]["prices"]["rows_in"]}


def rank(_: Path, lake: Path) -> dict[str, Any]:
    """The four rankings of the newest date, computed from the files."""
    from pipelines.lake import Lake  # noqa: PLC0415 - as above
    from pipelines.ranking import rankings  # noqa: PLC0415
    from pipelines.universe import SWEDEN  # noqa: PLC0415

    def once() -> int:
        opened = Lake(lake)
        plan = rankings(opened, as_of=opened.as_of, universe=SWEDEN)
        return plan.collect(engine="streaming").height

    return _timed(once)


def pyarrow_read(_: Path, lake: Path) -> dict[str, Any]:
    """Read with pyarrow the columns that the rankings read, of the files that they read."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    from pipelines.factors import RATIOS, STATEMENT_ITEMS  # noqa: PLC0415
    from pipelines.lake import Lake  # noqa: PLC0415

    keys = ["ticker", "known_from", "fiscal_date", "source", "id", "piotroski_f_score"]
    columns = {
        "prices": ["ticker", "date", "close"],
        "fundamentals": [*keys, *RATIOS, *STATEMENT_ITEMS],
        "stocks": None,
    }

    def once() -> int:
        opened, rows = Lake(lake), 0
        first = (opened.as_of - timedelta(days=377)).year
        for dataset, names in columns.items():
            for file in opened.manifest["datasets"][dataset]["files"]:
                if dataset != "prices" or file["year"] >= first:
                    table = pq.ParquetFile(opened.path / file["path"]).read(columns=names)
                    rows += table.num_rows
        return rows

    return _timed(once)


def _timed(once: Callable[[], int]) -> dict[str, Any]:
    """Seconds of the first call, which warms nothing that the next one could use but the files."""
    idle, start = resident_mb(), time.perf_counter()
    rows = once()
    return {"rows": rows, "inner": time.perf_counter() - start, "idle": idle}


CONTENDERS = {f.__name__: f for f in (bare_read, export, pyarrow_read, rank)}


def child(name: str, source: Path, lake: Path) -> dict[str, Any]:
    """Run a contender in a process of its own."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "tests.benchmarks.floors", "--run", name]
    command += ["--source", str(source), "--lake", str(lake)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {"outer": time.perf_counter() - start, **json.loads(out)}


def main(
    *,
    source: Annotated[Path | None, typer.Option(help="Database to export.")] = None,
    runs: Annotated[int, typer.Option(help="Runs of each.")] = ROUNDS,
    lake: Annotated[Path | None, typer.Option(hidden=True)] = None,
    run: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure the export and the rankings against their floors.

    Example: python -m tests.benchmarks.floors --source data/demo.db --runs 5
    """
    database = source or Settings.load().source
    if run and lake:
        console.write(json.dumps(CONTENDERS[run](database, lake) | {"peak": peak_mb()}))
        return
    with TemporaryDirectory(prefix="stockrank-bench-", dir=database.parent) as folder:
        root = Path(folder) / "lake"
        child("export", database, root)  # one that does not count, and the lake to rank
        results = {name: [] for name in CONTENDERS}
        for _ in range(runs):
            for name, found in results.items():
                found.append(child(name, database, root))
    _report(results)


def _report(results: dict[str, list[dict[str, Any]]]) -> None:
    assert results["export"][0]["rows"] == results["bare_read"][0]["rows"]
    rows = []
    for name, floor, key in (("export", "bare_read", "outer"), ("rank", "pyarrow_read", "inner")):
        ratios = [a[key] / b[key] for a, b in zip(results[name], results[floor], strict=True)]
        for shown in (floor, name):
            times = [r[key] for r in results[shown]]
            peak = statistics.median(r["peak"] for r in results[shown])
            grew = statistics.median(r["peak"] - r.get("idle", r["peak"]) for r in results[shown])
            ratio = f"{statistics.median(ratios):.2f}" if shown == name else "1"
            spread = f"{min(times):.3f} to {max(times):.3f}"
            rows.append((shown, f"{statistics.median(times):.3f}", spread, ratio, f"{peak:.0f}",
                         f"{grew:.0f}" if grew else ""))  # fmt: skip
    columns = ("process", "seconds", "spread", "times floor", "peak MB", "grew by MB")
    console.show(console.Table(f"medians of {len(results['rank'])} runs", columns, rows))


if __name__ == "__main__":
    console.run(main)
