"""The nonces of signed requests, for as long as the time they were signed with would be accepted."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables


class RequestNonce(Tables):
    __tablename__ = "request_nonces"
    __table_args__ = (sa.Index("ix_request_nonces_seen_at", "seen_at"),)

    key_id: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
