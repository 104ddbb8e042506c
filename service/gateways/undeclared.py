"""What a provider answers to a call it has not declared: a definite no, before anything is sent.

Nobody asks for what is not declared, so these are never reached in good order. A provider inherits them and writes only
the calls it has; every call of the protocol that no provider can do without is missing here on purpose.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NoReturn

from service.gateways.base import Capability
from service.gateways.facts import GatewayCheckout, RefundFacts, RefundIntent, Settlement
from service.kernel.errors import GatewayRejected


class Undeclared:
    """The calls that hang on a capability, each refused with `GatewayRejected`, code `undeclared`."""

    provider: str
    webhook_secrets: tuple[str, ...] = ()

    def _refuse(self, capability: Capability) -> NoReturn:
        raise GatewayRejected(self.provider, "undeclared", f"{self.provider} does not declare {capability}")

    async def find_checkout(self, request: dict[str, Any], *, since: datetime) -> GatewayCheckout | None:
        del request, since
        self._refuse(Capability.FIND_CHECKOUT)

    async def capture(self, ref: str, *, key: str) -> GatewayCheckout:
        del ref, key
        self._refuse(Capability.CAPTURE)

    def refund_request(self, intent: RefundIntent) -> dict[str, Any]:
        del intent
        self._refuse(Capability.REFUND)

    async def refund(self, request: dict[str, Any], *, key: str) -> RefundFacts:
        del request, key
        self._refuse(Capability.REFUND)

    async def find_refund(self, request: dict[str, Any]) -> RefundFacts | None:
        del request
        self._refuse(Capability.FIND_REFUND)

    def accept_secrets(self, secrets: tuple[str, ...]) -> None:
        del secrets
        self._refuse(Capability.RUNTIME_SECRETS)

    async def fetch_event(self, body: bytes) -> bytes:
        del body
        self._refuse(Capability.THIN_EVENTS)

    def list_events(self, *, since: datetime, until: datetime, undelivered: bool = False) -> AsyncIterator[bytes]:
        del since, until, undelivered
        self._refuse(Capability.LIST_EVENTS)

    def list_settlements(self, *, since: datetime, until: datetime) -> AsyncIterator[Settlement]:
        del since, until
        self._refuse(Capability.LIST_SETTLEMENTS)

    def list_paid_out(self, payout_ref: str) -> AsyncIterator[Settlement]:
        del payout_ref
        self._refuse(Capability.ITEMISED_PAYOUTS)
