"""Every metric of the system, declared once; rules, dashboards, the load gate and the docs are built from this list.

HTTP and database names, attributes and buckets are OpenTelemetry's stable conventions; money and orders have our own
prefix. No id, e-mail address, path or free text is ever a label. To add a metric: a constant here, in `ALL`, and a use.
"""

from service.telemetry.labels import (
    AttemptOutcome,
    CheckoutOutcome,
    ClientOutcome,
    DeclineCategory,
    DeliveryOutcome,
    EventKind,
    FunnelStep,
    HoldEnd,
    HttpMethod,
    InboxOutcome,
    MailOutcome,
    MoveOutcome,
    OrderEvent,
    OrderState,
    PaymentEvent,
    PaymentState,
    PoolState,
    Provider,
    RefundEvent,
    RefundState,
    Signal,
    StockKind,
    WebhookResult,
)
from service.telemetry.metric import Bounded, Counter, Gauge, Histogram, Metric

__all__ = [
    "ALL",
    "AttemptOutcome",
    "Bounded",
    "CheckoutOutcome",
    "ClientOutcome",
    "Counter",
    "DeclineCategory",
    "DeliveryOutcome",
    "EventKind",
    "FunnelStep",
    "Gauge",
    "Histogram",
    "HoldEnd",
    "HttpMethod",
    "InboxOutcome",
    "MailOutcome",
    "Metric",
    "MoveOutcome",
    "OrderEvent",
    "OrderState",
    "PaymentEvent",
    "PaymentState",
    "PoolState",
    "Provider",
    "RefundEvent",
    "RefundState",
    "Signal",
    "StockKind",
    "WebhookResult",
]

# https://opentelemetry.io/docs/specs/semconv/http/http-metrics/ and …/database/database-metrics/
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
DB_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
# A sale takes seconds to half an hour: people look for their card, banks ask for a code.
SALE_BUCKETS = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600)
# From the gateway's word to the effect: a second is normal, minutes are an incident, an hour is a gateway's retry.
LAG_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
WAIT_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 5, 10)

ROUTES = Bounded(100)  # templates of our own API and pages
STATUS_CODES = Bounded(40)
ERROR_TYPES = Bounded(40, known=("",))  # class names and status codes; empty on success
TICKET_TYPES = Bounded(60)
CURRENCIES = Bounded(8, known=("USD",))
MESSAGE_KINDS = Bounded(20, known=("mail.confirmation", "mail.late_payment", "checkout.expire"))
QUEUE_STATES = Bounded(10)
LOOPS = Bounded(20, known=("inbox", "mail", "checkout", "expiry", "figures", "invariants", "forgetting"))
TEMPLATES = Bounded(20, known=("confirmation", "late_payment"))

# --- HTTP, in and out

HTTP_SERVER_DURATION = Histogram(
    "http_server_request_duration_seconds",
    "Time from the first byte of a request to the last byte of its answer.",
    "seconds",
    {
        "http_request_method": HttpMethod,
        "http_route": ROUTES,
        "http_response_status_code": STATUS_CODES,
        "error_type": ERROR_TYPES,
    },
    buckets=HTTP_BUCKETS,
)
HTTP_SERVER_ACTIVE = Gauge(
    "http_server_active_requests",
    "Requests being answered now.",
    "requests",
    {"http_request_method": HttpMethod},
    False,
)
HTTP_CLIENT_DURATION = Histogram(
    "http_client_request_duration_seconds",
    "Time of one call to a gateway, the SDK's own retries included.",
    "seconds",
    {"provider": Provider, "operation": Bounded(40), "outcome": ClientOutcome},
    buckets=(*HTTP_BUCKETS, 20, 30),
)

# --- checkout and its funnel

CHECKOUTS = Counter(
    "cubano_checkouts_total",
    "Requests for a checkout session, by how they were answered.",
    "checkouts",
    {"provider": Provider, "outcome": CheckoutOutcome},
)
FUNNEL = Counter("cubano_funnel_total", "Steps of the way from store to ticket.", "steps", {"step": FunnelStep})
CHECKOUT_TO_TICKET = Histogram(
    "cubano_checkout_to_ticket_seconds",
    "From the order's creation to its tickets; the customer's own time included.",
    "seconds",
    buckets=SALE_BUCKETS,
)
PAID_TO_TICKET = Histogram(
    "cubano_paid_to_ticket_seconds",
    "From the gateway's moment of payment to the tickets: what a customer waits after paying.",
    "seconds",
    buckets=LAG_BUCKETS,
)

# --- orders and payments

