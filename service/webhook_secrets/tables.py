"""What stands beside the secrets of the settings: one row a secret that was added, or that was retired.

An added one is sealed under a data key of its own (`kernel.data_keys`). A row without a seal is of a secret that stands in the
settings and is accepted until `retires_at`. A secret is known again by its hash: it is long and random, so the hash tells
nothing.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables


class WebhookSecret(Tables):
    __tablename__ = "webhook_secrets"
    __table_args__ = (
        sa.UniqueConstraint("provider", "hash"),
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash"),
        sa.CheckConstraint("num_nulls(key_id, wrapped_key, sealed) IN (0, 3)", name="whole"),
        sa.CheckConstraint("sealed IS NOT NULL OR retires_at IS NOT NULL", name="sealed"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    hash: Mapped[str]
    key_id: Mapped[str | None]  # of the master key that wraps
    wrapped_key: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    sealed: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    added_at: Mapped[datetime]
    added_by: Mapped[str]
    reason: Mapped[str]
    retires_at: Mapped[datetime | None]
