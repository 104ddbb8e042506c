"""A lease must still cover the gateway's answer when it is asked, or another may be working on the same order."""

import pytest

from service.checkout import flow
from service.checkout.rules import check_request
from service.idempotency.flow import LEASE, Claim, Found
from service.kernel.clock import utc_now
from service.kernel.errors import KeyInFlight
from service.parts import build_parts
from tests.stage import buyer


async def test_who_is_late_writes_no_second_intent(stage):
    """Between holding the seats and asking the gateway the process stood still for most of its lease."""
    checkout = (await stage.checkout()).json()
    parts = build_parts(stage.settings, "test")
    late = Claim(Found.NEW, checkout["orderId"], utc_now() + LEASE / 3)

    with pytest.raises(KeyInFlight):
        await flow._intend(parts.shop, late, check_request(buyer(), public_url=stage.settings.public_url))

    await parts.close()
    assert [(1,)] == await stage.rows("SELECT count(*) FROM payments")
