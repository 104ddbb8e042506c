"""Transaction search tells what moved, with fees, in ranges of at most 31 days."""

from datetime import UTC, datetime

import pytest

from tests.emulator.paypal.shop import issue

SEARCH = "/paypal/v1/reporting/transactions"


async def around(shop, before_s=3_600):
    """A range that ends now."""
    now = (await shop.http.get("/_emulator/clock")).json()["now"]
    return {"start_date": _stamp(now - before_s), "end_date": _stamp(now + 60)}


def _stamp(seconds):
    return datetime.fromtimestamp(seconds, UTC).isoformat()


async def test_payment_and_refund_are_listed(shop):
    """Gross, fee, the shop's own ids, and what each refers to."""
    made = await shop.captured(custom_id="ord_1.pay_1", invoice_id="R-1")
    refund = (await shop.refund(made["id"], "15.00")).json()
    listed = await shop.get(SEARCH, **await around(shop))
    paid, back = [row["transaction_info"] for row in listed["transaction_details"]]

    assert (made["id"], "T0006", "415.00", "-12.90", "S") == (
        paid["transaction_id"],
        paid["transaction_event_code"],
        paid["transaction_amount"]["value"],
        paid["fee_amount"]["value"],
        paid["transaction_status"],
    )
    assert ("ord_1.pay_1", "R-1", "ODR") == (paid["custom_field"], paid["invoice_id"], paid["paypal_reference_id_type"])
    assert (refund["id"], "T1107", "-15.00", made["id"]) == (
        back["transaction_id"],
        back["transaction_event_code"],
        back["transaction_amount"]["value"],
        back["paypal_reference_id"],
    )
    assert "fee_amount" not in back


async def test_a_pending_payment_changes_its_row(shop, gateway):
    """P until the bank answers, then S; one row all the time."""
    await shop.captured("pending")
    before = await shop.get(SEARCH, **await around(shop))
    await gateway.advance(1)
    after = await shop.get(SEARCH, **await around(shop))

    assert ["P", "S"] == [
        listed["transaction_details"][0]["transaction_info"]["transaction_status"] for listed in (before, after)
    ]
    assert 1 == after["total_items"]


async def test_pages_follow_each_other(shop):
    """By number and by link."""
    for _ in range(3):
        await shop.captured()
    span = await around(shop)
    first = await shop.get(SEARCH, page_size=2, **span)
    [following] = [link["href"] for link in first["links"] if link["rel"] == "next"]
    second = (await shop.http.get(following, headers=shop.headers)).json()

    assert (3, 2) == (first["total_items"], first["total_pages"])
    assert [2, 1] == [len(page["transaction_details"]) for page in (first, second)]
    assert [] == [link for link in second["links"] if link["rel"] == "next"]


async def test_one_transaction_is_found(shop):
    """By id, and by code."""
    await shop.captured()
    made = await shop.captured()
    span = await around(shop)
    by_id = await shop.get(SEARCH, transaction_id=made["id"], **span)
    by_code = await shop.get(SEARCH, transaction_type="T1107", **span)

    assert [1, 0] == [by_id["total_items"], by_code["total_items"]]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"start_date": "2026-01-01T00:00:00Z"},
        {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-02-02T00:00:00Z"},  # 32 days
        {"start_date": "2026-01-02T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"},
        {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-01-02T00:00:00Z", "page_size": "501"},
        {"start_date": "2026-01-01", "end_date": "2026-01-02T00:00:00Z"},  # no time, no zone
    ],
)
async def test_a_wrong_range_is_refused(shop, query):
    """The vendor takes 31 days at most."""
    assert (400, "INVALID_PARAMETER_VALUE") == issue(await shop.ask("GET", SEARCH, params=query))
