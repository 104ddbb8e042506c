"""The comparison with what really happened notices whatever differs; else the gate would guard nothing."""

from copy import deepcopy

import pytest

from loadtests.correct import differences

CHARGE = {
    "provider": "stripe",
    "checkout": "cs_1",
    "charged": 24_900,
    "refunded": 4_900,
    "metadata": {"payment_id": "pay_1", "order_id": "ord_1"},
}
OPEN = CHARGE | {
    "checkout": "cs_2",
    "charged": 0,
    "refunded": 0,
    "metadata": {"payment_id": "pay_2", "order_id": "ord_2"},
}
PAYMENTS = [
    {"id": "pay_1", "order_id": "ord_1", "status": "succeeded", "amount_minor": 24_900},
    {"id": "pay_2", "order_id": "ord_2", "status": "pending", "amount_minor": 7_900},
]
ORDERS = [
    {"id": "ord_1", "status": "partially_refunded", "total_minor": 24_900},
    {"id": "ord_2", "status": "pending", "total_minor": 7_900},
]
REFUNDS = [
    {"payment_id": "pay_1", "status": "succeeded", "amount_minor": 4_900},
    {"payment_id": "pay_1", "status": "failed", "amount_minor": 900},
]


class World:
    """Both sides of one story; a test changes it."""

    def __init__(self) -> None:
        self.there, self.payments = deepcopy([CHARGE, OPEN]), deepcopy(PAYMENTS)
        self.orders, self.refunds = deepcopy(ORDERS), deepcopy(REFUNDS)

    def differences(self) -> list[str]:
        return differences({"payments": self.there}, self.payments, self.orders, self.refunds)


def test_one_story_on_both_sides_differs_in_nothing():
    """A paid order with a part of its money back, and one that nobody has paid."""
    assert [] == World().differences()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w.there.append(deepcopy(CHARGE)), "pay_1 is charged 2 times"),
        (lambda w: w.payments.pop(0), "stripe cs_1 is charged, and no payment here knows of it"),
        (lambda w: w.payments[0].update(status="canceled"), "pay_1 is charged and canceled here"),
        (lambda w: w.payments[0].update(amount_minor=1), "pay_1 is 1 here and 24900 there"),
        (
            lambda w: w.payments[1].update(status="succeeded"),
            "pay_2 succeeded here, and nothing is charged there",
        ),
        (lambda w: w.orders[1].update(status="paid"), "ord_2 is paid, costs 7900 and keeps 0"),
        (
            lambda w: w.orders[0].update(total_minor=100),
            "ord_1 is partially_refunded, costs 100 and keeps 20000",
        ),
        (lambda w: w.refunds.pop(0), "pay_1: 0 went back here, 4900 there"),
        (lambda w: w.there[0].update(refunded=0), "pay_1: 4900 went back here, 0 there"),
    ],
)
def test_each_difference_is_a_sentence(change, sentence):
    """Charged twice, unknown, of another amount, paid without money, given back on one side only."""
    world = World()

    change(world)

    assert sentence in world.differences()


def test_while_events_wait_only_what_no_event_mends_is_wrong():
    """A payment whose event has not come is no lost money; a second charge stays one."""
    world = World()
    world.payments[0].update(status="pending")
    world.there.append(deepcopy(CHARGE))

    found = differences({"payments": world.there}, world.payments, world.orders, world.refunds, at_rest=False)

    assert ["pay_1 is charged 2 times"] == found
