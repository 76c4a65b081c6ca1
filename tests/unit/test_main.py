"""`python -m pipelines`: the commands are listed, and run as by their own name."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pipelines import __version__
from pipelines.__main__ import MODULES, commands, main
from tests import commands as processes

ROOT: Final = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess[bytes]:
    return processes.run(ROOT, *words, env=os.environ)


def test_every_module_that_can_be_run_is_a_command() -> None:
    files = [*(ROOT / "pipelines").glob("*.py"), *(ROOT / "app").glob("*.py")]
    runnable = {
        ".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for f in files
        if 'if __name__ == "__main__":\n    ' in f.read_text(encoding="utf-8")
    }
    assert set(MODULES.values()) == runnable - {"pipelines"}


def test_each_has_a_sentence_and_an_example_of_itself() -> None:
    listed = list(commands())
    assert [c.name for c in listed] == list(MODULES)
    for name, sentence, example in listed:
        assert len(sentence) > 20
        assert re.match(rf"python -m {re.escape(MODULES[name])}( |$)", example)


@pytest.mark.parametrize("words", [[], ["--help"], ["help"]])
def test_the_list(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["stockrank", *words])
    main()
    shown = capsys.readouterr().out
    assert re.findall(r"^(\w+)  +\S", shown, re.MULTILINE)[1:] == list(MODULES)
    assert "stockrank COMMAND [OPTIONS], or python -m pipelines COMMAND [OPTIONS]" in shown


def test_an_unknown_command_is_told_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["stockrank", "exprt"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: unknown command 'exprt'; the nearest is export; expected one of demo, "
        "export, rank, history, backtest, factors, factor_report, search, cluster, "
        "orders, versions, remote, tune, app, serve, alerts\n"
    )


def test_a_command_says_the_same_by_either_name() -> None:
    by_name, by_module = run("pipelines", "export", "--help"), run("pipelines.export", "--help")
    assert by_name.returncode == 0
    assert by_name.stdout == by_module.stdout
    assert b"Usage: python -m pipelines.export [OPTIONS]" in by_name.stdout


def test_the_code_of_an_exit_is_that_of_the_command(tmp_path: Path) -> None:
    result = run("pipelines", "rank", "--lake", str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith(
        f"error: nothing is published in {tmp_path.resolve()}; run ".encode()
    )


def test_the_list_loads_no_library_of_data() -> None:
    code = (
        "import runpy, sys; runpy.run_module('pipelines', run_name='__main__'); "
        "heavy = {'polars', 'pyarrow', 'fastapi', 'numpy'}; "
        "sys.stderr.write(str(sorted(heavy & set(sys.modules))))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert result.stderr == "[]"


def test_the_release(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["stockrank", "--version"])
    main()
    assert capsys.readouterr().out == f"stockrank {__version__}\n"
