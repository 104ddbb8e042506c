"""What a gateway's word for a refund means for it. Pure."""

from service.refunds.machine import RefundEvent

EVENTS = {
    "pending": RefundEvent.SEND,
    "requires_action": RefundEvent.SEND,
    "succeeded": RefundEvent.SUCCEED,
    "failed": RefundEvent.FAIL,
    "canceled": RefundEvent.CANCEL,
}
