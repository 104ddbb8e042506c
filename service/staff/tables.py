"""People who sign in, and the codes they fall back on. No password and no code stands here, only what proves one.

`epoch` is counted up whenever every session of a person must end (another password, another role, disabled); a session
remembers the one it was opened in.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables


class StaffMember(Tables):
    __tablename__ = "staff_members"
    __table_args__ = (
        sa.CheckConstraint(
            "role IN ('support', 'finance', 'on_call', 'developer', 'auditor', 'admin')",
            name="role",
        ),
        sa.CheckConstraint("email = lower(email)", name="email"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    enabled: Mapped[bool]
    epoch: Mapped[int]
    password_hash: Mapped[str | None]  # argon2id; none for who signs in through the issuer only
    password_is_temporary: Mapped[bool]  # chosen by us: the person chooses another at the next sign-in
    totp_sealed: Mapped[str | None]  # see kernel/seals.py
    totp_step: Mapped[int | None] = mapped_column(sa.BigInteger)  # of the last code that was taken; none before is
    oidc_subject: Mapped[str | None] = mapped_column(unique=True)  # "<issuer> <sub>"
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]


class RecoveryCode(Tables):
    __tablename__ = "staff_recovery_codes"
    __table_args__ = (sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash"),)

    member_id: Mapped[str] = mapped_column(sa.ForeignKey("staff_members.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]
