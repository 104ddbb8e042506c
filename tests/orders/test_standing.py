"""Where a paid order stands is a function of the money alone, whatever it was called before."""

from itertools import product

import pytest

from service.kernel.money import Money
from service.orders.machine import ORDER, OrderStatus
from service.orders.rules import standing

S = OrderStatus
TOTAL = Money(49800, "USD")
SEATED = (S.PAID, S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED)
UNSEATED = (S.LATE_PAYMENT, S.REFUNDED)
# what went back, whether a dispute runs, where the order stands
WITH_SEATS = [
    (0, False, S.PAID),
    (0, True, S.DISPUTED),
    (1, False, S.PARTIALLY_REFUNDED),
    (1, True, S.DISPUTED),
    (49800, False, S.REFUNDED),
    (49800, True, S.REFUNDED),
    (60000, False, S.REFUNDED),  # refunded by us, and taken back by the bank as well
]
WITHOUT = [
    (0, False, S.LATE_PAYMENT),
    (1, False, S.LATE_PAYMENT),
    (0, True, S.LATE_PAYMENT),  # no ticket is out: what matters is that the money goes back
    (49800, False, S.REFUNDED),
]
CASES = [
    *((start, True, *case) for start, case in product(SEATED, WITH_SEATS)),
    *((start, False, *case) for start, case in product(UNSEATED, WITHOUT)),
]


@pytest.mark.parametrize(("start", "seated", "gone", "disputed", "end"), CASES)
def test_the_money_says_where_an_order_stands(start, seated, gone, disputed, end):
    """From every paid state each other one is reached in one move, and a repetition stays there."""
    states = [start]
    for _ in range(2):
        move = standing(states[-1], gone=Money(gone, "USD"), total=TOTAL, seated=seated, disputed=disputed)
        states.append(ORDER.step(states[-1], move).state)

    assert [end, end] == states[1:]


@pytest.mark.parametrize("status", [S.AWAITING_PAYMENT, S.PROCESSING, S.EXPIRED, S.CANCELED])
def test_an_unpaid_order_goes_nowhere_by_it(status):
    """No sum makes an order paid: only a payment does."""
    moves = {
        standing(status, gone=Money(gone, "USD"), total=TOTAL, seated=seated, disputed=disputed)
        for gone, seated, disputed in product((0, 1, 49800), (True, False), (True, False))
    }

    assert {status} == {ORDER.step(status, move).state for move in moves}
