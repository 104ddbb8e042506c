"""Chaos in its short form, and that its verdict sees each thing that could go wrong."""

from dataclasses import replace

import pytest

from service.bench.chaos.buyers import Bought, page_of
from service.bench.chaos.play import PROVIDERS, play
from service.bench.chaos.script import VICTIMS, write
from service.bench.chaos.verdict import Facts, judge

ORDER = {"id": "ord_1", "status": "paid"}
CHARGE = {
    "provider": "stripe",
    "checkout": "cs_1",
    "charged": 500,
    "refunded": 0,
    "currency": "usd",
    "metadata": {"order_id": "ord_1", "payment_id": "pay_1"},
}
PAYMENT = {
    "id": "pay_1",
    "status": "succeeded",
    "amount_minor": 500,
    "amount_currency": "USD",
    "returned_minor": 0,
}
GOOD = Facts(
    bought=[Bought(1, "pays", "stripe", order={"orderId": "ord_1", "provider": "stripe"}, paid=True)],
    orders={"ord_1": ORDER},
    payments=[PAYMENT],
    refunds=[],
    tickets={"ord_1": 2},
    wanted={"ord_1": 2},
    events={("stripe", "evt_1")},
    waiting=[],
    stock=[{"ticket_type": "full-pass", "held": 0, "sold": 2, "capacity": 2}],
    findings=[],
    truth={"payments": [CHARGE], "refunds": []},
    owed=[("stripe", "evt_1")],
    letters={"ord_1": 1},
)
# What is wrong: (what of the facts is changed, the promises that must be called broken)
WRONG = {
    "an order that never ends": ({"orders": {"ord_1": ORDER | {"status": "processing"}}}, "accepted orders"),
    "an order nobody knows": ({"orders": {}}, "accepted orders"),
    "a card taken for nothing": ({"orders": {"ord_1": ORDER | {"status": "expired"}}}, "cards taken"),
    "two charges": ({"truth": {"payments": [CHARGE, CHARGE | {"checkout": "cs_2"}], "refunds": []}}, "double charges"),
    "a charge we do not know": ({"payments": []}, "truth"),
    "another amount": ({"payments": [PAYMENT | {"amount_minor": 400}]}, "truth"),
    "a payment nobody took": ({"truth": {"payments": [], "refunds": []}}, "truth"),
    "money back that we do not know": (
        {"truth": {"payments": [CHARGE | {"refunded": 500}], "refunds": []}},
        "truth",
    ),
    "a refund we do not know": (
        {"truth": {"payments": [CHARGE], "refunds": [{"refund": "re_1", "status": "succeeded"}]}},
        "refunds",
    ),
    "a refund nobody made": ({"refunds": [{"refund_ref": "re_1", "status": "succeeded"}]}, "refunds"),
    "oversold": ({"stock": [{"ticket_type": "x", "held": 0, "sold": 3, "capacity": 2}]}, "stock"),
    "a seat still held": ({"stock": [{"ticket_type": "x", "held": 1, "sold": 0, "capacity": 2}]}, "stock"),
    "a ticket too few": ({"tickets": {"ord_1": 1}}, "tickets"),
    "no letter": ({"letters": {}}, "letters"),
    "a lost event": ({"events": set()}, "events"),
    "a dead letter": ({"waiting": ["event evt_1 is dead"]}, "queues"),
}


def test_all_that_is_well_holds():
    """The facts the other cases start from."""
    assert [] == [check.name for check in judge(GOOD) if not check.holds]


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_called_by_its_name(case):
    """Each promise is broken alone at least once."""
    changed, promise = WRONG[case]

    broken = [check.name for check in judge(replace(GOOD, **changed)) if not check.holds]

    assert promise in broken


def test_a_seed_is_a_story():
    """The same seed strikes in the same order; in two minutes every victim falls and every fault strikes both gateways."""
    story = write(7, 120, PROVIDERS)

    assert story == write(7, 120, PROVIDERS)
    assert story != write(8, 120, PROVIDERS)
    assert set(VICTIMS) == {blow.victim for blow in story if blow.victim}
    assert sorted(story, key=lambda blow: blow.at_s) == story
    struck = {blow.name for blow in story if blow.fault}
    assert 14 * len(PROVIDERS) == len(struck), sorted(struck)


def test_a_page_is_known_by_its_address():
    """Stripe's ends with its id, PayPal's carries it."""
    assert "cs_test_1" == page_of("http://127.0.0.1:1/pay/cs_test_1")
    assert "5O190127TN364715T" == page_of("http://127.0.0.1:1/paypal/checkoutnow?token=5O190127TN364715T")


@pytest.mark.alone
@pytest.mark.timeout(300)  # ninety seconds on a quiet machine
@pytest.mark.xdist_group("bench")
async def test_after_all_that_every_cent_is_where_it_belongs():
    """A short form: kills and faults for some seconds, then quiet, then the whole verdict."""
    said: list[str] = []

    report = await play(11, 18, said.append, per_second=3, hold_s=15)

    assert report.holds, [*said, *(f"{check.name}: {check.problems}" for check in report.checks if not check.holds)]
    assert report.accepted
    assert any(name.startswith("SIGKILL") for name in report.blows)
