"""What wakes nobody: an error at night, banks that say no, a deploy. Watched with rules hardly faster than production's."""

import asyncio
import os
import signal
import time

import httpx
import pytest

from service.bench.chaos.buyers import DECLINED
from tests.local.programs import eventually

pytestmark = pytest.mark.xdist_group("monitoring live")

LOOK_S = 8  # at the system after a drill: some scrapes, and as many evaluations
DECLINES = 30
ERROR = {"match": {"method": "POST"}, "effects": {"error": {"status": 500}}}


def told_since(calm, began):
    """What fired at any time since, for people: a digest may say what it likes."""
    seen = calm.range('ALERTS{alertstate="firing", severity=~"critical|warning"}', minutes=(time.time() - began) / 60)
    return sorted({(each["metric"]["alertname"], each["metric"]["severity"]) for each in seen})


def test_one_error_at_three_in_the_morning(calm, system, alone):
    """Nobody else is there, so it is every request of an hour that failed; one proves nothing."""
    began = time.time()
    system.local.faults(ERROR)
    assert alone(provider="stripe") is None
    system.local.calm()
    time.sleep(LOOK_S)

    assert [] == told_since(calm, began)


def test_a_burst_of_declines(calm, system, crowd):
    """Issuers say no thirty times within seconds: that is an answer, and fewer than a thief would cause."""
    began = time.time()
    asyncio.run(_declined(system, crowd))
    time.sleep(LOOK_S)

    declined = calm.query('sum(cubano_payment_attempts_total{outcome="declined"})')
    assert DECLINES <= int(declined[0]["value"][1])
    assert [] == told_since(calm, began)


def test_a_deploy(calm, system, crowd):
    """`serve` and `work` end and come back: for a moment everything is away, and no rule is that impatient."""
    began = time.time()
    for part in ("serve", "work"):
        os.kill(system.found["pids"][part], signal.SIGTERM)
    assert eventually(lambda: not _is_up(system), within_s=10)
    assert eventually(lambda: _is_up(system), within_s=60)
    away_s = time.time() - began
    time.sleep(LOOK_S)

    assert [] == told_since(calm, began), f"away for {away_s:.0f} s"
    assert eventually(lambda: {tier for _, tier in calm.alerts("pending")} <= {"warning", "info"}, within_s=20)


async def _declined(system, crowd):
    async with httpx.AsyncClient(timeout=20) as client:
        for _ in range(DECLINES // 6):
            order = await crowd.check_out(client, "stripe")
            for _ in range(6):
                await crowd.pay(client, order, {"card": DECLINED})


def _is_up(system) -> bool:
    pages = [
        system.found["api"] + "/health/ready",
        system.found["metrics"]["work"].replace("/metrics", "/health/ready"),
    ]
    try:
        return all(httpx.get(page, timeout=5).is_success for page in pages)
    except httpx.TransportError:
        return False
