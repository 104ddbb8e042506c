"""Every metric of the system, declared once; rules, dashboards, the load gate and the docs are built from this list.

HTTP and database names, attributes and buckets are OpenTelemetry's stable conventions; money and orders have our own
prefix. No id, e-mail address, path or free text is ever a label. To add a metric: a constant here, in `ALL`, and a use.
"""

from service.telemetry import labels
from service.telemetry.books import BOOKS_CAUGHT_UP as BOOKS_CAUGHT_UP
from service.telemetry.books import CASES as CASES
from service.telemetry.books import CASES_OLDEST as CASES_OLDEST
from service.telemetry.books import CASES_OPENED as CASES_OPENED
from service.telemetry.books import DIFFERENCES as DIFFERENCES
from service.telemetry.books import DIFFERENCES_MINOR as DIFFERENCES_MINOR
from service.telemetry.books import DIFFERENCES_OLDEST as DIFFERENCES_OLDEST
from service.telemetry.books import DISPUTE_DUE as DISPUTE_DUE
from service.telemetry.books import HOLDS_OVERDUE as HOLDS_OVERDUE
from service.telemetry.books import JOURNAL_ENTRIES as JOURNAL_ENTRIES
from service.telemetry.books import PAID_WITHOUT_TICKET as PAID_WITHOUT_TICKET
from service.telemetry.books import PAID_WITHOUT_TICKET_OLDEST as PAID_WITHOUT_TICKET_OLDEST
from service.telemetry.books import RECONCILED as RECONCILED
from service.telemetry.books import REFUNDS_OLDEST as REFUNDS_OLDEST
from service.telemetry.books import SETTLED_UNTIL as SETTLED_UNTIL
from service.telemetry.books import SETTLEMENTS as SETTLEMENTS
from service.telemetry.experience import BEACONS as BEACONS
from service.telemetry.experience import ERRORS_SHOWN as ERRORS_SHOWN
from service.telemetry.experience import PAGE_ERRORS as PAGE_ERRORS
from service.telemetry.experience import PAGE_SECONDS as PAGE_SECONDS
from service.telemetry.experience import SYNTHETIC_EVERY as SYNTHETIC_EVERY
from service.telemetry.experience import SYNTHETIC_PURCHASES as SYNTHETIC_PURCHASES
from service.telemetry.experience import SYNTHETIC_SECONDS as SYNTHETIC_SECONDS
from service.telemetry.experience import SYNTHETIC_SUCCEEDED as SYNTHETIC_SUCCEEDED
from service.telemetry.experience import THREE_DS as THREE_DS
from service.telemetry.experience import TRIES_TO_PAY as TRIES_TO_PAY
from service.telemetry.foundation import BUILD_INFO as BUILD_INFO
from service.telemetry.foundation import DB_OPERATION as DB_OPERATION
from service.telemetry.foundation import DB_POOL as DB_POOL
from service.telemetry.foundation import DB_POOL_TIMEOUTS as DB_POOL_TIMEOUTS
from service.telemetry.foundation import DB_POOL_WAIT as DB_POOL_WAIT
from service.telemetry.foundation import HTTP_CLIENT_DURATION as HTTP_CLIENT_DURATION
from service.telemetry.foundation import HTTP_SERVER_ACTIVE as HTTP_SERVER_ACTIVE
from service.telemetry.foundation import HTTP_SERVER_DURATION as HTTP_SERVER_DURATION
from service.telemetry.foundation import INVARIANT as INVARIANT
from service.telemetry.foundation import INVARIANTS_CHECKED as INVARIANTS_CHECKED
from service.telemetry.foundation import PROGRESS_AGE as PROGRESS_AGE
from service.telemetry.foundation import PROVIDERS, WAIT_BUCKETS
from service.telemetry.foundation import TELEMETRY_DROPPED as TELEMETRY_DROPPED
from service.telemetry.foundation import WORKER_FAILURES as WORKER_FAILURES
from service.telemetry.foundation import WORKER_HEARTBEAT as WORKER_HEARTBEAT
from service.telemetry.guards import ACCESS as ACCESS
from service.telemetry.guards import API_KEY_ENDS as API_KEY_ENDS
from service.telemetry.guards import CARDS_REFUSED as CARDS_REFUSED
from service.telemetry.guards import LIMITS as LIMITS
from service.telemetry.guards import LIMITS_FALLBACK as LIMITS_FALLBACK
from service.telemetry.guards import SHED as SHED
from service.telemetry.guards import SIGN_INS as SIGN_INS
from service.telemetry.metric import Bounded, Counter, Gauge, Histogram, Metric
from service.telemetry.repairs import BACKUP_AT as BACKUP_AT
from service.telemetry.repairs import CERTIFICATE_ENDS as CERTIFICATE_ENDS
from service.telemetry.repairs import RUNBOOK_ACTS as RUNBOOK_ACTS
from service.telemetry.repairs import RUNBOOK_AWAITING as RUNBOOK_AWAITING
from service.telemetry.repairs import RUNBOOK_AWAITING_OLDEST as RUNBOOK_AWAITING_OLDEST
from service.telemetry.repairs import RUNBOOK_HEARD as RUNBOOK_HEARD
from service.telemetry.repairs import RUNBOOK_JOURNAL_FAULTS as RUNBOOK_JOURNAL_FAULTS
from service.telemetry.repairs import RUNBOOK_JOURNAL_LAG as RUNBOOK_JOURNAL_LAG
from service.telemetry.repairs import RUNBOOK_RUNS as RUNBOOK_RUNS
from service.telemetry.stores import DB_CONNECTIONS as DB_CONNECTIONS
from service.telemetry.stores import DB_CONNECTIONS_LIMIT as DB_CONNECTIONS_LIMIT
from service.telemetry.stores import DB_DEADLOCKS as DB_DEADLOCKS
from service.telemetry.stores import DB_IDLE_IN_TRANSACTION as DB_IDLE_IN_TRANSACTION
from service.telemetry.stores import DB_LONGEST_LOCK_WAIT as DB_LONGEST_LOCK_WAIT
from service.telemetry.stores import DB_OLDEST_TRANSACTION as DB_OLDEST_TRANSACTION
from service.telemetry.stores import DB_SIZE as DB_SIZE
from service.telemetry.stores import DB_UP as DB_UP

