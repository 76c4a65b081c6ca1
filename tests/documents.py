"""The documents as the tests read them: text, code blocks, sections, headings and links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
GENERATED: Final = ("docs/benchmarks.md", "docs/commands.md")
PATHS: Final = sorted(
    name
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
    if (name := str(path.relative_to(ROOT))) not in GENERATED
)
TEXTS: Final = {path: (ROOT / path).read_text(encoding="utf-8") for path in PATHS}
"""What people wrote, by its path from the root."""
ALL: Final = "\n".join(TEXTS.values())
README: Final = TEXTS["README.md"]

FENCED: Final = re.compile(r"^```(\w*)(?: (\w+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")


def blocks(text: str, language: str, mark: str = "") -> list[str]:
    """The code blocks of a language, with a mark after its name."""
    return [code for found, word, code in FENCED.findall(text) if (found, word) == (language, mark)]


def block(text: str, language: str) -> str:
    """The only block of a language."""
    (code,) = blocks(text, language)
    return code


def prose(text: str) -> str:
    """The text without its code blocks."""
    return FENCED.sub("", text)


def section(text: str, title: str) -> str:
    """What is below a heading, up to the next of the same level or a higher one."""
    (hashes,) = re.findall(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    below = text.split(f"\n{hashes} {title}\n")[1]
    return re.split(rf"^#{{1,{len(hashes)}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables, without the lines below their heads."""
    for line in re.findall(r"^\| ?(.*) ?\|$", prose(text), re.MULTILINE):
        if not set(line) <= set("|-: "):
            yield [cell.strip() for cell in line.split("|")]


def anchors(text: str) -> set[str]:
    """The headings, as links name them."""
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def source() -> str:
    """The code, with each text that goes over several lines as one."""
    files = (path for package in ("app", "pipelines") for path in ROOT.glob(f"{package}/**/*.py"))
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted(files))
    return re.sub(r'"\s*\n\s*f?"', "", code)
