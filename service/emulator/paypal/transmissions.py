"""What is sent to a PayPal webhook: the event's bytes and the five headers a receiver verifies them with.

Slashes are escaped, as JSON allows: a receiver that parses the body and writes it again before verifying, the classic
mistake, gets other bytes than were signed and fails here too. Each try is a transmission of its own.
"""

import time

from service.emulator.paypal import ids, signing, times
from service.emulator.wire import Obj
from service.emulator.world import World

SOMEBODY_ELSES = "WH-SOMEBODY-ELSES"


def transmission(
    world: World, endpoint: Obj, event_id: str, *, skew_s: int, forged: bool
) -> tuple[dict[str, str], bytes]:
    """Headers and body; signed by the machine's time, not the stand-in's, which may be days ahead."""
    body = (world.store.raw("paypal.event", event_id) or b"").replace(b"/", rb"\/")
    identifier, at = ids.transmission_id(), times.stamp(int(time.time()) + skew_s)
    # a forged one has a good form and was made for somebody else's webhook: the classic thing to send again
    webhook_id = SOMEBODY_ELSES if forged else endpoint["secret"]
    headers = {
        "content-type": "application/json",
        "user-agent": "PayPal/AUHD-214.0-58843217",
        "paypal-transmission-id": identifier,
        "paypal-transmission-time": at,
        "paypal-transmission-sig": signing.sign(world, identifier, at, webhook_id, body),
        "paypal-cert-url": signing.cert_url(world),
        "paypal-auth-algo": signing.ALGORITHM,
        "paypal-auth-version": "v2",
    }
    return headers, body