# A sale takes seconds to half an hour: people look for their card, banks ask for a code.
SALE_BUCKETS = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600)
# From the gateway's word to the effect: a second is normal, minutes are an incident, an hour is a gateway's retry.
LAG_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)

TICKET_TYPES = Bounded(60)
CURRENCIES = Bounded(8, known=("USD",))
MESSAGE_KINDS = Bounded(
    20,
    known=(
        *("mail.confirmation", "mail.late_payment", "mail.surplus_payment", "mail.order_link"),
        *("mail.refund_made", "mail.refund_failed_later"),
        *("checkout.expire", "capture.take", "refund.return", "refund.send"),
    ),
)
QUEUE_STATES = Bounded(10)
TEMPLATES = Bounded(
    20, known=("confirmation", "late_payment", "surplus_payment", "order_link", "refund_made", "refund_failed_later")
)

# --- checkout and its funnel

CHECKOUTS = Counter(
    "cubano_checkouts_total",
    "Requests for a checkout session, by how they were answered.",
    "checkouts",
    {"provider": PROVIDERS, "outcome": labels.CheckoutOutcome},
)
FUNNEL = Counter("cubano_funnel_total", "Steps of the way from store to ticket.", "steps", {"step": labels.FunnelStep})
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
    {"event": labels.OrderEvent, "outcome": labels.MoveOutcome},
)
ORDERS = Gauge(
    "cubano_orders",
    "Orders of customers by state.",
    "orders",
    {"provider": PROVIDERS, "state": labels.OrderState},
)
ORDERS_OLDEST = Gauge(
    "cubano_orders_oldest_age_seconds",
    "Time since the oldest order of a state last moved, of customers.",
    "seconds",
    {"provider": PROVIDERS, "state": labels.OrderState},
)
PAYMENTS_MOVED = Counter(
    "cubano_payment_moves_total",
    "Events at the payment machine.",
    "events",
    {"provider": PROVIDERS, "event": labels.PaymentEvent, "outcome": labels.MoveOutcome},
)
PAYMENT_ATTEMPTS = Counter(
    "cubano_payment_attempts_total",
    "Attempts to pay by how they ended; `category` says why an issuer declined.",
    "attempts",
    {"provider": PROVIDERS, "outcome": labels.AttemptOutcome, "category": labels.DeclineCategory},
)
PAYMENTS = Gauge(
    "cubano_payments", "Payments by state.", "payments", {"provider": PROVIDERS, "state": labels.PaymentState}
)
REFUNDS_MOVED = Counter(
    "cubano_refund_moves_total",
    "Events at the refund machine.",
    "events",
    {"provider": PROVIDERS, "event": labels.RefundEvent, "outcome": labels.MoveOutcome},
)
REFUNDS = Gauge("cubano_refunds", "Refunds by state.", "refunds", {"provider": PROVIDERS, "state": labels.RefundState})
REVENUE = Counter(
    "cubano_revenue_minor_total",
    "Money taken for tickets, in the currency's smallest unit.",
    "minor",
    {"currency": CURRENCIES, "ticket_type": TICKET_TYPES},
)
ORDERS_PAID = Counter(
    "cubano_orders_paid_total", "Orders that were paid, gifts not among them.", "orders", {"currency": CURRENCIES}
)
RETURNED = Counter(
    "cubano_returned_minor_total",
    "Money that went back for good, in the currency's smallest unit; a refund that failed later stays counted.",
    "minor",
    {"currency": CURRENCIES, "cause": labels.ReturnCause},
)

