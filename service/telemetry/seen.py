"""Closed sets of what people see and meet; part of `labels`, which is full."""

from enum import StrEnum


class ThreeDsOutcome(StrEnum):
    """What became of a bank's wish to know the buyer."""

    CHALLENGED = "challenged"
    PASSED = "passed"  # the money came afterwards
    FAILED = "failed"  # the try was declined afterwards; an approved buyer whose card is empty is among them


class SyntheticOutcome(StrEnum):
    """How the purchase of the synthetic buyer ended."""

    OK = "ok"  # paid, with a ticket
    PAGE_ONLY = "page_only"  # as far as the payment page, where it must not or cannot pay: a live key, PayPal
    CHECKOUT_FAILED = "checkout_failed"
    PAYMENT_FAILED = "payment_failed"
    NO_TICKET = "no_ticket"
    ERROR = "error"  # of the buyer itself


class PageName(StrEnum):
    STORE = "store"
    CART = "cart"
    CHECKOUT = "checkout"
    ORDER = "order"
    LINKS = "links"  # where customers ask for the links of their orders
    OTHER = "other"


class PageMeasure(StrEnum):
    """Moments of a page's way to a browser, counted from the click."""

    TTFB = "ttfb"  # the first byte of the answer
    DOM_READY = "dom_ready"
    LOAD = "load"


class BeaconOutcome(StrEnum):
    KEPT = "kept"
    REFUSED = "refused"


class ErrorShown(StrEnum):
    """What a person was told instead of what was asked for."""

    BAD_REQUEST = "bad_request"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    TOO_MANY = "too_many"
    BUSY = "busy"
    MAINTENANCE = "maintenance"
    CARD = "card"
    BROKEN = "broken"
    FIELDS = "fields"  # a form came back with remarks
    SOLD_OUT = "sold_out"
    PROVIDER = "provider"  # the provider is away, or refused
    DECLINED = "declined"


class ConnectionState(StrEnum):
    """What PostgreSQL says a connection does."""

    ACTIVE = "active"
    IDLE = "idle"
    IDLE_IN_TRANSACTION = "idle_in_transaction"
    OTHER = "other"
