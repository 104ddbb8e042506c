"""When an event, or the object of a thin one, is tried again, and what one try can come to. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from service.kernel.backoff import retry_delay
from service.kernel.errors import GatewayUnavailable, NotYet, Parked

FOREIGN = "foreign"  # about something that is not ours: other software on the same gateway account
MAX_ATTEMPTS = 20  # with the back-off between 1 and 2.5 hours; then a person has to look
MOST_FETCHES = 100  # of a thin event's object while its gateway is away: about a day
MOST_REFUSED = 5  # what it says no to it will hardly say yes to
MOST_ERROR = 2000  # characters kept of an error, without the addresses and secrets it may quote
FIRST_RETRY = timedelta(milliseconds=500)  # what is missing is usually another event, a moment behind


@dataclass(frozen=True)
class Verdict:
    """What a failed try comes to: `state` of the event, `outcome` for the metric, `delay` to the next try."""

    state: str
    outcome: str
    cause: str | None
    delay: timedelta


def judge(error: Exception, *, attempts: int, jitter: float) -> Verdict:
    """After `attempts` tries, this one included."""
    if isinstance(error, Parked):
        return Verdict("dead", "parked", error.cause, timedelta())
    if attempts < MAX_ATTEMPTS:
        return Verdict("pending", "retried", None, retry_delay(attempts, jitter=jitter, first=FIRST_RETRY))
    if isinstance(error, NotYet) and error.maybe_foreign:
        return Verdict("ignored", "ignored", FOREIGN, timedelta())
    cause = "waited_in_vain" if isinstance(error, NotYet) else "keeps_failing"
    return Verdict("dead", "dead", cause, timedelta())


def judge_fetch(error: Exception, *, attempts: int, jitter: float) -> Verdict:
    """After `attempts` tries to fetch what a thin event stands for, this one included."""
    if isinstance(error, Parked):
        return Verdict("dead", "parked", error.cause, timedelta())
    if attempts < (MOST_FETCHES if isinstance(error, GatewayUnavailable) else MOST_REFUSED):
        return Verdict("pending", "retried", None, retry_delay(attempts, jitter=jitter, first=FIRST_RETRY))
    return Verdict("dead", "dead", "not_fetched", timedelta())
