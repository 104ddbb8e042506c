"""What a zone says and how it counts: bursts, refills, the address that is one client, the factor, the end of memory."""

import re
from decimal import Decimal

import pytest

from service.app import create_app
from service.controls.rules import LIMITS, switches
from service.limits.flow import MOST_CLIENTS, Limiter
from service.limits.rules import POSITIONS, ZONES, place_of, zone_of
from service.settings import load_settings
from service.telemetry.labels import LimitZone
from service.telemetry.registry import Telemetry
from tests.postgres.names import child_environment

HERE = "192.0.2.7"


def limiter(factor: str = "1") -> Limiter:
    return Limiter(factor=Decimal(factor), redis_url="", telemetry=Telemetry("test", version="0", environment="test"))


@pytest.mark.parametrize("zone", list(LimitZone))
def test_every_zone_has_numbers_and_a_reason(zone):
    """The table is whole, and a burst is refilled within minutes."""
    found = ZONES[zone]

    assert zone == found.name
    assert re.fullmatch(rf'"{zone}";q=\d+;w=\d+', found.policy)
    assert found.burst / found.per_minute <= 1
    assert found.why


async def test_a_burst_goes_through_at_once_and_the_next_one_is_told_when_to_come_again():
    """As many as the burst, then none; the state counts down and says when all is as before."""
    limits, zone = limiter(), ZONES[LimitZone.CREDENTIALS]

    taken = [await limits.take(zone.name, HERE) for _ in range(zone.burst + 1)]
    looked = await limits.look(zone.name, HERE)

    assert [False] * zone.burst + [True] == [each.limited for each in taken]
    assert ['"credentials";r=59;t=1', '"credentials";r=58;t=2'] == [each.state for each in taken[:2]]
    assert (0, 1, '"credentials";r=0;t=60') == (taken[-1].remaining, taken[-1].retry_after_s, taken[-1].state)
    assert (True, 1) == (looked.limited, looked.retry_after_s)


async def test_a_look_takes_nothing_and_others_have_budgets_of_their_own():
    """Another address, another zone: another budget."""
    limits = limiter()
    for _ in range(100):
        await limits.look(LimitZone.CREDENTIALS, HERE)
    for _ in range(ZONES[LimitZone.SIGN_IN].burst):
        await limits.take(LimitZone.SIGN_IN, HERE)

    assert not (await limits.take(LimitZone.CREDENTIALS, HERE)).limited
    assert not (await limits.take(LimitZone.SIGN_IN, "192.0.2.8")).limited
    assert (await limits.take(LimitZone.SIGN_IN, HERE)).limited


async def test_the_factor_multiplies_and_nothing_switches_off():
    """Load tests raise all limits by one setting; 0 has no budgets and no headers."""
    assert 40 == (await limiter("2").take(LimitZone.SIGN_IN, HERE)).zone.burst
    assert 1 == (await limiter("0.001").take(LimitZone.SIGN_IN, HERE)).zone.burst
    assert await limiter("0").take(LimitZone.SIGN_IN, HERE) is None
    assert await limiter("0").look(LimitZone.SIGN_IN, HERE) is None


async def test_memory_has_an_end_and_who_was_not_seen_longest_is_forgotten():
    """As many clients as may be known, and one more: the first is new again, the second, who came back, is not."""
    limits = limiter()
    for client in ("first", "second"):
        for _ in range(ZONES[LimitZone.SIGN_IN].burst):
            await limits.take(LimitZone.SIGN_IN, client)
    for number in range(MOST_CLIENTS - 2):
        await limits.take(LimitZone.SIGN_IN, f"other {number}")
    second = await limits.take(LimitZone.SIGN_IN, "second")
    await limits.take(LimitZone.SIGN_IN, "one too many")

    assert second.limited
    assert not (await limits.take(LimitZone.SIGN_IN, "first")).limited
    assert (await limits.take(LimitZone.SIGN_IN, "second")).limited


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),  # one household
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),  # the same one in other clothes
        ("", "unknown"),  # all of these are one client
        ("not an address", "unknown"),
    ],
)
def test_an_address_is_a_client_and_an_ipv6_network_is_one(ip, expected):
    """Whoever has a network has 2^64 addresses and one budget."""
    assert expected == place_of(ip)


def test_every_route_is_in_a_zone_or_says_why_not():
    """What has none is what the operator's probes and the gateways need."""
    app = create_app(load_settings(child_environment("postgresql://nobody@127.0.0.1:9/none")))
    found = {
        (method, route.path_format): zone_of(handler.opt, method=method, path=route.path_format)
        for route in app.routes
        for method, (handler, _) in route.route_handler_map.items()
        if method not in {"OPTIONS", "HEAD"}
    }

    without = {path for (_, path), zone in found.items() if zone is None}
    assert {"/health/live", "/health/ready", "/health/startup"} == {path for path in without if "webhook" not in path}
    assert LimitZone.CHECKOUT == found["POST", "/api/payment/checkout-session"]
    assert LimitZone.CATALOG == found["GET", "/api/payment/catalog"]
    assert LimitZone.ORDERS == found["GET", "/api/payment/order/{orderId}"]
    assert LimitZone.FORMS == found["POST", "/en/checkout"]
    assert LimitZone.PAGES == found["GET", "/es/order/{order_id}"]
    assert LimitZone.FILES == found["GET", "/static/{name}"]


async def test_the_switch_moves_every_budget_at_once_and_what_was_used_stays_used():
    """Half as much and twice as much, told in the policy; of a half that is used up, half is left in each position."""
    stands = ["normal"]
    limits = Limiter(
        factor=Decimal(1),
        redis_url="",
        telemetry=Telemetry("test", version="0", environment="test"),
        position=lambda: stands[0],
    )
    zone = ZONES[LimitZone.SIGN_IN]
    for _ in range(zone.burst // 2):
        assert not (await limits.take(zone.name, HERE)).limited

    stands[0] = "tight"
    tight = await limits.take(zone.name, HERE)
    stands[0] = "loose"
    loose = await limits.take(zone.name, HERE)

    assert (zone.burst // 2, zone.burst * 2) == (tight.zone.burst, loose.zone.burst)
    assert zone.burst // 4 - 1 == tight.remaining
    assert zone.burst // 2 < loose.remaining < zone.burst
    assert f"q={zone.burst * 2}" in loose.zone.policy


def test_the_positions_of_the_switch_are_those_the_limits_know():
    """Each with what everything is multiplied with."""
    assert set(POSITIONS) == set(switches(["stripe"])[LIMITS].positions or ())
