"""Support asks for more than support may give back; finance decides; nothing moves before that."""

import json

from service.access.rules import Role
from tests.approvals.asking import bought, person, problem
from tests.stage import Stage
from tests.walkthroughs.scene import PASS, hear, look, passes
from tests.webhooks.applying import Inbox


async def test_two_people_give_the_money_back(stage: Stage, inbox: Inbox):
    """Asked for, looked at, approved, done; the customer hears of the end only, the audit trail knows both people."""
    checkout = await bought(stage, inbox)
    ana, ben = await person(stage, "ana"), await person(stage, "ben", Role.FINANCE)
    paid = await look(stage, inbox, checkout)

    asked = await ana.ask(checkout, reason="event_changed", note="The masterclass is off.")
    await hear(stage, inbox)
    waiting, buyers_view = await look(stage, inbox, checkout), await stage.order(checkout)
    alone = await ana.decide(asked.json()["refundId"], "approve")
    (listed,) = (await ben.get("refunds?status=awaiting_approval")).json()["refunds"]
    approved = await ben.decide(listed["refundId"], "approve", note="It is off, indeed.")
    await hear(stage, inbox)
    done = await look(stage, inbox, checkout)

    assert (202, 403, 200) == (asked.status_code, alone.status_code, approved.status_code)
    assert "forbidden" == problem(alone)[1]
    assert paid == waiting
    assert ([], None) == (buyers_view["refunds"], buyers_view["disputes"])
    assert ("event_changed", "The masterclass is off.", 2 * PASS) == (
        listed["reason"],
        listed["note"],
        listed["amount"]["minor"],
    )
    letters = {"confirmation": 1, "refund_made": 1}
    assert ("refunded", {"void": 2}, 0, letters, []) == (done.order, done.tickets, done.sold, done.letters, done.cases)
    sold = await passes(stage, sold=2, clearing=0)
    assert 0 == done.books.get("clearing:stripe", 0)
    assert 0 == done.books["refunds:full-pass"] + sold["revenue:full-pass"]
    trail = await stage.rows(
        "SELECT actor_name, action, after FROM audit_trail WHERE action LIKE 'refund.%' ORDER BY seq"
    )
    assert [("ana", "refund.request", "awaiting_approval"), ("ben", "refund.approve", "requested")] == [
        (name, action, json.loads(after)["status"]) for name, action, after in trail
    ]
    assert not any("masterclass" in after for _, _, after in trail)


async def test_staff_see_what_customers_do_not(stage: Stage, inbox: Inbox):
    """A suspicion, an undecided refund and a dispute are nothing for the customer's page."""
    checkout = await bought(stage, inbox)
    ana, ben = await person(stage, "ana"), await person(stage, "ben", Role.FINANCE)
    await ben.ask(checkout, amount={"minor": 100, "currency": "USD"}, reason="fraudulent")
    await ana.ask(checkout, amount={"minor": 40000, "currency": "USD"})

    customer, staff = await stage.order(checkout), (await ana.get(f"order/{checkout['orderId']}")).json()

    assert ["other"] == [each["reason"] for each in customer["refunds"]]
    assert ["fraudulent", "requested_by_customer"] == [each["reason"] for each in staff["refunds"]]
    assert (None, []) == (customer["disputes"], staff["disputes"])
