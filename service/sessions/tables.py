"""Sessions, kept by the server: the browser has a random token, the table its SHA-256.

As with API keys a fast hash without salt is right here: the token is 256 random bits.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables


class StaffSession(Tables):
    __tablename__ = "staff_sessions"
    __table_args__ = (
        sa.CheckConstraint("id ~ '^[0-9a-f]{64}$'", name="id"),
        sa.CheckConstraint("awaits IN ('code', 'enrolment', 'password')", name="awaits"),
        sa.CheckConstraint("method IN ('password', 'oidc')", name="method"),
        sa.Index("ix_staff_sessions_member", "member_id", "created_at"),
        sa.Index("ix_staff_sessions_ends_at", "ends_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # changes at each step of a sign-in
    ref: Mapped[str] = mapped_column(unique=True)  # how it is named to people and in the audit trail
    member_id: Mapped[str] = mapped_column(sa.ForeignKey("staff_members.id"))
    epoch: Mapped[int]  # the person's when it was opened
    awaits: Mapped[str | None]  # the step that is missing; none: signed in
    csrf: Mapped[str]
    method: Mapped[str]
    totp_sealed: Mapped[str | None]  # the secret that is offered during enrolment
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]  # to the minute
    ends_at: Mapped[datetime]  # whatever happens
    ended_at: Mapped[datetime | None]
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]
