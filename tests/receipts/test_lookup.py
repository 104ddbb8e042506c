"""Looking an order up: with its token everything, without it nothing, not even whether it exists."""

import pytest

from service.access.flow import Made
from service.access.rules import OrderTokens, Role
from tests.access.giving import bearer, give
from tests.checkout.rows import stock
from tests.stage import Stage, buyer

UNKNOWN = "ord_01aryz6s410000000000000000"
OLD, NEW = "an-old-key-an-old-key-an-old-key-1", "a-new-key-a-new-key-a-new-key-a-1"


async def look(stage: Stage, order_id: str, *, query: str = "", authorization: str | None = None):
    headers = {} if authorization is None else {"Authorization": authorization}
    return await stage.client.get(f"/api/payment/order/{order_id}{query}", headers=headers)


def _partner(made: Made) -> dict[str, str]:
    """A key that sees no orders by itself."""
    return {"authorization": bearer(made)["Authorization"]}


@pytest.fixture
def stage_settings():
    """Two secret keys: they make the tokens of orders from before `order_customers`, and of no other."""
    return {"CUBANO_SECRET_KEYS": f"{NEW},{OLD}"}


async def test_a_token_may_come_in_three_ways(stage):
    """In the header, as links carry it, or named as in the answer of the checkout."""
    checkout = (await stage.checkout()).json()
    order_id, token = checkout["orderId"], checkout["accessToken"]

    answers = [
        await look(stage, order_id, authorization=f"Bearer {token}"),
        await look(stage, order_id, authorization=f"bearer  {token}"),  # the scheme's case is free
        await look(stage, order_id, query=f"?token={token}"),
        await look(stage, order_id, query=f"?accessToken={token}"),
        await look(stage, order_id, query=f"?token={token}", authorization="Basic YW5hOmFuYQ=="),  # another's header
        await look(stage, order_id, query=f"?token={token}", **_partner(await give(stage.db, "shop", Role.PARTNER))),
    ]

    assert [200] * 6 == [answer.status_code for answer in answers]
    assert 1 == len({answer.content for answer in answers})
    assert {"no-store"} == {answer.headers["cache-control"] for answer in answers}


async def test_who_may_not_see_an_order_cannot_tell_whether_there_is_one(stage):
    """The same 404 for each: status, headers and body, but for the trace."""
    checkout, other = [(await stage.checkout()).json() for _ in range(2)]
    order_id, token = checkout["orderId"], checkout["accessToken"]
    tokens = OrderTokens((NEW,))

    answers = {
        "no token": await look(stage, order_id),
        "empty token": await look(stage, order_id, query="?token="),
        "wrong token": await look(stage, order_id, query="?token=wrong"),
        "another order's token": await look(stage, order_id, authorization=f"Bearer {other['accessToken']}"),
        "a wrong header beside a right link": await look(
            stage, order_id, query=f"?token={token}", authorization="Bearer wrong"
        ),
        "the secret key's": await look(stage, order_id, query=f"?token={tokens.issue(order_id)}"),
        "not ASCII": await look(stage, order_id, query="?token=%C3%B1"),
        "half a surrogate pair": await look(stage, order_id, query="?token=%ED%A0%BD"),
        "not UTF-8": await look(stage, order_id, query="?token=%FF%FE"),
        "NUL": await look(stage, order_id, query="?token=%00"),
        "very long": await look(stage, order_id, query=f"?token={'x' * 20_000}"),
        "scheme without token": await look(stage, order_id, authorization="Bearer"),
        "unknown order": await look(stage, UNKNOWN),
        "unknown order with its right token": await look(stage, UNKNOWN, query=f"?token={tokens.issue(UNKNOWN)}"),
        "another spelling": await look(stage, order_id.upper(), query=f"?token={token}"),
        "no id at all": await look(stage, "7", query=f"?token={tokens.issue('7')}"),
        "id with NUL": await look(stage, order_id + "%00", query=f"?token={token}"),
        "id with SQL": await look(stage, "'%20OR%201=1", query=f"?token={token}"),
        "another noun's id": await look(stage, order_id.replace("ord_", "pay_"), query=f"?token={token}"),
    }

    seen = {why: (each.status_code, _constant(each.headers), _constant(each.json())) for why, each in answers.items()}
    assert {404} == {status for status, _, _ in seen.values()}
    assert [] == [why for why, told in seen.items() if told != seen["unknown order"]]


def _constant(values) -> dict[str, object]:
    """Without what differs from any request to the next."""
    return {name: value for name, value in values.items() if name not in {"traceId", "traceresponse", "date"}}


