"""All benchmarks: docs/benchmarks.md, and docs/benchmarks.svg of the rankings.

Example: python -m tests.benchmarks.report --sizes 1,10 --runs 5

Every part is a command that prints Markdown; those that are there are run one after the other.
"""

import ast
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import altair as alt
import typer

from pipelines import console
from tests.benchmarks import rankings
from tests.benchmarks.rankings import CONTENDERS, OURS, Result

LIBRARIES: Final = ("polars", "pyarrow", "duckdb", "pandas", "sqlalchemy", "connectorx", "fastapi")
PARTS: Final = {
    "History": ("tests.benchmarks.history", "--folder", "{folder}"),
    "Factors": ("tests.benchmarks.factors",),
    "Research": ("tests.benchmarks.research", "--folder", "{folder}"),
    "Research, the engine alone": ("tests.benchmarks.engines", "--folder", "{folder}"),
    "Refresh": (
        "tests.benchmarks.refresh", "--source", "{folder}/calm.db", "--large", "{folder}/calm10.db",
    ),
    "Memory of the lake": (
        "tests.benchmarks.memory", "--source", "{folder}/calm.db", "--runs", "3",
    ),
    "Blocks": (
        "tests.benchmarks.cluster", "--folder", "{folder}", "--every", "day",
        "--since", "2019-01-01",
    ),
    "Object store": ("tests.benchmarks.store",),
    "PostgreSQL": ("tests.benchmarks.postgres", "{folder}/calm.db"),
    "Sizing": ("tests.benchmarks.sizing", "{folder}"),
    "API": ("tests.benchmarks.api", "--source", "{folder}/calm.db"),
    "Pages": ("tests.benchmarks.pages",),
}  # fmt: skip
"""The other parts by title: a module and its options."""
PANELS: Final = {"seconds": "seconds, without imports", "peak_mb": "peak memory, MB"}
TICKS: Final = [base * 10**n for n in range(-2, 5) for base in (1, 3)]
INK: Final = "#33373d"
ACCENT: Final = "#0b6e4f"
OTHER: Final = "#8a8f98"


def main(
    *,
    sizes: rankings.Sizes = "1,10",
    folder: rankings.Folder = Path("data"),
    runs: rankings.Runs = 5,
    out: Annotated[Path, typer.Option(help="Where the table and the chart are written.")] = Path(
        "docs"
    ),
    only: Annotated[list[str] | None, typer.Option(help="Renew these parts alone.")] = None,
) -> None:
    """Run all benchmarks, and write their tables and a chart.

    Example: python -m tests.benchmarks.report --sizes 1,10 --runs 5
    """
    before = machine()
    if only:
        renew(out / "benchmarks.md", only, folder, before)
        return
    results = rankings.all_sizes(rankings.sizes_of(sizes), folder, runs)
    parts = {title: part(command, folder) for title, command in PARTS.items() if there(command)}
    out.mkdir(exist_ok=True)
    chart(results).save(out / "benchmarks.svg")
    text = document(results, parts, before + load())
    (out / "benchmarks.md").write_text(text, encoding="utf-8")
    console.write_data(text)


def document(results: dict[int, list[Result]], parts: dict[str, str], where: str) -> str:
    """The whole of docs/benchmarks.md."""
    assert rankings.__doc__
    sections = [
        "# Benchmarks\n", where, "## Rankings\n", *rankings.__doc__.split("\n\n")[2:],
        "![Time and peak memory of each contender](benchmarks.svg)\n",
    ]  # fmt: skip
    for size, found in results.items():
        sections += [f"### Size {size}\n", rankings.table(found), rankings.goals(found)]
    for title, text in parts.items():
        sections += [f"## {title}\n", *described(PARTS[title][0]), text]
    return "\n".join(sections)


def renew(path: Path, titles: list[str], folder: Path, where: str) -> None:
    """Write parts anew in a report that is there, each with when and where it was measured."""
    kept, *sections = path.read_text(encoding="utf-8").split("\n## ")
    found = {section.partition("\n")[0]: section for section in sections}
    for title in titles:
        text = part(PARTS[title], folder)
        told = "\n".join((*described(PARTS[title][0]), text))
        found[title] = f"{title}\n\n{where}{load()}\n{told}"
    path.write_text("\n## ".join((kept, *found.values())), encoding="utf-8")


