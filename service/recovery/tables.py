"""Up to which moment each gateway's events have been listed to the end."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.db import Tables


class Sweep(Tables):
    __tablename__ = "sweeps"

    provider: Mapped[str] = mapped_column(primary_key=True)
    swept_until: Mapped[datetime]
    leased_until: Mapped[datetime | None]  # one worker sweeps a gateway at a time
    updated_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
