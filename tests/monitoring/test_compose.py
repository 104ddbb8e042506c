"""The compose file is well-formed, safe, and speaks of things that exist. (No engine runs it here.)"""

import json
import re
import shlex
from pathlib import Path

import jsonschema_rs
import pytest

from service.local.binaries import Tool
from service.local.compose_env import fresh
from tests.monitoring.binaries import needed
from tests.monitoring.compose import (
    COMPOSE,
    FILE,
    LISTENS,
    OURS,
    ROOT,
    SERVICES,
    Missing,
    addresses,
    bind_mounts,
    filled,
    variables,
)
from tests.monitoring.programs import flags

DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXACT = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?")
# Containers that nothing inside could ask, or that end; Prometheus asks the first two.
NOT_ASKED = {"tempo", "otel-collector", "migrate"}


def test_compose_file_follows_the_specification(shared_data):
    """The published schema of the Compose specification accepts it."""
    schema = json.loads(shared_data("compose-spec.json").read_text())

    errors = [str(error) for error in jsonschema_rs.Draft7Validator(schema).iter_errors(COMPOSE)]

    assert [] == errors


def test_compose_file_has_the_whole_system():
    """The shop twice behind its proxy, and everything that watches it; what is not for everybody is behind a profile."""
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}

    assert set(LISTENS) == set(SERVICES)
    assert {"emulate": ["sandbox"], "redis": ["redis"]} == profiles
    assert "sandbox" == fresh()["COMPOSE_PROFILES"]


@pytest.mark.parametrize("name", SERVICES)
def test_container_is_published_on_loopback_alone_where_it_listens(name):
    """Nothing of this stack is offered to the network."""
    ports = [port.split(":") for port in SERVICES[name].get("ports", [])]

    assert all("127.0.0.1" == host for host, _, _ in ports)
    assert {int(inside) for _, _, inside in ports} <= LISTENS[name]


def test_no_two_containers_want_one_port_of_the_machine():
    """A port belongs to one."""
    published = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", [])]

    assert len(set(published)) == len(published)


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_an_exact_version_or_built_here(name):
    """A tag that moves would be another program tomorrow."""
    service = SERVICES[name]

    assert f"AS {service['build']['target']}\n" in DOCKERFILE if name in OURS else EXACT.fullmatch(service["image"])
    assert ("build" in service) == (name in OURS)


@pytest.mark.parametrize("name", SERVICES)
def test_container_may_do_little(name):
    """No root, no capability, no new rights, a read-only system, bounded memory and processes."""
    service = SERVICES[name]
    user = "cubano" if name in OURS else service["user"]  # ours says it in the Dockerfile

    assert not user.startswith(("0", "root"))
    assert service["read_only"]
    assert ["ALL"] == service["cap_drop"]
    assert "cap_add" not in service
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert not {"privileged", "network_mode", "pid", "devices"} & set(service)
    assert not any("docker.sock" in mount or mount.startswith("/") for mount in service.get("volumes", []))


@pytest.mark.parametrize("name", SERVICES)
def test_container_is_asked_how_it_is(name):
    """At a port it listens on; where nothing could ask, it says so."""
    check = SERVICES[name].get("healthcheck")
    own = {"8000"} if check is None else set(re.findall(r"127\.0\.0\.1:(\d+)", " ".join(check.get("test", []))))

    assert (check is not None and check.get("disable", False)) == (name in NOT_ASKED)
    assert check is not None or name in OURS  # the Dockerfile has one
    assert {int(port) for port in own} <= LISTENS[name]


@pytest.mark.parametrize("name", SERVICES)
def test_mounts_networks_and_dependencies_exist(name):
    """A bind mount is a file of this project and read-only; a volume, a network and a dependency are declared."""
    service = SERVICES[name]
    mounts = [mount.split(":") for mount in service.get("volumes", [])]
    named = {source for source, *_ in mounts if not source.startswith(".")}

    assert all(path.exists() for path in bind_mounts(name).values()), bind_mounts(name)
    assert all("ro" == mount[-1] for mount in mounts if mount[0].startswith("."))
    assert named <= set(COMPOSE["volumes"])
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    assert all(
        not SERVICES[other].get("profiles") or wanted["required"] is False
        for other, wanted in service.get("depends_on", {}).items()
    )


