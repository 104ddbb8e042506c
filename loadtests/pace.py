"""One round: the same visitor at two systems in turns, from checkout to ticket and again, and what each took of everything.

For comparing two releases, not for breaking one: there is no crowd, so there is no Locust. An order here, an order there:
whatever the machine does meanwhile it does to both, and a figure beside its neighbour is worth more than many on their own.
"""

import operator
import os
import random
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
from loadtests.capacity import OURS
from loadtests.compare import CPU, DATABASE, LEAST_REQUESTS, QUICK, STATEMENTS, WORKER
from loadtests.result import percentile
from loadtests.target import Target, UnhealthyError

MOST_BUSY = 0.3  # of the machine, by others: what is slower shows less where everybody waits for a processor
_PATIENCE_S = 30.0
_CARD = {"card": "4242424242424242"}
_WANTED = ("full-pass", "party-pass", "saturday-day")


@dataclass
class Spent:
    """What a round was and took of one system: milliseconds by request, waited and of serve's processor; and the whole."""

    waited_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    used_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_ms: float = 0  # of serve, which is done when it has answered
    worker_ms: float = 0  # of the worker, some of which comes after the round
    database_ms: float = 0  # of PostgreSQL, for both
    statements: float = 0  # of serve
    others: float = 0  # share of the machine that other programs had meanwhile
    failed: list[str] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, float]:
        """By name, as they are compared; none when the machine was busy with others, or something failed."""
        count = sum(map(len, self.waited_ms.values()))
        if not count or self.failed or self.others > MOST_BUSY:
            return {}
        told = {
            CPU: self.cpu_ms / count,
            WORKER: self.worker_ms / count,
            DATABASE: self.database_ms / count,
            STATEMENTS: self.statements / count,
        }
        for part, share, each in (
            (QUICK, 0.25, self.waited_ms),
            ("p50", 0.5, self.waited_ms),
            (CPU, 0.5, self.used_ms),
        ):
            enough = {name: sorted(took) for name, took in each.items() if len(took) >= LEAST_REQUESTS}
            told |= {f"{name} {part}": percentile(took, share) for name, took in enough.items()}
        return told


def play_round(targets: Sequence[Target], seed: int, seconds: float) -> list[Spent]:
    """Play one at all of these, an order at each in turns; in their order. Raises `UnhealthyError` when nobody answers."""
    dice, until = random.Random(seed), time.monotonic() + seconds
    with httpx.Client(timeout=_PATIENCE_S) as client:
        visits = [_Visits(client, each) for each in targets]
        with _metered(visits):
            while time.monotonic() < until and not any(each.spent.failed for each in visits):
                for each in dice.sample(visits, len(visits)):
                    each.shop(dice)
    for each in visits:
        if not each.spent.waited_ms:
            raise UnhealthyError(f"nobody answers at {each.target.api}")
    return [each.spent for each in visits]


class _Visits:
    """Those of one visitor at one system, and what they take."""

    def __init__(self, client: httpx.Client, target: Target) -> None:
        pids = target.found["pids"]
        self.client, self.target, self.spent = client, target, Spent()
        self.serve = machine.families([pids["serve"]])[pids["serve"]]

    def shop(self, dice: random.Random) -> None:
        """One order; what fails is kept and ends the round."""
        try:
            self._order(dice)
        except (httpx.HTTPError, KeyError) as error:
            self.spent.failed.append(str(error).splitlines()[0])

    def _order(self, dice: random.Random) -> None:
        """Look, check out, pay at the gateway (which is not measured), look at the order."""
        body = {
            "items": [{"ticketType": dice.choice(_WANTED), "quantity": 1 + (dice.random() < 0.25)}],  # noqa: PLR2004
            "customer": {"email": f"load-{uuid.uuid4().hex[:12]}@example.org", "name": "Ana Load"},
            "locale": "en",
        }
        key = {"Idempotency-Key": f"load-{uuid.uuid4().hex}"}
        self._ask("catalog", "GET", "catalog")
        order = self._ask("checkout", "POST", "checkout-session", json=body, headers=key)
        page = urlsplit(order["checkoutUrl"])
        session = parse_qs(page.query).get("token", [""])[0] or page.path.rstrip("/").rpartition("/")[2]
        means = {"paypal": "approve"} if order["provider"] == "paypal" else _CARD
        self.client.post(f"{self.target.emulator}/sessions/{session}/pay", json=means).raise_for_status()
        self._ask(
            "order", "GET", f"order/{order['orderId']}", headers={"Authorization": f"Bearer {order['accessToken']}"}
        )

    def _ask(self, name: str, method: str, path: str, **more: Any) -> Any:
        used_s, began = machine.cpu_s(self.serve), time.perf_counter()
        answer = self.client.request(method, f"{self.target.api}/api/payment/{path}", **more).raise_for_status()
        took_s = time.perf_counter() - began
        self.spent.waited_ms[name].append(took_s * 1000)
        self.spent.used_ms[name].append((machine.cpu_s(self.serve) - used_s) * 1000)
        return answer.json()


@contextmanager
def _metered(visits: Sequence[_Visits]) -> Iterator[None]:
    """What the systems' processes use in the block, and what others have of the machine."""
    statements, before = [_statements(each.target) for each in visits], [_used_ms(each) for each in visits]
    began, ours, of_all = time.monotonic(), _family_s(visits), machine.busy_s()
    yield
    seconds, not_ours = time.monotonic() - began, machine.busy_s() - of_all - (_family_s(visits) - ours)
    for each, used, asked in zip(visits, before, statements, strict=True):
        spent = each.spent
        spent.cpu_ms, spent.worker_ms, spent.database_ms = map(operator.sub, _used_ms(each), used)
        spent.statements = _statements(each.target) - asked
        spent.others = max(0.0, not_ours / (seconds * machine.cores()))


def _used_ms(visits: _Visits) -> list[float]:
    pids = visits.target.found["pids"]
    families = machine.families(roots := [pids[name] for name in OURS])
    return [machine.cpu_s(families[root]) * 1000 for root in roots]


def _family_s(visits: Sequence[_Visits]) -> float:
    """Of all of our systems, and us."""
    families = machine.families([*(pid for each in visits for pid in each.target.found["pids"].values()), os.getpid()])
    return machine.cpu_s({pid for members in families.values() for pid in members})


def _statements(target: Target) -> float:
    try:
        text = httpx.get(target.found["metrics"]["serve"], timeout=_PATIENCE_S).text
    except httpx.TransportError as error:
        raise UnhealthyError(f"serve does not tell its metrics: {type(error).__name__}") from error
    return figures.read([text]).statements
