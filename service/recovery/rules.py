"""When the gateways' lists are read, and how far back. Pure arithmetic.

What no webhook brought is in the inbox `YOUNG + EVERY + LOOK` after it happened, and the time the list itself takes: with
all webhooks lost an order is paid within two minutes (`tests/recovery/` adds it up).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from service.gateways.facts import Envelope

EVERY = timedelta(seconds=60)  # between two sweeps of one gateway
LOOK = timedelta(seconds=5)  # between two looks whether one is due; any worker may take it
YOUNG = timedelta(seconds=10)  # events of so little age are on their way by webhook
OVERLAP = timedelta(minutes=2)  # a list may show an event late, and clocks differ
KEPT = timedelta(days=30) - timedelta(
    hours=1
)  # gateways keep events for 30 days, and refuse to be asked for older ones
FIRST = timedelta(hours=24)  # how far back the very first sweep goes
LEASE = timedelta(seconds=45)  # longer than one page takes; renewed with each
STEP = timedelta(minutes=10)  # of the list at once: it is walked to its end before the first event comes, newest first
WIDEST = timedelta(hours=6)  # where nothing happens; a whole night is not asked for in tens of minutes
FETCH_LEASE = timedelta(seconds=30)  # of a thin event: its turn and its call take less

STUCK = timedelta(seconds=60)  # an order that has not moved for so long is asked about
ABANDONED = timedelta(minutes=3)  # a lost attempt that the message meant for it has not ended
RARER = 10  # the longer an order waits the rarer it is asked: after a tenth of its age


@dataclass(frozen=True)
class Batch:
    """Some events of a list, oldest first: how many, and those that were missing."""

    listed: int
    missing: tuple[Envelope, ...]
    wrong_mode: int
    until: datetime


def window(swept_until: datetime, *, now: datetime) -> tuple[datetime, datetime]:
    """From when to when events are listed, if all up to `swept_until` were; bounded by what a gateway keeps."""
    return max(swept_until - OVERLAP, now - KEPT), now - YOUNG


def next_step(step: timedelta, *, is_sparse: bool) -> timedelta:
    """How much of the list is asked for after a step: twice as much after one with hardly any events."""
    return min(step * 2, WIDEST) if is_sparse else STEP
