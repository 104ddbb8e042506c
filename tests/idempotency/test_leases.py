"""A lease must still cover the gateway's answer when it is asked, or another may be working on the same order."""

import pytest

from service.checkout import flow
from service.checkout.rules import check_request, fingerprint
from service.idempotency.flow import LEASE, Claim, Found, Key
from service.kernel.clock import utc_now
from service.kernel.errors import KeyInFlight
from service.parts import build_parts
from tests.stage import buyer


async def test_who_is_late_writes_no_second_intent(stage):
    """Between holding the seats and asking the gateway the process stood still for most of its lease."""
    checkout = (await stage.checkout()).json()
    parts = build_parts(stage.settings, "test")
    late = Claim(Found.NEW, checkout["orderId"], utc_now() + LEASE / 3)
    request = check_request(buyer(), public_url=stage.settings.public_url)
    asking = flow._Asking(parts.shop, request, Key(flow.SCOPE, "late", fingerprint(request)), late, due=0)

    with pytest.raises(KeyInFlight):
        await flow._intend(asking)

    await parts.close()
    assert [(1,)] == await stage.rows("SELECT count(*) FROM payments")
