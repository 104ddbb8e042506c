"""The stories in which the points are reached. Each says what its orders have to be in the end, whatever died in between.

A story is a coroutine over a `Play`; the ones of money that goes astray stand in `mishaps.py`. `ways.py` says which of
them leads to which point.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.crash.people import open_checkout, order_is, pay, ref_of
from tests.crash.play import Play

HOLD_S = 601  # the seats of an unpaid order are free after that
QUARTER_S, A_WEEK_S = 901, 7 * 86_400
STILL_S = 75  # an order that has not moved for so long is asked about, and the list of events is due
BOTH = {"CUBANO_PROVIDERS": "stripe,paypal"}

Fault = dict[str, Any]
OPENING = {"method": "POST", "path": "/v1/checkout/sessions"}
UNHEARD: Fault = {"match": {"event_type": "*"}, "effects": {"drop": True}}


def unlisted(provider: str = "stripe") -> Fault:
    """The gateway's list of events cannot be read."""
    path = {"stripe": "/v1/events", "paypal": "/paypal/v1/notifications/webhooks-events"}[provider]
    return {"match": {"method": "GET", "path": path}, "effects": {"error": {"status": 500}}}


def unanswered(match: Mapping[str, str], **more: Any) -> Fault:
    """The gateway acts, and its answer is lost."""
    return {"match": dict(match), "effects": {"reset": "after"}, **more}


def refused(match: Mapping[str, str], body: Mapping[str, Any], status: int = 400, **more: Any) -> Fault:
    """The gateway says no."""
    return {"match": dict(match), "effects": {"error": {"status": status, "body": dict(body)}}, **more}


@dataclass(frozen=True)
class Story:
    """`tell` plays it; `findings` are the invariants that are broken in the end, because a person has to see it."""

    tell: Callable[[Play], Awaitable[None]]
    settings: Mapping[str, str] = field(default_factory=dict)
    payload: str = "snapshot"  # how Stripe tells its events
    findings: tuple[str, ...] = ()


async def ends(play: Play, checkout: dict[str, Any], status: str, *, every_s: float = 0) -> None:
    """Wait for the order's end; every other order of the story is one that was given up on the way."""
    await order_is(play, checkout["orderId"], status, every_s=every_s)
    for row in await play.rows("SELECT id FROM orders"):
        play.expected[row["id"]] = "canceled"
    play.expected[checkout["orderId"]] = status


async def buys(play: Play) -> None:
    """Opens a page, pays, has tickets."""
    checkout = await open_checkout(play, "buys")
    await pay(play, checkout)
    await ends(play, checkout, "paid")


async def goes_away(play: Play) -> None:
    """Asks once and never comes back: what was begun is closed, and its seats are free."""
    await open_checkout(play, "goes-away", tries=1)
    await play.ready()
    await play.advance(HOLD_S)
    for row in await play.rows("SELECT id FROM orders"):
        await order_is(play, row["id"], "expired", every_s=STILL_S)
        play.expected[row["id"]] = "expired"


async def pays_at_the_end(play: Play) -> None:
    """Pays in the last moment, and nothing tells of it: the money is found when the page is to be closed."""
    checkout = await open_checkout(play, "at-the-end")
    asking = {"match": {"method": "GET", "path": "/v1/checkout/sessions/*"}, "effects": {"error": {"status": 500}}}
    await play.faults(UNHEARD, unlisted(), asking)
    await pay(play, checkout)
    await play.advance(HOLD_S)
    await ends(play, checkout, "paid")


async def pays_unheard(play: Play) -> None:
    """Pays, and no webhook comes, and no list can be read: the order stands still and is asked about."""
    checkout = await open_checkout(play, "unheard")
    await play.faults(UNHEARD, unlisted())
    await pay(play, checkout)
    await ends(play, checkout, "paid", every_s=STILL_S)


async def is_found_in_the_list(play: Play) -> None:
    """Pays, and no webhook comes: the list of events has it."""
    checkout = await open_checkout(play, "list")
    asking = {"match": {"method": "GET", "path": "/v1/checkout/sessions/*"}, "effects": {"error": {"status": 500}}}
    await play.faults(UNHEARD, asking)
    await pay(play, checkout)
    await ends(play, checkout, "paid", every_s=STILL_S)


async def is_reconciled(play: Play) -> None:
    """Pays; the balance tells the fee, the bank gets the money, and each day is compared with the books."""
    checkout = await open_checkout(play, "reconciled")
    await pay(play, checkout)
    await ends(play, checkout, "paid")
    await play.advance(A_WEEK_S)
    posted = "SELECT 1 FROM journal_lines WHERE account = 'bank' AND amount_minor > 0"
    await play.until("the payout is posted", lambda: play.rows(posted))
    # Six or seven: before four in the morning, UTC, the day that ended last is not due yet.
    compared = "SELECT 1 FROM reconciliations WHERE ran_at IS NOT NULL HAVING count(*) >= 6"
    await play.until("the last days are compared", lambda: play.rows(compared))
    assert [] == await play.rows("SELECT * FROM differences WHERE resolved_at IS NULL")


async def is_settled_and_taken_back(play: Play) -> None:
    """Pays; the gateway lists the movement, and when the day is compared it does not any more."""
    checkout = await open_checkout(play, "taken-back")
    await pay(play, checkout)
    await ends(play, checkout, "paid")
    await play.advance(QUARTER_S)
    await play.until("the movement is read", lambda: play.rows("SELECT 1 FROM settlements WHERE subject IS NOT NULL"))
    await play.control("POST", "balance", do="drop", session=ref_of(checkout))
    await play.advance(A_WEEK_S)
    await play.until("it is withdrawn", lambda: play.rows("SELECT 1 FROM settlements WHERE withdrawn_at IS NOT NULL"))


