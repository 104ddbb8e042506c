"""What each of PayPal's events means, and that nothing malformed gets further than the inbox's dead letters."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.gateways.facts import Decline, EventKind
from service.gateways.paypal_events import KINDS, normalise, read_envelope
from service.kernel.errors import Invalid, Parked
from service.kernel.money import Money
from tests.gateways.paypal.conftest import ORDER_ID, PAYMENT_ID, TRACEPARENT
from tests.gateways.paypal.resources import amount, capture, dispute, event, order, refund

ORDER_REF, CAPTURE_REF, SUM = "5O190127TN364715T", "42311647XV020574X", Money(25_000, "USD")


def said(kind: str, resource: object, **changes: object):
    return normalise(json.dumps(event(kind, resource, **changes)).encode())


def test_an_approval_names_its_order_and_asks_for_the_money():
    """No money has moved; the amount is what was approved."""
    told = said("CHECKOUT.ORDER.APPROVED", order())

    assert (EventKind.CHECKOUT_APPROVED, ORDER_ID, PAYMENT_ID) == (told.kind, told.order_id, told.payment_id)
    assert (ORDER_REF, None, SUM) == (told.checkout_ref, told.payment_ref, told.amount)
    assert datetime(2026, 11, 14, 18, 4, 12, 345_000, UTC) == told.occurred_at


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("COMPLETED", "COMPLETED", EventKind.CHECKOUT_PAID),
        ("PENDING", "PENDING", EventKind.CHECKOUT_PENDING),
        ("DENIED", "DECLINED", EventKind.CHECKOUT_FAILED),
        ("DECLINED", "DECLINED", EventKind.PAYMENT_DECLINED),
    ],
)
def test_a_capture_tells_of_its_order_and_its_amount(kind, status, expected):
    """The same facts in each of its events; one that failed says why, as far as PayPal does."""
    told = said(f"PAYMENT.CAPTURE.{kind}", capture(status))

    assert (expected, ORDER_REF, CAPTURE_REF, SUM) == (told.kind, told.checkout_ref, told.payment_ref, told.amount)
    assert (ORDER_ID, PAYMENT_ID) == (told.order_id, told.payment_id)
    assert (status == "DECLINED") == (told.decline is not None)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"processor_response": {"response_code": "5120"}}, "5120"),
        ({"status_details": {"reason": "BUYER_COMPLAINT"}}, "BUYER_COMPLAINT"),
        ({}, "CAPTURE_DECLINED"),
    ],
)
def test_a_decline_has_the_most_exact_code_there_is(more, code):
    """The bank's before PayPal's before the bare fact."""
    told = said("PAYMENT.CAPTURE.DECLINED", capture("DECLINED", **more))

    assert code == told.decline.code


def test_a_decline_may_carry_the_order_and_no_capture():
    """The vendor's oddest: that attempt failed, and the order names it."""
    told = said("PAYMENT.CAPTURE.DECLINED", order())

    assert (EventKind.PAYMENT_DECLINED, ORDER_REF, None) == (told.kind, told.checkout_ref, told.payment_ref)
    assert (ORDER_ID, Decline("CAPTURE_DECLINED", "The funds could not be captured.")) == (told.order_id, told.decline)


@pytest.mark.parametrize(
    ("kind", "status", "expected", "why"),
    [
        ("PAYMENT.CAPTURE.REFUNDED", "COMPLETED", "succeeded", None),
        ("PAYMENT.REFUND.PENDING", "PENDING", "pending", None),
        ("PAYMENT.REFUND.FAILED", "FAILED", "failed", "FAILED"),
        ("PAYMENT.REFUND.FAILED", "CANCELLED", "canceled", "CANCELLED"),
    ],
)
def test_a_refund_of_ours_names_our_row(kind, status, expected, why):
    """Its capture is the link up; our ids are the words it was asked with."""
    told = said(kind, refund(status))

    assert (EventKind.REFUND_CHANGED, ORDER_ID, PAYMENT_ID) == (told.kind, told.order_id, told.payment_id)
    assert (CAPTURE_REF, "rfd_1", Money(5_000, "USD")) == (
        told.refund.payment_ref,
        told.refund.refund_id,
        told.refund.amount,
    )
    assert (expected, why) == (told.refund.status, told.refund.failure_reason)


