"""One call to a gateway: its turn, its breaker, its deadline, its span and its figures, the same for every provider.

    async with self._calls.call(Operation.REFUND):
        ... the vendor's client ...

`Guard` decides whether a call may go out now (rate, breaker); what the vendor's client raises is turned into our two
errors by the provider's own `translate`. A new operation is a row of `TERMS`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from service.kernel.errors import GatewayError, GatewayRejected, GatewayUnavailable
from service.telemetry import catalogue
from service.telemetry.labels import CallPriority, ClientOutcome
from service.telemetry.registry import Telemetry
from service.telemetry.tracing import Kind


class Operation(StrEnum):
    """What a gateway is asked; also the label of the call's duration."""

    OPEN_CHECKOUT = "open_checkout"
    FETCH_CHECKOUT = "fetch_checkout"
    EXPIRE_CHECKOUT = "expire_checkout"
    FIND_CHECKOUT = "find_checkout"
    CAPTURE = "capture"
    REFUND = "refund"
    FIND_REFUND = "find_refund"
    FETCH_EVENT = "fetch_event"
    LIST_EVENTS = "list_events"
    LIST_SETTLEMENTS = "list_settlements"
    AUTHENTICATE = "authenticate"
    PROBE = "probe"


@dataclass(frozen=True)
class Terms:
    """Whose turn it is, how long its wait and all tries may take, and whether its outcome tells of the gateway's health."""

    priority: CallPriority
    deadline_s: float
    trips: bool = True


LEAST_S = 0.5  # with less time left than this no gateway answers, and a call broken off is an unknown outcome
_CHECKOUT, _REFUND, _BOOKS = CallPriority.CHECKOUT, CallPriority.REFUND, CallPriority.BOOKKEEPING

TERMS = {
    Operation.OPEN_CHECKOUT: Terms(_CHECKOUT, 9),  # the customer gets a clear answer within 10 s
    Operation.CAPTURE: Terms(_CHECKOUT, 20),  # nobody waits at the page; a slow yes is worth more than an unknown
    Operation.AUTHENTICATE: Terms(_CHECKOUT, 9),
    Operation.FETCH_CHECKOUT: Terms(_BOOKS, 9),  # nobody waits for it: it finds what no event told
    Operation.EXPIRE_CHECKOUT: Terms(_CHECKOUT, 9),
    Operation.FIND_CHECKOUT: Terms(_REFUND, 20),
    Operation.REFUND: Terms(_REFUND, 20),
    Operation.FIND_REFUND: Terms(_REFUND, 20),
    Operation.FETCH_EVENT: Terms(_REFUND, 9),
    Operation.LIST_EVENTS: Terms(_BOOKS, 30, trips=False),
    Operation.LIST_SETTLEMENTS: Terms(_BOOKS, 60, trips=False),
    Operation.PROBE: Terms(_BOOKS, 9),
}


class Guard(Protocol):
    """Stands before a provider's calls."""

    def admit(self, operation: Operation) -> AbstractAsyncContextManager[None]:
        """Wait for the call's turn and hold the breaker while it runs; the block's exception tells how it went.

        Raises `GatewayUnavailable` with `maybe_acted=False` when nothing may be sent.
        """
        ...


class NoGuard:
    """Lets every call through at once."""

    def admit(self, operation: Operation) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - the protocol's shape
        return nullcontext()


Translate = Callable[[Any], GatewayError]


class Calls:
    """The calls of one provider. `errors` is what the vendor's client raises, `translate` what that means to us."""

    def __init__(
        self,
        provider: str,
        *,
        telemetry: Telemetry,
        guard: Guard,
        errors: type[Exception] | tuple[type[Exception], ...],
        translate: Translate,
    ) -> None:
        self._provider = provider
        self._telemetry = telemetry
        self._guard = guard
        self._errors = errors
        self._translate = translate

    @asynccontextmanager
    async def call(self, operation: Operation, *, within_s: float | None = None) -> AsyncGenerator[None, None]:
        """The block is one call, all its tries together; it raises our errors and nothing of the vendor's."""
        outcome: str = ClientOutcome.OK
        with self._telemetry.span(f"{self._provider} {operation}", kind=Kind.CLIENT):
            asked = started = time.perf_counter()
            try:
                async with self._guard.admit(operation), self._in_our_words():
                    started = time.perf_counter()  # the wait for its turn is a figure of its own
                    left_s = (within_s or TERMS[operation].deadline_s) - (started - asked)
                    if left_s < LEAST_S:
                        raise GatewayUnavailable(self._provider, ClientOutcome.NOT_SENT, maybe_acted=False)
                    async with asyncio.timeout(left_s):
                        yield
            except GatewayError as error:
                outcome = _outcome(error)
                raise
            finally:
                self._telemetry.observe(
                    catalogue.HTTP_CLIENT_DURATION,
                    time.perf_counter() - started,
                    provider=self._provider,
                    operation=operation,
                    outcome=outcome,
                )

    @asynccontextmanager
    async def _in_our_words(self) -> AsyncGenerator[None, None]:
        try:
            yield
        except GatewayError:
            raise
        except TimeoutError as error:
            raise GatewayUnavailable(self._provider, ClientOutcome.TIMEOUT) from error
        except self._errors as error:
            raise self._translate(error) from error


def _outcome(error: GatewayError) -> str:
    if isinstance(error, GatewayRejected):
        return ClientOutcome.REJECTED
    reason = error.reason if isinstance(error, GatewayUnavailable) else ""
    return reason if reason in set(ClientOutcome) else ClientOutcome.ERROR
