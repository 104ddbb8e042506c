"""No float comes near money, and a status changes only through its table."""

import pytest

from tests.shape.money import floats, near_money
from tests.shape.states import moves
from tests.shape.tree import Source, sources


def test_no_float_near_money():
    """No file that handles amounts can make a float."""
    complaints = [complaint for source in sources("service") for complaint in floats(source)]

    assert not complaints, "\n".join(complaints)


def test_money_itself_is_near_money():
    """The rule looks at the file that matters most."""
    near = [s.path for s in sources("service") if s.noun == "kernel" and near_money(s)]

    assert ["service/kernel/money.py", "service/kernel/refusals.py"] == near


def test_a_status_changes_only_through_its_table():
    """`advance` of each noun's flow.py is the only place."""
    complaints = [complaint for source in sources("service") for complaint in moves(source)]

    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    "text",
    [
        "from service.kernel.money import Money\nfee = 0.029",
        "def share(amount: int) -> int:\n    return amount / 3",
        "def share(amount_minor):\n    amount_minor /= 2",
        "price = order.unit_price\nrate = float(price)",
        "def charge(fees: float): ...",
        "import math\ntotal = math.floor(amount * 3)",
        "from math import floor\ncents = floor(7)",
    ],
)
def test_a_float_near_money_is_noticed(text):
    """Literals, conversions, annotations, true division, and math that returns floats."""
    assert [] != list(floats(Source("service/orders/rules.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        "timeout_s = 2.5",  # no money in this file
        "half = amount // 2",  # stays an integer
        "import math\namount = math.gcd(4, 6)",
        "from pathlib import Path\namount = 1\nfile = Path() / 'mail.html'",
    ],
)
def test_integers_and_files_without_money_are_not_noticed(text):
    """What cannot touch an amount passes."""
    assert [] == list(floats(Source("service/orders/rules.py", text)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("service/orders/api.py", "def pay(order):\n    order.status = 'paid'"),
        ("service/orders/flow.py", "def settle(order):\n    order.status = 'paid'"),
        ("service/orders/api.py", "def advance(order):\n    order.status = 'paid'"),  # not the flow
        ("service/orders/flow.py", "def pay(order):\n    order.paid_at, order.state = 1, 2"),
        ("service/orders/flow.py", "def pay(order):\n    setattr(order, 'status', 'paid')"),
        ("service/orders/flow.py", "def pay():\n    update(Order).where(x).values(status='paid')"),
        ("service/orders/flow.py", "def pay():\n    sa.update(Order).values({'state': 'paid'})"),
        ("service/orders/flow.py", "def pay(x):\n    statement.values(status='paid')"),
        ("service/orders/flow.py", "def pay(**x):\n    sa.update(Order).values(**x)"),
        ("service/orders/flow.py", "SQL = 'UPDATE orders SET paid_at = now(), status = %s WHERE id = %s'"),
        ("service/orders/flow.py", "SQL = 'INSERT … ON CONFLICT (id) DO UPDATE SET state = excluded.state'"),
    ],
)
def test_a_status_changed_by_hand_is_noticed(path, text):
    """Whatever way it is written."""
    assert 1 == len(list(moves(Source(path, text))))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("service/orders/flow.py", "def advance(order):\n    order.status = step.state"),
        ("service/kernel/errors.py", "class Refused(Exception):\n    def __init__(self):\n        self.status = 409"),
        ("service/orders/flow.py", "def find():\n    return select(Order).where(Order.status == 'paid')"),
        ("service/orders/flow.py", "def write():\n    insert(Order).values(status='new')"),
        ("service/orders/flow.py", "SQL = 'SELECT id FROM orders WHERE status = %s FOR UPDATE'"),
    ],
)
def test_reading_and_first_states_are_not_noticed(path, text):
    """Only changes are changes."""
    assert [] == list(moves(Source(path, text)))
