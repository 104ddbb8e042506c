"""Who the synthetic buyer is, what it buys, how it shows that it is ours, and what it may pay. Pure.

It signs the Idempotency-Key of its checkout with the service's own keys (`Cubano-Synthetic`), because what it buys is sold to
nobody else. It pays where money is play money only: at Stripe with a test key. Everywhere else, and always with a key of the
live mode, it opens the gateway's page, lets it be closed again and has not paid.
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from service.catalog.tables import TicketKind

HEADER = "Cubano-Synthetic"
TICKET_TYPE = "synthetic-pass"
NAMES = {"en": "Synthetic pass", "es": "Pase sintético"}
CAPACITY = 100_000  # of a seat that nobody sits on; as many again when hardly any is left
LEAST_LEFT = 1_000
PRICE_MINOR = 500  # above the least that gateways take, in any currency
EMAIL = "synthetic-buyer@example.com"  # RFC 2606: nobody's; and no letter is written to it
STRIPE_URL = "https://api.stripe.com"
_TEST_KEYS = ("sk_test_", "rk_test_")
_SESSION = re.compile(r"/(cs_[A-Za-z0-9_]+)")


@dataclass(frozen=True)
class Purse:
    """Play money: where a checkout is paid in the buyer's place, as Stripe's own command line does it."""

    url: str
    key: str = field(repr=False)


def purse_of(*, livemode: bool, stripe_api_key: str, stripe_base_url: str) -> Purse | None:
    """None where real money could move, or where there is no Stripe."""
    if livemode or not stripe_api_key.startswith(_TEST_KEYS):
        return None
    return Purse((stripe_base_url or STRIPE_URL).rstrip("/"), stripe_api_key)


def sign(key: str, idempotency_key: str) -> str:
    """What proves that a checkout with this Idempotency-Key is the synthetic buyer's."""
    return hmac.new(key.encode(), b"synthetic-buyer:" + idempotency_key.encode(), sha256).hexdigest()


def is_ours(keys: Sequence[str], idempotency_key: str, signature: str) -> bool:
    """Whether one of our keys has signed it; compared in constant time."""
    given = signature.encode(errors="replace")
    matches = [hmac.compare_digest(sign(key, idempotency_key).encode(), given) for key in keys]
    return any(matches)  # after all of them, so that time tells nothing of which


def wish() -> dict[str, Any]:
    """The body of its checkout."""
    return {
        "items": [{"ticketType": TICKET_TYPE, "quantity": 1}],
        "customer": {"email": EMAIL, "name": "Synthetic Buyer"},
        "locale": "en",
    }


def ticket_type(currency: str) -> dict[str, Any]:
    """The row of what it buys."""
    return {
        "id": TICKET_TYPE,
        "kind": TicketKind.PASS,
        "position": 0,
        "names": NAMES,
        "descriptions": {},
        "price_minor": PRICE_MINOR,
        "price_currency": currency,
        "max_per_order": 1,
        "on_sale": False,  # for nobody: so code that does not know the mark does not show it either
        "synthetic": True,
    }


def session_of(checkout_url: str) -> str | None:
    """The id of Stripe's session in the address of its page."""
    found = _SESSION.search(checkout_url)
    return found[1] if found else None
