"""The switches that are not in their normal position, and the history of all of them, append-only.

A switch with a lease counts only until `leased_until`; without one until somebody sets it back.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables


class Control(Tables):
    __tablename__ = "controls"

    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[str]
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]


class ControlHistory(Tables):
    __tablename__ = "control_history"
    __table_args__ = (sa.Index("ix_control_history_name", "name", "seq"),)

    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    at: Mapped[datetime]
    name: Mapped[str]
    position: Mapped[str | None]  # None: back to normal
    reason: Mapped[str]
    set_by: Mapped[str]
    leased_until: Mapped[datetime | None]
