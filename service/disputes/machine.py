"""The life of a dispute. An inquiry moves no money; a dispute takes it until it is won.

Gateways may tell the end before they tell the beginning, so every state but the ends leads to each end.
"""

from enum import StrEnum

from service.kernel.machine import Machine


class DisputeState(StrEnum):
    INQUIRY = "inquiry"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


class DisputeEvent(StrEnum):
    OPEN = "open"
    REVIEW = "review"
    WIN = "win"
    LOSE = "lose"
    CLOSE = "close"


_S, _E = DisputeState, DisputeEvent
UNDECIDED = (_S.INQUIRY, _S.NEEDS_RESPONSE, _S.UNDER_REVIEW)
WAITING = (_S.INQUIRY, _S.NEEDS_RESPONSE)  # for our answer
RUNNING = (_S.NEEDS_RESPONSE, _S.UNDER_REVIEW)  # the bank has the money

DISPUTE = Machine(
    noun="dispute",
    initial=_S.INQUIRY,
    table={
        (_S.INQUIRY, _E.OPEN): _S.NEEDS_RESPONSE,
        (_S.INQUIRY, _E.REVIEW): _S.UNDER_REVIEW,
        (_S.NEEDS_RESPONSE, _E.REVIEW): _S.UNDER_REVIEW,
        **{(state, _E.CLOSE): _S.CLOSED for state in UNDECIDED},
        **{(state, _E.WIN): _S.WON for state in UNDECIDED},
        **{(state, _E.LOSE): _S.LOST for state in UNDECIDED},
    },
)
