"""What a command says when it cannot do what is asked: one line with the remedy, and a code."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from socket import socket
from typing import Final

import pytest

from app import __main__ as app
from app import alerts
from pipelines import __version__, console, demo, export, history, rank, tune, versions
from tests import reference

ROOT: Final = Path(__file__).parents[2]
MODULES: Final = {
    "app": [app.main],
    "alerts": [alerts.send_test, alerts.show_history],
    "export": [export.main],
    "history": [history.main],
    "rank": [rank.main],
    "tune": [tune.main],
    "versions": [versions.list_versions, versions.verify, versions.rollback, versions.prune,
                 versions.diff],
}  # fmt: skip

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command with some words; its code and what it wrote to stderr."""

    def run(*words: object) -> tuple[int, str]:
        name, *options = map(str, words)
        monkeypatch.setattr(sys, "argv", [name, *options])
        monkeypatch.setattr(versions.list_versions, "__name__", "list")
        monkeypatch.setattr(alerts.send_test, "__name__", "test")
        monkeypatch.setattr(alerts.show_history, "__name__", "history")
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            console.run(*MODULES[name])
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


def overwritten(market: Path, folder: Path) -> Path:
    """A copy of a lake, whose files have the size that they had, and other bytes."""
    lake = folder / "lake"
    shutil.copytree(market / "lake", lake, symlinks=True)
    for file in lake.glob("versions/*/*/**/*.parquet"):
        file.write_bytes(bytes(file.stat().st_size))
    return lake


@pytest.mark.parametrize(
    "words",
    [
        ("rank",),
        ("rank", "--as-of", "2026-03-02"),
        ("rank", "--explain", "MALM"),
        ("history", "--from", "2026-01-01"),
    ],
)
def test_a_file_that_cannot_be_read(
    demo_market: Path, tmp_path: Path, run: Run, words: tuple[str, ...]
) -> None:
    lake = overwritten(demo_market, tmp_path)
    out = ("--out", tmp_path / "out") if words[0] == "history" else ()
    code, told = run(*words, "--lake", lake, *out)
    assert code == 1
    assert told.startswith("error: the files of the version cannot be read: ")
    assert told.endswith("; see python -m pipelines.versions verify\n")
    assert told.count("\n") == 1


def test_versions_that_cannot_be_compared(demo_market: Path, tmp_path: Path, run: Run) -> None:
    lake = overwritten(demo_market, tmp_path)
    version = next((lake / "versions").iterdir()).name
    code, told = run("versions", "diff", version, version, "--lake", lake)
    assert (code, told.count("\n")) == (1, 1)
    assert told.startswith("error: the files of the version cannot be read: ")


@pytest.mark.parametrize("port", [65_536, -1])
def test_a_port_that_is_none(run: Run, port: int) -> None:
    assert run("app", "--port", port) == (
        1,
        f"error: port {port} is not between 0 and 65535; "
        "name another with --port or STOCKRANK_PORT; 0 takes a free one\n",
    )


def test_a_port_that_is_taken(run: Run) -> None:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run("app", "--port", port) == (
            1,
            f"error: cannot listen on 127.0.0.1:{port}: Address already in use; end the program "
            "that uses it, or name another with --port or STOCKRANK_PORT; 0 takes a free one\n",
        )


@pytest.mark.parametrize(
    "words",
    ["app", "alerts test", "alerts history --lake lake", "export --lake lake", "tune --source a.db",
     "rank --lake lake", "versions list --lake lake", "versions verify --lake lake",
     "versions rollback --lake lake", "versions prune --lake lake",
     "versions diff a b --lake lake"],
)  # fmt: skip
def test_a_settings_file_that_is_not_there(run: Run, words: str) -> None:
    assert run(*words.split(), "--config", "no.toml") == (
        1,
        "error: no settings file at no.toml; name one that is there, or leave --config out\n",
    )


def test_a_settings_file_that_is_a_folder(run: Run, tmp_path: Path) -> None:
    assert run("rank", "--config", tmp_path) == (
        1,
        f"error: cannot read {tmp_path}: Is a directory\n",
    )


def test_a_date_in_the_future(demo_market: Path, run: Run) -> None:
    assert run("rank", "--lake", demo_market / "lake", "--as-of", "2999-01-01") == (
        1,
        "error: --as-of 2999-01-01 lies in the future; the newest prices are of 2026-11-20\n",
    )


# ------------------------------------------------------------------------------------ Ctrl-C


def stop(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_export_that_is_stopped(
    demo_market: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "recorded_export", stop)
    words = ("export", "--source", demo_market / "demo.db", "--lake")
    assert run(*words, tmp_path) == (
        130, "error: stopped; nothing was published, there is no version yet\n",
    )  # fmt: skip
    version = next((demo_market / "lake" / "versions").iterdir()).name
    assert run(*words, demo_market / "lake") == (
        130, f"error: stopped; nothing was published, version {version} stays\n",
    )  # fmt: skip


def test_an_export_that_is_stopped_when_its_version_is_published(
    demo_market: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish(*_: object, **__: object) -> None:
        (tmp_path / "current").symlink_to("versions/20261120T170000Z-abcdef")
        stop()

    monkeypatch.setattr(export, "recorded_export", publish)
    assert run("export", "--source", demo_market / "demo.db", "--lake", tmp_path) == (
        130, "error: stopped after version 20261120T170000Z-abcdef was published\n",
    )  # fmt: skip


def test_another_command_that_is_stopped(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank, "Lake", stop)
    assert run("rank") == (130, "error: stopped\n")


def test_ctrl_c_itself(demo_market: Path, tmp_path: Path) -> None:
    """The signal comes in the middle of an export; nothing is left of it."""
    code = (
        "import os, signal, runpy; from pipelines.refresh import make; "
        "make.published = lambda *a, **k: os.kill(os.getpid(), signal.SIGINT); "
        "runpy.run_module('pipelines.export', run_name='__main__', alter_sys=True)"
    )
    words = ["--source", str(demo_market / "demo.db"), "--lake", str(tmp_path)]
    result = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, check=False, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert result.returncode == 130
    told = "error: stopped; nothing was published, there is no version yet"
    assert result.stderr.splitlines()[-1] == told
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".parquet"]


# ---------------------------------------------------------------------- --version and --help


def test_every_command_shows_its_release() -> None:
    shown = reference.answers(reference.told(), "--version")
    assert shown == dict.fromkeys(reference.told(), f"stockrank {__version__}\n")


def test_help_shows_dates_and_flags_as_people_write_them() -> None:
    told = reference.told().items()
    assert not [words for words, text in told if "<bool>" in text or "00:00" in text]


def test_help_on_a_terminal_is_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TYPER_USE_RICH", raising=False)
    monkeypatch.setattr(sys, "argv", ["demo", "--help"])
    with pytest.raises(SystemExit):
        console.run(demo.main)
    assert "  --force   " in (shown := capsys.readouterr().out)
    assert "<bool>" not in shown


def test_a_list_whose_reader_went_away_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [sys.executable, "-m", "pipelines"], cwd=ROOT, stdout=write, stderr=subprocess.PIPE,
        check=False,
    )  # fmt: skip
    os.close(write)
    assert (result.returncode, result.stderr) == (1, b"")
