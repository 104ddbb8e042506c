"""Database: whether there is a connection for everybody, how long statements take, and what holds them up."""

from monitoring import signals
from monitoring.dashboards import links
from monitoring.dashboards.panels import (
    RANGE,
    RATE,
    Colour,
    Column,
    Page,
    Panel,
    Query,
    Row,
    at_least,
    chart,
    from_,
    stat,
    table,
)
from service.telemetry import catalogue

_SLOW_S = 0.25  # a named operation
_WAIT_S = 0.2  # for a connection


def page() -> Page:
    """When everything is slow at once."""
    return Page(
        "database",
        "Database",
        "Is there a connection for everybody, how long do statements take, and what holds them up?",
        (_up(), _pool(), _operations(), _holding()),
    )


def _up() -> Row:
    return Row(
        "Is it there, and is there room?",
        (
            _answers(),
            _pool_in_use(),
            _wait_for_one_slowest_tail(),
            _waits_that_ended_without(),
            _server_s_connections(),
            _size(),
        ),
    )


def _answers() -> Panel:
    return stat(
        "Answers",
        "1 when every process had an answer to its last ping.",
        Query(f"min({signals.select(catalogue.DB_UP)})"),
        unit="none",
        steps=at_least(1),
        names=(("0", "no", Colour.RED), ("1", "yes", Colour.GREEN)),
        links=(links.playbook("DbDown"),),
    )


def _pool_in_use() -> Panel:
    used = signals.most(catalogue.DB_POOL, "job, instance", state="in_use")
    size = signals.most(catalogue.DB_POOL, "job, instance", state="size")
    return stat(
        "Pool in use",
        "Share of the busiest process's connections. Near 1 with waits beside it: requests queue here.",
        Query(f"max({used} / ({size} > 0))"),
        unit="percentunit",
        steps=from_(0.7, 0.9),
        decimals=0,
        most=1,
        links=(links.playbook("DbPoolExhausted"),),
    )


def _wait_for_one_slowest_tail() -> Panel:
    return stat(
        "Wait for one, slowest 5 %",
        "What a request waits for a connection.",
        Query(signals.quantile("0.95", catalogue.DB_POOL_WAIT, RATE)),
        unit="s",
        steps=from_(_WAIT_S / 2, _WAIT_S),
        links=(links.playbook("DbPoolExhausted"),),
    )


def _waits_that_ended_without() -> Panel:
    return stat(
        "Waits that ended without",
        "In the time shown: each is a request that failed.",
        Query(signals.count_of(catalogue.DB_POOL_TIMEOUTS, RANGE)),
        unit="short",
        decimals=0,
        steps=from_(1),
        links=(links.playbook("DbPoolTimeouts"),),
    )


def _server_s_connections() -> Panel:
    return stat(
        "Server's connections",
        "Share of what the server takes, everybody's. Full: nobody can come in, not even to look.",
        Query(
            f"sum({signals.most(catalogue.DB_CONNECTIONS, 'state')}) / {signals.most(catalogue.DB_CONNECTIONS_LIMIT)}"
        ),
        unit="percentunit",
        steps=from_(0.7, 0.9),
        decimals=0,
        most=1,
        links=(links.playbook("DbConnectionsNearLimit"),),
    )


def _size() -> Panel:
    return stat(
        "Size",
        "On disk.",
        Query(signals.most(catalogue.DB_SIZE)),
        unit="bytes",
        decimals=1,
    )


