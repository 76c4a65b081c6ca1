"""Every caveat of a backtest is known to the pages, which say it in the reader's language."""

import ast
import json
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
SCRIPT: Final = (ROOT / "app/static/pages/caveats.js").read_text()
KNOWN: Final = [
    (re.compile(pattern.replace("(?<", "(?P<")), name)
    for pattern, name in re.findall(r'\[/(.+)/, "(\w+)"\]', SCRIPT)
]
TEXTS: Final[dict[str, str]] = json.loads((ROOT / "app/static/messages/en.json").read_text())


def sentences() -> list[str]:
    """The sentences of the caveats, with 7 in place of each value."""
    tree = ast.parse((ROOT / "pipelines/research/caveats.py").read_text())
    given = [
        node.value for node in ast.walk(tree)
        if isinstance(node, (ast.Yield, ast.Return)) and node.value is not None
    ]  # fmt: skip
    texts = [text(node) for node in given if isinstance(node, (ast.JoinedStr, ast.Constant))]
    return [one for one in texts if one.endswith(".")]


def text(node: ast.AST) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(one.value) if isinstance(one, ast.Constant) else "7" for one in parts)


def test_each_sentence_is_known_once_and_said_alike_in_english() -> None:
    found = sentences()
    assert len(found) == len(KNOWN) == 9
    for sentence in found:
        ((pattern, name),) = [one for one in KNOWN if one[0].search(sentence)]
        match = pattern.search(sentence)
        assert match
        assert TEXTS[f"caveat.{name}"].format(**match.groupdict()) == sentence
