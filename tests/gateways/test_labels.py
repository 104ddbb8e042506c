"""The words of the machines are the words of the figures and of the database."""

import re

import psycopg
import pytest

from service.catalog.tables import HoldState
from service.disputes import machine as disputes
from service.gateways.facts import EventKind
from service.gateways.paypal import DECLINES
from service.kernel.outbox import MessageState
from service.orders import machine as orders
from service.parts import ON_EVENT
from service.payments import machine as payments
from service.payments.rules import CATEGORIES, WORDS, DeclineCategory
from service.refunds import machine as refunds
from service.telemetry import labels
from service.tickets.tables import TicketStatus
from service.webhooks.tables import EventState

SAME_WORDS = [
    (orders.OrderStatus, labels.OrderState),
    (orders.OrderEvent, labels.OrderEvent),
    (payments.PaymentStatus, labels.PaymentState),
    (payments.PaymentEvent, labels.PaymentEvent),
    (refunds.RefundStatus, labels.RefundState),
    (refunds.RefundEvent, labels.RefundEvent),
    (disputes.DisputeState, labels.DisputeState),
    (disputes.DisputeEvent, labels.DisputeEvent),
    (EventKind, labels.EventKind),
]


@pytest.mark.parametrize(("ours", "label"), SAME_WORDS, ids=lambda enum: f"{enum.__module__}.{enum.__name__}")
def test_a_label_has_the_values_of_what_it_mirrors(ours, label):
    """Telemetry imports nothing of ours; this keeps the two lists one."""
    assert [each.value for each in ours] == [each.value for each in label]


def test_decline_categories_are_labels_and_have_words():
    """Every category can be counted and told in both languages; `none` is for what is no decline."""
    assert {"none", *(each.value for each in DeclineCategory)} == {each.value for each in labels.DeclineCategory}
    assert set(DeclineCategory) == set(WORDS)
    assert {"en", "es"} == {language for words in WORDS.values() for language in words.text}
    assert set(CATEGORIES.values()) <= set(DeclineCategory)


def test_each_decline_of_paypal_has_its_words():
    """What a capture may be told of the buyer's way to pay, and what its events may say, are categories of ours."""
    assert DECLINES | {"CAPTURE_DECLINED", "CAPTURE_FAILED"} <= set(CATEGORIES)


def test_every_kind_of_event_has_its_effect():
    """All but `other`, which is kept and counted."""
    assert set(EventKind) - {EventKind.OTHER} == set(ON_EVENT)


CHECKED = [
    ("orders", "status", orders.OrderStatus),
    ("payments", "status", payments.PaymentStatus),
    ("refunds", "status", refunds.RefundStatus),
    ("disputes", "status", disputes.DisputeState),
    ("tickets", "status", TicketStatus),
    ("holds", "state", HoldState),
    ("outbox", "state", MessageState),
    ("payment_events", "state", EventState),
]


def test_the_database_takes_exactly_the_states_of_the_machines(database_url):
    """As migrated, not as declared."""
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s"
    with psycopg.connect(database_url) as db:
        found = {
            table: set(re.findall(r"'(\w+)'", db.execute(query, (f"ck_{table}_{column}",)).fetchone()[0]))
            for table, column, _ in CHECKED
        }

    assert {table: {each.value for each in states} for table, _, states in CHECKED} == found
