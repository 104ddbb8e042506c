"""What the responder's role may do in the database, in one place. Pure.

It sees states, times, counts and amounts of what is sold and paid; nobody's name or address, no text that somebody wrote, no
secret, no body of an event. It writes nothing but lines of its own journal. A new read of a runbook has its column added here,
and `cubano db responder` grants it.
"""

import re
from collections.abc import Collection, Iterator, Mapping

ROLE = "cubano_responder"
CONNECTIONS = 6  # three questions at once, the mirror twice, and the lock of the one engine
MEMBER_OF = ("pg_monitor",)
NOT_MEMBER_OF = ("pg_signal_backend",)  # it would end any session, past what FUNCTIONS spare
SETTINGS: Mapping[str, str] = {
    "statement_timeout": "5s",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "15s",
    "default_transaction_read_only": "on",  # the mirror of the journal says READ WRITE for its transaction
}
JOURNAL = "runbook_journal"
FUNCTIONS = ("responder_cancel", "responder_terminate")
READABLE: Mapping[str, tuple[str, ...]] = {
    "alembic_version": ("version_num",),
    "api_keys": ("id", "environment", "created_at", "expires_at", "revoked_at", "last_used_at"),
    "audit_trail": ("seq", "at", "actor_kind", "action", "hash", "previous"),
    "cases": ("id", "kind", "order_id", "owner", "opened_at", "due_at", "closed_at"),
    "closed_months": ("month", "closed_at", "entries"),
    "control_history": ("seq", "at", "name", "position", "leased_until"),
    "controls": ("name", "position", "set_at", "leased_until"),
    "differences": (
        *("id", "provider", "day", "kind", "subject", "order_id", "amount_minor", "amount_currency", "occurred_at"),
        *("owner", "first_seen", "last_seen", "resolved_at"),
    ),
    "disputes": (
        *("id", "order_id", "payment_id", "provider", "status", "amount_minor", "amount_currency", "reason", "due_at"),
        *("created_at", "updated_at"),
    ),
    "holds": ("id", "order_id", "ticket_type", "quantity", "state", "created_at", "ended_at", "returned"),
    "idempotency_keys": ("scope", "state", "leased_until", "created_at"),
    "journal_entries": ("seq", "kind", "provider", "order_id", "day", "occurred_at", "posted_at", "lines"),
    "journal_lines": ("entry_seq", "position", "account", "amount_minor", "amount_currency"),
    "order_history": ("seq", "order_id", "at", "event", "from_status", "to_status"),
    "orders": (
        *("id", "status", "locale", "provider", "total_minor", "total_currency", "created_at", "updated_at"),
        *("expires_at", "paid_at", "synthetic"),
    ),
    "outbox": ("seq", "kind", "state", "attempts", "due_at", "leased_until", "created_at", "done_at"),
    "payment_events": (
        *(
            "seq",
            "provider",
            "event_id",
            "type",
            "subject",
            "livemode",
            "created_at",
            "received_at",
            "state",
            "outcome",
        ),
        *("attempts", "due_at", "cause", "ended_at", "is_thin", "found_by"),
    ),
    "payments": (
        *("id", "order_id", "provider", "status", "amount_minor", "amount_currency", "decline_category", "created_at"),
        *(
            "updated_at",
            "captures",
            "returned_minor",
            "disputed",
            "looked_at",
            "approved_at",
            "gift",
            "paid_at",
            "declines",
        ),
    ),
    "process_starts": ("seq", "at", "process", "version", "changed"),
    "reconciliations": ("provider", "day", "ran_at", "leased_until"),
    "refunds": (
        *(
            "id",
            "order_id",
            "payment_id",
            "provider",
            "status",
            "amount_minor",
            "amount_currency",
            "reason",
            "external",
        ),
        *("failure_reason", "created_at", "updated_at", "sent_at", "looked_at", "returned_at", "decided_at"),
    ),
    "settlement_sweeps": ("provider", "since", "read_until", "leased_until", "updated_at"),
    "settlements": (
        *("provider", "ref", "kind", "amount_minor", "amount_currency", "fee_minor", "occurred_at", "available_at"),
        *("subject", "order_id", "imported_at", "withdrawn_at"),
    ),
    "stock": ("ticket_type", "capacity", "held", "sold"),
    "sweeps": ("provider", "swept_until", "leased_until", "updated_at"),
    "ticket_types": ("id", "kind", "price_minor", "price_currency", "max_per_order", "on_sale", "synthetic"),
    "tickets": ("id", "order_id", "ticket_type", "status", "issued_at"),
    "webhook_secrets": ("provider", "hash", "added_at", "retires_at"),
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)


def is_name(text: str) -> bool:
    """Whether it may stand in a statement as it is."""
    return _NAME.fullmatch(text) is not None


def make(role: str, *, exists: bool, verifier: str | None) -> str:
    """The statement that makes the role, or puts it right; `verifier` is the password as the server keeps it."""
    password = f" PASSWORD '{verifier}'" if verifier is not None else ""
    return f"{'ALTER' if exists else 'CREATE'} ROLE {role} LOGIN CONNECTION LIMIT {CONNECTIONS}{password}"


def grants(role: str, database: str, *, member_of: Collection[str] = (), has: Collection[str] = ()) -> Iterator[str]:
    """All statements after that, in their order; to be repeated without harm. `member_of` and `has` (settings, as the server
    tells them) are what the role is already.
    """
    wanted = {name: value for name, value in SETTINGS.items() if f"{name}={value}" not in has}
    yield from (f"ALTER ROLE {role} SET {name} = '{value}'" for name, value in wanted.items())
    yield from (f"GRANT {each} TO {role}" for each in MEMBER_OF if each not in member_of)
    yield from (f"REVOKE {each} FROM {role}" for each in NOT_MEMBER_OF if each in member_of)
    yield f'GRANT CONNECT ON DATABASE "{database}" TO {role}'
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"
    for table, columns in READABLE.items():
        yield f"GRANT SELECT ({', '.join(columns)}) ON {table} TO {role}"
    yield f"GRANT SELECT, INSERT ON {JOURNAL} TO {role}"
    yield from (f"GRANT EXECUTE ON FUNCTION {each}(integer, timestamptz) TO {role}" for each in FUNCTIONS)
