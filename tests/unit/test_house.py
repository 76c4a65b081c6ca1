"""The house: its rooms, the arrows between them, their doors, and the size of what is in them.

All of it is read from the text of the code; nothing is imported. What does not hold yet is listed
in `house_debts.py`, each with the offenders that there are: a list may only become shorter.
"""

import ast
import re
import statistics
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.unit import house_debts as debts

ROOT: Final = Path(__file__).parents[2]

ROOMS: Final = {
    "pipelines.lake": "lake",
    "pipelines.ranking": "ranking",
    "pipelines.research": "research",
    "pipelines.refresh": "refresh",
    "pipelines.source": "source",
    "pipelines.store": "store",
    "pipelines.sweep": "sweep",
    "pipelines.demo_market": "demo_market",
    "app.web": "web",
    "app.watch": "watch",
    "app.serving": "serving",
    "app.jobs": "jobs",
    "app.routes": "routes",
}
"""The packages. A module beside them is of the base, or a room of its own: see `room`."""

BASE: Final = (
    "bars",
    "cgroup",
    "console",
    "usage",
    "database",
    "dates",
    "definition",
    "digest",
    "errors",
    "fingerprint",
    "panics",
    "place",
    "postgres",
    "quoting",
    "runtime",
    "setting_sources",
    "settings",
    "shown",
    "terminal_table",
    "universe",
)
"""The modules of `pipelines` that every room may use."""

ARROWS: Final[Mapping[str, tuple[str, ...]]] = {
    "base": (),
    "source": ("base",),
    "lake": ("base",),
    "ranking": ("lake", "base"),
    "research": ("ranking", "lake", "base"),
    "refresh": ("source", "ranking", "lake", "base"),
    "demo_market": ("base",),
    "store": ("lake", "base"),
    "sweep": ("research", "ranking", "lake", "base"),
    "commands": (
        "commands", "sweep", "research", "refresh", "source", "store", "ranking", "lake",
        "demo_market", "base",
    ),
    "web": ("lake", "base"),
    "watch": ("web", "lake", "base"),
    "serving": ("watch", "web", "research", "ranking", "lake", "base"),
    "jobs": ("watch", "web", "lake", "base"),
    "services": ("jobs", "serving", "watch", "web", "ranking", "lake", "base"),
    "metrics": ("services", "jobs", "serving", "watch", "lake", "base"),
    "deps": ("services", "serving", "web", "research", "ranking", "lake", "base"),
    "permission": ("deps", "web"),
    "routes": (
        "permission", "deps", "metrics", "services", "jobs", "serving", "watch", "web",
        "research", "ranking", "lake", "base",
    ),
    "running": ("services", "serving", "watch", "web", "lake", "base"),
    "service": ("routes", "running", "services", "watch", "web", "base"),
}  # fmt: skip
"""Which rooms each room may use. `service` are the modules of `app` that people start."""

STARTED: Final = ("app", "app.main", "app.__main__", "app.alerts")

LONGEST_FILE: Final = 300
LONGEST_BODY: Final = 40
MEDIAN_BODY: Final = 5
P90_BODY: Final = 15
TABLES_OF_DATA: Final = ("pipelines/demo_market/companies.py",)


class Use(NamedTuple):
    """A module that takes a name from another, on a line."""

    by: str
    module: str
    name: str | None
    line: int


# ------------------------------------------------------------------------- reading the code


@cache
def files() -> dict[str, Path]:
    """Every module by its name."""
    found = [p for package in ("app", "pipelines") for p in sorted((ROOT / package).rglob("*.py"))]
    return {_module(path): path for path in found}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(files()[module].read_text(encoding="utf-8"))


def package(module: str) -> str:
    """The package that a module is in; its own name for a package."""
    if module in ROOMS or files()[module].name == "__init__.py":
        return module
    return module.rpartition(".")[0]


def room(module: str) -> str:
    """The room of a module."""
    inside = next((r for p, r in ROOMS.items() if module == p or module.startswith(f"{p}.")), None)
    if inside:
        return inside
    top, _, name = module.partition(".")
    is_package = files()[module].name == "__init__.py" and bool(name)
    if top == "pipelines" and not is_package and "." not in name:
        return "base" if name in BASE else "commands"
    return "service" if module in STARTED else name


@cache
def uses() -> tuple[Use, ...]:
    """All imports of ours, also in functions and under TYPE_CHECKING."""
    return tuple(use for module in files() for use in _uses_of(module))


