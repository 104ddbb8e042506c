"""Every sentence the responder says to PostgreSQL, by name: fixed text with values, never text from a playbook.

All of `STATEMENTS` are read-only. The two that end something do it by the number of a process and the start of its transaction together, so
that nobody else is met who has got the number meanwhile. A new read gets its statement here, and the role its columns in
`cubano db responder`.
"""

from collections.abc import Mapping

# Of a query only its first word and a digest are shown: the rest may hold a customer's data.
_OPERATION = "upper(coalesce(substring(a.query from '^\\s*([A-Za-z]+)'), ''))"
_DIGEST = "left(md5(regexp_replace(a.query, '''[^'']*''|[0-9]+', '?', 'g')), 8)"
_WAITING = """
    waiting AS (
        SELECT pid, pg_blocking_pids(pid) AS behind FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()),
    blockers AS (SELECT b.pid, count(*)::int AS blocks FROM waiting w, unnest(w.behind) AS b (pid) GROUP BY b.pid)
"""
_AGE = "extract(epoch FROM clock_timestamp() - a.xact_start)::float8"
# Nobody's but a client's, never our own, no backup that is in nobody's way. An advisory lock is held by what must not be
# cut: the worker's turns, a migration.
_CLIENTS = """
    a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
    AND a.application_name <> 'cubano-respond'
    AND a.xact_start < clock_timestamp() - make_interval(secs => %(older_than_s)s)
    AND (a.application_name NOT IN ('pg_dump', 'pg_dumpall', 'pg_basebackup') OR b.blocks > 0)
"""
_LOCKED = (
    "EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted AND l.database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database()))"
)


# Who holds up others may happen to wait at this moment itself; who has waited most of its time is one of those held up.
_AT_WORK = """
    a.wait_event_type IS DISTINCT FROM 'Lock'
    OR b.blocks > 0 AND 2 * (SELECT clock_timestamp() - min(l.waitstart) FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted)
        < clock_timestamp() - a.xact_start
"""


def _victims(which: str) -> str:
    return f"""
        WITH {_WAITING}
        SELECT a.pid, a.xact_start, a.state, a.application_name AS process, {_AGE} AS age_s, coalesce(b.blocks, 0) AS blocks,
            {_OPERATION} AS operation, {_DIGEST} AS query, {_LOCKED} AS spared
        FROM pg_stat_activity a LEFT JOIN blockers b USING (pid)
        WHERE {_CLIENTS} AND ({which})
        ORDER BY coalesce(b.blocks, 0) DESC, a.xact_start LIMIT 100
    """  # noqa: S608 - our own words


def _signal(function: str) -> str:
    """By a function of the schema's, because the role alone may not touch every session."""
    return f"""
        SELECT v.pid, {function}(v.pid, v.since) AS ended
        FROM unnest(%(pids)s::int[], %(since)s::timestamptz[]) AS v (pid, since)
    """  # noqa: S608 - our own words


_QUEUE = "(%(provider)s::text = '' OR provider = %(provider)s)"

