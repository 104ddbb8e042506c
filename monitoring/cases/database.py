"""The database."""

from monitoring.case import Case, critical, limit, warning

_POOL = """cubano_db_pool_connections{job="serve",instance="a",state="in_use"} #x20
cubano_db_pool_connections{job="serve",instance="a",state="size"} 10x20
cubano_db_pool_wait_seconds_bucket{job="serve",instance="a",le="0.2"} 0+#x20
cubano_db_pool_wait_seconds_bucket{job="serve",instance="a",le="0.5"} 0+100x20
cubano_db_pool_wait_seconds_bucket{job="serve",instance="a",le="+Inf"} 0+100x20"""
_SLOW = """db_client_operation_duration_seconds_bucket{job="serve",instance="a",db_operation_name="SELECT",le="0.1"} 0+#x40
db_client_operation_duration_seconds_bucket{job="serve",instance="a",db_operation_name="SELECT",le="0.5"} 0+#x40
db_client_operation_duration_seconds_bucket{job="serve",instance="a",db_operation_name="SELECT",le="+Inf"} 0+#x40
db_client_operation_duration_seconds_count{job="serve",instance="a",db_operation_name="SELECT"} 0+#x40"""

CASES = (
    *limit(
        "DbDown",
        """cubano_db_up{job="serve",instance="a"} 1x5 #x10
        cubano_db_up{job="serve",instance="b"} 1x20""",
        "7m",
        warning("The database does not answer a process of serve", job="serve"),
        fires=0,
        silent=1,
    ),
    Case(
        "DbDown",
        "no process reaches it",
        """cubano_db_up{job="serve",instance="a"} 1x5 0x10
        cubano_db_up{job="serve",instance="b"} 1x4 0x10""",
        "7m",
        (
            critical("The database answers no process of serve", job="serve"),
            warning("The database does not answer a process of serve", job="serve"),
        ),
    ),
    *limit(
        "DbPoolExhausted",
        _POOL,
        "12m",
        critical("100% of the database connections of a are taken, and requests wait", job="serve", instance="a"),
        fires=(10, 50),
        silent=(9, 50),
    ),
    Case(
        "DbPoolExhausted", "all are taken, and nobody waits long", _POOL.replace("#", "10", 1).replace("#", "96"), "12m"
    ),
    *limit(
        "DbPoolTimeouts",
        'cubano_db_pool_timeouts_total{job="serve",instance="a"} 0x10 #x20',
        "13m",
        critical("4 requests of serve got no database connection in five minutes", job="serve"),
        fires=4,
        silent=2,
    ),
    *limit(
        "DbSlowOperations",
        _SLOW,
        "30m",
        warning("One SELECT in twenty takes longer than 460ms", db_operation_name="SELECT"),
        fires=(50, 100, 100, 100),
        silent=(95, 100, 100, 100),
        few=(0, 9, 9, 9),
    ),
    *limit(
        "DbDeadlocks",
        """cubano_db_deadlocks_total{job="work",instance="a"} 0x10 #x20
        cubano_db_deadlocks_total{job="work",instance="b"} 0x10 2x20""",  # two workers see the same ones
        "15m",
        warning("4 transactions locked each other out in ten minutes"),
        fires=4,
        silent=2,
    ),
    *limit(
        "DbLockWait",
        "cubano_db_longest_lock_wait_seconds #x10",
        "5m",
        warning("A statement has waited 11s for a lock"),
        fires=11,
        silent=10,
    ),
    *limit(
        "DbLongTransaction",
        "cubano_db_oldest_transaction_seconds #x10",
        "5m",
        warning("A transaction has been open for 5m 1s"),
        fires=301,
        silent=300,
    ),
    *limit(
        "DbIdleInTransaction",
        "cubano_db_idle_in_transaction_seconds #x10",
        "5m",
        warning("A transaction is open and has done nothing for 2m 1s"),
        fires=121,
        silent=120,
    ),
    *limit(
        "DbConnectionsNearLimit",
        """cubano_db_connections{instance="a",state="active"} #x20
        cubano_db_connections{instance="b",state="active"} #x20
        cubano_db_connections{instance="a",state="idle"} 40x20
        cubano_db_connections_limit 100x20""",
        "10m",
        warning("85% of the connections the database takes are in use"),
        fires=(45, 45),
        silent=(40, 40),
    ),
)
