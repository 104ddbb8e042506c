"""A PNG of a page, by the Chromium that is there; playwright is a development tool, so it is looked for only now."""

import os
import shutil
from pathlib import Path

from monitoring.render.errors import NoBrowser

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_OWN = Path(__file__).parents[2] / ".cubano" / "browsers"
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--force-color-profile=srgb", "--disable-lcd-text"),
]


def take(page: Path, out: Path, *, width: int) -> None:
    """Of the whole page, as wide as asked; `NoBrowser` says what is missing."""
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - only for whoever wants a picture
    except ImportError as error:
        raise NoBrowser("playwright is not installed") from error
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=_browser(), args=_FLAGS)
            opened = browser.new_page(viewport={"width": width, "height": 900})
            opened.goto(page.resolve().as_uri())
            opened.screenshot(path=out, full_page=True, animations="disabled")
            browser.close()
    except Error as error:
        raise NoBrowser(str(error).splitlines()[0]) from error


def _browser() -> str:
    named = os.environ.get("CHROMIUM_PATH")
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    own = sorted(_OWN.glob("chromium-*/*/chrome"))
    if chosen := named or found or (str(own[-1]) if own else None):
        return chosen
    raise NoBrowser("none is installed; `make test` gets one")
