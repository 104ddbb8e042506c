"""One row a key, written with what it made, so that a crash leaves both or neither."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables


class IdempotencyKey(Tables):
    __tablename__ = "idempotency_keys"
    __table_args__ = (
        sa.CheckConstraint("state IN ('in_flight', 'done')", name="state"),
        sa.Index("ix_idempotency_keys_created_at", "created_at"),
    )

    scope: Mapped[str] = mapped_column(primary_key=True)  # the operation a key belongs to
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]  # SHA-256 of the parsed request
    subject: Mapped[str]  # the id of what the request made
    state: Mapped[str]
    leased_until: Mapped[datetime]
    created_at: Mapped[datetime]
