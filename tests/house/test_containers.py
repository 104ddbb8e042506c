"""Dockerfile and compose file are well-formed and speak of things that exist. (No engine runs them here.)"""

import json
import re
from importlib.metadata import entry_points
from pathlib import Path

import click
import jsonschema_rs
import pytest
import yaml

from service.settings import load_settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
PINNED = re.compile(r"[\w./-]+:[\w.-]*\d[\w.-]*")


def test_compose_file_follows_the_specification(shared_data):
    """The published schema of the Compose specification accepts it."""
    schema = json.loads(shared_data("compose-spec.json").read_text())

    errors = [str(error) for error in jsonschema_rs.Draft7Validator(schema).iter_errors(COMPOSE)]

    assert [] == errors


def test_compose_file_has_the_whole_system():
    """What `cubano up` runs, and the step that prepares the database."""
    assert {"postgres", "migrate", "serve", "work", "emulate", "mail"} == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback(name):
    """Nothing of a development system is offered to the network."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_or_built_here(name):
    """A tag names a version, or the image is made from this Dockerfile's stages."""
    service = SERVICES[name]

    assert (
        f"AS {service['build']['target']}\n" in DOCKERFILE if "build" in service else PINNED.fullmatch(service["image"])
    )


@pytest.mark.parametrize("name", SERVICES)
def test_mounts_and_dependencies_exist(name):
    """A bind mount names a path of this project, a volume and a dependency are declared."""
    service = SERVICES[name]
    sources = [mount.split(":")[0] for mount in service.get("volumes", [])]
    binds = [source for source in sources if source.startswith((".", "/"))]

    assert all((ROOT / bind).exists() for bind in binds)
    assert set(sources) - set(binds) <= set(COMPOSE["volumes"])
    assert set(service.get("depends_on", {})) <= set(SERVICES)


@pytest.mark.parametrize(
    ("name", "words"),
    [(name, service["command"]) for name, service in SERVICES.items() if service.get("command", [""])[0] == "cubano"],
)
def test_commands_exist(name, words):
    """Each `cubano` command of the file is one of ours, with options it knows."""
    command = next(e.load() for e in entry_points(group="cubano.commands") if e.name == words[1])
    known = {option for parameter in command.params for option in parameter.opts}

    assert isinstance(command, click.Command), name
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", ["migrate", "serve", "work"])
def test_settings_of_the_service_are_accepted(name):
    """The service would start with what the file gives it."""
    given = load_settings(SERVICES[name]["environment"])

    assert "development" == given.environment


def test_settings_of_the_emulator_are_its_own():
    """It reads each variable that the file gives it."""
    command = next(e.load() for e in entry_points(group="cubano.commands") if e.name == "emulate")
    explicit = {
        name
        for each in command.params
        for name in ([each.envvar] if isinstance(each.envvar, str) else each.envvar or ())
    }
    derived = {f"CUBANO_EMULATOR_{(parameter.name or '').upper()}" for parameter in command.params}

    assert set(SERVICES["emulate"]["environment"]) <= explicit | derived


def test_image_is_small_safe_and_watched():
    """Pinned base images, no root, a health check on the live end point, `cubano serve` when nothing else is said."""
    bases = re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.MULTILINE)
    last = DOCKERFILE.rpartition("\nFROM ")[2]

    assert all(PINNED.fullmatch(base) for base in bases)
    assert re.search(r"^USER cubano$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\\\n.*/health/live", last, re.MULTILINE)
    assert 'CMD ["cubano", "serve"]' in last


def test_image_is_made_of_files_that_exist_and_are_let_in():
    """Every COPY names a path of this project that .dockerignore does not keep out."""
    copied = [path for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE) for path in line.split()]
    let_in = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert copied
    assert all((ROOT / path).exists() for path in copied)
    assert set(copied) <= set(let_in)
