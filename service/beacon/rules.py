"""What a beacon may say: a page of ours by name, up to three moments in milliseconds, and how many errors. Pure.

Anybody can send one, so nothing of it is believed further than a histogram goes: unknown names and anything more refuse it,
and a number is never above `MOST_MS`.
"""

from typing import Annotated

import msgspec

from service.kernel.errors import CrossSite, FieldError, Invalid
from service.telemetry.labels import PageMeasure, PageName

MOST_BYTES = 1_024
MOST_MS = 60_000  # who waits longer has left
MOST_ERRORS = 20  # of one page view; a loop of errors is one trouble

Moment = Annotated[int | float | None, msgspec.Meta(description="Milliseconds since the click.")]


class Beacon(msgspec.Struct, rename="camel", frozen=True, forbid_unknown_fields=True):
    """One page view in one browser."""

    page: PageName
    ttfb: Moment = None
    dom_ready: Moment = None
    load: Moment = None
    errors: int = 0

    @property
    def seconds(self) -> dict[PageMeasure, float]:
        """The moments that were told, none below zero or above the most."""
        told = {PageMeasure.TTFB: self.ttfb, PageMeasure.DOM_READY: self.dom_ready, PageMeasure.LOAD: self.load}
        return {name: min(max(ms, 0), MOST_MS) / 1000 for name, ms in told.items() if ms is not None}

    @property
    def failures(self) -> int:
        return min(max(self.errors, 0), MOST_ERRORS)


def check_sender(site: str | None) -> None:
    """`CrossSite` where a browser says (Sec-Fetch-Site) that another site's page sends it; programs say nothing."""
    if site not in {None, "same-origin"}:
        raise CrossSite


def read_beacon(body: bytes) -> Beacon:
    """What the browser says; `Invalid` for anything else, which is not said back."""
    try:
        if len(body) <= MOST_BYTES:
            return msgspec.json.decode(body, type=Beacon)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise Invalid([FieldError("body", "no_beacon", f"A page of ours, its times and errors, in {MOST_BYTES} bytes.")])
