"""What can go wrong, as small classes that carry their data.

    CubanoError
    ├── Invalid              the request itself is wrong; names each field
    ├── NotFound             unknown, or not yours: indistinguishable on purpose
    ├── CardRefused          what looks like a card number stands in the request
    ├── Unauthenticated      a credential or signature is absent or wrong
    ├── Unidentified         who asks is not known: no credential, or one that is not good
    ├── Forbidden            known, and not allowed
    │   └── CrossSite        known by a cookie, but perhaps sent by another site
    ├── WrongNetwork         it does not come from where it may come from
    ├── RateLimited          too many requests of this kind from this client
    ├── Conflict             right request, wrong moment
    │   ├── SoldOut          not enough left of one ticket type
    │   ├── KeyInFlight      the same idempotency key is being worked on now
    │   ├── KeyReused        the same idempotency key came with another body
    │   ├── PlanChanged      what would be done now is not what was looked at
    │   └── WrongState       it is not in a state in which that can be done
    ├── GatewayError         the payment gateway did not do what was asked
    │   ├── ProviderUnavailable  the provider the customer chose is away, another is there; nothing was asked
    │   ├── GatewayUnavailable   no answer, or "try later": the outcome is unknown
    │   └── GatewayRejected      a definite no
    ├── Overloaded           more is waiting than can be worked on; come again
    ├── SalesPaused          nothing new is sold at the moment, by decision
    │   └── LoadShed             … and nothing is shown either (`shedding.py`)
    ├── Maintenance          nobody is let in at the moment, by decision
    ├── NotYet               an event came before the one it builds on; the inbox tries it again
    └── Parked               an event that a person must look at; never retried by itself

Errors know no HTTP: `problems.py` holds the one table that maps them. Why a refund is refused stands in `refusals.py`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class CubanoError(Exception):
    """Root of everything this project raises on purpose."""

    @property
    def detail(self) -> str:
        """One sentence for the person who reads the answer."""
        return str(self)

    @property
    def more(self) -> Mapping[str, Any]:
        """What a program may want to read of it besides."""
        return {}


@dataclass(frozen=True)
class FieldError:
    """One wrong field: its path in the request (`items[0].quantity`), a stable code, a sentence."""

    field: str
    code: str
    message: str


@dataclass
class Invalid(CubanoError):
    """The request is wrong; nothing was done."""

    fields: list[FieldError] = field(default_factory=list)
    code: str = "invalid_request"

    def __str__(self) -> str:
        return "; ".join(f"{each.field}: {each.message}" for each in self.fields) or "The request is not valid."

    @property
    def detail(self) -> str:
        count = len(self.fields)
        return "1 field is not valid." if count == 1 else f"{count} fields are not valid."


class NotFound(CubanoError):
    """Unknown or not yours."""

    def __str__(self) -> str:
        return "Nothing is known here under that id, or you may not see it."


class Unauthenticated(CubanoError):
    """A credential or a signature is absent or wrong. `reason` is a metric label, never shown to the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__("The request could not be authenticated.")
        self.reason = reason


class Unidentified(CubanoError):
    """Who asks is not known. `reason` is a metric label; `told` is for a caller who has shown the right secret."""

    def __init__(self, reason: str, told: str = "An API key is needed that is valid here.") -> None:
        super().__init__(told)
        self.reason = reason


class Forbidden(CubanoError):
    """It is known who asks, and that is not enough."""

    def __init__(self, permission: str) -> None:
        super().__init__(f"This needs the permission {permission}.")
        self.permission = permission


class WrongNetwork(CubanoError):
    """It comes from an address that is not on the list."""

    def __str__(self) -> str:
        return "Requests of this kind are not taken from this address."


@dataclass
class RateLimited(CubanoError):
    """The client has used up what it may ask for at this rate; nothing was done."""

    retry_after_s: int

    def __str__(self) -> str:
        return f"Too many requests; nothing was done. Please try again in {self.retry_after_s} s."


class CardRefused(CubanoError):
    """Something in the request looks like a card number. It is never said back."""

    def __str__(self) -> str:
        return (
            "Something in this request looks like a card number. Never send one here: cards are typed on the payment "
            "provider's own page only. The request was refused before it was read, so nothing was stored or logged."
        )


