"""Stories of money that goes astray: it comes too late, or twice, or nobody says whether it went."""

from typing import Any

from service.access.rules import Role
from tests.crash.people import ask, key_of, open_checkout, order_is, pay
from tests.crash.play import Play
from tests.crash.stories import (
    OPENING,
    STILL_S,
    UNHEARD,
    ends,
    refused,
    unanswered,
    unlisted,
)

REFUNDING = {"method": "POST", "path": "/v1/refunds"}
CAPTURING = {"method": "POST", "path": "/paypal/v2/checkout/orders/*/capture"}
HOUR_S, DAY_S = 3_601, 86_400
_ASKED = "SELECT 1 FROM outbox WHERE kind = 'refund.send' AND attempts > 0 AND leased_until IS NULL"
_HEARD_OF_REFUNDS = """
    SELECT 1 FROM payment_events WHERE strpos(type, 'refund') > 0
    HAVING count(*) > 0 AND bool_and(state IN ('applied', 'ignored'))
"""
SILENT = ({"match": {"event_type": "PAYMENT.CAPTURE.*"}, "effects": {"drop": True}}, unlisted("paypal"))


async def pays_too_late(play: Play) -> None:
    """Pays on a page we had given up, when the last seat is somebody else's: the money goes back."""
    await _pay_too_late(play)
    await _is_in_the_end(play, "refunded")


async def gets_no_money_back(play: Play) -> None:
    """The same, and the gateway refuses the refund: a person has to see it."""
    no = {"error": {"type": "invalid_request_error", "code": "charge_disputed", "message": "no"}}
    await _pay_too_late(play, refused(REFUNDING, no))
    await _is_in_the_end(play, "late_payment")
    await play.until("the refund has failed", lambda: play.rows("SELECT 1 FROM refunds WHERE status = 'failed'"))


async def is_given_back_by_two(play: Play) -> None:
    """Somebody asks for more than they may give back alone: turned down once, asked for again, and approved."""
    checkout = await open_checkout(play, "by-two")
    await pay(play, checkout)
    await order_is(play, checkout["orderId"], "paid")
    ana, ben = await key_of(play, "ana", Role.SUPPORT), await key_of(play, "benito", Role.FINANCE)
    wish = {"orderId": checkout["orderId"], "reason": "requested_by_customer"}
    first = await ask(play, "refund", ana | {"Idempotency-Key": "first"}, **wish)
    await ask(play, f"refund/{first['refundId']}/reject", ben, note="Talk to them.")
    second = await ask(play, "refund", ana | {"Idempotency-Key": "second"}, **wish)
    await ask(play, f"refund/{second['refundId']}/approve", ben)
    await ends(play, checkout, "refunded")


async def is_refunded_unheard(play: Play) -> None:
    """The same, and nothing tells of the refund for so long that the gateway has forgotten its key: it is looked up."""
    await _pay_too_late(play, unanswered(REFUNDING))
    await play.until("the refund is made", lambda: _refunds(play))
    await play.faults(UNHEARD, unlisted())
    await play.advance(1.3 * DAY_S)
    await _is_in_the_end(play, "refunded")
    await play.faults(UNHEARD)
    await play.until("the list brings what was unheard", lambda: play.rows(_HEARD_OF_REFUNDS))


async def is_refunded_at_last(play: Play) -> None:
    """The same, and the gateway is away for so long that nobody may repeat the request before it was looked up."""
    await _pay_too_late(play, {"match": REFUNDING, "effects": {"reset": "before"}})
    await play.until("the refund is asked for", lambda: play.rows(_ASKED))
    await play.faults()
    await play.advance(1.3 * DAY_S)
    await _is_in_the_end(play, "refunded")


async def is_refunded_under_another_key(play: Play) -> None:
    """The same, and the gateway keeps its own failure under the key."""
    kept = {"match": REFUNDING, "times": 1, "effects": {"error": {"status": 500, "keep": True}}}
    await _pay_too_late(play, kept)
    await play.until("the refund is asked for", lambda: play.rows(_ASKED))
    await play.advance(2 * STILL_S)
    await _is_in_the_end(play, "refunded", every_s=2 * STILL_S)  # each time long after the try before


async def hears_nothing_of_its_refund(play: Play) -> None:
    """The same, the bank takes its time over the refund, and nothing tells of its end: it is asked for."""
    hushed = {"match": {"event_type": "refund.*"}, "effects": {"drop": True}}
    await _pay_too_late(play, hushed, unlisted(), card="4000000000007726")
    await play.until("the refund is pending", lambda: play.rows("SELECT 1 FROM refunds WHERE status = 'pending'"))
    await _is_in_the_end(play, "refunded", every_s=HOUR_S)


