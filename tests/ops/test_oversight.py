"""The promises of the data on demand, and the audit trail page by page."""

from service.access.rules import Role
from service.acts.rules import fingerprint
from service.ops.views import EraseAsked
from service.parts import INVARIANTS
from tests.ops.conftest import as_role, codes


async def test_promises_are_checked_on_demand(stage, on_call):
    """A broken one is named with what breaks it; the verdict stays for everybody, and who asked is written down."""
    await stage.checkout()
    names = [each.name for each in INVARIANTS]
    before = (await on_call.get("invariants")).json()
    await stage.rows("UPDATE orders SET total_minor = total_minor + 1")

    checked = (await on_call.post("invariants/check", only=["order-total", "order-history"])).json()

    after = (await on_call.get("invariants")).json()
    told = {each["name"]: each["last"] for each in after["invariants"]}
    assert (None, names) == (before["holds"], [each["name"] for each in before["invariants"]])
    assert (False, False) == (checked["holds"], after["holds"])
    assert (1, 0) == tuple(told[name]["violations"] for name in ("order-total", "order-history"))
    assert "total" in told["order-total"]["examples"][0]
    assert [("invariants.check", "invariants")] == await on_call.noted()
    assert (400, "invalid_request") == codes(await on_call.post("invariants/check", only=["odd"]))
    whole = (await on_call.post("invariants/check")).json()
    assert names == [each["name"] for each in whole["invariants"]]


async def test_the_trail_is_read_by_auditors(stage, on_call):
    """By actor, action, subject and time, page by page; on call may write to it and not read it."""
    auditor = await as_role(stage, Role.AUDITOR)
    await on_call.put("switches/sales", value="paused", lease=60)
    await on_call.put("switches/sales", value="open")

    first = (await auditor.get("audit", subject="sales", limit=1)).json()
    second = (await auditor.get("audit", subject="sales", limit=1, cursor=first["cursor"])).json()

    (clear,), (put,) = first["entries"], second["entries"]
    assert ("switch.clear", "switch.put", None) == (clear["action"], put["action"], second["cursor"])
    assert ({"value": "paused", "lease": 60, "reason": "a test"}, "127.0.0.1") == (put["after"], put["ip"])
    since = {"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}
    assert [] == (await auditor.get("audit", **since)).json()["entries"]
    assert [put] == (await auditor.get("audit", action="switch.put", actor=put["actorId"])).json()["entries"]
    assert (403, "forbidden") == codes(await on_call.get("audit"))


async def test_a_customer_is_forgotten_by_whoever_may(stage, on_call):
    """All orders of the address, planned without a name; not while one is under way; nothing of the act tells who it was."""
    admin = await as_role(stage, Role.ADMIN)
    checkouts = [(await stage.checkout()).json() for _ in range(2)]
    wish = {"email": "ANA@example.org"}
    early = await admin.post("customers/erase", **wish)
    async with stage.worker():
        for each in checkouts:
            await stage.pay(each)
            await stage.order_in(each, "paid")

    planned = (await admin.post("customers/erase", **wish, dryRun=True)).json()
    done = (await admin.post("customers/erase", **wish, expect=planned["planHash"], key="k")).json()
    again = (await admin.post("customers/erase", orderId=checkouts[0]["orderId"])).json()

    assert (409, "wrong_state") == codes(early)
    assert {each["orderId"] for each in checkouts} == set(planned["after"]["erased"])
    assert ({**planned, "dryRun": False}, 2) == (done, done["affects"]["orders"])
    assert not again["changes"]
    trail = await stage.rows("SELECT coalesce(before, '') || after FROM audit_trail")
    assert not [each for (each,) in trail if "example.org" in each.lower()]
    act = EraseAsked(reason="a test", email=wish["email"], expect=planned["planHash"])
    guessed = fingerprint("POST", "/api/ops/customers/erase", act)
    kept = await stage.rows("SELECT fingerprint = :guess FROM idempotency_keys WHERE key = 'k'", guess=guessed)
    assert [(False,)] == kept, "whoever has the table cannot try addresses out"
    order = (await stage.client.get(f"/api/payment/order/{checkouts[0]['orderId']}", headers=admin.headers)).json()
    assert "ana@example.org" != order["email"]
    assert (400, "invalid_request") == codes(await admin.post("customers/erase", **wish, orderId="x"))
    assert 404 == (await admin.post("customers/erase", email="nobody@example.org")).status_code
    assert (403, "forbidden") == codes(await on_call.post("customers/erase", **wish))
