"""Events: only genuine ones come in, each means the same each time, and strange ones do no harm."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.gateways.base import Capability
from service.gateways.facts import DisputeStatus, EventKind
from service.kernel.clock import utc_now
from service.kernel.errors import CubanoError, Invalid, Parked, Unauthenticated
from tests.contract.stand import Delivery
from tests.contract.trial import TRACEPARENT, Bought, Trial

PAID = {EventKind.CHECKOUT_PAID, EventKind.PAYMENT_SUCCEEDED}


async def history(trial: Trial) -> Bought:
    """A payment, and a refund of a part where it can be."""
    bought = await trial.buy()
    if trial.can(Capability.REFUND):
        await trial.gateway.refund(trial.refund_of(bought, 10_000), key="rfd_1")
    return bought


async def test_a_payment_is_told_with_our_ids_and_its_amount(trial: Trial):
    """Whatever the vendor calls it, it names our order and payment, and what was paid."""
    bought = await trial.buy()
    paid = [each for each in await trial.told() if each.kind in PAID]

    assert paid
    for each in paid:
        assert (bought.intent.order_id, bought.intent.payment_id) == (each.order_id, each.payment_id)
        assert (bought.intent.total, bought.checkout.payment_ref) == (each.amount, each.payment_ref)
        assert trial.stand.provider == each.provider


@pytest.mark.needs(Capability.CAPTURE)
async def test_an_approval_is_told(trial: Trial):
    """It is what asks us to capture."""
    bought = await trial.open()
    await trial.stand.pay(bought.ref)
    [told] = [each for each in await trial.told() if each.kind is EventKind.CHECKOUT_APPROVED]

    assert (bought.ref, bought.intent.order_id, bought.intent.payment_id) == (
        told.checkout_ref,
        told.order_id,
        told.payment_id,
    )


async def test_events_have_ids_of_their_own_and_a_subject(trial: Trial):
    """Ids are what duplicates are told by; the events of a payment wait for each other by our order's id."""
    bought = await history(trial)
    envelopes = [trial.gateway.read_envelope(each.body) for each in await trial.stand.deliveries()]

    assert len(envelopes) == len({each.event_id for each in envelopes})
    assert bought.intent.order_id in {each.subject for each in envelopes}
    assert {False} == {each.livemode for each in envelopes} == {each.is_thin for each in envelopes}
    assert all(abs(each.created_at - utc_now()) < timedelta(hours=1) for each in envelopes)
    assert {each.traceparent for each in envelopes} <= {TRACEPARENT, None}


async def test_an_event_means_the_same_each_time_in_any_order(trial: Trial):
    """Normalising remembers nothing: duplicates and late ones tell the same facts."""
    await history(trial)
    bodies = [each.body for each in await trial.stand.deliveries()]
    once = [trial.gateway.normalise(each) for each in bodies]
    again = [trial.gateway.normalise(each) for each in reversed(bodies + bodies)]

    assert bodies
    assert list(reversed(once + once)) == again


@pytest.mark.needs(Capability.WEBHOOKS)
async def test_what_was_delivered_is_genuine(trial: Trial):
    """As it came, with the headers it came with; what proves no body makes the event thin and nothing else of it other."""
    await history(trial)
    for each in await trial.stand.deliveries():
        envelope = await trial.gateway.verify(each.body, each.headers, now=utc_now())

        assert trial.gateway.read_envelope(each.body) == replace(envelope, is_thin=False)


