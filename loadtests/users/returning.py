"""Customers who come back to look at an order they have made."""

from loadtests.users.buyer import visit
from loadtests.users.person import Person


def come_back(person: Person) -> None:
    """Open the order; who has none yet opens the store."""
    known = person.turns.orders
    if not known:
        return visit(person)
    order = known[person.dice.randrange(len(known))]
    headers = {"Authorization": f"Bearer {order.token}"}
    person.ask("order", "GET", f"/api/payment/order/{order.order_id}", headers=headers)
    return None
