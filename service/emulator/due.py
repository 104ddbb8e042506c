"""What time will do, read from the books: an open session ends, a payment, refund, dispute or payout settles.

Each kind that waits has its line here, so that a restart forgets none of them.
"""

from service.emulator import disputes, payments, payouts, refunds, sessions
from service.emulator.world import Action, World

SETTLES: dict[str, Action] = {  # by the first three letters of the id
    "pi_": payments.settle,
    "re_": refunds.settle,
    "du_": disputes.decide,
    "po_": payouts.arrive,
}


def restore(world: World) -> None:
    """Set every timer anew, as after a restart."""
    store, timers = world.store, world.timers
    for session in store.all("checkout.session"):
        if session["status"] == "open":
            timers.at(session["expires_at"] * 1000, sessions.expire_when_due, session["id"])
    for secret in store.all("secret"):
        if "settles_ms" in secret:
            timers.at(secret["settles_ms"], SETTLES[secret["id"][:3]], secret["id"])
    for dispute in store.all("dispute"):
        if dispute["status"] in disputes.WAITING:
            timers.at(dispute["evidence_details"]["due_by"] * 1000, disputes.lapse, dispute["id"])
    for day in store.all("payday"):
        if not day["done"]:
            timers.at(day["due_ms"], payouts.payday, day["id"])
    for refund in store.all("refund"):
        if refunds.is_waiting(refund):
            refunds.wait(world, refund["id"])
