"""What a team would write without us: webhook intake in FastAPI, the SDK's own verification, an ORM row, a commit.

`python -m service.bench.plain PORT DSN SECRET` answers what `serve` answers, into the same table, one commit a delivery.
Nothing but the benchmark starts it; FastAPI is no dependency of the product.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import stripe
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from service.local.ports import LOOPBACK
from service.webhooks.tables import PaymentEvent

POOL = 16


def create(dsn: str, secret: str) -> FastAPI:
    """The whole application."""
    engine = create_async_engine(make_url(dsn).set(drivername="postgresql+psycopg"), pool_size=POOL, max_overflow=0)
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.get("/health/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/api/payment/webhook")
    async def receive(request: Request) -> dict[str, bool]:
        try:
            event = stripe.Webhook.construct_event(
                await request.body(), request.headers.get("stripe-signature", ""), secret
            )
        except (ValueError, stripe.SignatureVerificationError) as error:
            raise HTTPException(400, "not signed by the gateway") from error
        try:
            async with sessions.begin() as session:
                session.add(PaymentEvent(**_row(event, await request.body())))
        except IntegrityError:
            return {"received": True}  # it was known
        return {"received": True}

    return app


def _row(event: stripe.Event, body: bytes) -> dict[str, Any]:
    now, about = datetime.now(UTC), event.data.object
    return {
        "provider": "stripe",
        "event_id": event.id,
        "type": event.type,
        "subject": about["metadata"]["order_id"],
        "livemode": event.livemode,
        "payload": body,
        "traceparent": about["metadata"]["traceparent"],
        "created_at": datetime.fromtimestamp(event.created, UTC),
        "received_at": now,
        "due_at": now,
    }


def main() -> None:
    """Answer until SIGTERM."""
    port, dsn, secret = sys.argv[1:]
    uvicorn.run(
        create(dsn, secret), host=LOOPBACK, port=int(port), log_level="warning", access_log=False, loop="uvloop"
    )


if __name__ == "__main__":
    main()
