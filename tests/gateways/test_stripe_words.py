"""What only Stripe says and does: its own ways of counting, its reasons, its statuses, and events it has forgotten."""

import inspect
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import stripe

from service.gateways.base import Capability
from service.gateways.calls import Operation
from service.gateways.facts import CheckoutStatus, DisputeStatus, EventKind, RefundIntent
from service.gateways.registry import describe
from service.gateways.stripe import StripeGateway
from service.gateways.stripe_lists import Walk
from service.gateways.stripe_money import CATEGORIES, refund_request
from service.gateways.stripe_words import TYPES, checkout_of, minor_of, money_of, normalise
from service.kernel.errors import GatewayUnavailable, Parked
from service.kernel.money import Money
from tests.contract.emulated import StripeStand
from tests.contract.trial import Trial, build_gateway

THIRTY_ONE_DAYS_S = 31 * 86_400

# Our minor units, Stripe's count: where they differ is https://docs.stripe.com/currencies#special-cases
COUNTED = {"USD": (12_550, 12_550), "JPY": (500, 500), "KWD": (5_120, 5_120), "ISK": (500, 50_000), "MGA": (500, 5)}


@pytest.mark.parametrize("currency", COUNTED)
def test_amounts_are_counted_as_stripe_counts(currency):
    """There and back; an Icelandic crown has no decimals and is counted as if it had two."""
    ours, theirs = COUNTED[currency]

    assert (theirs, Money(ours, currency)) == (minor_of(Money(ours, currency)), money_of(theirs, currency.lower()))


def event(event_type: str, thing: dict[str, Any]) -> bytes:
    return json.dumps({"id": "evt_1", "type": event_type, "created": 1_800_000_000, "data": {"object": thing}}).encode()


def dispute(**changes: Any) -> dict[str, Any]:
    details = {"due_by": 1_800_100_000}
    base = {"id": "du_1", "amount": 500, "currency": "usd", "payment_intent": "pi_1", "reason": "fraudulent"}
    return {**base, "status": "needs_response", "evidence_details": details, **changes}


