"""The life of an order. The diagram in the documents is printed from this table.

A payment that comes after the hold is gone meets the order in `expired` or `canceled`: when its seats could be taken
again the event is `pay`, otherwise `pay_unseated`, and the refund flow gives the money back. Once paid, an order stands
where the money says (`orders.rules.standing`), so the paid states lead to each other.
"""

from enum import StrEnum

from service.kernel.machine import Machine


class OrderStatus(StrEnum):
    AWAITING_PAYMENT = "awaiting_payment"
    PROCESSING = "processing"  # the buyer is done, the bank takes its time
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    CANCELED = "canceled"
    DISPUTED = "disputed"
    LATE_PAYMENT = "late_payment"  # paid, but the seats were gone


class OrderEvent(StrEnum):
    PEND = "pend"
    REOPEN = "reopen"  # the approved payment was declined when it was taken: the buyer may approve another
    PAY = "pay"
    PAY_UNSEATED = "pay_unseated"
    EXPIRE = "expire"
    CANCEL = "cancel"
    REFUND_PART = "refund_part"
    REFUND_ALL = "refund_all"
    UNREFUND = "unrefund"  # the bank has sent a refund back: the money is with us again
    UNREFUND_UNSEATED = "unrefund_unseated"  # the same for an order that never got seats
    DISPUTE = "dispute"
    WIN_DISPUTE = "win_dispute"


_S, _E = OrderStatus, OrderEvent

ORDER = Machine(
    noun="order",
    initial=_S.AWAITING_PAYMENT,
    table={
        (_S.AWAITING_PAYMENT, _E.PEND): _S.PROCESSING,
        (_S.AWAITING_PAYMENT, _E.PAY): _S.PAID,
        (_S.AWAITING_PAYMENT, _E.EXPIRE): _S.EXPIRED,
        (_S.AWAITING_PAYMENT, _E.CANCEL): _S.CANCELED,
        (_S.PROCESSING, _E.PAY): _S.PAID,
        (_S.PROCESSING, _E.REOPEN): _S.AWAITING_PAYMENT,
        (_S.PROCESSING, _E.CANCEL): _S.CANCELED,
        (_S.EXPIRED, _E.PAY): _S.PAID,
        (_S.EXPIRED, _E.PAY_UNSEATED): _S.LATE_PAYMENT,
        (_S.CANCELED, _E.PAY): _S.PAID,
        (_S.CANCELED, _E.PAY_UNSEATED): _S.LATE_PAYMENT,
        (_S.LATE_PAYMENT, _E.REFUND_ALL): _S.REFUNDED,
        (_S.PAID, _E.REFUND_PART): _S.PARTIALLY_REFUNDED,
        (_S.PAID, _E.REFUND_ALL): _S.REFUNDED,
        (_S.PARTIALLY_REFUNDED, _E.REFUND_ALL): _S.REFUNDED,
        (_S.REFUNDED, _E.REFUND_PART): _S.PARTIALLY_REFUNDED,
        (_S.REFUNDED, _E.UNREFUND): _S.PAID,
        (_S.PARTIALLY_REFUNDED, _E.UNREFUND): _S.PAID,
        (_S.REFUNDED, _E.UNREFUND_UNSEATED): _S.LATE_PAYMENT,
        (_S.PAID, _E.DISPUTE): _S.DISPUTED,
        (_S.PARTIALLY_REFUNDED, _E.DISPUTE): _S.DISPUTED,
        (_S.REFUNDED, _E.DISPUTE): _S.DISPUTED,  # a refund came back while the dispute runs
        (_S.DISPUTED, _E.WIN_DISPUTE): _S.PAID,
        (_S.DISPUTED, _E.REFUND_PART): _S.PARTIALLY_REFUNDED,
        (_S.DISPUTED, _E.REFUND_ALL): _S.REFUNDED,
    },
)

OPEN = (OrderStatus.AWAITING_PAYMENT, OrderStatus.PROCESSING)  # the seats are held for it
SEATED = (  # its tickets are out
    OrderStatus.PAID,
    OrderStatus.PARTIALLY_REFUNDED,
    OrderStatus.DISPUTED,
)
