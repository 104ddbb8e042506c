"""The metrics any service has: HTTP in and out, the database, the process and its telemetry. Part of the catalogue."""

from service.telemetry import labels
from service.telemetry.metric import Bounded, Counter, Gauge, Histogram

# https://opentelemetry.io/docs/specs/semconv/http/http-metrics/ and …/database/database-metrics/
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
DB_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
WAIT_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 5, 10)

ROUTES = Bounded(200)  # templates of our own API and pages
STATUS_CODES = Bounded(40)
PROVIDERS = Bounded(8, known=tuple(each.value for each in labels.Provider))  # ours, and packages of others
ERROR_TYPES = Bounded(40, known=("",))  # class names and status codes; empty on success
LOOPS = Bounded(
    30,
    known=(
        *("inbox", "mail", "checkout", "capture", "refund", "expiry", "figures", "invariants", "forgetting"),
        *(
            "thin",
            "lookout",
            "sweep",
            "stuck",
            "controls",
            "breaker",
            "keys",
            "books",
            "keeping",
            "cases",
            "approvals",
            "database",
            "synthetic",
        ),
    ),
)

# --- HTTP, in and out

HTTP_SERVER_DURATION = Histogram(
    "http_server_request_duration_seconds",
    "Time from the first byte of a request to the last byte of its answer.",
    "seconds",
    {
        "http_request_method": labels.HttpMethod,
        "http_route": ROUTES,
        "http_response_status_code": STATUS_CODES,
        "error_type": ERROR_TYPES,
    },
    buckets=HTTP_BUCKETS,
    most=800,  # a route has one method, and five or six answers in its life
)
HTTP_SERVER_ACTIVE = Gauge(
    "http_server_active_requests",
    "Requests being answered now.",
    "requests",
    {"http_request_method": labels.HttpMethod},
    False,
)
HTTP_CLIENT_DURATION = Histogram(
    "http_client_request_duration_seconds",
    "Time of one call to a gateway, the SDK's own retries included.",
    "seconds",
    {"provider": PROVIDERS, "operation": Bounded(40), "outcome": labels.ClientOutcome},
    buckets=(*HTTP_BUCKETS, 20, 30),
    most=300,  # a dozen operations of each provider, and few ways for each to end
)

# --- database

DB_POOL = Gauge("cubano_db_pool_connections", "Connections of the pool.", "connections", {"state": labels.PoolState})
DB_POOL_WAIT = Histogram("cubano_db_pool_wait_seconds", "Wait for a connection.", "seconds", buckets=WAIT_BUCKETS)
DB_POOL_TIMEOUTS = Counter("cubano_db_pool_timeouts_total", "Waits that ended without a connection.", "timeouts")
DB_OPERATION = Histogram(
    "db_client_operation_duration_seconds",
    "Time of a named database operation.",
    "seconds",
    {"db_operation_name": Bounded(24)},  # verbs of SQL; a dozen are in use
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
    "cubano_telemetry_dropped_total", "Telemetry that could not be kept.", "items", {"signal": labels.Signal}
)
