"""Those who come to buy: they look, check out, pay at the gateway and wait for their ticket; some only look, some never pay."""

from typing import Any

from loadtests.result import Outcome
from loadtests.turns import Known
from loadtests.users.person import Person
from loadtests.wire import page

CARD = "4242424242424242"
PAYPAL = 0.15  # of those who may choose
PATIENCE_S = 30.0  # who has paid looks for the ticket that long
_LOOKS_S = (0.1, 0.2, 0.4, 0.8)  # and then every second, as the order's page does
_THINKS_S = 0.2


def visit(person: Person) -> None:
    """Open the store, or ask for the catalogue as its pages do."""
    if person.dice.random() < 0.3:  # noqa: PLR2004 - most have the page open already
        person.ask("store", "GET", "/en")
    else:
        _look(person)


def buy(person: Person) -> None:
    """All the way from the catalogue to the ticket."""
    _look(person)
    person.pause(person.dice.uniform(0, _THINKS_S))
    if order := check_out(person):
        pay(person, order)
        _wait_for_ticket(person, order)


def abandon(person: Person) -> None:
    """Hold a place and never pay."""
    _look(person)
    check_out(person)


def shop(person: Person) -> None:
    """Check out, pay and look once, without a pause: what capacity is measured with."""
    if order := check_out(person):
        pay(person, order)
        see(person, order)


def check_out(person: Person) -> Any:
    """The order, or None for who was turned away."""
    turns, dice = person.turns, person.dice
    wanted = {"ticketType": dice.choice(turns.part.scenario.wants), "quantity": 1 + (dice.random() < 0.25)}  # noqa: PLR2004
    number = f"{person.slot.number if person.slot else 0}-{dice.getrandbits(48):012x}"
    body = {
        "items": [wanted],
        "customer": {"email": f"load-{number}@example.org", "name": "Ana Load"},
        "locale": "en",
        **({"provider": "paypal"} if dice.random() < PAYPAL else {}),
    }
    headers = {"Idempotency-Key": f"{turns.part.run}-{number}"}
    answer = person.ask("checkout", "POST", "/api/payment/checkout-session", body=body, headers=headers, wanted=(201,))
    return answer.body if answer.outcome is Outcome.OK else None


def pay(person: Person, order: Any) -> None:
    """On the gateway's page."""
    means = {"paypal": "approve"} if order["provider"] == "paypal" else {"card": CARD}
    person.at_gateway(f"/sessions/{page(order['checkoutUrl'])}/pay", means)


def see(person: Person, order: Any) -> Any:
    """The order as its buyer sees it; None when it cannot be seen."""
    headers = {"Authorization": f"Bearer {order['accessToken']}"}
    return person.ask("order", "GET", f"/api/payment/order/{order['orderId']}", headers=headers).body


def _look(person: Person) -> None:
    person.ask("catalog", "GET", "/api/payment/catalog")


def _wait_for_ticket(person: Person, order: Any) -> None:
    turns, began, looks = person.turns, person.turns.now(), 0
    while turns.now() - began < PATIENCE_S:
        person.pause(_LOOKS_S[looks] if looks < len(_LOOKS_S) else 1.0)
        looks += 1
        seen = see(person, order)
        if seen and seen.get("status") == "paid":
            turns.ticket((turns.now() - began) * 1000)
            turns.orders.append(Known(order["orderId"], order["accessToken"]))
            return
    person.fail("ticket", PATIENCE_S * 1000)
