"""Whether a page can be read: the rules of reading.js, on a narrow phone and a desk, in light and in dark."""

from pathlib import Path

from playwright.async_api import Page

RULES = (Path(__file__).parent / "reading.js").read_text(encoding="utf-8")
NARROW, DESK = {"width": 320, "height": 700}, {"width": 1280, "height": 900}


async def read(page: Page, language: str) -> list[str]:
    """Everything in the way of reading this page, which should be in this language."""
    before, found = page.viewport_size, []
    for size, scheme in ((NARROW, "light"), (DESK, "dark")):
        await page.set_viewport_size(size)
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{each} ({size['width']} px, {scheme})" for each in await page.evaluate(RULES)]
    await page.set_viewport_size(before)
    await page.emulate_media(color_scheme="null", reduced_motion="null")
    said = await page.locator("html").get_attribute("lang")
    return found if said == language else [*found, f"lang is {said}"]