def test_everything_declared_is_used():
    """No volume and no network without a container."""
    volumes = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}

    assert set(COMPOSE["volumes"]) == {name for name in volumes if not name.startswith(".")}
    assert set(COMPOSE["networks"]) == {name for service in SERVICES.values() for name in service["networks"]}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))  # it has all settings and uses the database alone
def test_who_talks_to_whom_can(name):
    """Every address in a container's environment, command and files is a container that listens there, on a shared network."""
    service = SERVICES[name]
    texts = [
        json.dumps([filled(service.get("environment", {}), fresh() | {"CUBANO_REDIS_URL": "redis://redis:6379/0"})])
    ]
    texts += [json.dumps(service.get("command", []))]
    texts += [path.read_text() for path in _files(name)]
    found = {address for text in texts for address in addresses(text)}

    assert [] == [(other, port) for other, port in found if port not in LISTENS[other]]
    assert [] == [other for other, _ in found if not set(SERVICES[other]["networks"]) & set(service["networks"])]


def _files(name: str) -> list[Path]:
    found = (
        each for path in bind_mounts(name).values() for each in ([path] if path.is_file() else path.rglob("*.y*ml"))
    )
    return [each for each in found if "rules" not in each.parts]


def test_log_lines_reach_the_collector():
    """The engine sends to where the collector's receiver is published; it never makes a container wait."""
    logged = {name: service["logging"] for name, service in SERVICES.items() if "logging" in service}
    published = SERVICES["otel-collector"]["ports"]

    assert {*OURS, "proxy"} == set(logged)
    assert {"fluentd"} == {each["driver"] for each in logged.values()}
    assert {("127.0.0.1:24224", "true")} == {
        (each["options"]["fluentd-address"], each["options"]["fluentd-async"]) for each in logged.values()
    }
    assert ["127.0.0.1:24224:24224"] == published


# ---- secrets ---------------------------------------------------------------------------------------------------------


def test_no_secret_stands_in_the_file():
    """What has the name of a secret is asked for, and nothing looks like one."""
    named = re.compile(
        r"^\s+\w*(?:(?:PASS|SECRET|KEY|CLIENT_ID|WEBHOOK_ID)\w*|TOKEN): (?!\*)(?:&[\w-]+ )?(.*)$", re.MULTILINE
    )
    text = FILE.read_text()

    assert all(value.startswith('"${') and ":?" in value for value in named.findall(text))
    assert not re.search(r"sk_test_|whsec_|WH-|://\w+:(?!\$)\w+@", text)


def test_every_variable_asked_for_is_made_by_the_one_command():
    """And nothing else is made; `docker compose up` without it says which and how."""
    asked = set(variables(FILE.read_text()))
    made = fresh()

    assert {name for name, kind in asked if kind == ":?"} <= set(made)
    assert set(made) - {"COMPOSE_PROFILES"} <= {name for name, _ in asked}
    assert FILE.read_text().count(":?") == FILE.read_text().count(":?run: make compose-env}")
    with pytest.raises(Missing):
        filled(COMPOSE, {})


# ---- the others' programs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("prometheus", "/etc/prometheus/prometheus.yml"),
        ("alertmanager", "/etc/alertmanager/alertmanager.yml"),
        ("tempo", "/etc/tempo.yml"),
        ("loki", "/etc/loki/loki.yml"),
        ("otel-collector", "/etc/otelcol-contrib/config.yaml"),
    ],
)
def test_program_reads_the_file_that_is_mounted(name, file):
    """The path in its words is the one in its mounts."""
    words = shlex.join(SERVICES[name]["command"])

    assert re.search(rf"--?config(\.file)?={re.escape(file)}(\s|$)", words)
    assert file in bind_mounts(name)


@pytest.mark.parametrize(("name", "tool"), [("prometheus", Tool.PROMETHEUS), ("alertmanager", Tool.ALERTMANAGER)])
def test_words_are_known_to_the_real_program(name, tool):
    """As its own help prints them."""
    words = {word.split("=")[0] for word in SERVICES[name]["command"]}

    assert words <= flags(needed(tool))


def test_prometheus_keeps_exemplars():
    """Without the flag no dot in a panel leads to a trace."""
    assert "--enable-feature=exemplar-storage" in SERVICES["prometheus"]["command"]
