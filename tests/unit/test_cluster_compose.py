"""The compose file of a cluster: bounded services, known settings, a balancer that finds them."""

import re
from typing import Any, Final

import pytest
import yaml

from pipelines.settings import PREFIX, Settings
from tests.documents import ROOT

FILE: Final = ROOT / "deploy" / "cluster.yml"
TEXT: Final = FILE.read_text(encoding="utf-8")
COMPOSE: Final = yaml.safe_load(TEXT)
SERVICES: Final[dict[str, Any]] = COMPOSE["services"]
BALANCER: Final = (ROOT / "deploy" / "balancer.Caddyfile").read_text(encoding="utf-8")
OWN: Final = {name: s for name, s in SERVICES.items() if s["image"] == "stockrank-cluster"}
OF_COMMANDS: Final = {"STOCKRANK_CLUSTER"}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_logs_rotate_and_memory_is_bounded(service: dict[str, Any]) -> None:
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert service["mem_limit"] == service["memswap_limit"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", OWN.values(), ids=OWN)
def test_settings_are_known_and_the_image_has_what_is_needed(service: dict[str, Any]) -> None:
    names = {name for name in service.get("environment", {}) if name.startswith(PREFIX)}
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | OF_COMMANDS
    assert names <= known
    assert (ROOT / service["build"]["args"]["LOCK"]).is_file()
    assert (FILE.parent / service["build"]["context"] / "Dockerfile").is_file()


def test_one_writes_and_the_others_read() -> None:
    roles = {name: s["environment"].get("STOCKRANK_ROLE") for name, s in OWN.items()
             if "STOCKRANK_REMOTE" in s.get("environment", {})}  # fmt: skip
    assert roles == {"writer": None, "reader-one": "reader", "reader-two": "reader"}
    lakes = [s["volumes"][0] for name, s in OWN.items() if name in roles]
    assert len(set(lakes)) == len(lakes)


def test_the_balancer_finds_its_services() -> None:
    found = set(re.findall(r"([\w-]+):8000", BALANCER))
    assert found == {"writer", "reader-one", "reader-two"}
    (mount,) = SERVICES["balancer"]["volumes"]
    assert (FILE.parent / mount["source"]).is_file()


def test_only_the_balancer_is_reached_from_elsewhere() -> None:
    assert [name for name, s in SERVICES.items() if "ports" in s] == ["balancer"]
    assert SERVICES["balancer"]["ports"] == ["${LISTEN_ADDRESS:-127.0.0.1}:8000:8000"]
    inside = {name for name, network in COMPOSE["networks"].items() if network}
    for name, service in SERVICES.items():
        assert name == "balancer" or set(service["networks"]) <= inside


def test_what_is_named_is_there() -> None:
    for service in SERVICES.values():
        needed = service.get("depends_on", [])
        assert set(needed) <= SERVICES.keys()
        volumes = [v.split(":")[0] for v in service.get("volumes", []) if isinstance(v, str)]
        assert set(volumes) <= COMPOSE["volumes"].keys()


def test_secrets_are_asked_for() -> None:
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|TOKEN))([^}]*)\}", TEXT)
    assert secrets
    assert all(rest.startswith(":?") for _, rest in secrets)
