"""Each attempt to pay is counted by how it ended, also when it was the gateway that failed, or the buyer who left."""

from tests.payments.history import ordered
from tests.stage import Stage
from tests.webhooks.delivery import counted, samples

CREATE = {"method": "POST", "path": "/v1/checkout/sessions"}
ATTEMPTS = "cubano_payment_attempts_total"


async def test_a_gateway_that_gives_no_page_is_an_error(stage: Stage, metrics_url: str) -> None:
    """At the provider that failed; the buyer pays at the other one and is counted there."""
    await stage.faults({"match": CREATE, "effects": {"error": {"status": 500, "keep": False}}})

    checkout = (await stage.checkout()).json()

    found = {key: value for key, value in (await counted(metrics_url, ATTEMPTS)).items() if value}
    assert "paypal" == checkout["provider"]
    assert {("none", "error", "stripe"): 1} == found


async def test_a_buyer_who_leaves_has_abandoned_it(stage: Stage) -> None:
    """Counted with the end of the order, and once."""
    checkout = await ordered(stage)
    await stage.rows("UPDATE orders SET expires_at = expires_at - interval '1 day'")

    async with stage.worker() as worker:
        await stage.order_in(checkout, "expired")

    text = worker.parts.telemetry.render("")[0].decode()
    assert {("none", "abandoned", "stripe"): 1} == {k: v for k, v in samples(text, ATTEMPTS).items() if v}
