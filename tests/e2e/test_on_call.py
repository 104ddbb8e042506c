"""At three in the morning: an alert, one page, one clear action; dark, large, and whole without a script.

The responder of `cubano up`, a real browser on a telephone's width, nobody's Prometheus.
"""

import httpx
import pytest
from playwright.async_api import expect

from tests.e2e.local import Local

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]

PHONE = {"width": 390, "height": 844}
LEAST_PX = 44  # what a thumb hits
DARK = 60  # of 255: the lightest a background may be


def alert(system: Local, name: str, **labels: str) -> httpx.Response:
    """As Alertmanager would tell it."""
    token = (system.running.state / "respond" / "alertmanager.token").read_text()
    told = {
        "status": "firing",
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": "3 orders have waited for 20 minutes"},
        "startsAt": "2027-02-13T03:00:00Z",
    }
    url = f"{system.running.found['responder']}/alertmanager"
    return httpx.post(
        url, json={"version": "4", "alerts": [told]}, headers={"Authorization": f"Bearer {token}"}, timeout=10
    )


@pytest.fixture(params=[True, False], ids=["with a script", "without"])
def scripted(request):
    return request.param


async def entered(chromium, system: Local, *, scripted: bool = True, person: str = "ana"):
    context = await chromium.new_context(viewport=PHONE, color_scheme="dark", java_script_enabled=scripted)
    page = await context.new_page()
    await page.goto(f"{system.running.found['responder']}/")
    await page.fill("#token", system.running.found["operators"][person])
    await page.get_by_role("button", name="Sign in").click()
    return context, page


async def test_an_alert_is_one_thing_that_needs_you(chromium, system: Local, scripted):
    """The first page says in a sentence how it stands; the background is dark, the action large enough for a thumb."""
    assert alert(system, "LedgerImbalance").is_success
    context, page = await entered(chromium, system, scripted=scripted)

    await expect(page.locator("h1")).to_contain_text("need")
    await expect(page.locator(".card.ask").first).to_contain_text("3 orders have waited for 20 minutes")
    height = await page.locator(".card.ask .go").first.evaluate("each => each.getBoundingClientRect().height")
    assert height >= LEAST_PX
    background = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor") if scripted else ""
    assert not scripted or max(int(each) for each in background.strip("rgb()").split(",")) < DARK
    if scripted:
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await context.close()


async def test_a_plan_is_read_approved_and_watched(chromium, system: Local):
    """By hand: the plan in plain words, one button that does exactly this, then the person's turn, then the end."""
    context, page = await entered(chromium, system)
    await page.goto(f"{system.running.found['responder']}/playbooks/CacheWarming")
    await page.get_by_role("button", name="Make a plan").click()

    await expect(page.locator(".card.ask h2")).to_have_text("What would be done")
    await expect(page.locator(".card.ask")).to_contain_text("pages.warm")
    assert 1 == await page.locator(".card.ask .go:not(.second)").count()
    await page.get_by_role("button", name="Approve: do exactly this").click()
    await expect(page.locator(".card.ask h2")).to_have_text("Your turn")
    await page.get_by_role("button", name="not ready", exact=True).click()
    await expect(page.locator("h1 + p")).not_to_contain_text("waiting human")
    await page.get_by_role("button", name="Stop this run").click()
    await expect(page.locator("h1 + p")).to_contain_text("aborted")

    run = page.url.partition("?")[0].rpartition("/")[2]
    await page.goto(f"{system.running.found['responder']}/incidents/{run}")
    await expect(page.locator("main")).to_contain_text("ana approved plan")
    await expect(page.locator("main")).to_contain_text("What makes it impossible, or cheaper, next time")
    await context.close()


async def test_two_people_who_press_at_once_start_one_thing(chromium, system: Local):
    """The second is told that somebody was quicker; nothing is done twice."""
    assert alert(system, "LedgerImbalance").is_success
    one, ana = await entered(chromium, system)
    two, luis = await entered(chromium, system, scripted=False, person="luis")  # his page stays as it is
    for page in (ana, luis):
        await page.locator("a.card.ask", has_text="LedgerImbalance").first.click()
        await expect(page.locator(".card.ask h2")).to_have_text("What would be done")
    await ana.get_by_role("button", name="Approve: do exactly this").click()
    await expect(ana.locator("h1 + p")).not_to_contain_text("awaiting approval")
    await luis.get_by_role("button", name="Approve: do exactly this").click()

    await expect(luis.get_by_role("alert")).to_contain_text("cannot be approved any more")
    await one.close()
    await two.close()
