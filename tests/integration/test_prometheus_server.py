"""A real Prometheus reads what an operator, a guard and vLLM answered, as docs/observability.md has it, and judges the alerts."""

import contextlib
import http.server
import json
import pathlib
import re
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dev import paths
from tests import tools, waiting
from tests.integration import recorded_metrics

RULES = paths.ROOT / "docs" / "alerts.yaml"
PAGES = {"operator": "/operator/metrics", "guard": "/pod/stats/prometheus", "vllm": "/pod/metrics"}


class Targets(http.server.BaseHTTPRequestHandler):
    """An operator's Service and a server's private port; `leads`: whether the operator holds the Lease."""

    leads = True

    def do_GET(self) -> None:
        (program,) = (program for program, page in PAGES.items() if page == self.path)
        text = (recorded_metrics.DIRECTORY / f"{program}.txt").read_text()
        if not Targets.leads:
            text = text.replace("vllm_operator_leader 1.0", "vllm_operator_leader 0.0")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def configuration(target: str) -> dict[str, Any]:
    """Return one job for each program, every second."""
    jobs = [
        {
            "job_name": program,
            "metrics_path": page,
            "honor_labels": program == "operator",
            "static_configs": [{"targets": [target], "labels": recorded_metrics.TARGETS[program]}],
        }
        for program, page in PAGES.items()
    ]
    often = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    groups = yaml.safe_load(RULES.read_text())["groups"]
    assert {"interval"} & {name for group in groups for name in group} == set()  # else they take longer
    return {"global": often, "rule_files": [str(RULES)], "scrape_configs": jobs}


class Prometheus:
    """A running Prometheus, asked over its API."""

    def __init__(self, log: pathlib.Path) -> None:
        found = waiting.until("listening", lambda: re.search(r"address=(\S+:[1-9]\d*)", log.read_text()), log.read_text)
        self.url = f"http://{found[1]}"

    def asked(self, path: str, **query: str) -> Any:
        """Return what the API answers."""
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=5) as answer:
            return json.load(answer)["data"]

    def value(self, expression: str) -> float | None:
        """Return the value of an expression that has one; None where it has none yet."""
        found = self.asked("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def alerts(self) -> set[str]:
        """Return the alerts that are pending or fire."""
        return {alert["labels"]["alertname"] for alert in self.asked("alerts")["alerts"]}

    def rules(self) -> set[str]:
        """Return the health of each rule."""
        return {rule["health"] for group in self.asked("rules")["groups"] for rule in group["rules"]}


@pytest.fixture
def prometheus(tmp_path: pathlib.Path) -> Iterator[Prometheus]:
    Targets.leads = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Targets)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config, log = tmp_path / "prometheus.json", tmp_path / "log"
    config.write_text(json.dumps(configuration(f"127.0.0.1:{server.server_port}")))
    program = tools.debian("prometheus") / "usr/bin/prometheus"
    flags = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data", "--web.listen-address=127.0.0.1:0"]
    with (
        contextlib.closing(server.socket),
        log.open("wb") as said,
        subprocess.Popen([program, *flags], stderr=said) as one,
    ):
        yield Prometheus(log)
        one.terminate()
        server.shutdown()


def test_a_prometheus_reads_all_and_calls_for_help_once_nobody_leads(prometheus: Prometheus) -> None:
    waiting.until("every target being read", lambda: prometheus.value("sum(up)") == len(PAGES), prometheus.alerts)
    waiting.until("every rule being judged", lambda: prometheus.rules() == {"ok"}, prometheus.rules)
    waiting.until("quiet", lambda: not prometheus.alerts(), prometheus.alerts)
    Targets.leads = False
    waiting.until("a pending alert", lambda: prometheus.alerts() == {"VllmOperatorAway"}, prometheus.alerts)
