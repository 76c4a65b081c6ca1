"""docs/commands.md: every command with its options, from its own `--help`; docs/factors.md.

Example: python -m tests.reference
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final

from pipelines.factors import markdown
from pipelines.settings import PREFIX
from tests.documents import ROOT

REFERENCE: Final = ROOT / "docs" / "commands.md"
FACTORS: Final = ROOT / "docs" / "factors.md"
PACKAGES: Final = ("app", "pipelines")
ANSWERS: Final = """
import contextlib, runpy, sys
_, option, *commands = sys.argv
for command in commands:
    module, *words = command.split()
    sys.argv = [f"python -m {module}", *words, option]
    with contextlib.suppress(SystemExit):
        runpy.run_module(module, run_name="__main__")
    sys.stdout.write("\f")
"""
HEAD: Final = """# Commands

Every command with its options, as `--help` tells them. `make docs` writes this file.

Options win over the [settings](operations.md#settings). A command ends with 0 when it is done,
with 1 and one line on stderr when it cannot be, with 2 when it was called wrongly, and with 130
after Ctrl-C.
"""


FACTORS_HEAD: Final = """# Factors

The numbers by which [strategies as data](methodology.md#strategies-as-data) screen and order
stocks, as `python -m pipelines.factors --format markdown` tells them. `make docs` writes this file.

Fractions are 0.0357 for 3.57 %. Money is in units of the currency of the listing, `million` in
million of the currency of the universe. What is not finite, or lacks its history, is missing.
Closes are on the scale of the date, and without those that are known to be bad. `best` says which
values are good: where it is `as ordered`, a strategy must say so.
"""


def catalogue() -> str:
    """The text of docs/factors.md."""
    return f"{FACTORS_HEAD}\n{markdown()}\n"


def commands() -> list[str]:
    """The modules of the packages that can be run."""
    files = (path for package in PACKAGES for path in (ROOT / package).glob("*.py"))
    runs = (path for path in files if '__name__ == "__main__"' in path.read_text(encoding="utf-8"))
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in runs)
    return sorted(name.removesuffix(".__main__") for name in names)


def answers(names: Iterable[str], option: str = "--help") -> dict[str, str]:
    """What each command, such as `pipelines.versions list`, tells of itself."""
    wanted = list(names)
    env = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    env |= {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "TYPER_USE_RICH": "0", "NO_COLOR": "1"}
    with tempfile.TemporaryDirectory() as folder:
        output = subprocess.run(
            [sys.executable, "-c", ANSWERS, option, *wanted],
            cwd=folder, env=env, capture_output=True, check=True, encoding="utf-8",
        )  # fmt: skip
    assert not output.stderr
    return dict(zip(wanted, output.stdout.split("\f")[:-1], strict=True))


def parts(modules: Mapping[str, str]) -> Iterator[str]:
    """The commands that are named in the help of others."""
    for name, text in modules.items():
        listed = text.partition("\nCommands:\n")[2]
        if name not in PACKAGES:
            yield from (f"{name} {part}" for part in re.findall(r"^  (\w+) ", listed, re.MULTILINE))


@cache
def told() -> dict[str, str]:
    """What every command tells of itself, by its name."""
    modules = answers(commands())
    return dict(sorted((modules | answers(parts(modules))).items()))


def reference() -> str:
    """The text of the file."""
    toc = [f"- [{name}](#{_anchor(name)}): {_sentence(text)}" for name, text in told().items()]
    sections = [f"## {name}\n\n```text\n{_tidy(text)}\n```" for name, text in told().items()]
    return "\n\n".join([HEAD.rstrip(), "\n".join(toc), *sections]) + "\n"


def _tidy(text: str) -> str:
    """The text without spaces at the ends of its lines."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _anchor(name: str) -> str:
    return name.replace(".", "").replace(" ", "-")


def _sentence(text: str) -> str:
    """The first sentence below the usage."""
    return " ".join(text.split("\n\n")[1].split())


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
    FACTORS.write_text(catalogue(), encoding="utf-8")