def described(module: str) -> list[str]:
    """What the text of a module says below its example, by paragraph."""
    found = find_spec(module)
    assert found
    assert found.origin
    told = ast.get_docstring(ast.parse(Path(found.origin).read_text(encoding="utf-8"))) or ""
    return [f"{paragraph}\n" for paragraph in told.split("\n\n")[2:]]


# ------------------------------------------------------------------------------- other parts


def there(command: tuple[str, ...]) -> bool:
    """Whether a part exists."""
    return find_spec(command[0]) is not None


def part(command: tuple[str, ...], folder: Path) -> str:
    """What a part prints; all but tables of Markdown as it is. A failure is told instead."""
    words = _words(command, folder)
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, check=False
    )
    text = done.stdout if done.returncode == 0 else f"not measured: {done.stderr.strip()}\n"
    if text.lstrip().startswith("|") or "\n|" in text:
        return text
    lines = (line.rstrip() for line in text.strip().splitlines())
    return "\n".join(("```", *lines, "```", ""))


def _words(command: tuple[str, ...], folder: Path) -> list[str]:
    """The command of a part; without the option of a file that is not there."""
    words = [word.format(folder=folder) for word in command]
    large = str(folder / "calm10.db")
    if large in words and not Path(large).exists():
        at = words.index(large)
        del words[at - 1 : at + 1]
    return words


# ----------------------------------------------------------------------------------- machine


def machine() -> str:
    """The machine, the versions and the load of now, as Markdown."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    today = datetime.now(UTC).date()
    return (
        f"{today}, {platform.system()}, {_processor()}, {os.cpu_count()} processors, "
        f"{memory:.0f} GB; Python {platform.python_version()}, {libraries}. Load before: {load()}"
        "Load after: "
    )


def load() -> str:
    """How many processes wanted to run in the last minute."""
    return f"{os.getloadavg()[0]:.1f}.\n"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


# ------------------------------------------------------------------------------------- chart


def chart(results: dict[int, list[Result]]) -> alt.VConcatChart:
    """A row a size: time and peak memory of each contender, as the median and the spread.

    All rows have the same two scales.
    """
    everything = [result for found in results.values() for result in found]
    domains = {what: _domain(everything, what) for what in PANELS}
    rows = [_row(size, found, domains) for size, found in results.items()]
    return alt.vconcat(*rows, spacing=24).configure_view(stroke=None).configure(background="white")


Domain = tuple[float, float]


def _domain(results: list[Result], what: str) -> Domain:
    values = [getattr(run, what) for result in results for run in result.runs]
    return 0.8 * min(values), 2.0 * max(values)


def _row(size: int, found: list[Result], domains: dict[str, Domain]) -> alt.HConcatChart:
    panels = [_panel([r for r in found if r.runs], what, domains[what]) for what in PANELS]
    title = alt.TitleParams(f"four rankings of {size * rankings.STOCKS:,} stocks", anchor="start")
    return alt.hconcat(*panels, title=title)


def _panel(results: list[Result], what: str, domain: Domain) -> alt.LayerChart:
    first = what == next(iter(PANELS))
    order = [CONTENDERS[result.name].title for result in results]
    axis = alt.Axis(title=None, labels=first, ticks=False, domain=False, labelLimit=240)
    base = alt.Chart(alt.Data(values=[_point(result, what) for result in results])).encode(
        y=alt.Y("who:N", sort=order, axis=axis),
        color=alt.condition("datum.ours", alt.value(ACCENT), alt.value(OTHER)),
    )
    across = alt.X(
        "low:Q", title=PANELS[what], axis=alt.Axis(values=TICKS, domain=False),
        scale=alt.Scale(type="log", domain=list(domain), nice=False),
    )  # fmt: skip
    spread = base.mark_rule(strokeWidth=2).encode(x=across, x2="high:Q")
    point = base.mark_point(filled=True, size=90, opacity=1).encode(x="median:Q")
    text = base.mark_text(align="left", dx=9, dy=-7, fontSize=10).encode(
        x="median:Q",
        text=alt.Text("median:Q", format=".2~r" if what == "seconds" else ",.0f"),
        color=alt.value(INK),
    )
    return (spread + point + text).properties(width=300, height=30 * len(results))


def _point(result: Result, what: str) -> dict[str, object]:
    values = [getattr(run, what) for run in result.runs]
    return {
        "who": CONTENDERS[result.name].title, "ours": result.name == OURS,
        "median": result.median(what), "low": min(values), "high": max(values),
    }  # fmt: skip


if __name__ == "__main__":
    console.run(main)
