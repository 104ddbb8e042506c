"""What an order that stands still waits for, and what happens next. Pure."""

from dataclasses import dataclass
from datetime import timedelta

MOVES_BY = timedelta(seconds=60)  # what takes longer is looked after by the worker, so it is worth a look here
CLOSES_BY = timedelta(minutes=2)  # after its hold an order is closed within seconds, if the gateway answers
LONGEST = timedelta(days=31)  # of the time one question covers


@dataclass(frozen=True)
class Standing:
    """What of an order tells why it stands."""

    status: str
    payment: str | None  # the state of the attempt that may still bring money, else of the last one
    captures: int
    letters: int  # dead letters about it


def waits_for(standing: Standing) -> tuple[str, str]:
    """A stable word, and a sentence that says what happens next or who has to act."""
    if standing.letters:
        return "person", "A dead letter is about it: look at /api/ops/inbox and /api/ops/outbox with state=dead."
    if standing.status == "late_payment":
        return "refund", "Its money goes back by itself; if the refund fails, a person has to give it back."
    if standing.payment == "unknown":
        return "gateway_answer", "The worker asks again, ever more rarely; `find-out` asks now."
    if standing.status == "processing":
        if standing.captures:
            return "capture", "The approved money is being taken; `find-out` asks now."
        return "bank", "The bank takes its time, days for a debit; the gateway tells, and `find-out` asks now."
    return "closing", "Its hold is over and its page must be closed at the gateway first; `find-out` asks now."
