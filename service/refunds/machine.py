"""The life of a refund. A refund that looked done can still fail later: the bank sends the money back."""

from enum import StrEnum

from service.kernel.machine import Machine


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting_approval"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class RefundEvent(StrEnum):
    ESCALATE = "escalate"
    APPROVE = "approve"  # a second person agrees; from here on it is like one that needed nobody
    SEND = "send"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    REOPEN = "reopen"  # it was refused, and the gateway tells of it all the same: an earlier try had been taken


_S, _E = RefundStatus, RefundEvent

REFUND = Machine(
    noun="refund",
    initial=_S.REQUESTED,
    table={
        (_S.REQUESTED, _E.ESCALATE): _S.AWAITING_APPROVAL,
        (_S.REQUESTED, _E.SEND): _S.PENDING,
        (_S.REQUESTED, _E.SUCCEED): _S.SUCCEEDED,
        (_S.REQUESTED, _E.FAIL): _S.FAILED,
        (_S.REQUESTED, _E.CANCEL): _S.CANCELED,
        (_S.AWAITING_APPROVAL, _E.APPROVE): _S.REQUESTED,
        (_S.AWAITING_APPROVAL, _E.CANCEL): _S.CANCELED,
        (_S.PENDING, _E.SUCCEED): _S.SUCCEEDED,
        (_S.PENDING, _E.FAIL): _S.FAILED,
        (_S.PENDING, _E.CANCEL): _S.CANCELED,
        (_S.SUCCEEDED, _E.FAIL): _S.FAILED,
        (_S.FAILED, _E.REOPEN): _S.REQUESTED,
    },
)

UNDER_WAY = (RefundStatus.REQUESTED, RefundStatus.AWAITING_APPROVAL, RefundStatus.PENDING)  # asked for, and not decided