DISPUTES_MOVED = Counter(
    "cubano_dispute_moves_total",
    "Events at the dispute machine.",
    "events",
    {"provider": PROVIDERS, "event": labels.DisputeEvent, "outcome": labels.MoveOutcome},
)
DISPUTES = Gauge(
    "cubano_disputes", "Disputes by state.", "disputes", {"provider": PROVIDERS, "state": labels.DisputeState}
)
ODD_MONEY = Counter(
    "cubano_odd_money_total",
    "Payments that came late, twice or wrong, by what became of them.",
    "payments",
    {"provider": PROVIDERS, "outcome": labels.OddMoney},
)

# --- the way to the gateways

GATEWAY_BREAKER = Gauge(
    "cubano_gateway_breaker",
    "Is 1 for the state a gateway's circuit breaker is in, 0 for the others.",
    "1",
    {"provider": PROVIDERS, "state": labels.BreakerState},
)
GATEWAY_WAIT = Histogram(
    "cubano_gateway_wait_seconds",
    "Wait of a call for its turn, so that the gateway's rate limit is not met.",
    "seconds",
    {"provider": PROVIDERS, "priority": labels.CallPriority},
    buckets=WAIT_BUCKETS,
)
FAILOVERS = Counter(
    "cubano_failovers_total",
    "Checkouts that went to another provider than the first choice.",
    "checkouts",
    {"provider": PROVIDERS, "reason": labels.FailoverReason},
)
CONTROL = Gauge(
    "cubano_control",
    "Is 1 while an operational switch is not in its normal position.",
    "1",
    {"control": Bounded(20)},
)
CONTROLS_AGE = Gauge("cubano_controls_age_seconds", "Age of the switches' positions this process goes by.", "seconds")

# --- webhooks and the inbox

WEBHOOKS = Counter(
    "cubano_webhooks_total",
    "Webhook deliveries by what became of them at the door.",
    "deliveries",
    {"provider": PROVIDERS, "result": labels.WebhookResult},
)
WEBHOOK_LAG = Histogram(
    "cubano_webhook_lag_seconds",
    "From the gateway's creation of an event to its arrival here.",
    "seconds",
    {"provider": PROVIDERS},
    buckets=LAG_BUCKETS,
)
WEBHOOK_LAST = Gauge(
    "cubano_webhook_last_timestamp_seconds",
    "Arrival of the last verified event.",
    "seconds",
    {"provider": PROVIDERS},
)
INBOX = Gauge("cubano_inbox_events", "Events in the inbox by state.", "events", {"state": QUEUE_STATES})
INBOX_OLDEST = Gauge("cubano_inbox_oldest_age_seconds", "Age of the oldest event that still waits.", "seconds")
INBOX_APPLIED = Counter(
    "cubano_inbox_applied_total",
    "Attempts to apply an event by outcome.",
    "events",
    {"kind": labels.EventKind, "outcome": labels.InboxOutcome},
)

RECOVERED = Counter(
    "cubano_recovered_total",
    "What reached us though no webhook brought it, by how it was found.",
    "events",
    {"provider": PROVIDERS, "found_by": labels.RecoveredBy},
)
SWEPT = Gauge(
    "cubano_sweep_last_timestamp_seconds",
    "Up to which moment the gateway's events were last listed to the end.",
    "seconds",
    {"provider": PROVIDERS},
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
    {"kind": MESSAGE_KINDS, "outcome": labels.DeliveryOutcome},
)
MAILS = Counter(
    "cubano_mails_total", "Mails handed to SMTP.", "mails", {"template": TEMPLATES, "outcome": labels.MailOutcome}
)

# --- stock and tickets

STOCK = Gauge(
    "cubano_stock", "Places by ticket type.", "places", {"ticket_type": TICKET_TYPES, "kind": labels.StockKind}
)
HOLDS_RELEASED = Counter(
    "cubano_holds_released_total", "Places given back by holds that ended unpaid.", "places", {"reason": labels.HoldEnd}
)
TICKETS_ISSUED = Counter("cubano_tickets_issued_total", "Tickets issued.", "tickets", {"ticket_type": TICKET_TYPES})

ALL: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
