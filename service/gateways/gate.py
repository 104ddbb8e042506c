"""What stands before every call to a provider: its breaker, then its turn. How the call ended goes back to both."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from service.gateways.breaker import Breaker
from service.gateways.calls import TERMS, Operation
from service.gateways.governor import Governor
from service.kernel.errors import GatewayError, GatewayUnavailable
from service.telemetry.labels import ClientOutcome

# The probe must get through an open breaker, and what it needs for it. Both are part of another question, which counts.
ALWAYS = frozenset({Operation.PROBE, Operation.AUTHENTICATE})


class Gate:
    """The `Guard` of one provider."""

    def __init__(self, breaker: Breaker, governor: Governor) -> None:
        self.breaker = breaker
        self._governor = governor

    @asynccontextmanager
    async def admit(self, operation: Operation) -> AsyncGenerator[None, None]:
        always = operation in ALWAYS
        tells = TERMS[operation].trips and not always
        if not always:
            self.breaker.check()
        await self._governor.turn(operation)
        if not always:
            self.breaker.check()  # it may have opened while this call waited
        try:
            yield
        except GatewayError as error:
            if isinstance(error, GatewayUnavailable) and error.reason == ClientOutcome.RATE_LIMITED:
                self._governor.pause(operation)
            if tells:
                await self.breaker.note(error)
            raise
        if tells:
            await self.breaker.note(None)
