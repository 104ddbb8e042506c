"""How long to wait before the next try: exponential with jitter, capped. Pure arithmetic on durations."""

from datetime import timedelta

FIRST = timedelta(seconds=1)
CAP = timedelta(minutes=15)  # a person who mends the cause should not wait longer for the next try
_DOUBLINGS = 16  # beyond this the cap holds anyway


def retry_delay(attempts: int, *, jitter: float, first: timedelta = FIRST, cap: timedelta = CAP) -> timedelta:
    """The delay after `attempts` failures (1 or more): first, 2 first, 4 first … up to `cap`, each half fixed, half `jitter`.

    `jitter` in [0, 1) spreads tries that failed together, so that they do not come back together.
    """
    whole = min(first * (1 << min(max(attempts, 1) - 1, _DOUBLINGS)), cap)
    return whole / 2 + whole / 2 * jitter
