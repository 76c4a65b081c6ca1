"""Every reason code that the code can give has a sentence, and every sentence a code."""

import ast
from pathlib import Path

import pipelines
from pipelines.lake import REASON_OF_RULE, REJECTS, WARNINGS
from pipelines.source import TABLES

SOURCE = Path(pipelines.__file__).parent
OF_SQLITE = {"text_in_number", "blob_in_text", "bad_text"}


def texts(module: str) -> set[str]:
    tree = ast.parse((SOURCE / module).read_text("utf-8"))
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is str}


def keywords(module: str, begin: str) -> set[str]:
    """Names of arguments that begin alike, without the begin."""
    tree = ast.parse((SOURCE / module).read_text("utf-8"))
    names = {n.arg for n in ast.walk(tree) if isinstance(n, ast.keyword) and n.arg}
    return {name.removeprefix(begin) for name in names if name.startswith(begin)}


def reasons_of_the_normaliser() -> set[str]:
    """Keys of the dicts that `first_reason` takes, and the one reason of stocks."""
    trees = [
        ast.parse((SOURCE / f"refresh/{module}.py").read_text("utf-8"))
        for module in ("normalise", "days", "events")
    ]
    dicts = [
        n.value
        for tree in trees
        for n in ast.walk(tree)
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Dict)
        if {t.id for t in n.targets if isinstance(t, ast.Name)} <= {"reason", "apart"}
    ]
    keys = [key for one in dicts for key in one.keys]
    return {str(key.value) for key in keys if isinstance(key, ast.Constant)}


def warnings_of_the_source() -> set[str]:
    return {code for table in TABLES.values() for code in table.spare.values()}


def test_every_reason_has_a_sentence() -> None:
    found = reasons_of_the_normaliser() | {"future_date", "duplicate_key"} | OF_SQLITE
    assert found | set(REASON_OF_RULE.values()) == set(REJECTS)


def test_the_reasons_of_sqlite_are_those_of_the_source() -> None:
    said = {t for path in (SOURCE / "source").glob("*.py") for t in texts(f"source/{path.name}")}
    assert said & set(REJECTS) == OF_SQLITE


def test_every_warning_has_a_sentence() -> None:
    found = keywords("refresh/normalise.py", "warn_")
    assert found | warnings_of_the_source() | {"ohl_missing"} == set(WARNINGS)
