"""Owed deliveries and the sender: each event to each endpoint that subscribed, signed, retried, bounded.

A delivery is `pending` until an endpoint answered 2xx (`delivered`), the tries are used up (`failed`) or a fault ate it
(`dropped`). It is a row in the store, so a restart goes on where it was. What is sent, and how it is signed, differs by
the provider of the endpoint: `envelopes.py` knows.
"""

import asyncio
import heapq
import time
from collections import defaultdict
from collections.abc import Collection

from service.emulator import envelopes, thin
from service.emulator.events import type_matches
from service.emulator.faults import Armed, Faults
from service.emulator.ids import new_id
from service.emulator.metrics import Metrics
from service.emulator.post import Poster, PostError
from service.emulator.wire import Obj
from service.emulator.world import World

LONGEST_WAIT_MS = 60_000
REORDER_PATIENCE_MS = 1_000  # how long a reordering fault waits for company
REORDER_GAP_MS = 60  # between the deliveries it lets go, so that their order is really theirs
SHOWN_BODY = 200  # bytes of an endpoint's answer kept in the log


class Webhooks:
    """Who subscribed, what is owed, and the loop that sends it."""

    def __init__(self, world: World, faults: Faults, metrics: Metrics) -> None:
        self._world = world
        self._faults = faults
        self._metrics = metrics
        self._due: list[tuple[int, int, str]] = []
        self._sequence = 0
        self._held: dict[int, list[str]] = defaultdict(list)
        self._owed: dict[str, set[str]] = defaultdict(set)  # event -> deliveries not delivered
        self._pending: dict[str, int] = defaultdict(int)
        self._awake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._flying: set[str] = set()
        world.post = self

    def restore(self) -> None:
        """Owe again what the store says is owed."""
        self._due.clear()
        self._held.clear()
        self._owed.clear()
        self._pending.clear()
        for row in self._world.store.all("delivery"):
            if row["state"] != "delivered":
                self._owed[row["event"]].add(row["id"])
            if row["state"] == "pending":
                self._pending[row["event"]] += 1
                self._queue(row["id"], row["due_ms"])

    def recipients(self, event_type: str, provider: str = "stripe") -> list[str]:
        return [
            endpoint["id"]
            for endpoint in self._world.store.all("endpoint")
            if envelopes.provider_of(endpoint) == provider and thin.wants(endpoint, event_type)
        ]

    def pending(self, event_id: str) -> int:
        return self._pending.get(event_id, 0)

    def undelivered(self) -> Collection[str]:
        return self._owed.keys()

    def schedule(self, event_id: str, event_type: str, recipients: list[str]) -> None:
        for endpoint in recipients:
            provider = envelopes.provider_of(self._world.store.must("endpoint", endpoint))
            fired = self._faults.on_delivery(event_type, trying=False, provider=provider)
            effects = [armed.fault.effects for armed in fired]
            copies = 1 + sum(effect.duplicate or 0 for effect in effects)
            wait = sum(effect.delay_ms or 0 for effect in effects)
            dropped = any(effect.drop for effect in effects)
            reorder = next((armed for armed in fired if armed.fault.effects.reorder), None)
            for _ in range(copies):
                self._owe(event_id, event_type, endpoint, wait_ms=wait, dropped=dropped, reorder=reorder)

    def resend(self, event_id: str, event_type: str, provider: str = "stripe") -> int:
        """Owe it once more to everyone who subscribes; returns how many that are."""
        recipients = self.recipients(event_type, provider)
        for endpoint in recipients:
            self._owe(event_id, event_type, endpoint, wait_ms=0, dropped=False, reorder=None)
        return len(recipients)

    def wake(self) -> None:
        """The clock moved, or something new is owed."""
        self._awake.set()

    async def run(self) -> None:
        """Send what is due until cancelled; what is under way then is tried again after a restart."""
        room = asyncio.Semaphore(self._world.options.webhook_parallel)
        poster = Poster(self._world.options.webhook_timeout_s)
        try:
            while True:
                await self._next_due()
                await room.acquire()
                if not self._due:  # a reset while waiting for room
                    room.release()
                    continue
                _, _, identifier = heapq.heappop(self._due)
                task = asyncio.create_task(self._try(poster, identifier))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
                task.add_done_callback(lambda _done: room.release())
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            poster.close()

    async def _next_due(self) -> None:
        while True:
            self._awake.clear()
            wait_ms = self._due[0][0] - self._world.clock.now_ms() if self._due else None
            if wait_ms is not None and wait_ms <= 0:
                return
            try:
                await asyncio.wait_for(self._awake.wait(), None if wait_ms is None else wait_ms / 1000)
            except TimeoutError:
                continue

    def _queue(self, identifier: str, due_ms: int) -> None:
        self._sequence += 1
        heapq.heappush(self._due, (due_ms, self._sequence, identifier))
        self._awake.set()

    def _owe(
        self, event_id: str, event_type: str, endpoint: str, *, wait_ms: int, dropped: bool, reorder: Armed | None
    ) -> None:
        now_ms = self._world.clock.now_ms()
        patience = REORDER_PATIENCE_MS if reorder is not None else 0
        row: Obj = {
            "id": new_id("delivery"),
            "created": now_ms // 1000,
            "event": event_id,
            "type": event_type,
            "endpoint": endpoint,
            "state": "dropped" if dropped else "pending",
            "due_ms": now_ms + wait_ms + patience,
            "tries": [],
        }
        self._world.store.put("delivery", row)
        self._owed[event_id].add(row["id"])
        if dropped:
            self._metrics.deliveries.labels("dropped").inc()
            return
        self._pending[event_id] += 1
        self._queue(row["id"], row["due_ms"])
        if reorder is not None:
            self._hold(row["id"], reorder)

    def _hold(self, identifier: str, reorder: Armed) -> None:
        """Held deliveries go out early, shuffled, as soon as enough of them have met."""
        held = self._held[id(reorder)]
        held.append(identifier)
        if len(held) < (reorder.fault.effects.reorder or 0):
            return
        shuffled = held[:]
        reorder.dice.shuffle(shuffled)
        if shuffled == held:
            shuffled.reverse()
        held.clear()
        now_ms = self._world.clock.now_ms()
        for index, each in enumerate(shuffled):
            row = self._world.store.must("delivery", each)
            if row["state"] == "pending" and not row["tries"]:
                row["due_ms"] = now_ms + index * REORDER_GAP_MS
                self._world.store.put("delivery", row)
                self._queue(each, row["due_ms"])

    async def _try(self, poster: Poster, identifier: str) -> None:
        row = self._world.store.get("delivery", identifier)
        overtaken = row is None or row["state"] != "pending" or row["due_ms"] > self._world.clock.now_ms()
        if row is None or overtaken or identifier in self._flying:
            return
        endpoint = self._world.store.get("endpoint", row["endpoint"])
        if endpoint is None or not envelopes.holds(self._world, endpoint, row["event"]):
            self._close(row, "failed")
            return
        self._flying.add(identifier)
        began = time.monotonic_ns()
        try:
            result = await self._post(poster, endpoint, row)
        finally:
            self._flying.discard(identifier)
        took = (time.monotonic_ns() - began) // 1_000_000
        row = self._world.store.get("delivery", identifier)
        if row is not None:  # a reset may have come between
            row["tries"].append({"at_ms": self._world.clock.now_ms(), "took_ms": took, **result})
            self._judge(row, good=200 <= result["status"] < 300)  # noqa: PLR2004 - success, and nothing else, is a receipt

    async def _post(self, poster: Poster, endpoint: Obj, row: Obj) -> Obj:
        provider = envelopes.provider_of(endpoint)
        effects = [a.fault.effects for a in self._faults.on_delivery(row["type"], trying=True, provider=provider)]
        envelope = envelopes.envelope(
            self._world,
            endpoint,
            row["event"],
            skew_s=sum(effect.skew_s or 0 for effect in effects),
            forged=any(effect.bad_signature for effect in effects),
        )
        try:
            status, answer = await poster.post(endpoint["url"], envelope.headers, envelope.body)
        except PostError as error:
            return {"status": 0, "error": str(error)}
        return {"status": status, "body": answer[:SHOWN_BODY].decode(errors="replace")}

    def _judge(self, row: Obj, *, good: bool) -> None:
        options = self._world.options
        tried = len(row["tries"])
        self._metrics.deliveries.labels("delivered" if good else "refused").inc()
        if good:
            self._close(row, "delivered")
        elif tried >= options.webhook_tries:
            self._metrics.deliveries.labels("given_up").inc()
            self._close(row, "failed")
        else:
            wait = min(options.webhook_first_retry_ms << (tried - 1), LONGEST_WAIT_MS)
            row["due_ms"] = self._world.clock.now_ms() + wait
            self._world.store.put("delivery", row)
            self._queue(row["id"], row["due_ms"])
        self._world.store.flush()

    def _close(self, row: Obj, state: str) -> None:
        row["state"] = state
        self._world.store.put("delivery", row)
        event = row["event"]
        self._pending[event] -= 1
        if self._pending[event] <= 0:
            del self._pending[event]
        if state == "delivered":
            self._owed[event].discard(row["id"])
            if not self._owed[event]:
                del self._owed[event]

    def log(self, wanted: dict[str, str]) -> list[Obj]:
        """Deliveries, oldest first; `type` may hold `*`."""
        kind = wanted.pop("type", "*")
        return [
            row
            for row in self._world.store.all("delivery")
            if type_matches(kind, row["type"]) and all(row[name] == value for name, value in wanted.items())
        ]
