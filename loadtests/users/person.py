"""A user of Locust who takes the turns of all kinds, in the order they are due, and measures from when they were.

The first request of a turn counts from its slot: who comes late because the others stand in the way has waited, too.
Each further one counts from when the person wanted it.
"""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import msgspec
from gevent import GreenletExit
from geventhttpclient.client import HTTPClientPool
from locust import FastHttpUser, task
from locust.exception import StopUser

from loadtests.arrivals import Slot, chosen
from loadtests.result import Outcome, Sent
from loadtests.turns import Turns
from loadtests.wire import outcome

PATIENCE_S = 30
_AT_ONCE = 2_000  # connections of one generator; nobody waits for another's


class Broken(RuntimeError):  # the fact itself
    """The test's own side failed, not the system: the gateway's stand-in did not do as it was told."""


class Answer(msgspec.Struct, frozen=True):
    """What came back; `body` is None when it was no JSON."""

    status: int
    outcome: Outcome
    body: Any = None
    trace: str = ""


class Person(FastHttpUser):
    """Takes one turn after the other; `kinds` and `turns` are set by the locustfile before anybody comes."""

    network_timeout = connection_timeout = PATIENCE_S
    client_pool = HTTPClientPool(concurrency=_AT_ONCE, network_timeout=PATIENCE_S, connection_timeout=PATIENCE_S)
    kinds: Mapping[str, Callable[["Person"], None]]
    turns: Turns
    slot: Slot | None = None
    dice: random.Random
    kind = ""
    _due_s: float | None = None

    def wait_time(self) -> float:
        """Until the next slot; who finds none goes home."""
        self.slot = self.turns.take()
        if self.slot is None:
            raise StopUser
        return max(0.0, self.slot.at_s - self.turns.now())

    @task
    def take_turn(self) -> None:
        """Do what the slot says; the first time there is none yet."""
        if self.slot is None or not self.turns.begin(self.slot):
            return
        self._play(self.slot, self.slot.user, 0)
        again = 1
        while self.slot.until_s and self.turns.now() < self.slot.until_s and self.turns.begin(self.slot):
            mix = next(each.mix for each in self.turns.part.scenario.stages if each.users)
            self._play(self.slot, chosen(mix, self.turns.dice(self.slot, again)), again)
            again += 1

    def _play(self, slot: Slot, kind: str, again: int) -> None:
        self.kind, self.dice = kind, self.turns.dice(slot, again)
        self._due_s = None if again else slot.at_s
        try:
            self.kinds[kind](self)
        except Broken:
            self.turns.broken += 1
            raise

    # ---- what a kind does with ---------------------------------------------------------------------------------------

    def ask(
        self,
        name: str,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        wanted: tuple[int, ...] = (200,),
    ) -> Answer:
        """One request to the system, measured; a body that is not bytes is sent as JSON."""
        began = self.turns.now()
        due, self._due_s = (began if self._due_s is None else self._due_s), None
        url = f"{self.turns.part.found['api']}{path}"
        try:
            answer = self._send(name, method, url, body, headers=self._address() | dict(headers or {}), wanted=wanted)
        except GreenletExit:
            self._keep(name, due, began, Answer(0, Outcome.FAILED))
            raise
        self._keep(name, due, began, answer)
        return answer

    def at_gateway(self, path: str, body: Any) -> Any:
        """What the buyer does on the gateway's own pages; not measured. Raises `Broken` when that does not go."""
        url = f"{self.turns.part.found['emulator']}/_emulator{path}"
        answer = self._send("(gateway)", "POST", url, body, wanted=(200, 201, 202))
        if answer.outcome is not Outcome.OK:
            raise Broken(f"{path}: {answer.status}")
        return answer.body

    def pause(self, seconds: float) -> None:
        gevent.sleep(seconds)

    def fail(self, name: str, waited_ms: float) -> None:
        """What should have come, and did not."""
        now = self.turns.now()
        self.turns.keep(Sent(now, self.kind, name, waited_ms, waited_ms, Outcome.FAILED, 0))

    def _keep(self, name: str, due: float, began: float, answer: Answer) -> None:
        now = self.turns.now()
        waited, served = (now - due) * 1000, (now - began) * 1000
        self.turns.keep(Sent(due, self.kind, name, waited, served, answer.outcome, answer.status, answer.trace))

    def _send(
        self,
        name: str,
        method: str,
        url: str,
        body: Any,
        *,
        wanted: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        data: Any = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if data is not None else {}
        asked = self.client.request(
            method,
            url,
            name=name,
            data=data,
            headers=given | dict(headers or {}),
            catch_response=True,
        )
        with asked as response:
            known = {key.lower(): value for key, value in (response.headers or {}).items()}
            result = outcome(response.status_code, wanted, known)
            if result is Outcome.FAILED:
                response.failure(f"{response.status_code}")
            else:
                response.success()
        trace = known.get("traceresponse", "")[3:35]  # version, trace, span, flags
        return Answer(response.status_code, result, _json(response.content, known.get("content-type", "")), trace)

    def _address(self) -> dict[str, str]:
        """Everybody comes from an address of their own, where a proxy of ours says so; who tries cards, from one."""
        number = 0 if self.kind == "tester" or self.slot is None else self.slot.number + 1
        return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


def _json(content: bytes | None, kind: str) -> Any:
    if not content or "json" not in kind:
        return None
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None
