"""A gateway that tells: signed events of checkouts that are not ours, so that they cost their way through the inbox and
change nothing; in a storm each of them many times and in disorder. (What is paid in a scenario is told by the stand-in.)
"""

import time

from loadtests.users.person import Person
from loadtests.wire import event, signature

COPIES = 10
_MIXED_UP = 300  # so many turns back an event may still come


def tell(person: Person) -> None:
    """One new event."""
    _send(person, person.slot.number if person.slot else 0, person.slot.at_s if person.slot else 0)


def tell_again(person: Person) -> None:
    """One of the last events, each of which comes about `COPIES` times, an older one after a younger."""
    number = person.slot.number if person.slot else 0
    _send(person, person.dice.randint(max(0, number - _MIXED_UP), number) // COPIES, 0)  # all copies are the same


def _send(person: Person, number: int, at_s: float) -> None:
    part, now = person.turns.part, int(time.time())
    body = event(part.run, number, int(part.began_at + at_s))
    headers = {"Stripe-Signature": signature(part.found["webhook_secrets"]["stripe"], body, now)}
    person.ask("webhook", "POST", "/api/payment/webhook", body=body, headers=headers)
