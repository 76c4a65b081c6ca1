"""The metrics, the rules and the dashboard, as Prometheus itself sees them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from socket import create_server
from typing import Any, Final

import httpx2
import pytest

from tests.slow.service.serving import ROOT, Server, until

DEPLOY: Final = ROOT / "deploy"
NAME: Final = re.compile(r"\b(?:stockrank|borslabbet)_\w+")
JOB: Final = 'job="stockrank"'
EMPTY: Final = {"stockrank_alert_firing"}
"""Metrics that have no sample while nothing is wrong."""

PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")
needs_promtool: Final = pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed")
needs_prometheus: Final = pytest.mark.skipif(not PROMETHEUS, reason="prometheus is not installed")


def promtool(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROMTOOL or "", *words],
        input=given,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )


def expressions() -> list[str]:
    """What the panels of the dashboard ask for."""
    panels = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def names(metrics: str) -> set[str]:
    """The metrics of which a text tells, with or without samples."""
    return set(re.findall(r"^# TYPE (\w+) ", metrics, re.MULTILINE))


def value(metrics: str, sample: str) -> float:
    """The value of a sample in the metrics of the service."""
    (found,) = (line for line in metrics.splitlines() if line.rpartition(" ")[0] == sample)
    return float(found.rpartition(" ")[2])


@needs_promtool
def test_only_a_name_that_may_not_change_is_unusual(server: Server) -> None:
    checked = promtool("check", "metrics", given=server.get("/metrics").text)
    told = "borslabbet_memory_usage_mb metric names should not contain abbreviated units"
    assert (checked.stdout + checked.stderr).splitlines() == [told]


@needs_promtool
def test_the_rules_are_valid() -> None:
    checked = promtool("check", "rules", str(DEPLOY / "alerts.yml"))
    assert checked.returncode == 0, checked.stderr
    assert "SUCCESS: 12 rules found" in checked.stdout


def test_every_name_that_is_asked_for_exists(server: Server) -> None:
    asked = {name for text in expressions() for name in NAME.findall(text)}
    asked |= set(NAME.findall((DEPLOY / "alerts.yml").read_text()))
    variables = json.loads((DEPLOY / "grafana.json").read_text())["templating"]["list"]
    asked |= {name for v in variables for name in NAME.findall(str(v["query"]))}
    assert len(asked) > 12
    assert asked <= names(server.get("/metrics").text)


def test_the_names_of_existing_dashboards_stay(server: Server) -> None:
    metrics = server.get("/metrics").text
    stocks, prices, signals, used, percent = (
        value(metrics, f"borslabbet_{name}")
        for name in ("stocks_total", "prices_total", "signals_total",
                     "memory_usage_mb", "memory_percent")
    )  # fmt: skip
    known = server.json("/data/sync-status")
    assert (stocks, prices) == (known["stocks"], known["prices"])
    assert signals == sum(len(server.json(f"/strategies/{s['name']}"))
                          for s in server.json("/strategies"))  # fmt: skip
    assert percent == pytest.approx(100 * used / server.json("/system/memory")["limit_mb"], abs=0.1)


# ------------------------------------------------------------------------ a real Prometheus


class Prometheus:
    """A Prometheus with the configuration that is deployed, which scrapes a service."""

    def __init__(self, folder: Path, server: Server) -> None:
        written = (DEPLOY / "prometheus.yml").read_text()
        for there, here in (("borslabbet-backend:8000", f"127.0.0.1:{server.port}"), ("15s", "1s")):
            assert there in written
            written = written.replace(there, here)
        (folder / "prometheus.yml").write_text(f"global: {{evaluation_interval: 1s}}\n{written}")
        shutil.copy(DEPLOY / "alerts.yml", folder)
        with create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with (folder / "log.txt").open("w") as log:
            self._process: Final = subprocess.Popen(
                [PROMETHEUS or "", f"--config.file={folder / 'prometheus.yml'}",
                 f"--storage.tsdb.path={folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{port}"],
                stderr=log,
            )  # fmt: skip
        self._client: Final = httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1")

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer; None as long as there is no server, or it is not ready."""
        assert self._process.poll() is None
        try:
            told = self._client.get(path, params=parameters)
        except httpx2.TransportError:
            return None
        if told.status_code == 503:
            return None
        answer = told.json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def query(self, text: str) -> list[Any]:
        """The samples that a query finds."""
        data = self.ask("/query", query=text)
        return data["result"] if data else []

    def close(self) -> None:
        """End it."""
        self._client.close()
        self._process.terminate()
        self._process.wait(timeout=60)


@pytest.fixture(scope="module")
def prometheus(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    started = Prometheus(tmp_path_factory.mktemp("prometheus"), server)
    try:
        until(lambda: started.query(f"up{{{JOB}}} == 1"), "a scrape of the service")
        # Rates need two scrapes, and the second one counts the first.
        until(lambda: started.query("rate(stockrank_requests_total[5m])"), "a second scrape")
        yield started
    finally:
        started.close()


@needs_prometheus
@pytest.mark.parametrize(
    "sample",
    [
        'stockrank_rows{dataset="prices"}',
        "borslabbet_stocks_total",
        "stockrank_memory_limit_bytes",
    ],
)
def test_it_has_the_values_of_the_service(
    server: Server, prometheus: Prometheus, sample: str
) -> None:
    (found,) = prometheus.query(sample)
    assert found["metric"]["job"] == "stockrank"
    assert float(found["value"][1]) == value(server.get("/metrics").text, sample) > 0


@needs_prometheus
def test_every_panel_of_the_dashboard_shows_something(prometheus: Prometheus) -> None:
    for text in expressions():
        found = prometheus.query(text.replace("$instance", ".*"))
        assert found or EMPTY & set(NAME.findall(text)), text


@needs_prometheus
def test_all_rules_are_loaded_and_evaluated_and_none_fires(prometheus: Prometheus) -> None:
    def rules() -> list[Any]:
        loaded = [r for group in prometheus.ask("/rules")["groups"] for r in group["rules"]]
        return loaded if all(rule["health"] != "unknown" for rule in loaded) else []

    found = until(rules, "the first evaluation of the rules")
    assert len(found) == 12
    assert {rule["health"] for rule in found} == {"ok"}
    assert {rule["name"] for rule in found if rule["state"] != "inactive"} == set()