class CrossSite(Forbidden):
    """A browser sent it, and nothing shows that our own page made it."""

    def __init__(self) -> None:
        super().__init__("")

    @property
    def detail(self) -> str:
        return "It must come from our own pages; with a session, what changes something needs its X-CSRF-Token, too."


class Conflict(CubanoError):
    """The request is right but does not fit the present state."""


@dataclass
class SoldOut(Conflict):
    """Not enough left; nothing was held. `returning` seats are held by others and may come back."""

    ticket_type: str
    available: int
    returning: int = 0

    def __str__(self) -> str:
        if self.available > 0:
            return f"Only {self.available} of '{self.ticket_type}' are left."
        if self.returning > 0:
            return f"All of '{self.ticket_type}' are sold or held; {self.returning} held ones may come back."
        return f"'{self.ticket_type}' is sold out."


@dataclass
class KeyInFlight(Conflict):
    """The same Idempotency-Key is being worked on right now."""

    retry_after_s: int

    def __str__(self) -> str:
        return "The same request is still being worked on; try again in a moment."


class KeyReused(Conflict):
    """The same Idempotency-Key came with another body."""

    def __str__(self) -> str:
        return "This Idempotency-Key was used with a different request body. Use a new key for a new request."


class PlanChanged(Conflict):
    """What an operator agreed to is not what would happen now; nothing was done."""

    def __init__(self, plan_hash: str) -> None:
        super().__init__("Something has changed since the plan was made. Look at it again (dryRun), then decide anew.")
        self.plan_hash = plan_hash


class WrongState(Conflict):
    """It is not in a state in which that can be done; the message says in which it is."""


class GatewayError(CubanoError):
    """The payment gateway did not do what was asked."""


class ProviderUnavailable(GatewayError):
    """The chosen provider is known to be away, so it was not asked; `others` may be chosen instead."""

    def __init__(self, provider: str, others: tuple[str, ...], *, retry_after_s: int = 30) -> None:
        super().__init__(
            f"{provider} does not answer at the moment, so nothing was started and nothing was charged. "
            f"You can pay through {' or '.join(others)} instead, or leave the choice to us."
        )
        self.provider = provider
        self.others = others
        self.retry_after_s = retry_after_s


class GatewayUnavailable(GatewayError):
    """No answer, or a "later". `maybe_acted` says that the gateway may have done it all the same.

    `remembered` says that the gateway has kept an earlier failure under the key and only repeats it.
    """

    def __init__(
        self,
        provider: str,
        reason: str,
        *,
        retry_after_s: int = 5,
        maybe_acted: bool = True,
        remembered: bool = False,
    ) -> None:
        super().__init__("The payment provider does not answer at the moment. Nothing was charged.")
        self.provider = provider
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.maybe_acted = maybe_acted
        self.remembered = remembered


class GatewayRejected(GatewayError):
    """A definite no from the gateway, with its own code."""

    def __init__(self, provider: str, code: str, message: str) -> None:
        super().__init__("The payment provider refused the request. Nothing was charged.")
        self.provider = provider
        self.code = code
        self.message = message


class Overloaded(CubanoError):
    """More is waiting than can be worked on."""

    retry_after_s = 2

    def __str__(self) -> str:
        return "Too much is going on right now; nothing was done. Please try again in a few seconds."


class SalesPaused(CubanoError):
    """An operator has paused the sale of anything new."""

    retry_after_s = 30

    def __str__(self) -> str:
        return "Sales are paused for a moment. Nothing was charged, and orders that are open go on. Please come again soon."


class Maintenance(CubanoError):
    """An operator has closed the shop for a while."""

    retry_after_s = 60

    def __str__(self) -> str:
        return "We are working on the shop and will be back soon. Nothing is lost; payments under way are still taken."


class NotYet(CubanoError):
    """What this event builds on has not arrived; it is retried with back-off, never dropped.

    `maybe_foreign` says that it may as well be about something that is not ours: when the retries are used up it is
    ignored instead of becoming a dead letter.
    """

    def __init__(self, message: str, *, maybe_foreign: bool = False) -> None:
        super().__init__(message)
        self.maybe_foreign = maybe_foreign


class Parked(CubanoError):
    """An event that must not be applied before a person has looked at it. `cause` is a stable code.

    `keep` writes what is to stay known of it after its work was undone; to be called with a session.
    """

    def __init__(self, cause: str, message: str, *, keep: Callable[[Any], Awaitable[None]] | None = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.keep = keep
