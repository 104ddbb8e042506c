"""A process has begun when its schema is ours and its switches were read, once; live, ready and startup are three questions."""

import asyncio

import httpx

from service.controls.flow import Switchboard
from service.health import Health
from tests.stage import Stage
from tests.webhooks.fixtures import free_port

OLDER = "UPDATE alembic_version SET version_num = '0000'"


async def test_what_has_begun_is_not_asked_again(stage: Stage):
    """Not while the schema is another's and nobody has read the switches; then it has, whatever happens afterwards."""
    switches, health = Switchboard(stage.db, ["stripe"]), Health(stage.db)
    health.expect("switches", switches.check_read)
    [(ours,)] = await stage.rows("SELECT version_num FROM alembic_version")
    await stage.rows(OLDER)
    early = await health.startup()
    await stage.rows("UPDATE alembic_version SET version_num = :ours", ours=ours)
    half = await health.startup()
    await switches.refresh()
    begun = await health.startup()
    await stage.rows(OLDER)
    later = await health.startup()

    assert {"schema": False, "switches": False} == {ping.name: ping.ok for ping in early}
    assert {"schema": True, "switches": False} == {ping.name: ping.ok for ping in half}
    assert "not read yet" in next(ping.detail for ping in half if ping.name == "switches")
    assert {"schema": True, "switches": True} == {ping.name: ping.ok for ping in begun}
    assert begun == later
    assert not all(ping.ok for ping in await health.pings())


async def test_both_processes_say_that_they_have_begun(stage: Stage):
    """`serve` to load balancers, `work` on its own port; a schema of another build takes them out, and ends nobody."""
    port = free_port()
    async with stage.worker(work_metrics_port=port), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as work:
        await stage.until(lambda: _has_begun(work))
        begun = [await each.get("/health/startup") for each in (stage.client, work)]
        await stage.rows(OLDER)
        after = [
            await each.get(f"/health/{what}") for each in (stage.client, work) for what in ("startup", "ready", "live")
        ]

    assert [200, 200] == [each.status_code for each in begun]
    assert ["serve", "work"] == [each.json()["process"] for each in begun]
    assert [{"schema", "switches"}] * 2 == [{ping["name"] for ping in each.json()["pings"]} for each in begun]
    assert "started" == begun[0].json()["status"]
    assert [200, 503, 200] * 2 == [each.status_code for each in after]


async def _has_begun(work: httpx.AsyncClient) -> bool:
    return (await work.get("/health/startup")).status_code == 200


async def test_who_asks_at_once_asks_together(stage: Stage):
    """Anybody may ask as often as they like: a hundred at once are one look, the next is another.

    And who asked first and goes away ends it for nobody else.
    """
    health, looks = Health(stage.db), 0

    async def look() -> str:
        nonlocal looks
        looks += 1
        return "seen"

    health.watch("look", look)
    told = await asyncio.gather(*(health.pings() for _ in range(100)))
    once = looks
    first, second = (asyncio.create_task(health.pings()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()

    assert all(told[0] == each for each in told)
    assert all(ping.ok for ping in await second)
    assert (1, 2) == (once, looks)
