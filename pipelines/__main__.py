"""`python -m pipelines`, also `stockrank`: list the commands, or run the one that is named.

A command runs as by `python -m`. The list is read from the text of the modules, so it loads no
library.
"""

import re
import runpy
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from pipelines import __version__
from pipelines.runtime import stop_at_once

MODULES: Final = {
    "demo": "pipelines.demo",
    "export": "pipelines.export",
    "rank": "pipelines.rank",
    "history": "pipelines.history",
    "backtest": "pipelines.backtest",
    "factors": "pipelines.factors",
    "factor_report": "pipelines.factor_report",
    "search": "pipelines.search",
    "cluster": "pipelines.cluster",
    "orders": "pipelines.orders",
    "versions": "pipelines.versions",
    "remote": "pipelines.remote",
    "tune": "pipelines.tune",
    "app": "app",
    "serve": "app",
    "alerts": "app.alerts",
}
"""The module of each command."""
HELP: Final = ("-h", "--help", "help")


class Command(NamedTuple):
    """A command, with the sentence and the example in its module."""

    name: str
    sentence: str
    example: str


def commands() -> Iterator[Command]:
    """Each command with the first line and the first example in its module."""
    for name, module in MODULES.items():
        text = _file(module).read_text(encoding="utf-8")
        sentence = re.findall(r'^"""`python -m [\w.]+`: (.+?)\.?(?:""")?$', text, re.MULTILINE)
        example = re.findall(r"Example: (.+)$", text, re.MULTILINE)
        yield Command(name, sentence[0], example[0])


def _file(module: str) -> Path:
    """The file that `python -m` runs."""
    spec = find_spec(module)
    path = Path(str(spec and spec.origin))
    return path.with_name("__main__.py") if path.name == "__init__.py" else path


def main() -> None:
    """Run the command that is named, or list them all."""
    stop_at_once()
    name, *words = sys.argv[1:] or ["--help"]
    if name in HELP:
        from pipelines.console import errors_told  # noqa: PLC0415 - as below

        with errors_told():
            _list()
    elif name == "--version":
        sys.stdout.write(f"stockrank {__version__}\n")
    elif name in MODULES:
        sys.argv = [name, *words]
        runpy.run_module(MODULES[name], run_name="__main__", alter_sys=True)
    else:
        _refuse(name)


def _list() -> None:
    from pipelines import console  # noqa: PLC0415 - a command sets the environment first
    from pipelines.terminal_table import Column, Table  # noqa: PLC0415

    console.show_any_letter()
    console.write("Usage: stockrank COMMAND [OPTIONS], or python -m pipelines COMMAND [OPTIONS]")
    console.write("")
    console.write("  Run a command of StockRank, or list them all.")
    console.write("")
    columns = ("command", Column("what it does", wraps=True), Column("example", extra=1))
    console.show(Table("Commands", columns, list(commands())))
    console.write("stockrank COMMAND --help shows the options of a command.")


def _refuse(name: str) -> None:
    from pipelines.errors import Unknown  # noqa: PLC0415 - a command sets the environment first

    sys.stderr.write(f"error: {Unknown('command', name, MODULES)}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
