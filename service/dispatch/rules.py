"""What the time since a refund was asked for means for its next step. Pure."""

from datetime import datetime, timedelta

from service.gateways.base import Capability, Gateway
from service.kernel.errors import GatewayUnavailable

NO_LONGER_UNDER_WAY = timedelta(
    minutes=2
)  # since a call began; ours give up in 20 s, and the gateway has done it or not
QUIET = timedelta(hours=1)  # a pending refund of which nothing was heard for so long is asked about, and then again


def is_remembered(gateway: Gateway, error: GatewayUnavailable, *, sent_at: datetime | None, now: datetime) -> bool:
    """Whether this failure is only the memory of an earlier one, and no try of ours can be at work any more."""
    settled = sent_at is not None and now - sent_at > NO_LONGER_UNDER_WAY
    return settled and error.remembered and Capability.FIND_REFUND in gateway.capabilities


def may_be_forgotten(gateway: Gateway, *, created_at: datetime, now: datetime) -> bool:
    """Whether the refund's key may mean nothing to the gateway any more."""
    return now - created_at > gateway.lifetimes.refund_key
