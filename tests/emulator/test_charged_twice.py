"""What drills ask the gateways' truth: whether anybody was charged twice."""

from runbooks.drills.verdict import charged_twice


async def test_an_order_that_was_paid_twice_is_found(gateway):
    """Two paid sessions of one order; one that was paid once beside an open one, and one that was declined, are as usual."""
    await gateway.paid()
    await gateway.paid()
    for order, paid in (("ord_2", 1), ("ord_3", 0)):
        for number in range(2):
            session = await gateway.open(metadata={"order_id": order})
            await gateway.pay(session, "4242424242424242" if number < paid else "4000000000000002")

    assert ["ord_1"] == charged_twice((await gateway.truth())["payments"])
