"""Support at work: the history of today, an order somebody asks about, now and then a refund."""

from loadtests.users.person import Person

REFUNDS = 0.3  # of those who ask about an order


def help_somebody(person: Person) -> None:
    """Look at the history, then at an order of somebody, and give some their money back."""
    headers = {"Authorization": f"Bearer {person.turns.part.found['api_keys']['support']}"}
    person.ask("history", "GET", "/api/payment/transaction-history?limit=50", headers=headers)
    known = person.turns.orders
    if not known:
        return
    order = known[0].order_id
    person.ask("lookup", "GET", f"/api/payment/order/{order}", headers=headers)
    if person.dice.random() < REFUNDS:
        known.popleft()  # nobody else gives it back, too
        key = {"Idempotency-Key": f"{person.turns.part.run}-refund-{order}"}
        body = {"orderId": order, "reason": "requested_by_customer"}
        person.ask("refund", "POST", "/api/payment/refund", body=body, headers=headers | key, wanted=(201, 202))
