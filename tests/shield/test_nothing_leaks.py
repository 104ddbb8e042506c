"""Secrets and card numbers are fed to the system everywhere, and every output it has is searched for them.

Bodies, headers, queries, paths, reasons people type, what gateways and mail servers answer, what the database complains of.
Searched: the log of `serve` and `work` at level debug, every span, both metrics pages, every answer, what a dead letter
keeps, the audit trail, and for card numbers every table.
"""

import json
from functools import partial
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from service.access.rules import system
from service.audit.flow import note
from service.audit.rules import Origin
from tests.access.giving import bearer, give
from tests.mail.postbox import Postbox
from tests.stage import API_KEY, WEBHOOK_SECRET, Stage, buyer
from tests.telemetry.collector import Collector
from tests.telemetry.conftest import Log
from tests.traces.conftest import box, collector, log
from tests.webhooks.delivery import PATH, deliver, event_of, header
from tests.webhooks.fixtures import free_port

__all__ = ["box", "collector", "log"]

CARDS = ("4000056655665556", "4000 0566 5566 5556", "3782-822463-10005")
FOREIGN_KEY = "sk_live_51Nq8ZxLeakLeakLeak"
HOOK = "whsec_bGVha2xlYWtsZWFrbGVhaw=="
PASSWORD = "hunter2-hunter2"
TOKEN = "tok3n-tok3n-tok3n-tok3n-tok3n-tok3n-tok3n-43"
SESSION = "s3ss10n-s3ss10n-s3ss10n-s3ss10n"
LOCAL, NAME = "carmen.secretisima", "Carmen Secretísima"
EMAIL = f"{LOCAL}@example.org"
SIGNATURE = "5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd"
CODE = "cvc=737"
# Everything, as somebody would paste it into one field.
MIX = (
    f"{FOREIGN_KEY} {HOOK} password={PASSWORD} token={TOKEN} cubano_session={SESSION} {EMAIL} v1={SIGNATURE} {CODE} "
    f'"customerName": "{NAME}" Authorization: Bearer {TOKEN} postgresql://cubano:{PASSWORD}@db/x'
)
NEVER = (*CARDS, FOREIGN_KEY, HOOK, PASSWORD, TOKEN, SESSION, LOCAL, SIGNATURE, CODE, API_KEY, WEBHOOK_SECRET)
OF_THE_TEST = ("mail.log",)  # the test's own mail server speaks in this process, too
CHECKOUT, ORDER = "/api/payment/checkout-session", "/api/payment/order/ord_01m839ehkag8bczkrreetbs5c4"


@pytest.fixture
def stage_settings(collector: Collector) -> dict[str, str]:
    del collector
    return {"CUBANO_SERVE_METRICS_PORT": str(free_port()), "CUBANO_WORK_METRICS_PORT": str(free_port())}


async def ask_with_everything(stage: Stage, key: str) -> list[httpx.Response]:
    """What a careless or a hostile caller sends; each place gets a card number and the mixture of the rest."""
    client, key_header = stage.client, {"Idempotency-Key": "leak-1"}
    answers = [
        await client.get(f"{ORDER}?token={TOKEN}&email={EMAIL}", headers={"Referer": f"https://x.example/?{MIX[:80]}"})
    ]
    for number, text in enumerate((*CARDS, MIX.encode("ascii", "ignore").decode())):
        headers = {
            "Idempotency-Key": f"leak-{number}",
            "User-Agent": text,
            "X-Request-Id": text,
            "Cookie": f"cubano_session={SESSION}",
        }
        body = buyer(customer={"email": EMAIL, "name": text}, **{text[:40]: text})
        answers += [
            await client.post(CHECKOUT, json=body, headers=headers),
            await client.post(CHECKOUT, content=f'{{"broken": "{text}', headers=headers),
            await client.post(
                "/en/checkout", data={"name": text, "email": EMAIL, "password": PASSWORD}, headers=headers
            ),
            await client.get("/api/payment/catalog", params={"q": text}, headers=headers),
            await client.get(f"/api/nothing/{text}", headers=headers),
            await client.get(f"/nothing/{text}", params={"password": PASSWORD}, headers=headers),
            await client.get(f"{ORDER[:-5]}{text}", headers={"Authorization": f"Bearer {text}"}),
            await client.get(ORDER, headers={"Authorization": f"Bearer {key[:-9]}{SESSION[:9]}", "traceparent": text}),
            await client.post(
                PATH, content=json.dumps({"id": text}), headers={"stripe-signature": f"t=1,v1={SIGNATURE},{text}"}
            ),
        ]
    answers.append(
        await client.post(CHECKOUT, json=buyer(items=[{"ticketType": HOOK, "quantity": 1}]), headers=key_header)
    )
    return answers