@pytest.mark.parametrize("custom_id", [None, "a,b", "made by hand", capture()["custom_id"]])
def test_a_refund_made_in_the_dashboard_names_no_row_of_ours(custom_id):
    """Whatever words it has, or its capture's, it is found by its capture alone."""
    told = said("PAYMENT.CAPTURE.REFUNDED", refund(custom_id=custom_id))

    assert (CAPTURE_REF, None) == (told.payment_ref, told.refund.refund_id)


THEIRS = {"amount": amount(), "custom_id": "theirs"}


@pytest.mark.parametrize("kind", ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.DECLINED"])
@pytest.mark.parametrize("units", [[THEIRS, THEIRS], [], "x", [{}]])
def test_an_order_without_our_ids_is_somebody_else_s_whatever_its_shape(kind, units):
    """Other software on the account may sell in two units: it is counted as foreign, and is no dead letter."""
    told = said(kind, order(purchase_units=units))

    assert (KINDS[kind], None, None, None) == (told.kind, told.order_id, told.payment_id, told.checkout_ref)


@pytest.mark.parametrize("kind", ["CHECKOUT.ORDER.COMPLETED", "PAYMENT.CAPTURE.REVERSED", "BILLING.PLAN.CREATED", "?"])
def test_what_says_nothing_new_is_of_no_concern(kind):
    """The capture and the dispute have events of their own; of other products we know nothing."""
    told = said(kind, {"id": "1"})

    assert (EventKind.OTHER, None, None) == (told.kind, told.checkout_ref, told.amount)


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        ("250.00", "USD", Money(25_000, "USD")),
        ("250", "USD", Money(25_000, "USD")),
        ("1500", "JPY", Money(1_500, "JPY")),
        ("4500", "HUF", Money(450_000, "HUF")),  # no decimals at PayPal, two by ISO 4217
        ("1.5", "XXX", None),  # of no order of ours
    ],
)
def test_amounts_are_decimals_of_their_currency(value, currency, expected):
    """Exact, or none at all where no order of ours can have that currency."""
    told = said("PAYMENT.CAPTURE.COMPLETED", capture(amount=amount(value, currency)))

    assert expected == told.amount


