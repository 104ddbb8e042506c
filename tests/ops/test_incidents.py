"""What an incident needs of the API: many messages again, a day compared, what changed, another webhook secret."""

import json
from datetime import timedelta

import pytest

from service.changes.flow import Starts
from service.kernel.clock import utc_now
from service.kernel.data_keys import MasterKeys
from service.webhook_secrets.rules import hash_of
from tests.failover.both import STRIPE
from tests.ops.conftest import as_role, codes
from tests.stage import WEBHOOK_SECRET

OLD, NEW = "whsec_of_the_settings_0123456789", "whsec_of_another_day_0123456789"


@pytest.fixture
def stage_settings():
    return {"CUBANO_STRIPE_WEBHOOK_SECRETS": f"{WEBHOOK_SECRET},{OLD}"}


async def dead(stage, kind: str, *, attempts: int = 100) -> int:
    """A message that was given up."""
    query = """INSERT INTO outbox (kind, key, payload, state, attempts, due_at, created_at, last_error)
               VALUES (:kind, gen_random_uuid()::text, '{}', 'dead', :attempts, now(), now(), 'refused') RETURNING seq"""
    return (await stage.rows(query, kind=kind, attempts=attempts))[0][0]


async def test_many_messages_are_delivered_again_at_once(stage, on_call):
    """Of a kind, a family or all, the oldest first; counted before; what was set aside for a person stays so unless asked for."""
    first, second = await dead(stage, "mail.confirmation"), await dead(stage, "mail.refunded")
    other, parked = await dead(stage, "mailing.odd"), await dead(stage, "refund.send", attempts=1)

    planned = (await on_call.post("outbox/retry", kind="mail", dryRun=True)).json()
    done = (await on_call.post("outbox/retry", kind="mail.", limit=1, reason="it is back")).json()
    exact = (await on_call.post("outbox/retry", kind="mail.refunded")).json()
    rest = (await on_call.post("outbox/retry")).json()
    none = (await on_call.post("outbox/retry")).json()
    last = (await on_call.post("outbox/retry", parked=True)).json()

    assert ([first, second], 2) == (planned["before"]["messages"], planned["affects"]["events"])
    assert [[first], [second], [other], [], [parked]] == [
        each["before"]["messages"] for each in (done, exact, rest, none, last)
    ]
    assert (True, False) == (done["changes"], none["changes"])
    assert {("pending", 0)} == set(
        await stage.rows("SELECT state, attempts FROM outbox WHERE kind <> 'checkout.expire'")
    )
    assert ["outbox.retry"] * 4 == [action for action, _ in await on_call.noted()]
    assert [400, 400] == [
        (await on_call.post("outbox/retry", **wrong)).status_code for wrong in ({"limit": 201}, {"state": "pending"})
    ]


async def test_an_agreement_to_other_messages_is_void(stage, on_call):
    """One more that died since is another act."""
    await dead(stage, "mail.confirmation")
    planned = (await on_call.post("outbox/retry", dryRun=True)).json()
    await dead(stage, "mail.confirmation")

    refused = await on_call.post("outbox/retry", expect=planned["planHash"])

    assert (409, "plan_changed") == codes(refused)


async def test_a_day_is_compared_because_somebody_asks(stage, on_call):
    """A dry run says which day and how much is open; the act reads the gateways, counts what differs, and is written down."""
    checkout = (await stage.checkout()).json()
    await stage.pay(checkout)
    async with stage.worker():
        await stage.order_in(checkout, "paid")
    today = f"{utc_now().date()}"
    planned = (await on_call.post("reconciliation/run", day=today, dryRun=True)).json()

    done = await on_call.post("reconciliation/run", day=today, provider="stripe", key="k")
    again = await on_call.post("reconciliation/run", day=today, provider="stripe", key="k")
    await stage.faults({"match": STRIPE, "effects": {"outage": True}})
    unread = (await on_call.post("reconciliation/run", day=today, provider="stripe")).json()

    assert {"day": today, "providers": "stripe,paypal"} == planned["after"]
    assert ({"differences": 0}, True) == (planned["before"], planned["changes"])
    found = done.json()["after"]
    assert (1, "stripe", "") == (found["compared"], found["providers"], found["unread"])
    assert found["differences"] == done.json()["affects"]["events"]
    assert done.json() == again.json()
    assert "stripe" == unread["after"]["unread"]
    open_ones = await stage.rows("SELECT count(*) FROM differences WHERE resolved_at IS NULL")
    assert [(unread["after"]["differences"],)] == open_ones
    assert ["reconciliation.run", "reconciliation.done"] * 2 == [action for action, _ in await on_call.noted()]