ORDERS_MOVED = Counter(
    "cubano_order_moves_total",
    "Events at the order machine.",
    "events",
    {"event": OrderEvent, "outcome": MoveOutcome},
)
ORDERS = Gauge("cubano_orders", "Orders by state.", "orders", {"state": OrderState})
ORDERS_OLDEST = Gauge(
    "cubano_orders_oldest_age_seconds",
    "Time since the oldest order of a state last moved.",
    "seconds",
    {"state": OrderState},
)
PAYMENTS_MOVED = Counter(
    "cubano_payment_moves_total",
    "Events at the payment machine.",
    "events",
    {"provider": Provider, "event": PaymentEvent, "outcome": MoveOutcome},
)
PAYMENT_ATTEMPTS = Counter(
    "cubano_payment_attempts_total",
    "Attempts to pay by how they ended; `category` says why an issuer declined.",
    "attempts",
    {"provider": Provider, "outcome": AttemptOutcome, "category": DeclineCategory},
)
PAYMENTS = Gauge("cubano_payments", "Payments by state.", "payments", {"provider": Provider, "state": PaymentState})
REFUNDS_MOVED = Counter(
    "cubano_refund_moves_total",
    "Events at the refund machine.",
    "events",
    {"provider": Provider, "event": RefundEvent, "outcome": MoveOutcome},
)
REFUNDS = Gauge("cubano_refunds", "Refunds by state.", "refunds", {"provider": Provider, "state": RefundState})
REVENUE = Counter(
    "cubano_revenue_minor_total",
    "Money taken for tickets, in the currency's smallest unit.",
    "minor",
    {"currency": CURRENCIES, "ticket_type": TICKET_TYPES},
)

# --- webhooks and the inbox

WEBHOOKS = Counter(
    "cubano_webhooks_total",
    "Webhook deliveries by what became of them at the door.",
    "deliveries",
    {"provider": Provider, "result": WebhookResult},
)
WEBHOOK_LAG = Histogram(
    "cubano_webhook_lag_seconds",
    "From the gateway's creation of an event to its arrival here.",
    "seconds",
    {"provider": Provider},
    buckets=LAG_BUCKETS,
)
WEBHOOK_LAST = Gauge(
    "cubano_webhook_last_timestamp_seconds", "Arrival of the last verified event.", "seconds", {"provider": Provider}
)
INBOX = Gauge("cubano_inbox_events", "Events in the inbox by state.", "events", {"state": QUEUE_STATES})
INBOX_OLDEST = Gauge("cubano_inbox_oldest_age_seconds", "Age of the oldest event that still waits.", "seconds")
INBOX_APPLIED = Counter(
    "cubano_inbox_applied_total",
    "Attempts to apply an event by outcome.",
    "events",
    {"kind": EventKind, "outcome": InboxOutcome},
)

# --- outbox and mail

OUTBOX = Gauge(
    "cubano_outbox_messages", "Messages in the outbox.", "messages", {"kind": MESSAGE_KINDS, "state": QUEUE_STATES}
)
OUTBOX_OLDEST = Gauge(
    "cubano_outbox_oldest_age_seconds",
    "How long the oldest due message is overdue.",
    "seconds",
    {"kind": MESSAGE_KINDS},
)
OUTBOX_DELIVERED = Counter(
    "cubano_outbox_deliveries_total",
    "Attempts to deliver a message by outcome.",
    "messages",
    {"kind": MESSAGE_KINDS, "outcome": DeliveryOutcome},
)
MAILS = Counter("cubano_mails_total", "Mails handed to SMTP.", "mails", {"template": TEMPLATES, "outcome": MailOutcome})

# --- stock and tickets

STOCK = Gauge("cubano_stock", "Places by ticket type.", "places", {"ticket_type": TICKET_TYPES, "kind": StockKind})
HOLDS_RELEASED = Counter(
    "cubano_holds_released_total", "Places given back by holds that ended unpaid.", "places", {"reason": HoldEnd}
)
TICKETS_ISSUED = Counter("cubano_tickets_issued_total", "Tickets issued.", "tickets", {"ticket_type": TICKET_TYPES})

# --- database

DB_POOL = Gauge("cubano_db_pool_connections", "Connections of the pool.", "connections", {"state": PoolState})
DB_POOL_WAIT = Histogram("cubano_db_pool_wait_seconds", "Wait for a connection.", "seconds", buckets=WAIT_BUCKETS)
DB_POOL_TIMEOUTS = Counter("cubano_db_pool_timeouts_total", "Waits that ended without a connection.", "timeouts")
DB_OPERATION = Histogram(
    "db_client_operation_duration_seconds",
    "Time of a named database operation.",
    "seconds",
    {"db_operation_name": Bounded(60)},
    buckets=DB_BUCKETS,
)

# --- the system about itself

INVARIANT = Gauge(
    "cubano_invariant_violations",
    "Rows that break a promise; any but 0 is an incident.",
    "rows",
    {"invariant": Bounded(60)},
)
INVARIANTS_CHECKED = Gauge(
    "cubano_invariants_checked_timestamp_seconds", "When all promises were last checked to the end.", "seconds"
)
PROGRESS_AGE = Gauge("cubano_progress_age_seconds", "Age of the figures the collector computed last.", "seconds")
WORKER_HEARTBEAT = Gauge(
    "cubano_worker_heartbeat_timestamp_seconds",
    "When a loop of the worker last turned, one series a loop (inbox-0, inbox-1, …).",
    "seconds",
    {"loop": Bounded(40)},
)
WORKER_FAILURES = Counter(
    "cubano_worker_failures_total", "Turns of a worker's loop that failed as a whole.", "turns", {"loop": LOOPS}
)
BUILD_INFO = Gauge(
    "cubano_build_info",
    "Always 1; which build this process is.",
    "1",
    {"version": Bounded(1), "environment": Bounded(1), "process": Bounded(1)},
)
TELEMETRY_DROPPED = Counter(
    "cubano_telemetry_dropped_total", "Telemetry that could not be kept.", "items", {"signal": Signal}
)

ALL: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
