"""Time is an argument.

Whatever needs the time takes a `Clock` and calls it; only the root hands out `utc_now`. A clock answers in aware UTC.
Tests and drills turn a `Dial`, so nothing sleeps and no module-level `now` is patched.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Seconds = float  # of a wait or a deadline; where money is handled nothing else may be one
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Dial:
    """A clock that stands still until somebody turns it; backwards too, because real ones do."""

    def __init__(self, start: datetime) -> None:
        self._now = _as_utc(start)

    def __call__(self) -> datetime:
        return self._now

    def advance(self, by: timedelta | int) -> datetime:
        """Turn by a timedelta or by whole seconds, and answer the new time."""
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)
        return self._now

    def set(self, at: datetime) -> datetime:
        """Jump to an aware time, and answer it in UTC."""
        self._now = _as_utc(at)
        return self._now


def _as_utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"a clock needs an aware time, not {at!r}")
    return at.astimezone(UTC)
