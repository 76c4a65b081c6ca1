"""Commands in processes of their own that start at once: copies of one that has all imported.

A new Python takes 0.4 to 0.8 s until it has what a command needs, and another for the calendar.
What depends on how Python itself starts is tried in a new one; see the slow tests, too.
"""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[1]
ORIGIN: Final = """
import gc, json, os, runpy, sys
import app.__main__, app.alerts, pipelines.refresh.make
from importlib import import_module
from pipelines.__main__ import MODULES
from pipelines.refresh import trading_days
from tests.trading_days import all_sessions, known_sessions

all_sessions("XSTO")
trading_days.sessions = known_sessions
for module in {*MODULES.values(), "app.__main__", "pipelines.__main__"} - {"app"}:
    import_module(module)
    del sys.modules[module]  # runpy warns of what is there already


def become(asked):
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    for number, name in enumerate(("/dev/null", asked["stdout"], asked["stderr"])):
        os.dup2(os.open(name, os.O_RDWR), number)
    sys.stdin, sys.stdout, sys.stderr = (open(n, mode) for n, mode in enumerate("rww"))
    sys.argv = [asked["module"], *asked["words"]]
    if asked["module"] == "-c":
        exec(asked["words"][0], {"__name__": "__main__"})
    else:
        runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)


gc.collect()
gc.freeze()  # or each copy would look through all that was imported when it ends
print("ready", flush=True)
for line in iter(sys.stdin.readline, ""):
    child = os.fork()
    if not child:
        become(json.loads(line))
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@cache
def _origin() -> subprocess.Popen[str]:
    """The process of which the others are copies, which ends with this one."""
    process = subprocess.Popen(
        [sys.executable, "-c", ORIGIN], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    atexit.register(process.communicate)
    return process


def run(
    folder: Path, module: str, *words: str, env: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """What `python -m` with a module and some words does in a folder and an environment.

    The module `-c` stands for the code that follows.
    """
    origin = _origin()
    assert origin.stdin
    assert origin.stdout
    with TemporaryDirectory() as top:
        files = {name: Path(top) / name for name in ("stdout", "stderr")}
        for file in files.values():
            file.touch()
        asked = {"folder": str(folder), "module": module, "words": words, "env": dict(env)}
        asked |= {name: str(file) for name, file in files.items()}
        origin.stdin.write(json.dumps(asked) + "\n")
        origin.stdin.flush()
        code = int(origin.stdout.readline())
        shown = {name: file.read_bytes() for name, file in files.items()}
    return subprocess.CompletedProcess([module, *words], code, **shown)
