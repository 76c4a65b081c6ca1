"""What is deployed: every setting reaches the container, logs rotate, a proxy stands in front."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from pipelines.settings import CONFIG, PREFIX, Settings, UniverseSettings
from tests.documents import ROOT, TEXTS, section

TEXT: Final = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: Final = yaml.safe_load(TEXT)
SERVICE: Final = COMPOSE["services"]["borslabbet-backend"]
PROXY: Final = COMPOSE["services"]["proxy"]
IMAGE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
CADDY: Final = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
REQUIRED: Final = {"DATABASE_FOLDER": "/data", "STOCKRANK_API_TOKEN": "secret"}
VARIABLE: Final = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")

GIVEN: Final[Mapping[str, object]] = {
    "universe": "mine",
    "published_universes": "sweden",
    "universes": {"mine": {"markets": ["oslo"], "currency": "NOK"}},
    "keep_versions": 3,
    "api_token": "other",
    "log_level": "debug",
    "refresh_timeout_minutes": 30.0,
    "trusted_proxies": "172.16.0.0/12",
    "sync_hour": 5,
    "backtests": False,
    "damage_check_hours": 12.0,
    "memory_limit_mb": 700.0,
    "memory_warning_percent": 60.0,
    "memory_critical_percent": 80.0,
    "memory_hold_seconds": 5.0,
    "computations": 1,
    "webhook_url": "https://example.com/hook",
    "smtp_host": "mail.example.com",
    "smtp_port": 587,
    "smtp_user": "rank",
    "smtp_password": "hush",
    "smtp_from": "rank@example.com",
    "smtp_to": "ops@example.com",
}
"""Values of the settings; none is the default. That all are passed on is seen in test_docs.py."""


def filled(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables as Compose fills them in; `KeyError` for one that is required."""

    def value(found: re.Match[str]) -> str:
        name, kind, default = found.groups()
        if given := variables.get(name):
            return given
        if kind == "?":
            raise KeyError(default)
        return default or ""

    return VARIABLE.sub(value, text)


def inside(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of the service: the image's, and over it what Compose passes on."""
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)", IMAGE, re.MULTILINE)
    found = dict(pair.split("=", 1) for pair in block.replace("\\\n", " ").split())
    for name, text in SERVICE["environment"].items():
        if text is not None:
            found[name] = filled(str(text), variables)
        elif name in variables:
            found[name] = variables[name]
    return found


