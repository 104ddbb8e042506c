"""What watches the containers finds them: every target is one that listens, every one with metrics is a target, and the real
programs accept their files as they lie in the containers."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbooks.settings import load as load_responder
from service.local.binaries import Tool
from service.settings import load_settings
from tests.monitoring.binaries import needed
from tests.monitoring.compose import LISTENS, ROOT, SERVICES, addresses, bind_mounts, environment

WITHOUT_METRICS = {"migrate", "postgres", "redis", "mail"}  # postgres by its exporter


def _config(name: str, target: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(bind_mounts(name)[target].read_text())
    return found


def _targets() -> dict[str, set[tuple[str, int]]]:
    """Job -> the containers and ports it reads."""
    found: dict[str, set[tuple[str, int]]] = {}
    for job in _config("prometheus", "/etc/prometheus/prometheus.yml")["scrape_configs"]:
        listed = [target for each in job.get("static_configs", []) for target in each["targets"]]
        listed += [f"{name}:{each['port']}" for each in job.get("dns_sd_configs", []) for name in each["names"]]
        found[job["job_name"]] = {(name, int(port)) for name, _, port in (each.partition(":") for each in listed)}
    return found


def test_every_target_listens_and_every_container_with_metrics_is_a_target():
    """A container that nobody reads is one that nobody misses."""
    targets = {target for found in _targets().values() for target in found}

    assert [] == [(name, port) for name, port in targets if port not in LISTENS[name]]
    assert set(SERVICES) - WITHOUT_METRICS == {name for name, _ in targets}


def test_processes_are_read_at_their_own_metrics_ports():
    """Those of the settings, under the job names that the rules know."""
    settings, targets = load_settings(environment("serve-1")), _targets()

    assert {(name, settings.serve_metrics_port) for name in ("serve-1", "serve-2")} == targets["serve"]
    assert {("work", settings.work_metrics_port)} == targets["work"]
    assert {("emulate", 9104)} == targets["emulate"]
    assert {("respond", load_responder(environment("respond")).metrics_port)} == targets["respond"]


def test_container_behind_a_profile_is_looked_up():
    """Whoever does not run it is not told that it is down."""
    jobs = _config("prometheus", "/etc/prometheus/prometheus.yml")["scrape_configs"]
    listed = {
        each.partition(":")[0] for job in jobs for one in job.get("static_configs", []) for each in one["targets"]
    }

    assert [] == [name for name in listed if SERVICES[name].get("profiles")]


def test_alerts_arrive():
    """Prometheus sends to Alertmanager, and Alertmanager its letters to the mail sink."""
    alerting = _config("prometheus", "/etc/prometheus/prometheus.yml")["alerting"]["alertmanagers"]
    mail = _config("alertmanager", "/etc/alertmanager/alertmanager.yml")["global"]["smtp_smarthost"]

    assert [{"static_configs": [{"targets": ["alertmanager:9093"]}]}] == alerting
    assert "mail:1025" == mail
    assert 1025 in LISTENS["mail"]


def test_responder_is_told_of_alerts_and_of_the_heartbeat():
    """With the token that it leaves for Alertmanager, where that can read it."""
    config = _config("alertmanager", "/etc/alertmanager/alertmanager.yml")
    calls = {each["name"]: each["webhook_configs"][0] for each in config["receivers"] if "webhook_configs" in each}
    token = load_responder(environment("respond")).token_file

    assert {"responder", "watchdog"} == set(calls)
    assert {("respond", 8300)} == {address for each in calls.values() for address in addresses(each["url"])}
    assert {str(token)} == {each["http_config"]["authorization"]["credentials_file"] for each in calls.values()}


def test_real_programs_accept_their_files(tmp_path):
    """Laid out as the mounts lay them, rules and all."""
    promtool, amtool = needed(Tool.PROMTOOL), needed(Tool.AMTOOL)
    for name in ("prometheus", "alertmanager"):
        _lay_out(name, tmp_path)

    config = subprocess.run(
        [promtool, "check", "config", tmp_path / "etc/prometheus/prometheus.yml"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    routes = subprocess.run(
        [amtool, "check-config", tmp_path / "etc/alertmanager/alertmanager.yml"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert 0 == config.returncode, config.stdout + config.stderr
    assert f"{len(list((ROOT / 'monitoring/rules').glob('*.yml')))} rule files found" in config.stdout
    assert 0 == routes.returncode, routes.stdout + routes.stderr


def _lay_out(name: str, root: Path) -> None:
    for target, source in bind_mounts(name).items():
        path = root / target.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, path)


# ---- Grafana -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def provisioning() -> list[dict[str, Any]]:
    """Every document that Grafana reads at its start."""
    folder = bind_mounts("grafana")["/etc/grafana/provisioning"]
    return [document for path in sorted(folder.rglob("*.y*ml")) for document in yaml.safe_load_all(path.read_text())]


def test_grafana_has_all_sources(provisioning):
    """Metrics, traces and lines, each where a container listens that Grafana shares a network with."""
    sources = {each["type"]: each["url"] for document in provisioning for each in document.get("datasources", [])}
    found = {address for url in sources.values() for address in addresses(url)}

    assert {"prometheus", "tempo", "loki"} <= set(sources)
    assert len(sources) == len(found)
    assert [] == [(name, port) for name, port in found if port not in LISTENS[name]]
    assert all(set(SERVICES[name]["networks"]) & set(SERVICES["grafana"]["networks"]) for name, _ in found)


def test_grafana_finds_the_dashboards_where_they_are_mounted(provisioning):
    """The folder its provider names is the one of the mount."""
    paths = {each["options"]["path"] for document in provisioning for each in document.get("providers", [])}

    assert {"/etc/grafana/dashboards"} == paths
    assert list(bind_mounts("grafana")["/etc/grafana/dashboards"].rglob("*.json"))
