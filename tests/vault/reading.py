"""What stands sealed in a stage's database, opened as the service opens it."""

from typing import Any

import sqlalchemy as sa

from service.payments.tables import Payment
from service.vault.flow import open_request
from tests.stage import Stage


async def requests_of(stage: Stage) -> list[dict[str, Any] | None]:
    """What was asked of the gateways, payment by payment, oldest first."""
    async with stage.db.transaction() as session:
        payments = (await session.execute(sa.select(Payment).order_by(Payment.id))).scalars().all()
        return [await open_request(session, each) for each in payments]