def _pool() -> Row:
    pool = f"sum by (job, state) ({signals.select(catalogue.DB_POOL)})"
    return Row(
        "Who uses the connections?",
        (
            chart(
                "Our pools",
                "By process: how many there are, in use, idle, and how many wait. Waiting above nothing is felt.",
                Query(pool, "{{job}} {{state}}"),
                unit="short",
                wide=8,
            ),
            chart(
                "Wait for a connection",
                "Median and slowest 5 %; the dots are traces.",
                *(
                    Query(signals.quantile(q, catalogue.DB_POOL_WAIT, RATE), name, exemplar=True)
                    for q, name in (("0.5", "half"), ("0.95", "19 of 20"))
                ),
                unit="s",
                steps=from_(_WAIT_S),
                wide=8,
                data_links=(links.traces("Slow traces", "duration > 500ms"),),
            ),
            chart(
                "The server's connections",
                "By what they do, everybody's. `idle_in_transaction` holds locks and does nothing.",
                Query(signals.most(catalogue.DB_CONNECTIONS, "state"), "{{state}}"),
                unit="short",
                stacked=True,
                wide=8,
            ),
        ),
    )


def _operations() -> Row:
    return Row(
        "Which operations take long?",
        (_slowest_tail_the_ten_worst(), _where_the_time_goes(), _operations_a_second()),
    )


def _slowest_tail_the_ten_worst() -> Panel:
    slow = signals.quantile("0.95", catalogue.DB_OPERATION, RATE, "db_operation_name")
    return chart(
        "Slowest 5 %, the ten worst",
        "By operation. All at once: the server or its disk. One: its plan or a lock.",
        Query(f"topk(10, {slow})", "{{db_operation_name}}", exemplar=True),
        unit="s",
        steps=from_(_SLOW_S),
        data_links=(links.traces("Slow traces", "duration > 500ms"),),
        links=(links.playbook("DbSlowOperations"),),
    )


def _where_the_time_goes() -> Panel:
    by = "db_operation_name"
    spent = f"sum by ({by}) (increase({catalogue.DB_OPERATION.name}_sum[{RANGE}]))"
    count = signals.count_of(catalogue.DB_OPERATION, RANGE, by)
    return table(
        "Where the time goes",
        "In the time shown: how often, how long on average, and how much in all.",
        Query(f"topk(12, {spent} > 0)"),
        Query(f"{count} and topk(12, {spent} > 0)"),
        Query(f"{spent} / ({count} > 0) and topk(12, {spent} > 0)"),
        columns=(
            Column(by, "Operation"),
            Column("Value #A", "In all", "s"),
            Column("Value #B", "Times"),
            Column("Value #C", "On average", "s", from_(_SLOW_S / 5, _SLOW_S)),
        ),
        wide=12,
    )


def _operations_a_second() -> Panel:
    rate = signals.rate_of(catalogue.DB_OPERATION, RATE, "db_operation_name")
    return chart(
        "Operations a second",
        "The ten most frequent. A jump without more customers is a loop.",
        Query(f"topk(10, {rate})", "{{db_operation_name}}"),
        unit="ops",
        wide=24,
        high=7,
    )


def _holding() -> Row:
    return Row(
        "What holds others up?",
        (
            chart(
                "Longest lock wait",
                "How long the statement waits that has waited longest.",
                Query(signals.most(catalogue.DB_LONGEST_LOCK_WAIT), "lock wait"),
                unit="s",
                steps=from_(5),
                wide=8,
                links=(links.playbook("DbLockWait"),),
            ),
            chart(
                "Long transactions",
                "The oldest open one, and the longest that is idle. Minutes mean a forgotten shell or a dead client.",
                Query(signals.most(catalogue.DB_OLDEST_TRANSACTION), "oldest open"),
                Query(signals.most(catalogue.DB_IDLE_IN_TRANSACTION), "idle"),
                unit="s",
                steps=from_(300),
                wide=8,
                links=(links.playbook("DbLongTransaction"), links.playbook("DbIdleInTransaction")),
            ),
            chart(
                "Deadlocks, an hour",
                "Transactions PostgreSQL broke off; ours are tried again.",
                Query(f"max(rate({signals.select(catalogue.DB_DEADLOCKS)}[{RATE}])) * 3600", "deadlocks"),
                unit="short",
                wide=8,
                links=(links.playbook("DbDeadlocks"),),
            ),
        ),
    )
