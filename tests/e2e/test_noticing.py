"""The eyes of these tests: what they must notice, they notice."""

import pytest

from tests.e2e.customer import Customer
from tests.e2e.reading import read

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("e2e")]

READABLE = (
    """<!doctype html><html lang="en"><title>Good</title><main><h1>Good</h1><p>One</p><p>Two</p>{}</main></html>"""
)


async def test_a_third_party_and_a_violated_policy_are_noticed(chromium, system):
    """A request elsewhere is a complaint; where our policy stops it, the violation is one."""
    async with Customer.enter(chromium, system) as customer:
        before = customer.watch.complaints()
        stopped = f"fetch('{system.mails}', {{mode: 'no-cors'}}).catch(() => null)"
        await customer.page.evaluate(stopped)
        violations = customer.watch.complaints()
        await customer.page.goto("about:blank")
        await customer.page.evaluate(stopped)

        assert [] == before
        assert any("Content Security Policy" in each for each in violations)
        assert f"a request to {system.mails.removeprefix('http://')}" in customer.watch.complaints()


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ("", ""),
        ('<p style="color: #999">Pale</p>', "has contrast 2.85"),
        ('<p id="a">One</p><p id="a">Two</p>', "id a twice"),
        ("<input name=q>", "<input> has no name"),
        ("<button><svg></svg></button>", "<button> has no name"),
        ("<h3>Deep</h3>", "h1 is followed by h3"),
        ('<p aria-labelledby="b">x</p>', "names b, which is not there"),
        ("<h1>Again</h1>", "2 times h1"),
        ('<p style="width: 2000px">Wide</p>', "px wider than the window"),
        ('<button style="height: 12px; padding: 0">Low</button>', "12 px"),
        ('<img src="data:,">', "<img> has no alt"),
    ],
)
async def test_what_cannot_be_read_is_noticed(chromium, html, complaint):
    """One flaw each in a page that is readable otherwise."""
    page = await chromium.new_page()
    await page.set_content(READABLE.format(html))

    found = "\n".join(await read(page, "en"))

    await page.close()
    assert complaint in found
    assert bool(complaint) == bool(found)
