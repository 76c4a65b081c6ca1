"""The texts of the pages: all in the message files, each in both languages, none unused."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pipelines.ranking import REASONS, STRATEGIES
from pipelines.ranking.factors import SIGNALS

STATIC: Final = Path(__file__).parents[3] / "app" / "static"
MESSAGES: Final[dict[str, dict[str, str]]] = {
    file.stem: json.loads(file.read_text()) for file in (STATIC / "messages").glob("*.json")
}
SCRIPTS: Final = sorted((STATIC / "pages").rglob("*.js"))
LONGEST: Final = 300
PLURALS: Final = r"\.(one|other)$"
LITERAL: Final = r'"([a-z_]+(?:\.[\w ]+)+)"'
OF_DATA: Final = (
    "sector", "market", "universe", "reason", "alert", "check", "phase", "trigger",
)  # fmt: skip
"""What begins the keys whose ends come from the data."""
SPOKEN: Final = r"""\b(aria-label|title|placeholder|alt)=("[^"]*\w{2}[^"]*"|'[^']*\w{2}[^']*')"""
NAMES: Final = {"StockRank"}


def templates(code: str) -> Iterator[str]:
    """The templates of a script, each without what is computed in it."""
    found, stack, at = [""], ["code"], 0
    while at < len(code):
        if stack[-1] == "code":
            if code.startswith("html`", at) or code[at] == "`":
                at += 4 if code[at] == "h" else 0
                stack.append("text")
                found.append("")
            elif code[at] == "{":
                stack.append("code")
            elif code[at] == "}" and len(stack) > 1:
                stack.pop()
                found[-1] += "\0" if stack[-1] == "text" else ""
        elif code.startswith("${", at):
            stack.append("code")
            at += 1
        elif code[at] == "`":
            stack.pop()
            yield found.pop()
        else:
            found[-1] += code[at]
        at += 1
    assert stack == ["code"], "the script was not understood"


def spoken(code: str) -> Iterator[str]:
    """What a script says in words of its own."""
    for text in templates(code):
        if "<" not in text:
            continue
        yield from (found[0] for found in re.finditer(SPOKEN, text))
        inner = re.sub(r"<[^>]*>", "\n", text)
        yield from (line.strip() for line in inner.splitlines() if re.search(r"[^\W\d_]{2}", line))


def test_what_a_script_says_is_found() -> None:
    code = 'if (a > b && c < d) html`<p title=${t("a")}>Hi ${t("a")} ${ok && html`<b>yes</b>`}</p>`'
    assert sorted(spoken(code)) == ["Hi \0 \0", "yes"]
    assert list(spoken('html`<p title="Price">${1}</p>`')) == ['title="Price"']
    assert list(spoken("html`<p class=${`a-${b}`}>${{ a: 1 }.a}</p>`")) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_no_text_is_outside_the_messages(script: Path) -> None:
    assert [text for text in spoken(script.read_text()) if text not in NAMES] == []


def test_both_languages_say_the_same_things() -> None:
    english, swedish = MESSAGES["en"], MESSAGES["sv"]
    assert list(english) == list(swedish)
    for key in english:
        places = (sorted(re.findall(r"\{\w+\}", said[key])) for said in (english, swedish))
        assert len({tuple(found) for found in places}) == 1, key


def used() -> tuple[set[str], set[str]]:
    """The keys that the scripts name, and the beginnings of those that they put together."""
    code = "\n".join(script.read_text() for script in SCRIPTS)
    whole = set(re.findall(LITERAL, code))
    begun = {found.split("${")[0] for found in re.findall(r"`([a-z_]+\.[^`]*\$\{[^`]*)`", code)}
    return whole, begun | {f"{name}." for name in OF_DATA}


def test_every_key_that_is_asked_for_has_a_text() -> None:
    known = set(MESSAGES["en"]) | {re.sub(PLURALS, "", key) for key in MESSAGES["en"]}
    code = "\n".join(script.read_text() for script in SCRIPTS)
    asked = set(re.findall(r'\bt\(\s*"([^"]+)"', code))
    assert sorted(asked - known) == []
    _, begun = used()
    assert [
        start for start in sorted(begun) if not any(key.startswith(start) for key in known)
    ] == []


def test_no_text_is_left_over() -> None:
    whole, begun = used()
    plain = {key: re.sub(PLURALS, "", key) for key in MESSAGES["en"]}
    left = [
        key
        for key, name in plain.items()
        if name not in whole and not any(name.startswith(start) for start in begun)
    ]
    assert left == []


def test_terms_of_the_rankings_have_texts() -> None:
    said = MESSAGES["sv"]
    codes = (code for code in REASONS if not code.startswith("outside_best"))
    assert [code for code in codes if f"reason.{code}" not in said] == []
    assert [name for name in STRATEGIES if f"sentence.{name}" not in said] == []
    assert [name for name in SIGNALS if f"signal.{name}" not in said] == []


@pytest.mark.parametrize("script", [*SCRIPTS, *(STATIC / "pages" / "css").glob("*.css")], ids=str)
def test_a_file_is_short(script: Path) -> None:
    longest = LONGEST if script.suffix == ".js" else 2 * LONGEST
    assert len(script.read_text().splitlines()) <= longest


def test_the_shell_names_files_that_are_there() -> None:
    shell = (STATIC.parent / "templates" / "shell.html").read_text()
    named = re.findall(r'(?:href|src)="/static/([^"]+)"', shell)
    assert len(named) > 10
    assert [name for name in named if not (STATIC / name).is_file()] == []


def test_what_is_vendored_has_its_licence() -> None:
    vendored = {path.name for path in (STATIC / "vendor").iterdir()}
    assert {"preact.LICENSE", "htm.LICENSE", "inter.LICENSE"} <= vendored