async def is_older_than_the_journal(play: Play) -> None:
    """Pays, and what the journal says of it is lost: the next day it is posted again from the rows."""
    checkout = await open_checkout(play, "older")
    await pay(play, checkout)
    await ends(play, checkout, "paid")
    for table in ("journal_lines", "journal_entries"):
        await play.db.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only".encode())
        await play.db.execute(f"DELETE FROM {table}".encode())  # noqa: S608 - our own names
        await play.db.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only".encode())
    await play.db.execute(b"DELETE FROM settlements")  # read anew, with their fees
    await play.db.execute(b"DELETE FROM settlement_sweeps")
    await play.advance(A_WEEK_S)
    posted = "SELECT 1 FROM journal_entries WHERE kind = 'payment'"
    await play.until("the payment is posted again", lambda: play.rows(posted))


async def is_told_twice(play: Play) -> None:
    """Pays, and once its tickets are out the gateway tells all of it again."""
    checkout = await open_checkout(play, "told-twice")
    await pay(play, checkout)
    await ends(play, checkout, "paid")
    for row in await play.rows("SELECT event_id FROM payment_events"):
        await play.control("POST", f"events/{row['event_id']}/resend")


async def buys_thinly(play: Play) -> None:
    """Pays where events only name what has happened, and the first look at it fails."""
    checkout = await open_checkout(play, "thinly")
    broken = {"match": {"method": "GET", "path": "/v1/*"}, "times": 8, "effects": {"error": {"status": 500}}}
    await play.faults(unlisted(), broken)
    await pay(play, checkout)
    await ends(play, checkout, "paid")


async def is_refused(play: Play) -> None:
    """The gateway says no to the first request; the next one is another order."""
    no = {"error": {"type": "invalid_request_error", "message": "no"}}
    await play.faults(refused(OPENING, no, times=1))
    checkout = await open_checkout(play, "refused")
    await pay(play, checkout)
    await ends(play, checkout, "paid")


async def has_no_answer(play: Play) -> None:
    """The gateway opens a page and its answer is lost: that page is closed, and the buyer pays on another."""
    await play.faults(unanswered(OPENING, times=2))
    checkout = await open_checkout(play, "no-answer")
    await play.faults()
    await pay(play, checkout)
    await ends(play, checkout, "paid")
    await play.advance(STILL_S)


async def is_looked_up(play: Play) -> None:
    """No answer comes to the repetition either: the page is looked up by our own ids, and closed."""
    await play.faults(unanswered(OPENING))
    await open_checkout(play, "looked-up", tries=1)
    await play.ready()
    for row in await play.rows("SELECT id FROM orders"):
        play.expected[row["id"]] = "canceled"
    await play.advance(STILL_S)


async def is_declined_first(play: Play) -> None:
    """The first card is refused, the second is taken, on the same page."""
    checkout = await open_checkout(play, "declined")
    await pay(play, checkout, card="4000000000000002")
    await pay(play, checkout)
    await ends(play, checkout, "paid")


async def pays_by_bank(play: Play) -> None:
    """The bank takes its time and then pays."""
    checkout = await open_checkout(play, "bank")
    await pay(play, checkout, **{"async": "succeed"})
    await ends(play, checkout, "paid")


async def bank_fails(play: Play) -> None:
    """The bank takes its time and then does not pay."""
    checkout = await open_checkout(play, "bank-fails")
    await pay(play, checkout, **{"async": "fail"})
    await ends(play, checkout, "canceled")


async def has_no_mail_server(play: Play) -> None:
    """The mail server refuses the first letter."""
    play.mailbox.refusals = 1
    await buys(play)


async def is_refunded_outside(play: Play) -> None:
    """Somebody gives the money back on the gateway's dashboard."""
    checkout = await open_checkout(play, "outside")
    answer = await pay(play, checkout)
    await order_is(play, checkout["orderId"], "paid")
    await play.control("POST", "external-refunds", session=answer["session"])
    await ends(play, checkout, "refunded")


async def is_disputed(play: Play) -> None:
    """The bank takes the money back for a while."""
    checkout = await open_checkout(play, "disputed")
    answer = await pay(play, checkout)
    await order_is(play, checkout["orderId"], "paid")
    await play.control("POST", "disputes", session=answer["session"])
    await ends(play, checkout, "disputed")


async def approves(play: Play) -> None:
    """Approves at PayPal; the money moves by our own capture."""
    checkout = await open_checkout(play, "approves", provider="paypal")
    await pay(play, checkout, paypal="approve")
    await ends(play, checkout, "paid")


async def approves_twice(play: Play) -> None:
    """The capture is declined, and the buyer approves another way of paying."""
    checkout = await open_checkout(play, "approves-twice", provider="paypal")
    await pay(play, checkout, paypal="decline")
    declined = "SELECT 1 FROM payments p JOIN orders o ON o.id = order_id WHERE captures = 1 AND decline_code <> ''"
    again = f"{declined} AND o.status = 'awaiting_payment'"
    await play.until("the capture is declined", lambda: play.rows(again))
    await pay(play, checkout, paypal="approve")
    await ends(play, checkout, "paid")
