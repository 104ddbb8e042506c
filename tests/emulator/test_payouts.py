"""The balance: what charges, refunds and disputes leave on it, and how it reaches the bank."""

import pytest
import stripe

from tests.emulator.gateway import eventually

DAY_S = 86_400
FEE = 1_234  # of 415.00: 2.9 % and 30, half up
NET = 41_500 - FEE
AT_ONCE = "4000000000000077"  # its money is available straight away


async def balance(gateway):
    """(available, pending) in US dollars."""
    found = await gateway.api.balance.retrieve_async()
    return found.available[0].amount, found.pending[0].amount


async def pay_out(gateway):
    answer = await gateway.http.post("/_emulator/payouts")
    answer.raise_for_status()
    return answer.json()["payouts"]


async def arrived(gateway, payout):
    async def paid():
        return (await gateway.api.payouts.retrieve_async(payout["id"])).status == "paid"

    await eventually(paid)


async def test_money_is_available_two_days_later(gateway):
    """Until then it is pending; the movement says when."""
    outcome = await gateway.paid()
    charge = await gateway.api.charges.retrieve_async(outcome["charge"], {"expand": ["balance_transaction"]})
    before = await balance(gateway)

    await gateway.advance(2 * DAY_S)

    movement = await gateway.api.balance_transactions.retrieve_async(charge.balance_transaction.id)
    assert ((0, NET), (NET, 0)) == (before, await balance(gateway))
    assert ("pending", "available") == (charge.balance_transaction.status, movement.status)
    assert 2 * DAY_S == movement.available_on - movement.created


async def test_nothing_earned_is_an_empty_balance(gateway):
    """Zero, and no payout."""
    assert (0, 0) == await balance(gateway)
    assert [] == await pay_out(gateway)


async def test_the_fee_comes_with_charge_updated(gateway):
    """The first event of a charge knows no movement; the later one brings it."""
    await gateway.paid()

    succeeded, updated = [
        (await gateway.api.events.list_async({"type": name})).data[0].data.object
        for name in ("charge.succeeded", "charge.updated")
    ]

    movement = await gateway.api.balance_transactions.retrieve_async(updated["balance_transaction"])
    assert succeeded["balance_transaction"] is None
    assert (41_500, FEE, NET, "charge") == (movement.amount, movement.fee, movement.net, movement.reporting_category)


async def test_a_payout_takes_all_that_is_available(gateway):
    """Charge less fee less refund; its movements are listed by its id, its own among them."""
    outcome = await gateway.paid()
    await gateway.api.refunds.create_async({"charge": outcome["charge"], "amount": 1_500})
    await gateway.advance(2 * DAY_S + 1)
    later = await gateway.paid()

    [payout] = await pay_out(gateway)

    await arrived(gateway, payout)
    shown = await gateway.api.payouts.retrieve_async(payout["id"], {"expand": ["balance_transaction"]})
    listed = await gateway.api.balance_transactions.list_async({"payout": payout["id"]})
    assert ("in_transit", True, NET - 1_500) == (payout["status"], payout["automatic"], payout["amount"])
    assert ("completed", 1_500 - NET) == (shown.reconciliation_status, shown.balance_transaction.amount)
    assert [("payout", 1_500 - NET), ("refund", -1_500), ("charge", 41_500)] == [
        (one.reporting_category, one.amount) for one in listed.data
    ]
    assert 0 == sum(one.net for one in listed.data)
    assert later["charge"] not in [one.source for one in listed.data]
    assert (0, NET) == await balance(gateway)


async def test_a_payout_tells_its_story(gateway):
    """Created, paid, and what it is made of can be read."""
    await gateway.paid(AT_ONCE)

    [payout] = await pay_out(gateway)

    await arrived(gateway, payout)
    told = (await gateway.event_types())[-3:]
    assert ["payout.created", "payout.paid", "payout.reconciliation_completed"] == told


async def test_a_day_pays_itself_out(gateway):
    """Three days later everything has happened, each at its own time."""
    await gateway.paid()

    await gateway.advance(4 * DAY_S)

    [payout] = (await gateway.api.payouts.list_async({"status": "paid"})).data
    [created] = (await gateway.api.events.list_async({"type": "payout.created"})).data
    [charge] = (await gateway.api.charges.list_async()).data
    assert NET == payout.amount
    assert 3_600 == payout.created % DAY_S
    assert payout.created == created.created
    assert 2 * DAY_S < payout.created - charge.created < 3 * DAY_S + 3_601
    assert (0, 0) == await balance(gateway)


async def test_a_debt_is_not_paid_out(gateway):
    """A dispute after the payout leaves less than nothing; the next charge pays it off."""
    outcome = await gateway.paid(AT_ONCE)
    await pay_out(gateway)
    await gateway.http.post("/_emulator/disputes", json={"charge": outcome["charge"], "amount": 10_000})
    await gateway.advance(4 * DAY_S)
    owed = await pay_out(gateway)

    await gateway.paid(AT_ONCE)
    [payout] = await pay_out(gateway)

    assert [] == owed
    assert NET - 10_000 - 1_500 == payout["amount"]


async def test_a_payout_may_fail_after_it_was_paid(gateway):
    """The money is back on the balance, with its own movement; once."""
    await gateway.paid(AT_ONCE)
    [payout] = await pay_out(gateway)
    await arrived(gateway, payout)

    failed = await gateway.http.post(f"/_emulator/payouts/{payout['id']}/fail", json={"reason": "no_account"})
    again = await gateway.http.post(f"/_emulator/payouts/{payout['id']}/fail")
    unknown = await gateway.http.post("/_emulator/payouts/po_none/fail")
    wrong = await gateway.http.post(f"/_emulator/payouts/{payout['id']}/fail", json={"reason": "mood"})

    back = await gateway.api.balance_transactions.retrieve_async(failed.json()["failure_balance_transaction"])
    assert ("failed", "no_account") == (failed.json()["status"], failed.json()["failure_code"])
    assert ("payout_failure", NET) == (back.type, back.amount)
    assert (409, 404, 400) == (again.status_code, unknown.status_code, wrong.status_code)
    assert "payout.failed" == (await gateway.event_types())[-1]
    assert (NET, 0) == await balance(gateway)


async def test_movements_are_found_by_kind_and_time(gateway):
    """What bookkeeping asks for."""
    outcome = await gateway.paid()
    await gateway.advance(3_600)
    refund = await gateway.api.refunds.create_async({"charge": outcome["charge"], "amount": 500})

    async def sources(**filters):
        return [one.source for one in (await gateway.api.balance_transactions.list_async(filters)).data]

    assert [outcome["charge"]] == await sources(type="charge")
    assert [refund.id] == await sources(created={"gte": refund.created})
    assert [refund.id, outcome["charge"]] == await sources(currency="usd")
    assert [] == await sources(payout="po_none")


async def test_payouts_are_listed_by_day(gateway):
    """Newest first, by the day they arrive; an unknown one is 404."""
    await gateway.paid(AT_ONCE)
    [first] = await pay_out(gateway)
    await gateway.advance(DAY_S)
    await gateway.paid(AT_ONCE)
    [second] = await pay_out(gateway)

    async def ids(**filters):
        return [one.id for one in (await gateway.api.payouts.list_async(filters)).data]

    assert [second["id"], first["id"]] == await ids()
    assert [first["id"]] == await ids(arrival_date={"lte": first["arrival_date"]})
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await gateway.api.payouts.retrieve_async("po_none")
    assert 404 == unknown.value.http_status
