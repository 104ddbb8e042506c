"""What is usual: recorded counts whose last hour is compared with their last week, so that no rule reads a week of raw series."""

from collections.abc import Iterator

from monitoring.alert import Record
from monitoring.signals import attempts, count_of, share
from service.telemetry.catalogue import REFUNDS_MOVED, THREE_DS
from service.telemetry.labels import AttemptOutcome, MoveOutcome, RefundEvent, ThreeDsOutcome

DECLINED = "cubano:payments:declined:increase1h"
ANSWERED = "cubano:payments:answered:increase1h"
DECLINED_NOW = "cubano:payments:declined:increase5m"
ANSWERED_NOW = "cubano:payments:answered:increase5m"
DECLINED_IN_PEACE = "cubano:payments:declined_in_peace:increase5m"
UNPROVEN = "cubano:three_ds:failed:increase1h"
CHALLENGED = "cubano:three_ds:ended:increase1h"
REFUNDED = "cubano:refunds:sent:increase1h"

_ANSWERS = (AttemptOutcome.APPROVED, AttemptOutcome.DECLINED)
_CHALLENGES = (ThreeDsOutcome.PASSED, ThreeDsOutcome.FAILED)


def usual(part: str, whole: str) -> str:
    """The share over the last week, each hour with the weight of what happened in it."""
    return share(f"sum_over_time({part}[{{7d}}])", f"sum_over_time({whole}[{{7d}}])")


def is_siege() -> str:
    """The declines of five minutes at a provider where four in five attempts or more are declined."""
    return f"{DECLINED_NOW} > 0.8 * {ANSWERED_NOW}"


def records() -> dict[str, list[Record]]:
    """The recording rules by group."""
    return {"baselines": list(_records())}


def _records() -> Iterator[Record]:
    for name, window, outcomes in (
        (DECLINED, "1h", (AttemptOutcome.DECLINED,)),
        (ANSWERED, "1h", _ANSWERS),
        (DECLINED_NOW, "5m", (AttemptOutcome.DECLINED,)),
        (ANSWERED_NOW, "5m", _ANSWERS),
    ):
        yield Record(name, attempts(window, *outcomes, by="provider"))
    # While hardly anything is approved nothing is learned: a steady attack never becomes what is usual.
    yield Record(DECLINED_IN_PEACE, f"{DECLINED_NOW} unless {is_siege()}")
    yield Record(UNPROVEN, count_of(THREE_DS, "1h", "provider", outcome=ThreeDsOutcome.FAILED))
    yield Record(CHALLENGED, count_of(THREE_DS, "1h", "provider", outcome=_CHALLENGES))
    sent = count_of(REFUNDS_MOVED, "1h", "provider", event=RefundEvent.SEND, outcome=MoveOutcome.MOVED)
    yield Record(REFUNDED, sent)
