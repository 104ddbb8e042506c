"""What users say is what a gateway or a browser would, and what comes back is read as it is meant."""

import json
import time

import pytest
import stripe

from loadtests.result import Outcome
from loadtests.wire import event, outcome, page, signature


@pytest.mark.parametrize(
    ("status", "headers", "counts_as"),
    [
        (201, {}, Outcome.OK),
        (200, {}, Outcome.FAILED),  # a checkout that did not say it was made
        (409, {}, Outcome.REFUSED),  # sold out
        (429, {"retry-after": "3"}, Outcome.REFUSED),
        (503, {"retry-after": "2"}, Outcome.REFUSED),
        (503, {}, Outcome.FAILED),  # nobody meant it
        (500, {"retry-after": "2"}, Outcome.FAILED),
        (0, {}, Outcome.FAILED),  # no answer
    ],
)
def test_an_answer_that_was_meant_is_no_failure(status, headers, counts_as):
    """Sold out, too many, come again later: refused. Everything else that is not what was asked for: failed."""
    assert counts_as == outcome(status, (201,), headers)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://127.0.0.1:8100/c/pay/cs_test_1", "cs_test_1"),
        ("http://127.0.0.1:8100/c/pay/cs_test_1#fid", "cs_test_1"),
        ("http://127.0.0.1:8100/paypal/checkoutnow?token=5O1", "5O1"),
    ],
)
def test_the_page_has_the_gateways_name(url, name):
    """Stripe's stands in the path, PayPal's behind it."""
    assert name == page(url)


def test_a_signed_event_is_taken_for_theirs():
    """The vendor's own library verifies it."""
    body = event("run", 7, int(time.time()))

    taken = stripe.Webhook.construct_event(body, signature("whsec_1", body, int(time.time())), "whsec_1")

    assert ("evt_load_run_7", "checkout.session.completed") == (taken.id, taken.type)


def test_the_same_event_is_the_same_body():
    """A duplicate is one to the letter, and another number is another event."""
    assert event("run", 7, 1) == event("run", 7, 1)
    assert json.loads(event("run", 8, 1))["id"] != json.loads(event("run", 7, 1))["id"]
