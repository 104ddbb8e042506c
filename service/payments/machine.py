"""The life of one attempt to pay.

A decline does not end it: in the same open checkout the buyer may take another card. `unknown` means that a request was
sent and no answer came; it is left by looking the object up, never by guessing. Money that arrives always wins, whatever
was believed before.
"""

from enum import StrEnum

from service.kernel.machine import Machine


class PaymentStatus(StrEnum):
    CREATED = "created"
    REQUIRES_ACTION = "requires_action"  # the bank asks the buyer to authenticate
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class PaymentEvent(StrEnum):
    CHALLENGE = "challenge"
    PROCESS = "process"
    SUCCEED = "succeed"
    DECLINE = "decline"
    CANCEL = "cancel"
    LOSE = "lose"


_S, _E = PaymentStatus, PaymentEvent
_UNDECIDED = (_S.CREATED, _S.REQUIRES_ACTION, _S.FAILED, _S.UNKNOWN)

PAYMENT = Machine(
    noun="payment",
    initial=_S.CREATED,
    table={
        (_S.CREATED, _E.CHALLENGE): _S.REQUIRES_ACTION,
        (_S.FAILED, _E.CHALLENGE): _S.REQUIRES_ACTION,
        (_S.CREATED, _E.DECLINE): _S.FAILED,
        (_S.REQUIRES_ACTION, _E.DECLINE): _S.FAILED,
        (_S.PROCESSING, _E.DECLINE): _S.FAILED,
        (_S.UNKNOWN, _E.DECLINE): _S.FAILED,
        (_S.CREATED, _E.LOSE): _S.UNKNOWN,
        (_S.PROCESSING, _E.LOSE): _S.UNKNOWN,
        **{(state, _E.PROCESS): _S.PROCESSING for state in _UNDECIDED},
        **{(state, _E.SUCCEED): _S.SUCCEEDED for state in (*_UNDECIDED, _S.PROCESSING, _S.CANCELED)},
        **{(state, _E.CANCEL): _S.CANCELED for state in (*_UNDECIDED, _S.PROCESSING)},
    },
)

UNDER_WAY = (PaymentStatus.PROCESSING, PaymentStatus.UNKNOWN)  # money may still come of it, without the buyer
LIVE = (PaymentStatus.CREATED, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING, PaymentStatus.FAILED)


def three_ds(state: str, event: PaymentEvent, category: str | None) -> str | None:
    """What a move says about the bank's wish to know the buyer, in the words of its metric; None when it says nothing.

    `state` is the one before. Who was recognised may still be declined for another reason, which `category` tells.
    """
    if event is PaymentEvent.CHALLENGE:
        return "challenged"
    if state != PaymentStatus.REQUIRES_ACTION:
        return None
    if event is PaymentEvent.DECLINE:
        return "failed" if category in {None, "authentication"} else "passed"
    return "passed" if event in {PaymentEvent.PROCESS, PaymentEvent.SUCCEED} else None