async def test_days_that_cannot_be_compared_are_refused(stage, on_call):
    """The future, long ago, no day at all, and who lists no movements."""
    tomorrow = f"{utc_now().date() + timedelta(days=1)}"
    wrong = [{"day": tomorrow}, {"day": "2020-01-01"}, {"day": "2027-13-01"}, {}]
    wrong += [{"day": f"{utc_now().date()}", "provider": "manual"}]

    assert [(400, "invalid_request")] * 5 == [codes(await on_call.post("reconciliation/run", **each)) for each in wrong]
    assert [] == await on_call.noted()


async def test_what_changed_lately_is_told_without_a_name_or_a_value(stage, on_call):
    """Switches, builds and settings, newest first; sign-ins and orders are no change; a setting is named and not told."""
    keys = {"gateway_rate": "25", "smtp_url": "smtp://user:hunter2@mail"}
    await Starts(stage.db, "elsewhere", "1.0", keys).turn()
    await Starts(stage.db, "elsewhere", "1.0", keys).turn()  # the same again
    await Starts(stage.db, "elsewhere", "1.1", keys | {"smtp_url": "smtp://user:hunter3@mail"}).turn()
    await on_call.put("switches/sales", value="paused", lease=60, reason="ana@example.org said so")
    await on_call.post("outbox/retry", dryRun=True)

    answer = await on_call.get("changes")
    later = (await on_call.get("changes", since="2199-01-01T00:00:00Z")).json()["changes"]
    blind = await (await as_role(stage, "support")).get("changes", limit=1)

    found = answer.json()["changes"]
    mine = [(each["kind"], each["subject"]) for each in found if each["subject"] in {"sales", "elsewhere"}]
    assert [("switch", "sales"), ("deploy", "elsewhere"), ("settings", "elsewhere"), ("deploy", "elsewhere")] == mine
    assert {("deploy", "serve")} <= {(each["kind"], each["subject"]) for each in found}
    told = {each["kind"]: each for each in reversed(found) if each["subject"] in {"sales", "elsewhere"}}
    assert ({"version": "1.0"}, {"version": "1.1"}) == (told["deploy"]["before"], told["deploy"]["after"])
    assert {"settings": ["smtp_url"]} == told["settings"]["after"]
    assert ("paused", on_call.name) == (told["switch"]["after"]["value"], told["switch"]["by"])
    assert [] == [each for each in ("hunter", "ana@example.org", "smtp://") if each in answer.text]
    assert ([], 200, 1) == (later, blind.status_code, len(blind.json()["changes"]))
    assert 400 == (await on_call.get("changes", since="yesterday")).status_code


async def test_a_new_master_key_is_no_change_of_everything(stage):
    """What was digested under the old one is known again."""
    stage.db._master_keys = MasterKeys({"old": b"o" * 32})
    await Starts(stage.db, "elsewhere", "1.0", {"a": "1"}).turn()
    stage.db._master_keys = MasterKeys({"new": b"n" * 32, "old": b"o" * 32})

    await Starts(stage.db, "elsewhere", "1.0", {"a": "1"}).turn()

    assert [(1,)] == await stage.rows("SELECT count(*) FROM process_starts WHERE process = 'elsewhere'")


async def sign_with(stage, secret: str) -> None:
    """The provider signs what it sends with this."""
    url = f"{stage.client.base_url}/api/payment/webhook".replace("//api", "/api")
    (await stage.emulator.put("/_emulator/endpoints", json=[{"url": url, "secret": secret}])).raise_for_status()