def mounted(service: Mapping[str, Any], target: str) -> Any:
    """What is mounted at a place in a container."""
    (mount,) = (m for m in service["volumes"] if isinstance(m, dict) and m["target"] == target)
    return mount


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function: the settings of the service for variables of the host."""
    monkeypatch.chdir(tmp_path)

    def loaded(variables: Mapping[str, str]) -> Settings:
        for name in [n for n in os.environ if n.startswith(PREFIX)]:
            monkeypatch.delenv(name)
        for name, value in inside(REQUIRED | dict(variables)).items():
            if name.startswith(PREFIX):
                monkeypatch.setenv(name, value)
        return Settings.load()

    return loaded


# ---------------------------------------------------------------------------------- settings


def test_without_variables_the_defaults_hold(settings: Any) -> None:
    own = {"source": "/srv/source/app.db", "lake": "/srv/lake", "host": "0.0.0.0",  # noqa: S104
           "port": 8000, "sync_hour": 17, "api_token": "secret"}  # fmt: skip
    found = settings({})  # which takes all variables away
    assert found.model_dump() == Settings(**own).model_dump()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", GIVEN)
def test_every_setting_reaches_the_service(settings: Any, name: str) -> None:
    value = GIVEN[name]
    text = value if isinstance(value, str) else json.dumps(value)
    found = getattr(settings({f"{PREFIX}{name}".upper(): text}), name)
    if name == "universes":
        expected: object = {"mine": UniverseSettings(markets=("oslo",), currency="NOK")}
    else:
        expected = getattr(Settings(**{name: value}), name)  # type: ignore[arg-type]
    assert found == expected
    assert found != Settings.model_fields[name].default


def test_places_of_the_host_do_not_reach_it(settings: Any) -> None:
    outside = {"STOCKRANK_SOURCE": "/home/me/app.db", "STOCKRANK_LAKE": "/home/me/lake",
               "STOCKRANK_HOST": "10.0.0.1", "STOCKRANK_PORT": "9000"}  # fmt: skip
    found = settings({**outside, "DATABASE_FILE": "market.db"})
    assert (found.source, found.lake) == (Path("/srv/source/market.db"), Path("/srv/lake"))
    assert (found.host, found.port) == ("0.0.0.0", 8000)  # noqa: S104


@pytest.mark.parametrize("name", REQUIRED)
def test_what_is_required_is_asked_for(name: str) -> None:
    filled(TEXT, REQUIRED)
    for variables in ({k: v for k, v in REQUIRED.items() if k != name}, {**REQUIRED, name: ""}):
        with pytest.raises(KeyError):
            filled(TEXT, variables)


def test_the_settings_file_lies_where_the_service_looks_for_it(tmp_path: Path) -> None:
    folder = re.findall(r"^WORKDIR (.+)$", IMAGE, re.MULTILINE)[-1]
    mount = mounted(SERVICE, f"{folder}/{CONFIG}")
    assert mount["read_only"]
    assert not mount["bind"]["create_host_path"]
    assert filled(mount["source"], {"CONFIG_FILE": "/etc/mine.toml"}) == "/etc/mine.toml"
    default = ROOT / filled(mount["source"], {})
    assert Settings.load(default) == Settings()
    lines = default.read_text(encoding="utf-8").splitlines()
    example = tmp_path / "example.toml"
    example.write_text("\n".join(line.removeprefix("# ") for line in lines[3:] if line != "#"))
    assert Settings.load(example).chosen_universe().name == "large"


# ---------------------------------------------------------------------------------- services


@pytest.mark.parametrize("service", COMPOSE["services"].values(), ids=COMPOSE["services"])
def test_logs_rotate_and_memory_is_bounded(service: dict[str, Any]) -> None:
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert service["mem_limit"] == service["memswap_limit"]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_file_says_who_must_be_able_to_read_the_database() -> None:
    (user,) = re.findall(r"^USER (\d+)$", IMAGE, re.MULTILINE)
    comments = " ".join(re.findall(r"^ *# (.*)$", TEXT, re.MULTILINE))
    assert f"user {user}, who must be able to enter the folder and to read the files" in comments
    assert f"u:{user}:rX" in comments


def test_every_variable_is_documented() -> None:
    told = section(TEXTS["docs/operations.md"], "Container")
    names = {name for name, _, _ in VARIABLE.findall(TEXT) if not name.startswith(PREFIX)}
    assert {"DATABASE_FOLDER", "CONFIG_FILE", "LISTEN_ADDRESS", "SITE_ADDRESS"} <= names
    assert {name for name in names if f"`{name}`" not in told} == set()


# ------------------------------------------------------------------------------------- proxy


def test_the_proxy_is_started_only_if_asked_for() -> None:
    assert PROXY["profiles"] == ["proxy"]
    assert "profiles" not in SERVICE
    assert PROXY["ports"] == ["80:80", "443:443"]


def test_the_proxy_passes_on_to_the_service() -> None:
    (place,) = re.findall(r"^\treverse_proxy (\S+) \{$", CADDY, re.MULTILINE)
    host, port = place.split(":")
    assert COMPOSE["services"][host] is SERVICE
    assert filled(SERVICE["ports"][0], {}) == f"0.0.0.0:{port}:{port}"
    assert filled(SERVICE["ports"][0], {"LISTEN_ADDRESS": "127.0.0.1"}).startswith("127.0.0.1:")
    (name,) = re.findall(r"^\{\$(\w+):localhost\} \{$", CADDY, re.MULTILINE)
    assert PROXY["environment"].keys() == {name}
    mount = mounted(PROXY, "/etc/caddy/Caddyfile")
    assert ROOT / mount["source"] == ROOT / "deploy" / "Caddyfile"


def test_the_proxy_waits_no_longer_than_the_service() -> None:
    waits = dict(re.findall(r"^\t\t\t(\w+) (\w+)$", CADDY, re.MULTILINE))
    assert waits == {"read_header": "10s", "read_body": "20s", "idle": "2m", "keepalive": "3s"}
