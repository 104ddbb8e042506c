"""With which build and settings a process has begun: a row whenever that differs from the one before.

Of a setting stands a blind digest, never its value: enough to say that it is another one.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables


class ProcessStart(Tables):
    __tablename__ = "process_starts"
    __table_args__ = (sa.Index("ix_process_starts_process", "process", "seq"),)

    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    at: Mapped[datetime]
    process: Mapped[str]
    version: Mapped[str]
    settings: Mapped[dict[str, str]] = mapped_column(JSONB)  # name: digest
    changed: Mapped[list[str]] = mapped_column(JSONB)  # names, since the row before
