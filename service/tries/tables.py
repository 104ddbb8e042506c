"""How often a sign-in has failed, for an account and for an address, whether or not the account exists.

The account is named by a keyed hash of what was typed: people type passwords into the wrong field, and the table is not
to say who works here.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables


class SignInTries(Tables):
    __tablename__ = "sign_in_tries"
    __table_args__ = (
        sa.CheckConstraint("failed >= 0", name="failed"),
        sa.Index("ix_sign_in_tries_last_at", "last_at"),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    failed: Mapped[int]  # counted before the try is looked at: a hundred at once are a hundred
    last_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]
