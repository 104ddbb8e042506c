"""Somebody who tries stolen cards: one checkout after the other, each with cards that are declined."""

from loadtests.users.buyer import check_out
from loadtests.users.person import Person
from loadtests.wire import page

DECLINED = "4000000000000002"
_CARDS = 3  # tried on each checkout


def try_cards(person: Person) -> None:
    """Get a checkout, if our limits let him, and try."""
    order = check_out(person)
    if order and order["provider"] != "paypal":
        for _ in range(_CARDS):
            person.at_gateway(f"/sessions/{page(order['checkoutUrl'])}/pay", {"card": DECLINED})
