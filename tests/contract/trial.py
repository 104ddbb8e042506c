"""One provider on trial: its gateway as the service builds it, its stand-in, and a few words to tell what happens."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from service.gateways.base import Capability, Gateway
from service.gateways.calls import NoGuard, Operation
from service.gateways.facts import (
    CheckoutIntent,
    CheckoutStatus,
    GatewayCheckout,
    GatewayEvent,
    LineItem,
    RefundIntent,
)
from service.gateways.registry import Context, find_providers
from service.kernel.clock import utc_now
from service.kernel.money import Money
from service.settings import load_settings
from service.telemetry.registry import Telemetry
from tests.contract.stand import Fault, Sold, Stand

TIMEOUT_S = 1  # of one request; the stand-ins answer in milliseconds
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def build_gateway(stand: Stand, *, wrong: bool = False) -> Gateway:
    """The provider as `build_parts` builds it, from settings as an operator writes them."""
    own = stand.wrong_settings() if wrong else stand.settings()
    assert own is not None
    environment = {
        "CUBANO_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "CUBANO_SECRET_KEYS": "contract-secret-key-of-32-characters-or-more",
        "CUBANO_PROVIDERS": stand.provider,
        **own,
    }
    settings = load_settings(environment)
    return find_providers([stand.provider])[stand.provider](
        Context(
            options=settings.options_of(stand.provider),
            timeout_s=TIMEOUT_S,
            livemode=False,
            public_url="http://127.0.0.1:8000",
            guard=NoGuard(),
            telemetry=Telemetry("contract", version="0", environment="test"),
            clock=utc_now,
        )
    )


@dataclass
class Bought:
    """A checkout and the request that opened it."""

    intent: CheckoutIntent
    request: dict[str, Any]
    checkout: GatewayCheckout

    @property
    def ref(self) -> str:
        return self.checkout.ref

    @property
    def key(self) -> str:
        return self.intent.payment_id


@dataclass
class Trial:
    stand: Stand
    gateway: Gateway
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def can(self, capability: Capability) -> bool:
        return capability in self.gateway.capabilities

    def intent(self, currency: str = "USD", unit: int = 12_500) -> CheckoutIntent:
        """Two tickets; ids of its own each time."""
        number = next(self._numbers)
        price = Money(unit, currency)
        return CheckoutIntent(
            order_id=f"ord_{number:026}",
            order_number=f"ALC-{number:04}-TEST",
            payment_id=f"pay_{number:026}",
            email="ana@example.org",
            locale="es",
            lines=(LineItem("Pase completo: ¡baile!", price, 2),),
            total=price * 2,
            success_url="http://127.0.0.1:8000/es/order/1?token=a%2Fb",
            cancel_url="http://127.0.0.1:8000/es/order/1?canceled=1",
            traceparent=TRACEPARENT,
            now=utc_now(),
        )

    async def open(self, intent: CheckoutIntent | None = None) -> Bought:
        intent = intent or self.intent()
        request = self.gateway.checkout_request(intent)
        return Bought(intent, request, await self.gateway.open_checkout(request, key=intent.payment_id))

    async def finish(self, bought: Bought, *, attempt: int = 1) -> GatewayCheckout:
        """What is ours to do after the buyer: capture, or only look."""
        if self.can(Capability.CAPTURE):
            return await self.gateway.capture(bought.ref, key=f"{bought.key}-capture-{attempt}")
        return await self.gateway.fetch_checkout(bought.ref)

    async def buy(self, intent: CheckoutIntent | None = None) -> Bought:
        """A paid checkout."""
        bought = await self.open(intent)
        await self.stand.pay(bought.ref)
        done = await self.finish(bought)
        if self.stand.knows:
            assert (CheckoutStatus.COMPLETE, True) == (done.status, done.paid)
        else:  # only the event says so
            done = GatewayCheckout(bought.ref, CheckoutStatus.COMPLETE, True, None, bought.ref, bought.intent.total)
        bought.checkout = done
        return bought

    def refund_of(self, bought: Bought, minor: int, name: str = "rfd_1") -> dict[str, Any]:
        """The request of a refund; `name` is our row's id."""
        assert bought.checkout.payment_ref is not None
        return self.gateway.refund_request(
            RefundIntent(
                refund_id=name,
                payment_id=bought.intent.payment_id,
                order_id=bought.intent.order_id,
                order_number=bought.intent.order_number,
                payment_ref=bought.checkout.payment_ref,
                amount=Money(minor, bought.intent.total.currency),
                reason="requested_by_customer",
                traceparent=TRACEPARENT,
            )
        )

    async def sold(self, bought: Bought) -> Sold:
        """What it really is at the provider."""
        [found] = [each for each in await self.stand.truth() if each.checkout_ref == bought.ref]
        return found

    async def told(self) -> list[GatewayEvent]:
        """Every event sent so far, in neutral words, but those of no concern."""
        bodies = [each.body for each in await self.stand.deliveries()]
        return [event for event in map(self.gateway.normalise, bodies) if event.kind != "other"]

    async def listed(self, *, around: timedelta = timedelta(hours=1), undelivered: bool = False) -> Sequence[bytes]:
        """What the provider's list of events holds."""
        now = utc_now()
        return [
            each
            async for each in self.gateway.list_events(since=now - around, until=now + around, undelivered=undelivered)
        ]

    @asynccontextmanager
    async def broken(self, fault: Fault, operation: Operation | None = None) -> AsyncIterator[None]:
        await self.stand.break_down(fault, operation)
        try:
            yield
        finally:
            await self.stand.mend()
