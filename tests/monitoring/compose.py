"""The compose file as Compose would see it: variables filled in, anchors merged; and who listens where."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from service.local.compose_env import fresh

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "serve-1", "serve-2", "work", "emulate", "respond")  # made of this project's Dockerfile

# What each container listens on, as its image or its configuration says; a name or port that is not here does not exist.
LISTENS: Mapping[str, frozenset[int]] = {
    "postgres": frozenset({5432}),
    "migrate": frozenset(),
    "serve-1": frozenset({8000, 9101}),
    "serve-2": frozenset({8000, 9101}),
    "proxy": frozenset({8000, 8404}),
    "work": frozenset({9102}),
    "emulate": frozenset({8100, 9104}),
    "respond": frozenset({8300, 9103}),
    "mail": frozenset({1025, 8025}),
    "redis": frozenset({6379}),
    "prometheus": frozenset({9090}),
    "alertmanager": frozenset({9093}),
    "grafana": frozenset({3000}),
    "tempo": frozenset({3200, 4318}),
    "loki": frozenset({3100}),
    "otel-collector": frozenset({4318, 8888, 24224}),
    "postgres-exporter": frozenset({9187}),
}

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<kind>:\?|:-)(?P<word>[^}]*)\}")
_ADDRESS = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, LISTENS))}):(\d+)(?!\d)")


class Missing(Exception):
    """A variable that the file asks for and nobody gave."""


def filled(value: Any, given: Mapping[str, str]) -> Any:
    """The value with its variables, as Compose fills them in."""
    match value:
        case dict():
            return {key: filled(item, given) for key, item in value.items()}
        case list():
            return [filled(item, given) for item in value]
        case str():
            return _VARIABLE.sub(lambda found: _filled(found, given), value)
    return value


def _filled(found: re.Match[str], given: Mapping[str, str]) -> str:
    if given.get(found["name"]):
        return given[found["name"]]
    if found["kind"] == ":?":
        raise Missing(found["name"])
    return found["word"]


def environment(name: str, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the container's process finds in its environment."""
    found: dict[str, str] = filled(SERVICES[name].get("environment", {}), given or fresh())
    return found


def variables(text: str) -> Iterator[tuple[str, str]]:
    """Each variable the text asks for, with how it asks: `:?` or `:-`."""
    for found in _VARIABLE.finditer(text):
        yield found["name"], found["kind"]


def addresses(text: str) -> set[tuple[str, int]]:
    """Every container and port that a text names."""
    return {(name, int(port)) for name, port in _ADDRESS.findall(text)}


def bind_mounts(name: str) -> dict[str, Path]:
    """Target -> the file or folder of this project that is mounted there."""
    found = (mount.split(":") for mount in SERVICES[name].get("volumes", []))
    return {parts[1]: ROOT / parts[0] for parts in found if parts[0].startswith((".", "/"))}