def forgeries(trial: Trial, mine: Delivery, other: Delivery) -> Iterator[tuple[str, bytes, dict[str, str], timedelta]]:
    """What is wrong, the body, the headers, and how far our clock is off."""
    headers = dict(mine.headers)
    none, hour = timedelta(), timedelta(hours=1)
    yield "another body", mine.body + b" ", headers, none
    yield "a changed amount", mine.body.replace(b"0", b"9", 1), headers, none
    yield "an empty body", b"", headers, none
    yield "another event's headers", mine.body, dict(other.headers), none
    yield "no headers", mine.body, {}, none
    yield "kept for too long", mine.body, headers, trial.stand.oldest + hour
    yield "signed in an hour", mine.body, headers, -hour
    for name in trial.stand.signed_by:
        yield f"{name} absent", mine.body, {key: value for key, value in headers.items() if key != name}, none
        yield f"{name} empty", mine.body, {**headers, name: ""}, none
        yield f"{name} cut", mine.body, {**headers, name: headers[name][: len(headers[name]) // 2]}, none
        yield f"{name} strange", mine.body, {**headers, name: "\u00ff,=|" * 3}, none
        yield f"{name} another event's", mine.body, {**headers, name: other.headers[name] + "0"}, none


REASONS = {"bad_signature", "bad_certificate", "too_old"}  # each is a label of the webhooks counter


@pytest.mark.needs(Capability.WEBHOOKS)
async def test_what_is_not_genuine_is_refused(trial: Trial):
    """Each forgery is `Unauthenticated`: nothing else is raised, nothing gets through."""
    for _ in range(2):
        await trial.buy()
    mine, *_, other = await trial.stand.deliveries()
    ends = {
        what: await _refusal(trial, body, headers, off) for what, body, headers, off in forgeries(trial, mine, other)
    }

    assert {} == {what: end for what, end in ends.items() if end not in REASONS}


async def _refusal(trial: Trial, body: bytes, headers: dict[str, str], off: timedelta) -> str:
    try:
        await trial.gateway.verify(body, headers, now=utc_now() + off)
    except Unauthenticated as error:
        return error.reason
    return "let in"


async def test_without_webhooks_nothing_comes_in_by_the_door(trial: Trial):
    """Whoever knocks has no signature, whatever they bring."""
    with pytest.raises(Unauthenticated):
        await trial.gateway.verify(b"{}", {}, now=utc_now())

    with pytest.raises(Unauthenticated):
        await trial.gateway.verify(b"", {"x-signature": "t=1,v1=0"}, now=utc_now())


OTHERS: tuple[Any, ...] = (None, 7, "strange", [], {})
STRANGE = (b"", b"[]", b"{}", b"null", b"7", b'""', b"\xff\xfe", b"{", b'{"id": 1}', b'{"id": "evt", "type": null}')


def mutilated(value: Any) -> Iterator[Any]:
    """The same with one part missing, null, or of another type, at every place."""
    if not isinstance(value, dict):
        return
    for name, part in value.items():
        rest = {key: each for key, each in value.items() if key != name}
        yield rest
        yield from ({**value, name: other} for other in OTHERS)
        for smaller in mutilated(part):
            yield {**value, name: smaller}


async def test_what_is_no_event_of_theirs_does_no_harm(trial: Trial):
    """The door says `Invalid`, the worker `Parked`, or it is an event that means less: never another error."""
    await history(trial)
    whole = [json.loads(each.body) for each in await trial.stand.deliveries()]
    bodies = [*STRANGE, *(json.dumps(each).encode() for event in whole for each in mutilated(event))]
    wrong = [(body[:300], end) for body in bodies if (end := _end(trial, body))]

    assert [] == wrong[:3]
    assert len(bodies) > len(STRANGE)


def _end(trial: Trial, body: bytes) -> str:
    """What was raised that must not be; empty when all is well."""
    for read, fine in ((trial.gateway.read_envelope, Invalid), (trial.gateway.normalise, Parked)):
        try:
            read(body)
        except fine:
            continue
        except (
            ArithmeticError,
            AttributeError,
            CubanoError,
            LookupError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            return f"{read.__name__}: {error!r}"
    return ""


@pytest.mark.needs(Capability.THIN_EVENTS)
async def test_a_thin_event_stands_for_its_full_one(trial: Trial):
    """Signed like any other, under the full one's id; what is fetched for it tells the same facts."""
    await history(trial)
    full = {event.event_id: event for event in await trial.told()}
    thin = await trial.stand.deliveries(thin=True)
    envelopes = [await trial.gateway.verify(each.body, each.headers, now=utc_now()) for each in thin]
    worth = [each.body for each, envelope in zip(thin, envelopes, strict=True) if envelope.is_thin]
    fetched = [trial.gateway.normalise(await trial.gateway.fetch_event(each)) for each in worth]

    assert fetched
    assert full == {each.event_id: each for each in fetched if each.kind is not EventKind.OTHER}
    assert full.keys() <= {each.event_id for each in envelopes}


@pytest.mark.needs(Capability.THIN_EVENTS)
async def test_a_thin_event_says_nothing_before_it_is_fetched(trial: Trial):
    """It is parked, not taken for an event of no concern."""
    await trial.buy()
    for each in await trial.stand.deliveries(thin=True):
        if trial.gateway.read_envelope(each.body).is_thin:
            with pytest.raises(Parked):
                trial.gateway.normalise(each.body)


@pytest.mark.needs(Capability.DISPUTES)
@pytest.mark.parametrize("won", [True, False])
async def test_a_dispute_is_told_from_its_opening_to_its_end(trial: Trial, won):
    """What the bank took, from which payment, and how it ended."""
    bought = await trial.buy()
    await trial.stand.dispute(bought.ref)
    opened = [each.dispute for each in await trial.told() if each.dispute]
    await trial.stand.close_dispute(bought.ref, won=won)
    ended = [each.dispute for each in await trial.told() if each.dispute]

    assert {DisputeStatus.NEEDS_RESPONSE} == {each.status for each in opened}
    assert (DisputeStatus.WON if won else DisputeStatus.LOST) is ended[-1].status
    assert {(opened[0].ref, bought.checkout.payment_ref, bought.intent.total)} == {
        (each.ref, each.payment_ref, each.amount) for each in ended
    }