DATABASE: Mapping[str, str] = {
    "reachable": """
        SELECT pg_is_in_recovery() AS in_recovery, current_setting('server_version') AS version,
            extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS up_s
    """,
    "connections": """
        SELECT count(*)::int AS used, count(*) FILTER (WHERE state = 'active')::int AS active,
            count(*) FILTER (WHERE state LIKE 'idle in transaction%%')::int AS idle_in_transaction,
            count(*) FILTER (WHERE wait_event_type = 'Lock')::int AS waiting,
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most
        FROM pg_stat_activity WHERE backend_type = 'client backend'
    """,
    "longest_transaction": f"""
        WITH {_WAITING}
        SELECT {_AGE} AS age_s, a.state, a.application_name AS process, {_OPERATION} AS operation, {_DIGEST} AS query,
            coalesce(b.blocks, 0) AS blocks
        FROM pg_stat_activity a LEFT JOIN blockers b USING (pid)
        WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
            AND a.xact_start IS NOT NULL
        ORDER BY a.xact_start LIMIT 1
    """,  # noqa: S608 - our own words
    "blockers": f"""
        WITH {_WAITING}
        SELECT count(*)::int AS blockers, coalesce(max(b.blocks), 0)::int AS most_blocked,
            (SELECT count(*)::int FROM waiting) AS waiting,
            (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(l.waitstart)), 0)::float8 FROM pg_locks l
             WHERE NOT l.granted AND l.pid IN (SELECT pid FROM waiting)) AS waited_s,
            max(a.application_name) AS process, max(a.state) AS state, max({_AGE}) AS age_s
        FROM blockers b JOIN pg_stat_activity a USING (pid) WHERE a.pid NOT IN (SELECT pid FROM waiting)
    """,  # noqa: S608 - our own words
    "deadlocks": """
        SELECT deadlocks::int AS total, xact_rollback::bigint AS rollbacks, conflicts::int AS conflicts
        FROM pg_stat_database WHERE datname = current_database()
    """,
    "size": """
        SELECT pg_database_size(current_database())::bigint AS bytes,
            (SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()) AS wal_bytes,
            (SELECT max(pg_total_relation_size(relid))::bigint FROM pg_stat_user_tables) AS largest_bytes,
            (SELECT relname FROM pg_stat_user_tables ORDER BY pg_total_relation_size(relid) DESC LIMIT 1) AS largest
    """,
    "vacuum": """
        SELECT (SELECT max(age(datfrozenxid))::bigint FROM pg_database) AS wraparound_age,
            coalesce(sum(n_dead_tup), 0)::bigint AS dead_rows, coalesce(sum(n_live_tup), 0)::bigint AS live_rows,
            (SELECT relname FROM pg_stat_user_tables ORDER BY n_dead_tup DESC LIMIT 1) AS worst,
            extract(epoch FROM clock_timestamp() - max(greatest(last_vacuum, last_autovacuum)))::float8 AS last_s
        FROM pg_stat_user_tables
    """,
    "replication": """
        SELECT (SELECT count(*)::int FROM pg_stat_replication) AS replicas,
            (SELECT extract(epoch FROM max(replay_lag))::float8 FROM pg_stat_replication) AS lag_s,
            (SELECT count(*)::int FROM pg_replication_slots WHERE NOT active) AS slots_unused,
            pg_is_in_recovery() AS in_recovery
    """,
    "cancelable": _victims(f"a.state = 'active' AND ({_AT_WORK})"),
    "terminable": _victims(f"a.state LIKE 'idle in transaction%%' OR b.blocks > 0 AND ({_AT_WORK})"),
    "still": "SELECT pid, xact_start, state FROM pg_stat_activity WHERE pid = ANY(%(pids)s::int[])",
    "cancel": _signal("responder_cancel"),
    "terminate": _signal("responder_terminate"),
}

