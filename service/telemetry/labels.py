"""Every closed set a label may take its values from, once.

They are telemetry's own, because telemetry imports nothing of ours; a test compares them with the machines they mirror.
"""

from enum import StrEnum

from service.telemetry.decisions import AccessOutcome as AccessOutcome
from service.telemetry.decisions import LimitVerdict as LimitVerdict
from service.telemetry.decisions import LimitZone as LimitZone
from service.telemetry.decisions import Shed as Shed
from service.telemetry.decisions import SignInOutcome as SignInOutcome
from service.telemetry.seen import BeaconOutcome as BeaconOutcome
from service.telemetry.seen import ConnectionState as ConnectionState
from service.telemetry.seen import ErrorShown as ErrorShown
from service.telemetry.seen import PageMeasure as PageMeasure
from service.telemetry.seen import PageName as PageName
from service.telemetry.seen import SyntheticOutcome as SyntheticOutcome
from service.telemetry.seen import ThreeDsOutcome as ThreeDsOutcome
from service.telemetry.states import CaseKind as CaseKind
from service.telemetry.states import DifferenceKind as DifferenceKind
from service.telemetry.states import DisputeEvent as DisputeEvent
from service.telemetry.states import DisputeState as DisputeState
from service.telemetry.states import EntryKind as EntryKind
from service.telemetry.states import OrderEvent as OrderEvent
from service.telemetry.states import OrderState as OrderState
from service.telemetry.states import PaymentEvent as PaymentEvent
from service.telemetry.states import PaymentState as PaymentState
from service.telemetry.states import RefundEvent as RefundEvent
from service.telemetry.states import RefundState as RefundState
from service.telemetry.states import ReturnCause as ReturnCause


class Provider(StrEnum):
    STRIPE = "stripe"
    PAYPAL = "paypal"
    MANUAL = "manual"


class EventKind(StrEnum):
    """What a gateway told us, in neutral words."""

    CHECKOUT_APPROVED = "checkout_approved"
    CHECKOUT_PAID = "checkout_paid"
    CHECKOUT_PENDING = "checkout_pending"
    CHECKOUT_FAILED = "checkout_failed"
    CHECKOUT_EXPIRED = "checkout_expired"
    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_CHALLENGED = "payment_challenged"
    PAYMENT_DECLINED = "payment_declined"
    REFUND_CHANGED = "refund_changed"
    DISPUTE_CHANGED = "dispute_changed"
    OTHER = "other"


class OddMoney(StrEnum):
    """What became of a payment that did not fit its order."""

    REACQUIRED = "reacquired"  # late, and its seats could be taken again
    LATE_REFUNDED = "late_refunded"  # late, and its seats were gone
    SURPLUS_REFUNDED = "surplus_refunded"  # the order was paid already
    MISMATCHED = "mismatched"  # another amount or currency: with a person


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CallPriority(StrEnum):
    """Whose call to a gateway goes first."""

    CHECKOUT = "checkout"
    REFUND = "refund"
    BOOKKEEPING = "bookkeeping"


class FailoverReason(StrEnum):
    """Why a checkout did not go to the first choice."""

    BREAKER = "breaker"  # it was known to be away
    NO_ANSWER = "no_answer"  # it was asked, and did not answer
    ROUTE = "route"  # an operator has sent checkouts elsewhere


class RecoveredBy(StrEnum):
    SWEEP = "sweep"  # in the gateway's own list of events
    OBJECT = "object"  # by asking for the checkout itself
    REPEAT = "repeat"  # by sending the stored request once more
    LOOKUP = "lookup"  # by our ids, where the key could not tell


class MoveOutcome(StrEnum):
    """What became of an event at a transition table."""

    MOVED = "moved"
    ALREADY = "already"
    STALE = "stale"


class CheckoutOutcome(StrEnum):
    OPENED = "opened"
    RESUMED = "resumed"
    REPLAYED = "replayed"
    INVALID = "invalid"
    SOLD_OUT = "sold_out"
    IN_FLIGHT = "in_flight"
    KEY_REUSED = "key_reused"
    GATEWAY_ERROR = "gateway_error"
    PAUSED = "paused"  # by an operator
    SHED = "shed"  # so that others can pay
    ERROR = "error"  # ours


class FunnelStep(StrEnum):
    STORE = "store"
    CART = "cart"
    FORM = "form"
    REDIRECT = "redirect"
    RETURN = "return"
    PAID = "paid"
    TICKET = "ticket"


class AttemptOutcome(StrEnum):
    APPROVED = "approved"
    DECLINED = "declined"
    ERROR = "error"
    ABANDONED = "abandoned"


class DeclineCategory(StrEnum):
    """Why an issuer said no, in few words; `none` for everything that is not a decline."""

    NONE = "none"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CARD_EXPIRED = "card_expired"
    CARD_INCORRECT = "card_incorrect"
    AUTHENTICATION = "authentication"
    FRAUD = "fraud"
    PROCESSING = "processing"
    NOT_SUPPORTED = "not_supported"
    ACCOUNT = "account"
    DO_NOT_HONOR = "do_not_honor"
    OTHER = "other"


class WebhookResult(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    BAD_SIGNATURE = "bad_signature"
    BAD_CERTIFICATE = "bad_certificate"  # of another host, expired, or vouched for by nobody; or it could not be had
    TOO_OLD = "too_old"
    MALFORMED = "malformed"
    WRONG_MODE = "wrong_mode"
    WRONG_NETWORK = "wrong_network"
    LIMITED = "limited"  # not verified, as many before it from there


class InboxOutcome(StrEnum):
    APPLIED = "applied"
    ALREADY = "already"
    IGNORED = "ignored"
    PARKED = "parked"
    RETRIED = "retried"
    DEAD = "dead"


class DeliveryOutcome(StrEnum):
    DELIVERED = "delivered"
    RETRIED = "retried"
    DEAD = "dead"


class MailOutcome(StrEnum):
    SENT = "sent"
    RETRIED = "retried"
    FAILED = "failed"
    ERASED = "erased"  # nobody is written to any more
    NOTHING = "nothing"  # an address without orders asked for its links


class StockKind(StrEnum):
    CAPACITY = "capacity"
    HELD = "held"
    SOLD = "sold"


class HoldEnd(StrEnum):
    """Why a hold gave its places back."""

    EXPIRED = "expired"
    CANCELED = "canceled"
    GATEWAY_ERROR = "gateway_error"


class PoolState(StrEnum):
    SIZE = "size"
    IN_USE = "in_use"
    IDLE = "idle"
    WAITING = "waiting"  # requests that wait for one


class ClientOutcome(StrEnum):
    """How a call to a gateway ended, as the caller sees it."""

    OK = "ok"
    NOT_SENT = "not_sent"  # the breaker is open, or its turn did not come in time
    REJECTED = "rejected"  # 4xx: the request was wrong, or the card was declined
    RATE_LIMITED = "rate_limited"
    AUTH = "auth"  # our key was refused
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    IN_PROGRESS = "in_progress"  # the try before is still at work there
    ERROR = "error"  # the gateway's own fault


class HttpMethod(StrEnum):
    """OpenTelemetry's rule: a method outside this set is `_OTHER`."""

    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"
    OPTIONS = "OPTIONS"
    OTHER = "_OTHER"


class Signal(StrEnum):
    """What telemetry itself could not keep."""

    SPANS = "spans"
    METRICS = "metrics"
    LABELS = "labels"
    LOGS = "logs"
    SCRAPES = "scrapes"