STATUSES = {
    "warning_needs_response": DisputeStatus.INQUIRY,
    "warning_under_review": DisputeStatus.INQUIRY,
    "warning_closed": DisputeStatus.CLOSED,
    "prevented": DisputeStatus.CLOSED,
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "appeal_needs_response": DisputeStatus.NEEDS_RESPONSE,
    "appeal_under_review": DisputeStatus.UNDER_REVIEW,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_of_a_dispute_has_its_word(status):
    """An inquiry moves no money, so it is no dispute yet."""
    told = normalise(event("charge.dispute.updated", dispute(status=status))).dispute

    assert told is not None
    assert (STATUSES[status], "pi_1", Money(500, "USD")) == (told.status, told.payment_ref, told.amount)


def test_the_statuses_are_those_of_the_sdk():
    """A new one in a new release of the SDK is noticed here."""
    source = inspect.getsource(stripe.Dispute)
    declared = re.search(r"^    status: .*?\]$", source, re.MULTILINE | re.DOTALL)

    assert declared is not None
    assert set(STATUSES) == set(re.findall(r'"(\w+)"', declared[0]))


def test_a_status_nobody_knows_is_for_a_person():
    """Money may have moved: it is parked, not ignored."""
    with pytest.raises(Parked):
        normalise(event("charge.dispute.updated", dispute(status="escalated")))


def test_a_decline_carries_the_banks_advice():
    """`do_not_try_again` is worth more than the code."""
    error = {"code": "card_declined", "decline_code": "lost_card", "advice_code": "do_not_try_again", "message": "no"}
    intent = {"id": "pi_1", "amount": 500, "currency": "usd", "last_payment_error": error}
    told = normalise(event("payment_intent.payment_failed", intent))

    assert told.decline is not None
    assert (EventKind.PAYMENT_DECLINED, "lost_card", "do_not_try_again") == (
        told.kind,
        told.decline.code,
        told.decline.advice,
    )


# A complete and unpaid session, by its intent's status; and whether the money will never come.
COMPLETE = {"processing": None, "requires_payment_method": "requires_payment_method", "canceled": "canceled"}


@pytest.mark.parametrize("status", COMPLETE)
def test_a_complete_session_without_money_is_what_its_intent_says(status):
    """Under way, or failed: without the intent nobody could tell."""
    intent = {"id": "pi_1", "status": status, "last_payment_error": None}
    session = {"id": "cs_1", "status": "complete", "payment_status": "unpaid", "payment_intent": intent}
    told = checkout_of({**session, "amount_total": 500, "currency": "usd"})

    assert (CheckoutStatus.COMPLETE, False, "pi_1") == (told.status, told.paid, told.payment_ref)
    assert COMPLETE[status] == (told.decline.code if told.decline else None)


def test_an_open_session_whose_last_try_failed_is_open():
    """The buyer may try again; a decline that is over for good stands only in a complete one."""
    intent = {"id": "pi_1", "status": "requires_payment_method", "last_payment_error": {"code": "card_declined"}}
    session = {"id": "cs_1", "status": "open", "payment_status": "unpaid", "payment_intent": intent}

    assert checkout_of({**session, "amount_total": 500, "currency": "usd"}).decline is None


# Ours, Stripe's: `fraudulent` bans the card, so nothing but the word itself becomes it.
REASONS = {
    "surplus_payment": "duplicate",
    "late_payment": "requested_by_customer",
    "fraudulent": "fraudulent",
    "looks like fraud": "requested_by_customer",
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_becomes_one_that_stripe_knows(reason):
    """Our own word travels in the metadata."""
    intent = RefundIntent("rfd_1", "pay_1", "ord_1", "ALC-1", "pi_1", Money(100, "USD"), reason)
    request = refund_request(intent)

    assert (REASONS[reason], reason) == (request["reason"], request["metadata"]["reason"])


def test_all_types_fit_one_list():
    """Stripe takes twenty at once; beyond that, two lists would have to be merged."""
    assert len(TYPES) <= 20
    assert len(set(TYPES)) == len(TYPES)
    assert {"charge", "refund", "dispute", "payout", "fee"} <= CATEGORIES.keys()
    assert Capability.CAPTURE not in describe("stripe").capabilities


@pytest.fixture(scope="module")
def running() -> Iterator[StripeStand]:
    stand = StripeStand()
    stand.start()
    yield stand
    stand.stop()


@pytest.fixture
async def trial(running: StripeStand) -> AsyncIterator[Trial]:
    await running.begin()
    gateway = build_gateway(running)
    yield Trial(running, gateway)
    await gateway.close()
    await running.end()


async def test_a_thin_event_whose_full_one_is_forgotten_is_told_by_its_object(trial: Trial):
    """After thirty days the event is gone, the object is not: what it says now has the same effect."""
    bought = await trial.open()
    await trial.stand.decline(bought.ref)
    await trial.stand.pay(bought.ref)
    thin = [each.body for each in await trial.stand.deliveries(thin=True)]
    stand = trial.stand
    assert isinstance(stand, StripeStand)
    await stand._ask("POST", "/clock", {"advance": THIRTY_ONE_DAYS_S})
    worth = [each for each in thin if trial.gateway.read_envelope(each).is_thin]
    fetched = [await trial.gateway.fetch_event(each) for each in worth]
    told = [trial.gateway.normalise(each) for each in fetched]

    ids = [trial.gateway.read_envelope(each).event_id for each in worth]
    assert ids == [each.event_id for each in told]
    assert {EventKind.PAYMENT_SUCCEEDED, EventKind.CHECKOUT_PAID} == {each.kind for each in told}
    assert {bought.intent.total} == {each.amount for each in told}


async def test_a_thin_event_of_something_strange_is_parked(trial: Trial):
    """Neither a body that is none nor an object we never asked for is fetched."""
    named = {"id": "acct_1", "type": "account", "url": "http://127.0.0.1:9/elsewhere"}
    strange = {"id": "evt_1", "type": "v1.account.updated", "created": 1, "livemode": False, "related_object": named}
    for body in (b"{}", b"", json.dumps(strange).encode()):
        with pytest.raises(Parked):
            await trial.gateway.fetch_event(body)

    assert [] == await trial.stand.truth()


async def test_a_search_without_an_end_is_no_answer(trial: Trial):
    """Not to have found it in so many pages is no "none": the guess would open a second page."""

    async def fetch(params: dict[str, Any]) -> stripe.ListObject[Any]:
        page = {"object": "list", "data": [{"id": "cs_1", "object": "checkout.session"}], "has_more": True}
        return stripe.ListObject.construct_from(page, "sk_test")

    assert isinstance(trial.gateway, StripeGateway)
    walk = Walk(trial.gateway._line, Operation.FIND_CHECKOUT, fetch)
    with pytest.raises(GatewayUnavailable) as caught:
        [each async for each in walk.newest_first()]

    assert not caught.value.maybe_acted