# Resources that are not what the vendor documents for their type.
MALFORMED = {
    "no amount": ("PAYMENT.CAPTURE.COMPLETED", {"id": "1", "status": "COMPLETED"}),
    "an amount of words": ("PAYMENT.CAPTURE.COMPLETED", capture(amount=amount("many"))),
    "more decimals than there are": ("PAYMENT.CAPTURE.COMPLETED", capture(amount=amount("1.005"))),
    "no finite amount": ("PAYMENT.CAPTURE.COMPLETED", capture(amount=amount("Infinity"))),
    "an amount beyond all sums": ("PAYMENT.CAPTURE.COMPLETED", capture(amount=amount("1e999999"))),
    "a number for a text": ("PAYMENT.CAPTURE.COMPLETED", capture(id=5)),
    "two purchase units": ("CHECKOUT.ORDER.APPROVED", order(purchase_units=order()["purchase_units"] * 2)),
    "a refund in no state we know": ("PAYMENT.CAPTURE.REFUNDED", refund("ON_THE_MOON")),
    "an outcome we do not know": (
        "CUSTOMER.DISPUTE.RESOLVED",
        dispute(status="RESOLVED", dispute_outcome={"outcome_code": "COIN_TOSS"}),
    ),
    "a date that is none": ("CUSTOMER.DISPUTE.CREATED", dispute(seller_response_due_date="soon")),
    "nothing at all": ("PAYMENT.CAPTURE.COMPLETED", {}),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_an_odd_resource_is_kept_and_parked(case):
    """It was signed, so it is stored with what can be told of it; a person looks at it before anything is done."""
    kind, resource = MALFORMED[case]
    body = json.dumps(event(kind, resource)).encode()

    envelope = read_envelope(body, livemode=True)

    assert (kind, True) == (envelope.type, envelope.livemode)
    with pytest.raises(Parked) as caught:
        normalise(body)
    assert "malformed" == caught.value.cause


@pytest.mark.parametrize(
    ("resource", "subject", "trace"),
    [
        (order(), ORDER_ID, TRACEPARENT),
        (order(purchase_units=[{"reference_id": "default"}]), ORDER_REF, None),
        (capture(), ORDER_ID, None),
        (capture(custom_id="theirs"), ORDER_REF, None),
        (capture(custom_id=None, supplementary_data=None), CAPTURE_REF, None),
        (refund(), ORDER_ID, None),
        (dispute(), ORDER_ID, None),
        (dispute(disputed_transactions=[{"seller_transaction_id": CAPTURE_REF}]), CAPTURE_REF, None),
        (dispute(disputed_transactions=[]), "PP-D-27803", None),
        ({}, "WH-58D329510W468432D-8HN650336L201105X", None),
    ],
)
def test_events_of_one_order_share_a_subject(resource, subject, trace):
    """Our order where the resource names it, else the vendor's object, else the event itself."""
    envelope = read_envelope(json.dumps(event("X", resource)).encode(), livemode=False)

    assert (subject, trace) == (envelope.subject, envelope.traceparent)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b'{"id": 1, "event_type": "X", "create_time": "2026-11-14T18:04:12Z"}',
        b'{"id": "1", "event_type": "X", "create_time": "2026-11-14"}',
        b'{"id": "1", "event_type": "X", "create_time": "0001-01-01T00:00:00+23:59"}',
        b'{"id": "1", "event_type": "X", "create_time": "2026-11-14T18:04:12Z", "resource": []}',
        b'{"id": "1", "resource":' + b'{"a":' * 100_000,
    ],
)
def test_what_is_no_event_is_refused_at_the_door(body):
    """Signed or not, it has nothing that could be stored; later readers park it."""
    with pytest.raises(Invalid):
        read_envelope(body, livemode=False)
    with pytest.raises(Parked):
        normalise(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
WHOLE = [order(), capture(), capture("DECLINED"), refund(), dispute()]


@st.composite
def twisted(draw) -> dict:
    """A good event in which a few places, anywhere in it, hold something else, or nothing."""
    made = json.loads(json.dumps(event(draw(st.sampled_from([*KINDS, "X"])), draw(st.sampled_from(WHOLE)))))
    for _ in range(draw(st.integers(0, 4))):
        place = made if draw(st.integers(0, 9)) == 0 else made.get("resource", made)
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            if draw(st.booleans()):
                place[key] = draw(JSON)
            else:
                del place[key]
            break
    return made


@given(twisted() | JSON)
def test_no_event_breaks_the_reader(made):
    """Whatever stands where: an envelope or `Invalid`, neutral words or `Parked`, and nothing else."""
    body = msgspec.json.encode(made)

    for read, refusal in ((lambda raw: read_envelope(raw, livemode=False), Invalid), (normalise, Parked)):
        try:
            told = read(body)
        except refusal:
            continue
        assert isinstance(told.event_id, str)
        assert told.created_at.tzinfo if read is not normalise else told.occurred_at.tzinfo


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(body):
    """Random bytes are hardly ever an event, and never an accident."""
    for read, refusal in ((lambda raw: read_envelope(raw, livemode=False), Invalid), (normalise, Parked)):
        with pytest.raises(refusal):
            read(body)
