"""Why money does not go back, as small classes that carry their data: a branch of the tree in `errors.py`.

    Forbidden
    ├── OwnRequest       who asked for it may not decide it
    └── NobodysKey       a second person is needed, and nobody knows whose key this is
    Conflict
    ├── NotPaid          there is no money of this order that could go back
    ├── NothingLeft      all of it has gone back, or is on its way
    ├── AboveLeft        more is asked for than is left
    ├── DisputeRunning   the buyer's bank has the money and decides
    └── NotRefundable    the provider cannot give it back in this way

Who asks learns it at once, and nothing was done.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.kernel.errors import Conflict, Forbidden
from service.kernel.money import Money


class OwnRequest(Forbidden):
    """Four eyes are needed, and these are two of them."""

    def __init__(self) -> None:
        super().__init__("")

    @property
    def detail(self) -> str:
        return "You asked for this refund yourself, so another person has to decide it."


class NobodysKey(Forbidden):
    """Four eyes are needed, and a key whose client has no owner has none."""

    def __init__(self) -> None:
        super().__init__("")

    @property
    def detail(self) -> str:
        return (
            "A second person is needed, and nobody answers for the API key that asks or has asked. "
            "Sign in instead, or give its client an owner."
        )


class NotPaid(Conflict):
    """Nothing of it can go back; the message says how it stands."""


class NothingLeft(Conflict):
    """All of the payment has gone back, or is on its way."""

    def __str__(self) -> str:
        return "Nothing is left to refund: all of it has gone back, is on its way, or waits for approval."


@dataclass
class AboveLeft(Conflict):
    """More was asked for than is left; of `ticket_type`, when one of those is meant and not money."""

    left: Money
    ticket_type: str | None = None
    tickets: int | None = None

    def __str__(self) -> str:
        if self.ticket_type is not None:
            return f"Of '{self.ticket_type}' only {self.tickets} can still be given back."
        return f"Only {self.left.format()} of it can still be refunded."

    @property
    def more(self) -> Mapping[str, Any]:
        money = {"left": {"minor": self.left.minor, "currency": self.left.currency}}
        return (
            money if self.ticket_type is None else money | {"ticketType": self.ticket_type, "ticketsLeft": self.tickets}
        )


class DisputeRunning(Conflict):
    """While the buyer's bank decides, a refund would give the same money back twice."""

    def __str__(self) -> str:
        return "The buyer's bank disputes this payment and has the money. Answer the dispute, or accept it; do not refund it."


class NotRefundable(Conflict):
    """The provider gives nothing back by itself, or only all at once; the message says which."""
