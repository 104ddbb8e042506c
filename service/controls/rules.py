"""The closed list of switches: their positions, and which of them is normal.

`route` says who gets new checkouts, in which order; `breaker.<provider>` overrides what was seen of a provider; `sales`
and `maintenance` close the till and the shop; `load` sends away who only looks, `limits` moves all rate limits;
`returned_seats` says what becomes of a refunded seat. Checkouts that are open already obey none but the breaker. A new
switch is a row of `switches` and one place that asks for its position.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from service.kernel.errors import FieldError, Invalid

ROUTE, MAINTENANCE, SALES, RETURNED_SEATS = "route", "maintenance", "sales", "returned_seats"
LOAD, LIMITS = "load", "limits"
RESELL, KEEP = "resell", "keep"
NORMAL, SHED, TIGHT, LOOSE = "normal", "shed", "tight", "loose"
LONGEST_LEASE = timedelta(days=7)  # what holds longer than a week is no switch but a setting
MOST_REASON = 500  # characters


@dataclass(frozen=True)
class Switch:
    """`positions` are all there are; None means: some of the providers, in an order.

    `leased` ones are moved over the API only for a time: what a program or a tired person has turned turns back.
    """

    name: str
    normal: str
    positions: tuple[str, ...] | None
    help: str
    leased: bool = False


def switches(providers: Iterable[str]) -> dict[str, Switch]:
    """Every switch of an installation with these providers, by name."""
    known = tuple(providers)
    found = [
        Switch(ROUTE, ",".join(known), None, "Who gets new checkouts, the first choice first.", leased=True),
        Switch(SALES, "open", ("open", "paused"), "paused: no new checkouts; open ones go on."),
        Switch(MAINTENANCE, "off", ("off", "on"), "on: pages and API answer 503; webhooks are taken, open ones go on."),
        Switch(RETURNED_SEATS, RESELL, (RESELL, KEEP), "keep: seats of refunded tickets do not go on sale again."),
        Switch(
            LOAD, NORMAL, (NORMAL, SHED), "shed: who only looks or begins to buy is told to come later.", leased=True
        ),
        Switch(
            LIMITS,
            NORMAL,
            (NORMAL, TIGHT, LOOSE),
            "tight: half of every rate limit, loose: twice as much; never for signed webhooks.",
            leased=True,
        ),
        *(
            Switch(
                breaker_of(each), "auto", ("auto", "open", "closed"), f"open: nothing is sent to {each}.", leased=True
            )
            for each in known
        ),
    ]
    return {each.name: each for each in found}


def breaker_of(provider: str) -> str:
    return f"breaker.{provider}"


def read_position(switch: Switch, text: str) -> str:
    """The position as it is written down; raises `Invalid` when the switch has no such position."""
    if switch.positions is not None:
        if text not in switch.positions:
            raise Invalid([FieldError("position", "unknown_position", f"One of {', '.join(switch.positions)}.")])
        return text
    names = read_route(text)
    known = read_route(switch.normal)
    if not names or not set(names) <= set(known) or len(set(names)) < len(names):
        raise Invalid(
            [FieldError("position", "unknown_position", f"Some of {', '.join(known)}, each once, by commas.")]
        )
    return ",".join(names)


def read_route(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
