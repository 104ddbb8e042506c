"""The metrics of the database as a whole, told by the worker from PostgreSQL's own views. Part of the catalogue.

What the role may not read is absent, never zero.
"""

from service.telemetry import labels
from service.telemetry.metric import Counter, Gauge

DB_UP = Gauge("cubano_db_up", "Is 1 when the database answered this process's last ping.", "1")
DB_DEADLOCKS = Counter(
    "cubano_db_deadlocks_total", "Transactions that PostgreSQL broke off as deadlocked.", "deadlocks"
)
DB_OLDEST_TRANSACTION = Gauge(
    "cubano_db_oldest_transaction_seconds", "How long the oldest open transaction is open.", "seconds"
)
DB_LONGEST_LOCK_WAIT = Gauge(
    "cubano_db_longest_lock_wait_seconds", "How long the statement waits that has waited longest for a lock.", "seconds"
)
DB_IDLE_IN_TRANSACTION = Gauge(
    "cubano_db_idle_in_transaction_seconds",
    "How long the longest idle transaction has done nothing.",
    "seconds",
)
DB_SIZE = Gauge("cubano_db_size_bytes", "Size of the database on disk.", "bytes")
DB_CONNECTIONS = Gauge(
    "cubano_db_connections",
    "Connections to the database by what they do, everybody's.",
    "connections",
    {"state": labels.ConnectionState},
)
DB_CONNECTIONS_LIMIT = Gauge(
    "cubano_db_connections_limit", "How many connections the server takes from ordinary roles.", "connections"
)
