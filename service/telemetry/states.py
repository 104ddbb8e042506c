"""The states and events of the machines, as labels; a test compares them with the machines they mirror."""

from enum import StrEnum


class OrderState(StrEnum):
    AWAITING_PAYMENT = "awaiting_payment"
    PROCESSING = "processing"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    CANCELED = "canceled"
    DISPUTED = "disputed"
    LATE_PAYMENT = "late_payment"


class PaymentState(StrEnum):
    CREATED = "created"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class RefundState(StrEnum):
    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting_approval"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class DisputeState(StrEnum):
    INQUIRY = "inquiry"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


class OrderEvent(StrEnum):
    PEND = "pend"
    REOPEN = "reopen"
    PAY = "pay"
    PAY_UNSEATED = "pay_unseated"
    EXPIRE = "expire"
    CANCEL = "cancel"
    REFUND_PART = "refund_part"
    REFUND_ALL = "refund_all"
    UNREFUND = "unrefund"
    UNREFUND_UNSEATED = "unrefund_unseated"
    DISPUTE = "dispute"
    WIN_DISPUTE = "win_dispute"


class PaymentEvent(StrEnum):
    CHALLENGE = "challenge"
    PROCESS = "process"
    SUCCEED = "succeed"
    DECLINE = "decline"
    CANCEL = "cancel"
    LOSE = "lose"


class RefundEvent(StrEnum):
    ESCALATE = "escalate"
    APPROVE = "approve"
    SEND = "send"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    REOPEN = "reopen"


class DisputeEvent(StrEnum):
    OPEN = "open"
    REVIEW = "review"
    WIN = "win"
    LOSE = "lose"
    CLOSE = "close"


class CaseKind(StrEnum):
    REFUND_REFUSED = "refund_refused"
    REFUND_FAILED = "refund_failed"
    REFUND_CANCELED = "refund_canceled"
    REFUND_EXTERNAL = "refund_external"
    MONEY_OWED = "money_owed"
    SEAT_GONE = "seat_gone"
    DISPUTE_OPENED = "dispute_opened"
    EVIDENCE_DUE = "evidence_due"


class EntryKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    FEE = "fee"
    PAYOUT = "payout"
    ADJUSTMENT = "adjustment"


class ReturnCause(StrEnum):
    """Why money went back to a buyer."""

    REFUND = "refund"
    DISPUTE = "dispute"  # lost


class DifferenceKind(StrEnum):
    TIMING = "timing"
    FEE = "fee"
    CURRENCY = "currency"
    MISSING_EVENT = "missing_event"
    EXTERNAL_REFUND = "external_refund"
    DUPLICATE_CHARGE = "duplicate_charge"
    AMOUNT = "amount"
    MISSING_SETTLEMENT = "missing_settlement"
    PAYOUT = "payout"
    UNPOSTED = "unposted"
    UNKNOWN = "unknown"
