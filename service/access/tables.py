"""API clients and their keys. A secret is stored only as its hash.

SHA-256 without salt or stretching is right here and wrong for passwords: the secret is 256 random bits, so there is no
dictionary to try and nothing to slow down, and every request has to compute it.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables
from service.kernel.invariants import Invariant


class ApiClient(Tables):
    __tablename__ = "api_clients"
    __table_args__ = (
        sa.CheckConstraint(
            "role IN ('customer', 'support', 'finance', 'on_call', 'developer', 'auditor', 'partner', 'admin')",
            name="role",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    created_at: Mapped[datetime]
    owner_id: Mapped[str | None] = mapped_column(sa.ForeignKey("staff_members.id"))  # who decides what its keys do


class ApiKey(Tables):
    __tablename__ = "api_keys"
    __table_args__ = (
        sa.CheckConstraint("environment IN ('dev', 'stg', 'prd')", name="environment"),
        sa.CheckConstraint("secret_hash ~ '^[0-9a-f]{64}$'", name="secret_hash"),
        sa.Index("ix_api_keys_client_id", "client_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(sa.ForeignKey("api_clients.id"))
    environment: Mapped[str]
    secret_hash: Mapped[str]
    permissions: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.Text()))  # at most what the client's role has
    signs: Mapped[bool]  # every request must be signed
    networks: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.Text()))  # where it may come from; empty: from anywhere
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]  # to the minute
    last_used_from: Mapped[str | None]


MOST_LIVE = 2  # keys a client: the one in use, and the one that takes over

INVARIANTS = (
    Invariant(
        name="two-live-keys",
        promise="No API client has more than two keys that work.",
        query=f"""
            SELECT client_id AS id, count(*) || ' keys work' AS problem
            FROM api_keys WHERE revoked_at IS NULL AND expires_at > now()
            GROUP BY client_id HAVING count(*) > {MOST_LIVE}
        """,  # noqa: S608 - our own constant
        playbook="ApiKeysTooMany",
    ),
)
