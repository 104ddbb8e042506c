"""Where a provider's webhooks may come from: a list for each, behind our proxies, refused before anything is read."""

import pytest

from service.settings import SettingsError, load_settings
from tests.postgres.names import child_environment
from tests.stage import Stage
from tests.webhooks.delivery import counted, deliver, event_of
from tests.webhooks.fixtures import free_port, metrics_url

__all__ = ["metrics_url"]

NONE = "postgresql://nobody@127.0.0.1:9/none"


@pytest.fixture
def stage_settings() -> dict[str, str]:
    """One network of each family for Stripe, none for PayPal; one proxy of ours in front."""
    return {
        "CUBANO_WEBHOOK_NETWORKS": "stripe=192.0.2.0/24, stripe=2001:db8::/32",
        "CUBANO_TRUSTED_HOPS": "1",
        "CUBANO_SERVE_METRICS_PORT": str(free_port()),
    }


async def test_a_signed_event_from_elsewhere_is_not_taken(stage: Stage, metrics_url: str):
    """403 as a problem, counted, nothing stored; what the sender wrote into the header before our proxy counts nothing."""
    came = {
        "192.0.2.200": 200,
        "2001:db8:7::1": 200,
        "::ffff:192.0.2.1": 200,
        "203.0.113.9, 192.0.2.1": 200,
        "192.0.2.1, 203.0.113.9": 403,
        "203.0.113.9": 403,
        "2001:db9::1": 403,
        "nonsense": 403,
    }
    answers = {}
    for chain in came:
        stage.client.headers["X-Forwarded-For"] = chain
        answers[chain] = await deliver(stage, event_of())
    paypal = await stage.client.post("/api/payment/webhook/paypal", json={})

    assert came == {chain: answer.status_code for chain, answer in answers.items()}
    assert "wrong_network" == answers["nonsense"].json()["code"]
    assert 400 == paypal.status_code, "no list, no refusal; its signature is looked at"
    assert 4 == (await counted(metrics_url, "cubano_webhooks_total"))["stripe", "wrong_network"]
    assert [(4,)] == await stage.rows("SELECT count(*) FROM payment_events")


@pytest.mark.parametrize("wrong", ["192.0.2.0/24", "stripe=", "stripe=everybody", "stripe=192.0.2.1/24", "=192.0.2.1"])
def test_a_list_that_cannot_be_read_stops_the_start(wrong):
    """It would let nobody in, or everybody."""
    with pytest.raises(SettingsError, match="CUBANO_WEBHOOK_NETWORKS"):
        load_settings(child_environment(NONE, CUBANO_WEBHOOK_NETWORKS=f"paypal=192.0.2.1,{wrong}"))


@pytest.mark.parametrize("wrong", ["http://127.0.0.1", "redis://"])
def test_a_redis_that_is_none_stops_the_start(wrong):
    """The address is never shown: it may hold a password."""
    with pytest.raises(SettingsError, match="CUBANO_REDIS_URL"):
        load_settings(child_environment(NONE, CUBANO_REDIS_URL=wrong))