async def let_others_speak(stage: Stage, mailbox: Postbox) -> list[httpx.Response]:
    """Gateway, database and mail server answer with what they should not; one event cannot be applied, ever."""
    told = f"No such customer {EMAIL}; card {CARDS[0]} {CODE}; key {FOREIGN_KEY}"
    error = {"error": {"type": "invalid_request_error", "message": told, "code": "resource_missing"}}
    await stage.faults(
        {"match": {"path": "/v1/checkout/sessions"}, "effects": {"error": {"status": 400, "body": error}}, "times": 1}
    )
    someone = buyer(customer={"email": EMAIL, "name": NAME}, provider="stripe")
    answers = [await stage.checkout(someone)]
    await stage.rows("ALTER TABLE orders ADD CONSTRAINT leak CHECK (number = '') NOT VALID")
    answers.append(await stage.checkout(someone))
    await stage.rows("ALTER TABLE orders DROP CONSTRAINT leak")
    raising = f"RAISE EXCEPTION 'row of {EMAIL}, card {CARDS[1]}, {CODE}, password={PASSWORD}'"
    await stage.rows(f"CREATE FUNCTION leak() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raising}; END $$")
    await stage.rows("CREATE TRIGGER leak BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION leak()")
    answers.append(await stage.checkout(someone))
    await stage.rows("DROP TRIGGER leak ON orders")
    mailbox.answers = [f"451 {EMAIL} is busy, {FOREIGN_KEY}, card {CARDS[1]}"]
    checkout = (await stage.checkout(someone)).raise_for_status()
    wrong = event_of("checkout.session.completed", data={"object": {"id": f"cs_{EMAIL}", "object": MIX}})
    async with stage.worker(smtp_url=SecretStr(mailbox.url)):
        await stage.pay(checkout.json())
        await deliver(stage, wrong)
        await stage.until(partial(_all_done, stage), within_s=25)
        answers += [
            checkout,
            await metrics(stage.settings.serve_metrics_port),
            await metrics(stage.settings.work_metrics_port),
        ]
    return answers


async def _all_done(stage: Stage) -> Any:
    mail = await stage.rows("SELECT 1 FROM outbox WHERE kind = 'mail.confirmation' AND last_error IS NOT NULL")
    event = await stage.rows("SELECT 1 FROM payment_events WHERE last_error IS NOT NULL")
    return mail and event


async def metrics(port: int) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{port}/metrics")


async def note_everything(stage: Stage) -> None:
    """A person pastes it all into a reason, with a browser whose name tells more than it should."""
    by = system("leak")
    actor = type(by)(by.kind, by.id, by.name, by.role, by.permissions, Origin("192.0.2.1", MIX))
    async with stage.db.transaction() as session:
        note(
            session,
            actor,
            "test.leak",
            "inbox",
            before={"reason": MIX},
            after={"why": [f"{text} {MIX}" for text in CARDS]},
        )


async def written(stage: Stage, query: str) -> str:
    return "\n".join(str(row) for row in await stage.rows(query))


async def every_table(stage: Stage) -> str:
    """All rows there are, but the gateways' own words, which are signed and kept as they came."""
    tables = await stage.rows(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'payment_events'"
    )
    return "\n".join([await written(stage, f'SELECT t::text FROM "{name}" t') for (name,) in tables])  # noqa: S608 - names of ours


async def test_no_output_tells_what_was_fed(stage: Stage, collector: Collector, log: Log, box: Postbox):
    """One running system, everything at once, one search."""
    made = await give(stage.db, "leak")
    answers = await ask_with_everything(stage, made.text)
    answers.append(await stage.client.get(ORDER, headers=bearer(made)))
    forged = json.dumps(event_of()).encode()
    answers.append(
        await stage.client.post(
            PATH, content=forged, headers={"stripe-signature": header(forged, at=stage.clock(), secret=HOOK)}
        )
    )
    others = await let_others_speak(stage, box)
    await note_everything(stage)
    statuses = {answer.status_code for answer in (*answers, *others)}
    assert {200, 201, 303, 400, 404, 500, 502} <= statuses, statuses
    await stage.until(partial(_spans_arrived, collector), within_s=10)

    checkout = next(answer for answer in others if answer.status_code == 201).json()
    outputs = {
        "log": "\n".join(json.dumps(line) for line in log.lines() if line["area"] not in OF_THE_TEST),
        "spans": "\n".join(str(span) for span in collector.spans),
        "answers": "\n".join(answer.text for answer in answers + others if answer is not others[-3]),
        "dead letters": await written(
            stage, "SELECT last_error FROM payment_events UNION ALL SELECT last_error FROM outbox"
        ),
        "audit": await written(stage, "SELECT user_agent, before, after FROM audit_trail"),
    }
    never = (*NEVER, made.text, checkout["accessToken"], NAME)
    assert {} == {
        name: found for name, text in outputs.items() if (found := [each for each in never if each in _plain(text)])
    }
    stored = await every_table(stage)
    assert [] == [card for card in (*CARDS, CARDS[1].replace(" ", "")) if card in stored]
    for name, text in outputs.items():
        assert text.strip(), f"{name} is empty: nothing was proved"
    assert "[card 5556]" in outputs["log"]


def _plain(text: str) -> str:
    """As a person would read it: bytes and JSON escapes undone."""
    return text + text.encode().decode("unicode_escape", "ignore")


async def _spans_arrived(collector: Collector) -> bool:
    return any("checkout-session" in name for name in collector.names())