def _uses_of(module: str) -> Iterator[Use]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in files():
                    yield Use(module, alias.name, None, node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module in files():
            for alias in (a for a in node.names if a.name != "__version__"):
                inner = f"{node.module}.{alias.name}"
                of_module = inner in files()
                yield Use(
                    module,
                    inner if of_module else str(node.module),
                    None if of_module else alias.name,
                    node.lineno,
                )


def functions(module: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module}.{node.name}", node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return int(body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def assert_only(offenders: set[str], known: frozenset[str]) -> None:
    """No offender that is not listed, and none listed that is mended."""
    new, mended = sorted(offenders - known), sorted(known - offenders)
    assert not new, f"new offenders: {new}"
    assert not mended, f"mended, so take them off tests/unit/house_debts.py: {mended}"


# ----------------------------------------------------------------------------------- arrows


def test_every_module_is_in_a_room_that_is_known() -> None:
    assert {m: room(m) for m in files() if room(m) not in ARROWS} == {}


def test_the_table_of_arrows_has_no_circle() -> None:
    order: list[str] = []
    waiting = {r: set(targets) - {r} for r, targets in ARROWS.items()}
    while ready := [r for r, targets in waiting.items() if targets <= set(order)]:
        order += ready
        waiting = {r: targets for r, targets in waiting.items() if r not in order}
    assert waiting == {}


def test_arrows_go_one_way() -> None:
    wrong = {
        f"{use.by} -> {use.module}"
        for use in uses()
        if room(use.by) != room(use.module) and room(use.module) not in ARROWS[room(use.by)]
    }  # fmt: skip
    assert_only(wrong, debts.ARROWS)


def test_no_modules_use_each_other_in_a_circle() -> None:
    """Also under TYPE_CHECKING and in functions. A door counts as the modules that are named."""
    targets: dict[str, set[str]] = {m: set() for m in files()}
    for use in uses():
        targets[use.by].add(_behind(use))
    assert_only(_circles(targets), debts.CIRCLES)


def _behind(use: Use) -> str:
    """The module that a name of a door comes from; the module itself elsewhere."""
    return doors().get(use.module, {}).get(str(use.name), use.module)


def _circles(targets: Mapping[str, set[str]]) -> set[str]:
    """What is left when modules that use none of those left are taken away, again and again."""
    left = {m: t - {m, "app", "pipelines"} for m, t in targets.items()}
    while free := {m for m, t in left.items() if not t & left.keys()}:
        left = {m: t for m, t in left.items() if m not in free}
    used = {t for targets in left.values() for t in targets}
    return left.keys() & used


# ------------------------------------------------------------------------------------ doors


@cache
def doors() -> dict[str, dict[str, str]]:
    """The names of each door, with the module that each comes from."""
    return {m: dict(_door(m)) for m in files() if _stub(m).exists()}


def _stub(module: str) -> Path:
    return files()[module].with_suffix(".pyi")


def _door(module: str) -> Iterator[tuple[str, str]]:
    for node in ast.parse(_stub(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            for alias in node.names:
                source = f"{module}.{node.module or alias.name}"
                yield alias.asname or alias.name, source


def test_nobody_reaches_past_a_door() -> None:
    past = {
        f"{use.by} -> {use.module}"
        for use in uses()
        if package(use.module) in doors()
        and package(use.module) not in ("app", "pipelines")
        and room(use.by) != room(use.module)
        and use.module not in doors()
        and not _is_on_the_door(use)
    }
    assert_only(past, debts.PAST_A_DOOR)


def _is_on_the_door(use: Use) -> bool:
    """A module that a door itself names is taken from the door: `from pipelines import x`."""
    inner = use.module.rpartition(".")[2]
    return use.name is None and doors()[package(use.module)].get(inner) == use.module


def test_what_is_taken_from_a_door_is_on_it() -> None:
    taken = {(use.by, use.module, use.name) for use in uses() if use.name}
    taken |= {use for module in files() for use in _attributes(module)}
    missing = {
        f"{by} -> {module}.{name}"
        for by, module, name in taken
        if module in doors() and name not in doors()[module]
    }
    assert missing == set()


def _attributes(module: str) -> Iterator[tuple[str, str, str]]:
    """What a module takes as `lakes.name` of a door that it has imported."""
    aliases = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree(module)):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if (
                name in aliases and not attr.startswith("__")
            ):
                yield module, aliases[name], attr


def test_a_room_does_not_go_out_to_come_in() -> None:
    """Code takes from the modules of its own room, not from the door."""
    own = {f"{u.by} -> {u.name}" for u in uses() if u.name and u.module in doors()
           and u.module == package(u.by) and u.by != u.module}  # fmt: skip
    assert own == set()


def test_every_name_on_a_door_is_there() -> None:
    missing = {
        f"{door}.{name} of {source}"
        for door, names in doors().items()
        for name, source in names.items()
        if source not in files() or (source != f"{door}.{name}" and name not in _defined(source))
    }
    assert missing == set()


@cache
def _defined(module: str) -> frozenset[str]:
    """The names that a module binds itself, or takes from elsewhere; those of its own door."""
    names = set(doors().get(module, {}))
    for node in ast.walk(tree(module)):
        match node:
            case ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef():
                names.add(node.name)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.ImportFrom() | ast.Import():
                names |= {alias.asname or alias.name for alias in node.names}
    return frozenset(names)


def test_a_name_on_a_door_is_no_module_but_itself() -> None:
    wrong = {
        f"{door}.{name}"
        for door, names in doors().items()
        for name, source in names.items()
        if f"{door}.{name}" in files() and source != f"{door}.{name}"
    }
    assert_only(wrong, debts.NAMED_LIKE_A_MODULE)


def test_every_name_on_a_door_has_a_sentence() -> None:
    silent = {
        f"{door}.{name}"
        for door in doors()
        for name, sentence in _sentences(door)
        if len(sentence.split()) < 3
    }
    assert_only(silent, debts.WITHOUT_A_SENTENCE)


def _sentences(door: str) -> Iterator[tuple[str, str]]:
    """Each name of a door with the comment above it, else the docstring of what it names."""
    lines = _stub(door).read_text(encoding="utf-8").splitlines()
    for at, line in enumerate(lines):
        if found := re.match(r"from \.\S* import (\w+) as (\w+)", line):
            above = lines[at - 1] if at else ""
            name = found[2]
            comment = above.removeprefix("# ") if above.startswith("# ") else ""
            yield name, comment or _docstring(doors()[door][name], name)


def _docstring(module: str, name: str) -> str:
    """What is said of a name where it is defined."""
    if module.endswith(f".{name}"):
        return ast.get_docstring(tree(module)) or ""
    body = tree(module).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        is_definition = isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        if is_definition and node.name == name:
            return ast.get_docstring(node) or ""
        if name in _assigned(node) and isinstance(after, ast.Expr):
            return str(getattr(after.value, "value", ""))
    return ""


def _assigned(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


# ------------------------------------------------------------------------------ typed borders


UNTYPED: Final = re.compile(r"\b(?:dict|Mapping|MutableMapping)\[str, Any\]")


def test_no_untyped_dict_crosses_a_border() -> None:
    """No public function, method, field or constant is of `dict[str, Any]` or an alias of it."""
    found = {f"{module}.{name}" for module in files() for name in _untyped(module)}
    assert_only(found, debts.UNTYPED)


@cache
def _all_aliases() -> frozenset[tuple[str, str]]:
    """The types that are untyped dicts, such as `Row = dict[str, Any]`, with their modules."""
    return frozenset(
        (module, name)
        for module in files()
        for node in tree(module).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Subscript)
        and UNTYPED.search(ast.unparse(node.value))
        for name in _assigned(node)
    )


@cache
def _aliases(module: str) -> frozenset[str]:
    """Those that a module defines or takes from another."""
    mine = (use for use in uses() if use.by == module)
    taken = {str(use.name) for use in mine if (_behind(use), use.name) in _all_aliases()}
    return frozenset(taken | {name for where, name in _all_aliases() if where == module})


def _is_untyped(annotation: ast.expr | None, aliases: frozenset[str] = frozenset()) -> bool:
    if annotation is None:
        return False
    text = ast.unparse(annotation)
    return bool(UNTYPED.search(text)) or not aliases.isdisjoint(re.findall(r"\w+", text))


def _untyped(module: str) -> Iterator[str]:
    for node in tree(module).body:
        yield from _untyped_in(node, "", _aliases(module))


def _untyped_in(node: ast.stmt, inside: str, aliases: frozenset[str]) -> Iterator[str]:
    name = getattr(node, "name", "")
    if name.startswith("_") and name != "__init__":
        return
    match node:
        case ast.ClassDef():
            for inner in node.body:
                yield from _untyped_in(inner, f"{name}.", aliases)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            if any(_is_untyped(a, aliases) for a in _annotations(node)):
                yield f"{inside}{name}"
        case ast.AnnAssign(target=ast.Name(id=field)) if not field.startswith("_"):
            if _is_untyped(node.annotation, aliases):
                yield f"{inside}{field}"


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr | None]:
    every = node.args
    for arg in (*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg):
        yield arg.annotation if arg else None
    yield node.returns


# ------------------------------------------------------------------------------------- sizes


def test_no_file_is_long() -> None:
    long = {
        name
        for path in files().values()
        if (name := path.relative_to(ROOT).as_posix()) not in TABLES_OF_DATA
        and len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE
    }
    assert_only(long, debts.LONG_FILES)


def test_no_body_is_long() -> None:
    long = {n for m in files() for n, node in functions(m) if body_lines(node) > LONGEST_BODY}
    assert_only(long, debts.LONG_BODIES)


def test_most_bodies_are_short() -> None:
    sizes = [body_lines(node) for module in files() for _, node in functions(module)]
    assert statistics.median(sizes) <= MEDIAN_BODY
    assert statistics.quantiles(sizes, n=10)[8] <= P90_BODY


# ------------------------------------------------------------------------- the rules themselves


@pytest.mark.parametrize(
    ("annotation", "found"),
    [
        ("dict[str, Any]", True),
        ("list[dict[str, Any]]", True),
        ("Mapping[str, Any] | None", True),
        ("dict[str, int]", False),
        ("dict[int, Any]", False),
    ],
)
def test_an_untyped_dict_is_found(annotation: str, *, found: bool) -> None:
    assert _is_untyped(ast.parse(annotation, mode="eval").body) is found


def test_a_circle_is_found() -> None:
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}) == {"a", "b", "c"}
    assert _circles({"a": {"b"}, "b": {"c"}, "c": set()}) == set()
