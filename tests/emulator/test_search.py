"""Finding again what we may have made: by metadata, by payment, by time."""

import pytest
import stripe


async def told(gateway, payment_id, **changes):
    data = {"metadata": {"payment_id": payment_id}}
    return await gateway.paid(payment_intent_data=data, **changes)


async def found(gateway, query, **more):
    listed = await gateway.api.payment_intents.search_async({"query": query, **more})
    return [intent.id async for intent in listed.auto_paging_iter()]


async def test_a_payment_is_found_by_our_own_number(gateway):
    """By one key, or by one key and a state."""
    mine, _ = await told(gateway, "pay_1"), await told(gateway, "pay_2")

    assert [mine["payment_intent"]] == await found(gateway, "metadata['payment_id']:'pay_1'")
    assert [mine["payment_intent"]] == await found(gateway, "metadata[\"payment_id\"]:'pay_1' AND status:'succeeded'")
    assert [] == await found(gateway, "metadata['payment_id']:'pay_1' AND -status:'succeeded'")
    assert [] == await found(gateway, "metadata['payment_id']:'pay_3'")


async def test_a_charge_is_found_too(gateway):
    """Its metadata is the intent's."""
    mine = await told(gateway, "pay_1")

    listed = await gateway.api.charges.search_async({"query": "metadata['payment_id']:'pay_1'"})

    assert [mine["charge"]] == [charge.id for charge in listed.data]


async def test_numbers_are_compared(gateway):
    """Amounts and moments."""
    mine = await told(gateway, "pay_1")

    assert [mine["payment_intent"]] == await found(gateway, "amount:41500 AND currency:'usd'")
    assert [] == await found(gateway, "amount>41500")
    assert [mine["payment_intent"]] == await found(gateway, "amount<=41500 AND created>1600000000")


async def test_what_is_found_comes_in_pages(gateway):
    """Newest first, each once."""
    made = [(await told(gateway, "pay_1"))["payment_intent"] for _ in range(5)]

    assert made[::-1] == await found(gateway, "metadata['payment_id']:'pay_1'", limit=2)


@pytest.mark.parametrize("query", ["", "metadata['a']", "amount~3", "colour:'red'", "status:'a' OR status:'b'"])
async def test_a_query_that_cannot_be_read_is_refused(gateway, query):
    """It names the parameter."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await found(gateway, query)

    assert "query" == refused.value.param


async def test_sessions_of_a_span_of_time_are_listed(gateway):
    """What was opened while nobody listened, page by page."""
    before = await gateway.open()
    await gateway.advance(3_600)
    made = [await gateway.open(client_reference_id=f"pay_{n}") for n in range(3)]
    await gateway.advance(3_600)
    await gateway.open()

    span = {"created": {"gte": before.created + 60, "lte": made[-1].created + 60}, "limit": 2}
    listed = await gateway.api.checkout.sessions.list_async(span)

    assert ["pay_2", "pay_1", "pay_0"] == [one.client_reference_id async for one in listed.auto_paging_iter()]
