"""The kinds of cases: who looks after one, how long that may take, and what it means. Pure.

A new kind is a member and a row of `KINDS`, and the code that finds the fact opens it; where a later fact settles it, the
same code closes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

MOST_RESOLUTION = 500  # characters


class CaseKind(StrEnum):
    REFUND_REFUSED = "refund_refused"
    REFUND_FAILED = "refund_failed"
    REFUND_CANCELED = "refund_canceled"
    REFUND_EXTERNAL = "refund_external"
    MONEY_OWED = "money_owed"
    SEAT_GONE = "seat_gone"
    DISPUTE_OPENED = "dispute_opened"
    EVIDENCE_DUE = "evidence_due"


@dataclass(frozen=True)
class Terms:
    """`owner` is a role; `within` is how long it may stay open where nothing else says so."""

    owner: str
    within: timedelta
    means: str


_DAY, _WEEK = timedelta(days=1), timedelta(days=7)

KINDS: Mapping[CaseKind, Terms] = {
    CaseKind.REFUND_REFUSED: Terms(
        "finance", _DAY, "The provider has refused a refund. The customer still waits for the money."
    ),
    CaseKind.REFUND_FAILED: Terms(
        "support", _DAY, "A refund came back: the customer's bank could not take it. Agree on another way."
    ),
    CaseKind.REFUND_CANCELED: Terms(
        "finance", _DAY, "A refund was canceled at the provider after we had asked for it. Find out why, and ask again."
    ),
    CaseKind.REFUND_EXTERNAL: Terms(
        "finance", _WEEK, "A refund was made in the provider's own dashboard. Find out who made it, and why."
    ),
    CaseKind.MONEY_OWED: Terms(
        "finance", _DAY, "Money that came too late or twice could not be given back. It is the customer's."
    ),
    CaseKind.SEAT_GONE: Terms(
        "support", _DAY, "A refund came back and the seat is sold to somebody else. The customer has paid and has none."
    ),
    CaseKind.DISPUTE_OPENED: Terms(
        "finance", _WEEK, "A buyer's bank asks for the money back. Send evidence before it is due, or accept."
    ),
    CaseKind.EVIDENCE_DUE: Terms("finance", _DAY, "Evidence for a dispute is due in a few days, and none was sent."),
}
