"""What goes wrong and when: a seeded list of blows, so that a run that found something can be played again.

Each victim is killed and each kind of fault is injected at least once when the time allows; what follows is drawn. Kills
and faults overlap on purpose: a gateway times out while the worker dies.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Thing = TypeVar("Thing")

VICTIMS = ("serve", "work", "emulate", "postgres")
CALM_S = 3.0  # at the start: somebody has bought something before anything fails
KILL_EVERY_S = (5.0, 9.0)
FAULT_EVERY_S = (3.0, 5.0)
FAULT_LASTS_S = (2.0, 5.0)
OFTEN = 0.4  # of the matching requests or deliveries; the others show that the way itself is fine

_REQUESTS: dict[str, dict[str, Any]] = {
    "timeout after commit": {"timeout": "after"},
    "timeout before commit": {"timeout": "before"},
    "reset after commit": {"reset": "after"},
    "reset before commit": {"reset": "before"},
    "500 kept by the key": {"error": {"status": 500, "keep": True}},
    "503": {"error": {"status": 503}},
    "429": {"rate_limit": True},
    "slow": {"latency_ms": [500, 3000]},
    "outage": {"outage": True},
}
_WEBHOOKS: dict[str, dict[str, Any]] = {
    "webhooks dropped": {"drop": True},
    "webhooks twice": {"duplicate": 2},
    "webhooks late": {"delay_ms": 8000},
    "webhooks out of order": {"reorder": 5},
    "webhooks badly signed": {"bad_signature": True},
}
_ALWAYS = ("outage",)  # an outage spares nobody


@dataclass(frozen=True)
class Blow:
    """One thing that happens `at_s` after the start: a kill, or faults that last for some seconds."""

    at_s: float
    name: str
    victim: str | None = None
    fault: dict[str, Any] | None = None
    lasts_s: float = 0.0


def write(seed: int, seconds: float, providers: tuple[str, ...]) -> list[Blow]:
    """The blows of one run, in order of time; the same arguments give the same list."""
    dice = random.Random(seed)  # noqa: S311 - replayable is the point
    return sorted([*_kills(dice, seconds), *_faults(dice, seconds, providers)], key=lambda blow: blow.at_s)


def _kills(dice: random.Random, seconds: float) -> Iterator[Blow]:
    at_s = CALM_S
    for victim in _endless(dice, VICTIMS):
        at_s += dice.uniform(*KILL_EVERY_S)
        if at_s >= seconds:
            return
        yield Blow(at_s, f"SIGKILL of {victim}", victim=victim)


def _faults(dice: random.Random, seconds: float, providers: tuple[str, ...]) -> Iterator[Blow]:
    kinds = [(provider, name) for provider in providers for name in (*_REQUESTS, *_WEBHOOKS)]
    at_s = CALM_S
    for provider, name in _endless(dice, kinds):
        at_s += dice.uniform(*FAULT_EVERY_S)
        lasts_s = dice.uniform(*FAULT_LASTS_S)
        if at_s + lasts_s >= seconds:
            return
        effects = _REQUESTS.get(name) or _WEBHOOKS[name]
        fault = {
            "id": f"{provider} {name}",
            "match": {"provider": provider},
            "effects": effects,
            "probability": 1.0 if name in _ALWAYS else OFTEN,
        }
        yield Blow(at_s, f"{provider}: {name}", fault=fault, lasts_s=lasts_s)


def _endless(dice: random.Random, things: Sequence[Thing]) -> Iterator[Thing]:
    """All of them in a drawn order, again and again."""
    while True:
        yield from dice.sample(list(things), len(things))