async def waits_for_its_refund(play: Play) -> None:
    """The same, and the gateway does not refund for longer than all the tries of the message."""
    away = {"match": REFUNDING, "effects": {"error": {"status": 503}}}
    await _pay_too_late(play, away)
    await play.until("the refund is asked for", lambda: play.rows(_ASKED))
    await play.rows("UPDATE outbox SET state = 'dead', attempts = 100 WHERE kind = 'refund.send' RETURNING seq")
    await play.faults()
    await _is_in_the_end(play, "refunded")


async def _pay_too_late(play: Play, *faults: dict[str, Any], **how: Any) -> None:
    """Opens a page without hearing of it, and pays on it after all, as somebody who kept its address in another window."""
    await play.faults(unanswered(OPENING))
    await open_checkout(play, "too-late", tries=1)
    await play.until("the order is given up", lambda: play.rows("SELECT 1 FROM orders WHERE status = 'canceled'"))
    await play.rows("UPDATE stock SET capacity = 0 RETURNING capacity")
    await play.faults(*faults)
    page = (await play.control("GET", "truth?status=open"))["payments"][0]
    is_deaf = any(each["effects"].get("reset") == "after" for each in faults)
    await play.control("POST", f"sessions/{page['session']}/pay", **how)
    if is_deaf:  # of the payment we hear, of the refund we do not
        await play.until("the payment is known", lambda: play.rows("SELECT 1 FROM payments WHERE status = 'succeeded'"))
        await play.faults(*faults, UNHEARD, unlisted())


async def _refunds(play: Play) -> list[dict[str, Any]]:
    return (await play.control("GET", "truth"))["refunds"]


async def _is_in_the_end(play: Play, status: str, *, every_s: float = 0) -> None:
    order_id = (await play.rows("SELECT id FROM orders"))[0]["id"]
    play.expected[order_id] = status
    await order_is(play, order_id, status, every_s=every_s)


async def pays_elsewhere(play: Play) -> None:
    """One gateway does not answer, and the buyer pays at the other."""
    await play.faults(unanswered(OPENING))
    checkout = await open_checkout(play, "elsewhere")
    await play.faults()
    await pay(play, checkout, paypal="approve")
    await ends(play, checkout, "paid")
    await play.advance(STILL_S)


async def pays_twice(play: Play) -> None:
    """The same, and the first gateway's page is paid as well: that money goes back."""
    await play.faults(unanswered(OPENING))
    checkout = await open_checkout(play, "twice")
    await play.faults()
    page = (await play.control("GET", "truth?status=open"))["payments"][0]
    await play.control("POST", f"sessions/{page['session']}/pay")
    await order_is(play, checkout["orderId"], "paid")
    await pay(play, checkout, paypal="approve")
    await ends(play, checkout, "paid")


async def approves_unheard(play: Play) -> None:
    """The capture is made and its answer is lost, event and all: it is repeated under the same key."""
    checkout = await _capture_unheard(play, "unheard")
    await play.faults(*SILENT)
    await ends(play, checkout, "paid", every_s=STILL_S)


async def is_captured_unheard(play: Play) -> None:
    """The same, for so long that the gateway has forgotten the key: it is looked at before anything is asked again."""
    checkout = await _capture_unheard(play, "forgotten")
    # It is the repetition of the capture that shall find it, not whoever looks at orders that stand still.
    await play.rows("UPDATE payments SET looked_at = now() + interval '99 days' RETURNING id")
    await play.advance(46 * DAY_S)
    await play.faults(*SILENT)
    await ends(play, checkout, "paid", every_s=STILL_S)


async def _capture_unheard(play: Play, key: str) -> dict[str, Any]:
    checkout = await open_checkout(play, key, provider="paypal") or {}
    await play.faults(unanswered(CAPTURING), *SILENT)
    await pay(play, checkout, paypal="approve")
    await play.until("the capture is made", lambda: _charges(play))
    await play.until("it is unknown", lambda: play.rows("SELECT 1 FROM payments WHERE status = 'unknown'"))
    return checkout


async def _charges(play: Play) -> list[dict[str, Any]]:
    return [row for row in (await play.control("GET", "truth"))["payments"] if row["charged"]]


async def is_not_captured(play: Play) -> None:
    """The gateway will not capture what was approved; approved once more, it does."""
    no = {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "PAYEE_ACCOUNT_RESTRICTED", "description": "no"}]}
    checkout = await open_checkout(play, "not-captured", provider="paypal")
    await play.faults(refused(CAPTURING, no, 422, times=1))
    await pay(play, checkout, paypal="approve")
    answered = "SELECT 1 FROM payments WHERE decline_code <> '' OR status = 'succeeded'"
    await play.until("the capture is answered", lambda: play.rows(answered))
    await ends(play, checkout, "paid", every_s=STILL_S)
