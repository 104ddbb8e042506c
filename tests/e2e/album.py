"""Screenshots of every page, on a phone and on a desk, for people to look at."""

import os
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Page

ROOT = Path(__file__).parents[2]
PHONE = {"width": 412, "height": 900}
DESK = {"width": 1280, "height": 900}


@dataclass(frozen=True)
class Album:
    """CUBANO_TEST_SCREENSHOTS names another folder than .cubano/screenshots."""

    folder: Path = Path(os.environ.get("CUBANO_TEST_SCREENSHOTS") or ROOT / ".cubano" / "screenshots")

    async def add(self, page: Page, name: str) -> None:
        """What is first seen in both sizes, and the whole page as it scrolls on a phone; leaves its size as it was."""
        before = page.viewport_size
        for size, viewport in (("phone", PHONE), ("desktop", DESK)):
            await page.set_viewport_size(viewport)
            await page.screenshot(path=self.folder / f"{name}-{size}.png", animations="disabled")
            if size == "phone" and await page.evaluate("document.documentElement.scrollHeight > innerHeight"):
                path = self.folder / f"{name}-{size}-whole.png"
                await page.screenshot(path=path, full_page=True, animations="disabled")
        await page.set_viewport_size(before)
