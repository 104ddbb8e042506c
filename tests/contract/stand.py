"""What the conformance kit needs of a provider's stand-in: how a buyer behaves there, what is really true, what goes wrong.

The author of a provider writes one `Stand` and names it in the entry-point group `cubano.contract` under the provider's
name; `pytest tests/contract --provider NAME` does the rest. Everything here is told from outside of the provider's code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from service.gateways.calls import Operation
from service.kernel.money import Money


class Fault(StrEnum):
    """What goes wrong between us and the provider."""

    NO_ANSWER = "no_answer"  # nothing is done and the answer never comes
    LOST_ANSWER = "lost_answer"  # the work is done, then the connection is cut
    CUT = "cut"  # the connection is cut before anything is done
    RATE_LIMIT = "rate_limit"
    BROKEN = "broken"  # the provider's own error
    OUTAGE = "outage"


@dataclass(frozen=True)
class Delivery:
    """One event as it came to our door; what did not come by HTTP has no headers."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Sold:
    """What one checkout really is at the provider. `charged` is zero as long as no money is there."""

    checkout_ref: str
    payment_ref: str | None
    charged: Money
    refunded: Money
    order_id: str | None = None


class Stand(Protocol):
    """One provider's stand-in, started once a run and emptied before each test."""

    provider: str
    faults: frozenset[Fault]  # those it can play
    currencies: tuple[str, ...]  # that the provider takes
    signed_by: tuple[str, ...]  # the headers that prove an event genuine, in lower case
    oldest: timedelta  # an event may be this old when it comes
    page: int  # the most events one answer of its list holds
    knows: bool  # False where there is no outside that could be asked how a checkout stands

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def settings(self) -> Mapping[str, str]:
        """The provider's settings, by their names in the environment, for this stand-in."""
        ...

    def wrong_settings(self) -> Mapping[str, str] | None:
        """The same with credentials nobody accepts; None where there are none."""
        ...

    async def begin(self) -> None:
        """Empty it and listen for events; called before each test, on its event loop."""
        ...

    async def end(self) -> None: ...

    async def pay(self, ref: str) -> None:
        """The buyer pays, or approves where the capture is our act."""
        ...

    async def decline(self, ref: str) -> None:
        """The buyer tries and it fails, now or at the capture; the checkout stays open."""
        ...

    async def delay(self, ref: str, *, well: bool) -> None:
        """The buyer pays in a way whose money comes later, or will turn out not to come; it stays open until `settle`."""
        ...

    async def settle(self) -> None:
        """So much time passes that all that was delayed is decided."""
        ...

    async def dispute(self, ref: str) -> None:
        """The buyer's bank takes the money of a paid checkout back."""
        ...

    async def close_dispute(self, ref: str, *, won: bool) -> None: ...

    async def pay_out(self) -> None:
        """Time passes, and the provider pays to the bank all that there is."""
        ...

    async def break_down(self, fault: Fault, operation: Operation | None) -> None:
        """From now on this goes wrong, for one operation or for all, until `mend`."""
        ...

    async def mend(self) -> None: ...

    async def truth(self) -> Sequence[Sold]:
        """Every checkout there is, oldest first."""
        ...

    async def deliveries(self, *, thin: bool = False) -> Sequence[Delivery]:
        """Every event sent since `begin`, in the order of sending, once all that are owed have come."""
        ...
