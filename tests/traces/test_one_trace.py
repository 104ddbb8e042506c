"""From the click to the ticket and the letter it is one trace, and no line of the log tells a secret."""

from functools import partial

from pydantic import SecretStr

from tests.mail.postbox import Postbox
from tests.stage import API_KEY, WEBHOOK_SECRET, Stage, buyer
from tests.telemetry.collector import Collector, attributes
from tests.telemetry.conftest import Log
from tests.webhooks.delivery import told

TRACEPARENT = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
WAY = ("stripe open_checkout", "apply checkout.session.completed", "deliver mail.confirmation")


async def buy(stage: Stage, box: Postbox) -> dict:
    body = buyer(customer={"email": "carmen.secreta@example.org", "name": "Carmen"})
    headers = {"Idempotency-Key": "trace-1", "traceparent": TRACEPARENT}
    answer = await stage.client.post("/api/payment/checkout-session", json=body, headers=headers)
    checkout = answer.raise_for_status().json()
    async with stage.worker(smtp_url=SecretStr(box.url)):
        await stage.pay(checkout)
        await stage.until(partial(_mail_is_out, stage), within_s=20)
    return checkout


async def _mail_is_out(stage: Stage) -> bool:
    return bool(await stage.rows("SELECT 1 FROM outbox WHERE kind = 'mail.confirmation' AND state = 'done'"))


async def test_a_sale_is_one_trace(stage: Stage, collector: Collector, box: Postbox):
    """Request, gateway call, the gateway's metadata, the event's effect, the letter: the same trace id."""
    await buy(stage, box)
    await stage.until(partial(_all_arrived, collector), within_s=15)

    traces: dict[str, set[str]] = {}
    for span in collector.spans:
        traces.setdefault(span.trace_id.hex(), set()).add(span.name)
    ours = next(names for names in traces.values() if "stripe open_checkout" in names)
    assert set(WAY) <= ours
    assert any("checkout-session" in name for name in ours), ours
    request = next(span for span in collector.spans if "checkout-session" in span.name)
    in_metadata = {
        event["data"]["object"]["metadata"]["traceparent"].split("-")[1]
        for event in await told(stage)
        if event["type"] in {"checkout.session.completed", "payment_intent.succeeded"}
    }
    assert {request.trace_id.hex()} == in_metadata
    stored = await stage.rows(
        "SELECT DISTINCT split_part(traceparent, '-', 2) FROM payment_events WHERE traceparent <> ''"
    )
    assert [(request.trace_id.hex(),)] == stored


async def _all_arrived(collector: Collector) -> bool:
    names = set(collector.names())
    return set(WAY) <= names and any("checkout-session" in name for name in names)


async def test_no_line_and_no_span_tells_a_secret(stage: Stage, collector: Collector, log: Log, box: Postbox):
    """A whole sale at level debug, with a wrong signature and a refused letter in it; lines carry trace and order."""
    box.answers = ["451 carmen.secreta@example.org is busy"]
    await stage.client.post(
        "/api/payment/webhook", content=b"{}", headers={"stripe-signature": f"t=1,v1={WEBHOOK_SECRET}"}
    )
    checkout = await buy(stage, box)
    await stage.order(checkout)
    await stage.until(partial(_all_arrived, collector), within_s=15)

    written = log.getvalue() + " ".join(str(attributes(span)) for span in collector.spans)
    told_secrets = [API_KEY, WEBHOOK_SECRET, "carmen.secreta", checkout["accessToken"], "4242424242424242"]
    assert [] == [secret for secret in told_secrets if secret in written]
    undelivered = next(line for line in log.lines() if line["event"] == "message not delivered")
    trace_id = (await stage.rows("SELECT split_part(traceparent, '-', 2) FROM orders"))[0][0]
    assert trace_id == undelivered["trace_id"]
    assert checkout["orderId"] == undelivered["order_id"]
