"""What goes wrong on the way to a payment provider, and on the way back: faults, in the form of those in `faults`.

They strike in the stand-in's list of faults. To add one: a row in `FAULTS` with what it does to a call, or a function here.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from runbooks.drills.scene import wait_for
from runbooks.drills.stack import FaultError, Stack

Heal = Callable[[], None]
Fault = Callable[[Stack, Mapping[str, Any]], Heal]

_TIMEOUT_S = 10
_FELT_S = 60  # until Prometheus has seen it
_HELD_S = 900
_FAILED = """sum(increase(http_client_request_duration_seconds_count{provider="%s",outcome="error"}[5s])) >= 10"""
_WHICH = ("times", "after", "probability")  # of the calls that match: how many, from which on, which share


class Wire:
    """The stand-in's list of faults is one list: each strike adds its own and takes only that away."""

    _lock = threading.Lock()

    @classmethod
    def add(cls, stack: Stack, fault: dict[str, Any]) -> Heal:
        with cls._lock:
            cls._put(stack, [*cls._now(stack), fault])

        def heal() -> None:
            with cls._lock:
                cls._put(stack, [each for each in cls._now(stack) if each["id"] != fault["id"]])

        return heal

    @staticmethod
    def _now(stack: Stack) -> list[dict[str, Any]]:
        answer = httpx.get(f"{stack.emulator}/faults", timeout=_TIMEOUT_S).raise_for_status().json()
        return [
            {key: each[key] for key in ("id", "match", "effects", *_WHICH) if each.get(key) is not None}
            for each in answer["faults"]
        ]

    @staticmethod
    def _put(stack: Stack, faults: list[dict[str, Any]]) -> None:
        httpx.put(f"{stack.emulator}/faults", json={"faults": faults}, timeout=_TIMEOUT_S).raise_for_status()


def wire(effects: dict[str, Any]) -> Fault:
    """A fault with these effects, and with what its arguments say of the calls that it meets."""

    def fault(stack: Stack, args: Mapping[str, Any]) -> Heal:
        match = {key: args[key] for key in ("provider", "path", "method", "event_type") if key in args}
        made = {
            name: args.get(name, value) if not isinstance(value, dict) else value for name, value in effects.items()
        }
        if "status" in args:
            made = {"error": {"status": args["status"]}}
        which = {name: args[name] for name in _WHICH if name in args}
        return Wire.add(stack, {"id": f"drill-{time.monotonic_ns()}", "match": match, "effects": made, **which})

    return fault


def collapses(stack: Stack, args: Mapping[str, Any]) -> Heal:
    """Its breaker is held closed by a hand, and it fails under what it is sent; back when that is many failures, and seen."""
    provider = str(args["provider"])
    mend = wire({"error": {"status": 500}})(stack, {"provider": provider})
    held = {"json": {"value": "closed", "lease": _HELD_S, "reason": "a drill"}}
    moved = wait_for(lambda: _moved(stack, "PUT", f"breaker.{provider}", held), _FELT_S)

    def heal() -> None:
        mend()
        said = {"params": {"reason": "end of a drill"}}
        wait_for(lambda: _moved(stack, "DELETE", f"breaker.{provider}", said), _FELT_S)

    if not moved or not wait_for(lambda: _told(stack, _FAILED % provider), _FELT_S):
        heal()
        raise FaultError(f"nobody is sent to {provider}")
    return heal


def _moved(stack: Stack, method: str, switch: str, said: dict[str, Any]) -> bool:
    """Whether a hand has moved it; a system that is busy is asked again by whoever asked."""
    headers = {"Authorization": f"Bearer {stack.found['api_keys']['on_call']}"}
    url = f"{stack.found['api']}/api/ops/switches/{switch}"
    try:
        return httpx.request(method, url, headers=headers, timeout=_TIMEOUT_S, **said).is_success
    except httpx.TransportError:
        return False


def _told(stack: Stack, query: str) -> list[Any]:
    """What Prometheus answers to it."""
    answer = httpx.get(f"{stack.found['prometheus']}/api/v1/query", params={"query": query}, timeout=_TIMEOUT_S)
    found: list[Any] = answer.raise_for_status().json()["data"]["result"]
    return found