WORK: Mapping[str, str] = {
    "inbox": f"""
        SELECT count(*) FILTER (WHERE due_at <= now())::int AS due, count(*)::int AS pending,
            coalesce(extract(epoch FROM now() - min(received_at) FILTER (WHERE due_at <= now())), 0)::float8 AS oldest_s,
            coalesce(max(attempts), 0)::int AS attempts
        FROM payment_events WHERE state = 'pending' AND {_QUEUE}
    """,  # noqa: S608 - our own words
    "inbox_dead": f"""
        SELECT count(*)::int AS dead, count(*) FILTER (WHERE ended_at > now() - make_interval(secs => %(recent_s)s))::int AS recent,
            count(DISTINCT cause)::int AS causes,
            extract(epoch FROM now() - max(ended_at))::float8 AS newest_s
        FROM payment_events WHERE state = 'dead' AND {_QUEUE}
    """,  # noqa: S608 - our own words
    "inbox_causes": f"""
        SELECT cause, provider, type, count(*)::int AS events, sum(count(*)) OVER ()::int AS of_all
        FROM payment_events WHERE state = 'dead' AND {_QUEUE} GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 3 LIMIT 20
    """,  # noqa: S608 - our own words
    "outbox": """
        SELECT count(*)::int AS pending, count(*) FILTER (WHERE due_at <= now())::int AS due,
            coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now())), 0)::float8 AS overdue_s,
            coalesce(max(attempts), 0)::int AS attempts
        FROM outbox WHERE state = 'pending' AND starts_with(kind, %(kind)s)
    """,
    "outbox_waiting": """
        SELECT seq FROM outbox
        WHERE state = 'pending' AND attempts > 0 AND due_at > now() AND starts_with(kind, %(kind)s) ORDER BY due_at, seq LIMIT %(most)s
    """,
    "outbox_dead": """
        SELECT kind, count(*)::int AS messages, sum(count(*)) OVER ()::int AS of_all
        FROM outbox WHERE state = 'dead' AND starts_with(kind, %(kind)s) GROUP BY 1 ORDER BY 2 DESC LIMIT 20
    """,
    "orders_open": f"""
        SELECT count(*)::int AS stuck, coalesce(extract(epoch FROM now() - min(updated_at)), 0)::float8 AS oldest_s
        FROM orders
        WHERE status IN ('awaiting_payment', 'processing', 'late_payment') AND expires_at < now() - interval '2 minutes'
            AND {_QUEUE}
    """,  # noqa: S608 - our own words
    "refunds": f"""
        SELECT count(*) FILTER (WHERE status IN ('requested', 'pending'))::int AS waiting,
            count(*) FILTER (WHERE status = 'awaiting_approval')::int AS for_approval,
            count(*) FILTER (WHERE status = 'failed')::int AS failed,
            coalesce(extract(epoch FROM now() - min(updated_at) FILTER (WHERE status IN ('requested', 'pending'))), 0)::float8
                AS oldest_s,
            coalesce(sum(amount_minor) FILTER (WHERE status IN ('requested', 'pending', 'failed')), 0)::bigint AS cents
        FROM refunds WHERE status NOT IN ('succeeded', 'canceled') AND {_QUEUE}
    """,  # noqa: S608 - our own words
    "cases": """
        SELECT count(*)::int AS open, count(*) FILTER (WHERE due_at < now())::int AS overdue,
            coalesce(extract(epoch FROM now() - min(opened_at)), 0)::float8 AS oldest_s,
            (SELECT kind FROM cases WHERE closed_at IS NULL GROUP BY kind ORDER BY count(*) DESC LIMIT 1) AS kind
        FROM cases WHERE closed_at IS NULL
    """,
}

BOOKS: Mapping[str, str] = {
    "ledger": """
        SELECT count(*)::bigint AS entries, count(*) FILTER (WHERE off <> 0)::int AS unbalanced,
            coalesce(sum(abs(off)), 0)::bigint AS off_cents
        FROM (SELECT entry_seq, sum(amount_minor) AS off FROM journal_lines GROUP BY entry_seq, amount_currency) AS each
    """,
    "differences": f"""
        SELECT kind, count(*)::int AS open, coalesce(sum(abs(amount_minor)), 0)::bigint AS cents,
            extract(epoch FROM now() - min(first_seen))::float8 AS oldest_s
        FROM differences WHERE resolved_at IS NULL AND {_QUEUE} GROUP BY kind ORDER BY 2 DESC, 1
    """,  # noqa: S608 - our own words
    "reconciled": f"""
        SELECT provider, max(day)::text AS day, extract(epoch FROM now() - max(ran_at))::float8 AS age_s
        FROM reconciliations WHERE ran_at IS NOT NULL AND {_QUEUE} GROUP BY provider ORDER BY 3 DESC
    """,  # noqa: S608 - our own words
}

ACCESS: Mapping[str, str] = {
    "keys": """
        SELECT count(*)::int AS live, count(*) FILTER (WHERE expires_at < now() + make_interval(secs => %(within_s)s))::int AS soon,
            extract(epoch FROM min(expires_at) - now())::float8 AS next_s
        FROM api_keys WHERE revoked_at IS NULL AND expires_at > now()
    """,
}

STATEMENTS: Mapping[str, str] = {**DATABASE, **WORK, **BOOKS, **ACCESS}
