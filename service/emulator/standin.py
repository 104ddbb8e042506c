"""All parts of the stand-in, wired once: the world, the faults, the sender and the API over one store."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from service.emulator import due
from service.emulator.api import Api
from service.emulator.faults import Faults
from service.emulator.metrics import Metrics
from service.emulator.paypal import levers as paypal
from service.emulator.paypal.api import Api as PayPalApi
from service.emulator.store import Store
from service.emulator.webhooks import Webhooks
from service.emulator.world import Options, World

TICK_S = 0.2  # how late time alone may act when nobody asks


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Who is told of events. A PayPal endpoint's `secret` is its webhook id; `payload` is Stripe's: snapshot or thin."""

    url: str
    secret: str
    enabled_events: list[str] = field(default_factory=lambda: ["*"])
    provider: str = "stripe"
    payload: str = "snapshot"


class StandIn:
    """One running gateway."""

    def __init__(self, store: Store, options: Options) -> None:
        self.world = World(store, options)
        self.faults = Faults()
        self.metrics = Metrics(store.counts)
        self.webhooks = Webhooks(self.world, self.faults, self.metrics)
        self.api = Api(self.world, self.faults, self.metrics)
        self.paypal = PayPalApi(self.world, self.faults, self.metrics)
        self._restore()

    def listen(self, endpoints: Iterable[Endpoint]) -> None:
        """Exactly these from now on. They are known by their place, so what is owed follows a changed address."""
        store = self.world.store
        store.forget("endpoint")
        for place, endpoint in enumerate(endpoints):
            store.put("endpoint", {"id": f"we_{place}", **asdict(endpoint)})

    def advance(self, seconds: int) -> None:
        self.world.clock.advance(seconds * 1000)
        self.world.timers.run(self.world)
        self.webhooks.wake()

    def reset(self) -> None:
        """Nothing ever happened; only the endpoints and the certificates stay."""
        self.faults.clear()
        self.world.timers.clear()
        self.world.store.clear(keep=("endpoint", "paypal.cert"))
        self.world.clock.offset_ms = 0
        self.webhooks.restore()

    async def run(self) -> None:
        """Send webhooks and let time pass until cancelled."""
        sender = asyncio.create_task(self.webhooks.run())
        try:
            while not sender.done():
                self.world.timers.run(self.world)
                self.world.store.is_writable()  # what cannot be written now waits; readiness tells
                await asyncio.sleep(TICK_S)
            sender.result()
        finally:
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender
            self.world.store.flush()

    def _restore(self) -> None:
        """Timers and debts from the books of an earlier run."""
        due.restore(self.world)
        paypal.restore(self.world)
        self.webhooks.restore()