async def test_an_open_order_shows_what_was_ordered_and_where_to_pay(stage):
    """Everything a customer needs, and nothing of the gateway's or ours."""
    checkout = (await stage.checkout()).json()

    order = await stage.order(checkout)

    payment = order["payments"].pop()
    assert ("created", "stripe", checkout["total"]) == (payment["status"], payment["provider"], payment["amount"])
    assert order["createdAt"] < order["expiresAt"]
    assert order | {"createdAt": "", "expiresAt": ""} == {
        "orderId": checkout["orderId"],
        "orderNumber": checkout["orderNumber"],
        "status": "awaiting_payment",
        "paymentStatus": "created",
        "provider": "stripe",
        "locale": "en",
        "customerName": "Ana Pérez",
        "email": "ana@example.org",
        "total": {"minor": 49_800, "currency": "USD"},
        "refunded": {"minor": 0, "currency": "USD"},
        "createdAt": "",
        "expiresAt": "",
        "paidAt": None,
        "items": [
            {
                "ticketType": "full-pass",
                "name": "Full Pass",
                "quantity": 2,
                "unitPrice": {"minor": 24_900, "currency": "USD"},
                "total": {"minor": 49_800, "currency": "USD"},
            }
        ],
        "tickets": [],
        "payments": [],
        "refunds": [],
        "decline": None,
        "checkoutUrl": checkout["checkoutUrl"],
        "customerErasedAt": None,
        "disputes": None,
    }


async def test_a_paid_order_shows_its_tickets_and_no_page_to_pay_on(stage):
    """A code each, valid, and when it was paid."""
    checkout = (await stage.checkout()).json()

    async with stage.worker():
        await stage.pay(checkout)
        order = await stage.order_in(checkout, "paid")

    assert (None, "succeeded") == (order["checkoutUrl"], order["paymentStatus"])
    assert order["createdAt"] <= order["paidAt"]
    assert ["valid", "valid"] == [each["status"] for each in order["tickets"]]
    assert 2 == len({each["code"] for each in order["tickets"]})


async def test_the_page_is_not_shown_once_the_hold_has_run_out(stage):
    """Though the timer has not come by yet: nobody is sent to pay for seats that may be gone in a second."""
    checkout = (await stage.checkout()).json()
    await stage.rows("UPDATE orders SET expires_at = now()")

    order = await stage.order(checkout)

    assert ("awaiting_payment", None) == (order["status"], order["checkoutUrl"])


@pytest.mark.parametrize(
    ("card", "locale", "category", "starts", "retry"),
    [
        ("4000000000009995", "en", "insufficient_funds", "There is not enough money", True),
        ("4000000000009995", "es", "insufficient_funds", "Esta tarjeta no tiene saldo", True),
        ("4000000000000069", "en", "card_expired", "This card has expired", True),
        ("4000000000000127", "en", "card_incorrect", "Something in the card details", True),
        ("4000000000000119", "en", "processing", "The bank could not process", True),
        ("4000000000000002", "en", "do_not_honor", "Your bank declined this payment", True),
        # A thief reads the same as everybody else.
        ("4000000000009987", "en", "fraud", "Your bank declined this payment", False),
    ],
)
async def test_a_declined_card_is_explained(stage, card, locale, category, starts, retry):
    """In the buyer's language; the page stays open for another card and the seats stay held."""
    checkout = (await stage.checkout(buyer(locale=locale))).json()

    async with stage.worker():
        await stage.pay(checkout, card=card)
        await stage.until(lambda: stage.rows("SELECT 1 FROM payments WHERE status = 'failed'"))
    order = await stage.order(checkout)

    decline = order["decline"]
    assert (category, retry, True) == (decline["category"], decline["retry"], decline["message"].startswith(starts))
    assert ("awaiting_payment", checkout["checkoutUrl"]) == (order["status"], order["checkoutUrl"])
    assert (2, 0) == await stock(stage)


async def test_a_decline_is_forgotten_once_another_card_was_taken(stage):
    """Paid is paid."""
    checkout = (await stage.checkout()).json()

    async with stage.worker():
        await stage.pay(checkout, card="4000000000009995")
        await stage.until(lambda: stage.rows("SELECT 1 FROM payments WHERE status = 'failed'"))
        await stage.pay(checkout)
        order = await stage.order_in(checkout, "paid")

    assert (None, ["succeeded"]) == (order["decline"], [each["status"] for each in order["payments"]])
