"""Orders are made once, as they were asked, and are gone when their time is over."""

import pytest

from tests.emulator.paypal.shop import ORDERS, dollars, issue, order_of


async def test_an_order_waits_for_its_buyer(shop):
    """With a payment source the link is `payer-action`; unasked, the answer is short."""
    made = await shop.ask("POST", ORDERS, json=order_of())
    order = made.json()

    assert (201, "PAYER_ACTION_REQUIRED") == (made.status_code, order["status"])
    assert {"id", "status", "payment_source", "links"} == order.keys()
    assert ["self", "payer-action"] == [link["rel"] for link in order["links"]]


async def test_without_a_payment_source_the_link_is_approve(shop):
    """The older way: CREATED, and nobody asks for a request id."""
    body = order_of()
    del body["payment_source"]
    answer = await shop.http.post(ORDERS, json=body, headers=shop.headers)

    assert "CREATED" == answer.json()["status"]
    assert ["self", "approve", "update", "capture"] == [link["rel"] for link in answer.json()["links"]]


async def test_the_whole_order_says_what_was_asked(shop):
    """Money in two decimals, and the shop's own id."""
    order = await shop.open(custom_id="ord_1.pay_1", invoice_id="R-1")

    [unit] = order["purchase_units"]
    assert ("415.00", "ord_1.pay_1", "R-1") == (unit["amount"]["value"], unit["custom_id"], unit["invoice_id"])
    assert order == await shop.order(order["id"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"amount": dollars("12.345")}, (422, "DECIMAL_PRECISION")),
        ({"amount": dollars("0.00")}, (422, "CANNOT_BE_ZERO_OR_NEGATIVE")),
        ({"amount": dollars("ten")}, (400, "INVALID_PARAMETER_SYNTAX")),
        ({"amount": {"currency_code": "XXX", "value": "1.00"}}, (422, "INVALID_CURRENCY_CODE")),
        ({"amount": {"currency_code": "USD"}}, (400, "MISSING_REQUIRED_PARAMETER")),
        ({"amount": dollars("415.00")}, (422, "ITEM_TOTAL_REQUIRED")),  # items without their sum
        (
            {"amount": {**dollars("415.00"), "breakdown": {"item_total": dollars("400.00")}}},
            (422, "AMOUNT_MISMATCH"),
        ),
        (
            {"amount": {**dollars("400.00"), "breakdown": {"item_total": dollars("400.00")}}},
            (422, "ITEM_TOTAL_MISMATCH"),
        ),
        ({"custom_id": "x" * 128}, (400, "INVALID_STRING_LENGTH")),
        ({"items": [{"name": "Pass"}]}, (400, "MISSING_REQUIRED_PARAMETER")),
    ],
)
async def test_a_wrong_order_is_refused(shop, changes, expected):
    """With the issue the vendor names, and nothing is made."""
    answer = await shop.ask("POST", ORDERS, json=order_of(**changes))

    assert expected == issue(answer)
    assert [] == (await shop.http.get("/_emulator/truth")).json()["payments"]


async def test_a_payment_source_needs_a_request_id(shop):
    """Or a lost answer could never be found again."""
    answer = await shop.http.post(ORDERS, json=order_of(), headers=shop.headers)

    assert (400, "PAYPAL_REQUEST_ID_REQUIRED") == issue(answer)


async def test_the_same_request_id_makes_one_order(shop):
    """201 first, 200 and the same body again."""
    first = await shop.ask("POST", ORDERS, key="k", json=order_of())
    again = await shop.ask("POST", ORDERS, key="k", json=order_of())

    assert [201, 200] == [first.status_code, again.status_code]
    assert first.json() == again.json()
    assert 1 == len((await shop.http.get("/_emulator/truth")).json()["payments"])


async def test_a_request_id_stands_for_one_body(shop):
    """What is repeated must be the same."""
    await shop.ask("POST", ORDERS, key="k", json=order_of())
    answer = await shop.ask("POST", ORDERS, key="k", json=order_of(custom_id="another"))

    assert (422, "DUPLICATE_REQUEST_ID") == issue(answer)


async def test_a_refused_request_may_be_sent_again_with_its_id(shop):
    """Only what was done is remembered."""
    refused = await shop.ask("POST", ORDERS, key="k", json=order_of(amount=dollars("0")))
    made = await shop.ask("POST", ORDERS, key="k", json=order_of())

    assert [422, 201] == [refused.status_code, made.status_code]


async def test_an_order_and_its_request_id_last_six_hours(shop, gateway):
    """Then the order is unknown, captured by nobody, and the id is free."""
    first = await shop.open(key="k")
    await shop.pay(first["id"])
    await gateway.advance(6 * 3600)
    gone = await shop.ask("GET", f"{ORDERS}/{first['id']}")
    late = await shop.capture(first["id"])
    second = await shop.open(key="k")

    assert [(404, "INVALID_RESOURCE_ID")] * 2 == [issue(gone), issue(late)]
    assert first["id"] != second["id"]
    assert ["expired", "open"] == [row["status"] for row in (await gateway.truth())["payments"]]


async def test_a_patch_changes_the_unit(shop):
    """Until the order is complete; sums are proved again."""
    order = await shop.open()
    base = "/purchase_units/@reference_id=='default'"
    changes = [
        {"op": "add", "path": f"{base}/invoice_id", "value": "R-2"},
        {"op": "replace", "path": f"{base}/custom_id", "value": "other"},
    ]
    done = await shop.ask("PATCH", f"{ORDERS}/{order['id']}", json=changes)
    [unit] = (await shop.order(order["id"]))["purchase_units"]

    assert (204, b"") == (done.status_code, done.content)
    assert ("R-2", "other", "415.00") == (unit["invoice_id"], unit["custom_id"], unit["amount"]["value"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"op": "replace", "path": "/intent", "value": "AUTHORIZE"}, (422, "REFERENCE_ID_NOT_FOUND")),
        ({"op": "replace", "path": "{}/items", "value": []}, (422, "NOT_PATCHABLE")),
        ({"op": "replace", "path": "{}/custom_id"}, (422, "PATCH_VALUE_REQUIRED")),
        ({"op": "replace"}, (422, "PATCH_PATH_REQUIRED")),
        ({"op": "shuffle"}, (400, "INVALID_PARAMETER_VALUE")),
        ({"op": "replace", "path": "{}/amount", "value": dollars("1.00")}, (422, "ITEM_TOTAL_REQUIRED")),
    ],
)
async def test_a_wrong_patch_changes_nothing(shop, change, expected):
    """The order is as it was."""
    order = await shop.open()
    if "path" in change:
        change = {**change, "path": change["path"].replace("{}", "/purchase_units/@reference_id=='default'")}
    answer = await shop.ask("PATCH", f"{ORDERS}/{order['id']}", json=[change])

    assert expected == issue(answer)
    assert order == await shop.order(order["id"])


async def test_a_complete_order_is_not_patched(shop):
    """It is history."""
    identifier = await shop.approved()
    await shop.capture(identifier)
    answer = await shop.ask("PATCH", f"{ORDERS}/{identifier}", json=[{"op": "remove", "path": "/x"}])

    assert (422, "ORDER_ALREADY_COMPLETED") == issue(answer)


@pytest.mark.parametrize(
    "path", [f"{ORDERS}/NOBODY", "/paypal/v2/payments/captures/X", "/paypal/v2/payments/refunds/X"]
)
async def test_what_nobody_made_is_not_found(shop, path):
    """404 with the vendor's issue."""
    assert (404, "INVALID_RESOURCE_ID") == issue(await shop.ask("GET", path))