async def arrives(stage) -> None:
    """The event of a payment is taken."""
    checkout = (await stage.checkout()).json()
    await stage.pay(checkout)
    found = "SELECT 1 FROM payment_events WHERE subject = :id"
    await stage.until(lambda: stage.rows(found, id=checkout["orderId"]))


async def test_a_secret_is_replaced_while_everything_runs(stage, on_call, caplog):
    """The new one is taken within seconds, the old ones until they retire; none stands in an answer, the trail or a row."""
    first, old, new = (hash_of(each)[:16] for each in (WEBHOOK_SECRET, OLD, NEW))
    url = "/api/ops/webhook-secrets/stripe"
    planned = (await on_call.post("webhook-secrets/stripe", secret=NEW, retireOthersAfter=0, dryRun=True)).json()
    done = await on_call.post("webhook-secrets/stripe", secret=NEW, key="k")
    again = await on_call.post("webhook-secrets/stripe", secret=NEW, key="k")
    await sign_with(stage, NEW)
    await arrives(stage)
    await sign_with(stage, WEBHOOK_SECRET)
    await arrives(stage)
    there = await on_call.post("webhook-secrets/stripe", secret=NEW)
    ends = [
        await stage.client.delete(f"{url}/{each}", params={"reason": "it has leaked"}, headers=on_call.headers)
        for each in (old, first, new)
    ]
    listed = (await on_call.get("webhook-secrets")).json()["providers"]

    assert ([new, sorted([first, old])], True) == (
        [planned["after"]["accepts"], planned["after"]["retires"]],
        planned["changes"],
    )
    assert done.json() == again.json()
    assert (False, True, True) == (there.json()["changes"], *(each.json()["changes"] for each in ends[:2]))
    assert (409, "wrong_state") == codes(ends[2])  # the only one that is left
    stripe = next(each["secrets"] for each in listed if each["provider"] == "stripe")
    assert [(first, "settings", False), (old, "settings", False), (new, "added", True)] == [
        (each["secret"], each["origin"], each["accepted"]) for each in stripe
    ]
    assert [
        ("webhook_secret.add", "stripe"),
        ("webhook_secret.retire", "stripe"),
        ("webhook_secret.retire", "stripe"),
    ] == await on_call.noted()
    kept = await stage.rows("SELECT (w.*)::text FROM webhook_secrets w UNION ALL SELECT (a.*)::text FROM audit_trail a")
    kept += await stage.rows("SELECT (i.*)::text FROM idempotency_keys i")
    told = json.dumps([listed, planned, done.json()]) + str(kept) + caplog.text
    assert [] == [each for each in (OLD, NEW, NEW.removeprefix("whsec_"), NEW.encode().hex()) if each in told]


async def test_a_retired_secret_is_refused_and_comes_back_by_being_added(stage, on_call):
    """Those of the settings too; what retires later is taken until then."""
    old = hash_of(OLD)[:16]
    await on_call.post("webhook-secrets/stripe", secret=NEW, retireOthersAfter=1)

    async def is_refused():
        listed = (await on_call.get("webhook-secrets")).json()["providers"][0]["secrets"]
        return [each["accepted"] for each in listed] == [False, False, True]

    await stage.until(is_refused)
    back = (await on_call.post("webhook-secrets/stripe", secret=OLD)).json()
    await sign_with(stage, OLD)
    await arrives(stage)

    assert (True, old, []) == (back["changes"], back["after"]["accepts"], back["after"]["retires"])


@pytest.mark.parametrize(
    ("provider", "body", "status"),
    [
        ("venmo", {"secret": NEW}, 404),
        ("manual", {"secret": NEW}, 404),  # it has no webhooks
        ("stripe", {"secret": "short"}, 400),
        ("stripe", {"secret": f"{NEW},{NEW}"}, 400),
        ("stripe", {"secret": NEW, "retireOthersAfter": -1}, 400),
        ("stripe", {}, 400),
    ],
)
async def test_what_is_no_secret_is_refused_without_saying_it_back(stage, on_call, provider, body, status):
    """By field; nothing of it is in the answer."""
    answer = await on_call.post(f"webhook-secrets/{provider}", **body)

    assert status == answer.status_code
    assert NEW not in answer.text
    assert [] == await on_call.noted()
