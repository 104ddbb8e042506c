"""Payouts: what is available goes to the bank, by itself each day or at once when control says so.

Every movement is booked here, because booking one also sets the day it is paid out: an hour after the midnight that
follows its becoming available. A payout is `in_transit` for the settling time, then `paid`, and its movements can be
listed by its id. Whether the bank also covers refunds the balance cannot is the account's one switch.
"""

from collections import defaultdict

from service.emulator import balance
from service.emulator.events import happened
from service.emulator.ids import letters, new_id
from service.emulator.params import read
from service.emulator.wire import Obj, encode
from service.emulator.world import Cause, World

DAY_S = 86_400
PAID_AFTER_S = 3_600  # past midnight, so that refunds which wait for money come first
ACCOUNT = "account"
FAILURES = {  # docs.stripe.com/api/payouts/failures
    "account_closed": "The bank account has been closed.",
    "could_not_process": "The bank could not process this payout.",
    "no_account": "The bank account could not be located.",
}


def midnight_after(moment: int) -> int:
    """The next start of a day, UTC; seconds."""
    return (moment // DAY_S + 1) * DAY_S


def book(world: World, movement: Obj) -> str:
    """Onto the balance, and onto the day it is paid out."""
    world.store.put("balance_transaction", movement)
    due_ms = (midnight_after(movement["available_on"]) + PAID_AFTER_S) * 1000
    day = f"payday_{movement['currency']}_{due_ms}"
    if world.store.raw("payday", day) is None:
        world.store.put("payday", {"id": day, "due_ms": due_ms, "currency": movement["currency"], "done": False})
        world.timers.at(due_ms, payday, day)
    return str(movement["id"])


def payday(world: World, identifier: str) -> None:
    """The day's automatic payout, once."""
    day = world.store.get("payday", identifier)
    if day is not None and not day["done"]:
        world.store.put("payday", {**day, "done": True})
        pay_out(world, day["currency"])


def totals(world: World) -> dict[str, tuple[int, int]]:
    """Available and pending by currency, minor units."""
    now = world.now()
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in world.store.table("balance_transaction").rows.values():
        sums[row.facts["currency"]][row.facts["available_on"] > now] += row.facts["net"]
    return {currency: (available, pending) for currency, (available, pending) in sums.items()}


def shown_balance(world: World, given: Obj) -> bytes:
    """`GET /v1/balance`."""
    read(given, {})
    sums = totals(world) or {"usd": (0, 0)}
    kinds = {
        name: [
            {"amount": both[place], "currency": currency, "source_types": {"card": both[place]}}
            for currency, both in sums.items()
        ]
        for place, name in enumerate(("available", "pending"))
    }
    return encode({"object": "balance", **kinds, "livemode": False})


def pay_out(world: World, currency: str) -> Obj | None:
    """One automatic payout of everything available in a currency; None when that is nothing."""
    now, table = world.now(), world.store.table("balance_transaction")
    ready = [
        identifier
        for identifier, row in table.rows.items()
        if row.facts["payout"] is None and row.facts["currency"] == currency and row.facts["available_on"] <= now
    ]
    amount = sum(table.rows[identifier].facts["net"] for identifier in ready)
    if amount <= 0:
        return None  # a debt waits for the next charges
    payout = _payout(amount, currency, now)
    movement = balance.transaction(
        "payout", payout, -amount, now=now, category="payout", description="STRIPE PAYOUT", at_once=True
    )
    world.store.put("balance_transaction", {**movement, "payout": payout["id"]})
    payout["balance_transaction"] = movement["id"]
    for identifier in ready:
        paid = world.store.must("balance_transaction", identifier)
        world.store.put("balance_transaction", {**paid, "payout": payout["id"]})
    happened(world, "payout.created", world.store.put("payout", payout), Cause())
    due = world.clock.now_ms() + world.options.settle_ms
    world.store.put("secret", {"id": payout["id"], "later": "paid", "settles_ms": due})
    world.timers.at(due, arrive, payout["id"])
    return payout


def arrive(world: World, identifier: str) -> None:
    """The money is at the bank, and what it is made of can be read; once."""
    payout, secret = world.store.get("payout", identifier), world.store.get("secret", identifier)
    if payout is None or secret is None or "settles_ms" not in secret:
        return
    world.store.put("secret", {"id": identifier, "later": "paid"})
    if payout["status"] != "in_transit":
        return
    before = {"status": payout["status"], "reconciliation_status": payout["reconciliation_status"]}
    payout |= {
        "status": "paid",
        "reconciliation_status": "completed",
        "trace_id": {"status": "supported", "value": letters(16)},
    }
    raw = world.store.put("payout", payout)
    happened(world, "payout.paid", raw, Cause(), previous={"status": before["status"]})
    happened(world, "payout.reconciliation_completed", raw, Cause(), previous=before)


def fail(world: World, identifier: str, code: str) -> Obj | None:
    """The bank sends it back, even days after it was paid; None when it already has."""
    payout = world.store.must("payout", identifier)
    if payout["status"] == "failed":
        return None
    before = {"status": payout["status"]}
    movement = balance.transaction(
        "payout_failure",
        payout,
        payout["amount"],
        now=world.now(),
        category="payout_reversal",
        description="PAYOUT FAILURE",
        at_once=True,
    )
    payout |= {
        "status": "failed",
        "failure_balance_transaction": book(world, movement),
        "failure_code": code,
        "failure_message": FAILURES[code],
    }
    happened(world, "payout.failed", world.store.put("payout", payout), Cause(), previous=before)
    return payout


def bank_covers(world: World) -> bool:
    """Whether refunds may take from the bank what the balance does not have: as a real account is set up, yes."""
    account = world.store.get("account", ACCOUNT)
    return account is None or bool(account["bank_debit"])


def let_bank_cover(world: World, *, covers: bool) -> None:
    world.store.put("account", {"id": ACCOUNT, "bank_debit": covers})


def _payout(amount: int, currency: str, now: int) -> Obj:
    return {
        "id": new_id("payout"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": now // DAY_S * DAY_S,
        "automatic": True,
        "balance_transaction": None,
        "created": now,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": new_id("bank_account"),
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "in_transit",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }
