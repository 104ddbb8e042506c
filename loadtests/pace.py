"""One round: the same few people at one system without rest, from checkout to ticket, and what that took of everything.

For comparing two releases, not for breaking one: there is no crowd, so there is no Locust; a round costs its own seconds
and nothing else, which is what makes many short ones in turns possible.
"""

import os
import random
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from loadtests import figures, machine
from loadtests.compare import CPU, FOR_P90, LEAST_REQUESTS, STATEMENTS, WORKER
from loadtests.result import percentile
from loadtests.target import Target, UnhealthyError

AT_ONCE = 2  # who never rest: nearly one core's work, so that what takes longer shows as longer
MOST_BUSY = 0.6  # of the machine, by others: less only widens the interval, as it strikes old and new alike
_PATIENCE_S = 30.0
_CARD = {"card": "4242424242424242"}
_WANTED = ("full-pass", "party-pass", "saturday-day")


@dataclass
class Spent:
    """What a round was and took: milliseconds by request, processor time and statements of the system."""

    waited_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_ms: float = 0  # of serve, which is done when it has answered
    worker_ms: float = 0  # of the worker, some of which comes after the round
    statements: float = 0  # of serve
    others: float = 0  # share of the machine that other programs had meanwhile
    failed: list[str] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, float]:
        """By name, as they are compared; none when the machine was busy with others, or something failed."""
        count = sum(map(len, self.waited_ms.values()))
        if not count or self.failed or self.others > MOST_BUSY:
            return {}
        told = {CPU: self.cpu_ms / count, WORKER: self.worker_ms / count, STATEMENTS: self.statements / count}
        for name, waited in self.waited_ms.items():
            ordered = sorted(waited)
            for part, share, least in (("p50", 0.5, LEAST_REQUESTS), ("p90", 0.9, FOR_P90)):
                if len(ordered) >= least:
                    told[f"{name} {part}"] = percentile(ordered, share)
        return told


def play_round(target: Target, seed: int, seconds: float, beside: Sequence[Target] = ()) -> Spent:
    """Play one, while other systems stand `beside` it and rest. Raises `UnhealthyError` when nobody answers."""
    spent, lock = Spent(), threading.Lock()
    until = time.monotonic() + seconds
    with _metered(target, spent, beside):
        people = [
            threading.Thread(target=_shop, args=(target, random.Random(f"{seed}:{number}"), until, spent, lock))
            for number in range(AT_ONCE)
        ]
        for each in people:
            each.start()
        for each in people:
            each.join()
    if not spent.waited_ms:
        raise UnhealthyError(f"nobody answers at {target.api}")
    return spent


def _shop(target: Target, dice: random.Random, until: float, spent: Spent, lock: threading.Lock) -> None:
    with httpx.Client(timeout=_PATIENCE_S) as client:
        while time.monotonic() < until:
            try:
                for name, took_ms in _one_order(client, target, dice):
                    with lock:
                        spent.waited_ms[name].append(took_ms)
            except (httpx.HTTPError, KeyError) as error:
                with lock:
                    spent.failed.append(str(error).splitlines()[0])
                return


def _one_order(client: httpx.Client, target: Target, dice: random.Random) -> Iterator[tuple[str, float]]:
    """Look, check out, pay at the gateway (which is not measured), look at the order."""
    body = {
        "items": [{"ticketType": dice.choice(_WANTED), "quantity": 1 + (dice.random() < 0.25)}],  # noqa: PLR2004
        "customer": {"email": f"load-{uuid.uuid4().hex[:12]}@example.org", "name": "Ana Load"},
        "locale": "en",
    }
    key = {"Idempotency-Key": f"load-{uuid.uuid4().hex}"}
    took_ms, _ = _asked(client, "GET", f"{target.api}/api/payment/catalog")
    yield "catalog", took_ms
    took_ms, order = _asked(client, "POST", f"{target.api}/api/payment/checkout-session", json=body, headers=key)
    yield "checkout", took_ms
    page = urlsplit(order["checkoutUrl"])
    session = parse_qs(page.query).get("token", [""])[0] or page.path.rstrip("/").rpartition("/")[2]
    means = {"paypal": "approve"} if order["provider"] == "paypal" else _CARD
    client.post(f"{target.emulator}/sessions/{session}/pay", json=means).raise_for_status()
    token = {"Authorization": f"Bearer {order['accessToken']}"}
    took_ms, _ = _asked(client, "GET", f"{target.api}/api/payment/order/{order['orderId']}", headers=token)
    yield "order", took_ms


def _asked(client: httpx.Client, method: str, url: str, **more: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = client.request(method, url, **more)
    took_ms = (time.perf_counter() - began) * 1000
    return took_ms, answer.raise_for_status().json()


@contextmanager
def _metered(target: Target, spent: Spent, beside: Sequence[Target]) -> Iterator[None]:
    """What the system's processes used in the block, and what others had of the machine."""
    began, before, all_before = time.monotonic(), _used(target, beside), machine.busy_s()
    yield
    seconds, after, all_after = time.monotonic() - began, _used(target, beside), machine.busy_s()
    spent.cpu_ms = (after.serve_s - before.serve_s) * 1000
    spent.worker_ms = (after.work_s - before.work_s) * 1000
    spent.statements = after.statements - before.statements
    known = after.family_s - before.family_s
    spent.others = max(0.0, (all_after - all_before - known) / (seconds * machine.cores()))


@dataclass(frozen=True)
class _Used:
    serve_s: float
    work_s: float
    family_s: float  # all of our systems, and we
    statements: float


def _used(target: Target, beside: Sequence[Target]) -> _Used:
    pids = target.found["pids"]
    all_of_us = [pid for each in (target, *beside) for pid in each.found["pids"].values()]
    families = machine.families([*all_of_us, os.getpid()])
    try:
        text = httpx.get(target.found["metrics"]["serve"], timeout=_PATIENCE_S).text
    except httpx.TransportError as error:
        raise UnhealthyError(f"serve does not tell its metrics: {type(error).__name__}") from error
    every = sorted({pid for members in families.values() for pid in members})
    serve_s, work_s = (machine.cpu_s(families[pids[name]]) for name in ("serve", "work"))
    return _Used(serve_s, work_s, machine.cpu_s(every), figures.read([text]).statements)
