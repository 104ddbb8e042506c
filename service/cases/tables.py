"""Cases. `subject` is what it is about (a refund, a payment, a dispute, …); only one of a kind is open for each.

`detail` has amounts, codes and the gateway's names, and nothing about the person who bought.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.cases.rules import CaseKind
from service.kernel.db import Tables

IS_OPEN = "closed_at IS NULL"


class Case(Tables):
    __tablename__ = "cases"
    __table_args__ = (
        sa.CheckConstraint("kind IN ({})".format(", ".join(f"'{each}'" for each in CaseKind)), name="kind"),
        sa.CheckConstraint(
            "num_nulls(closed_at, closed_by, resolution) IN (0, 3)",
            name="closed_whole",
        ),
        sa.Index("ix_cases_open", "kind", "subject", unique=True, postgresql_where=sa.text(IS_OPEN)),
        sa.Index("ix_cases_order_id", "order_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    order_id: Mapped[str | None] = mapped_column(sa.ForeignKey("orders.id"))
    owner: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    resolution: Mapped[str | None]
