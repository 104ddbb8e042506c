"""What every process of the service is made of, built from the settings in one place.

`create_app`, `create_worker` and the commands all start here. A noun that handles events or promises something is
entered in the lists below and nowhere else.
"""

from dataclasses import dataclass
from datetime import timedelta

from service import __version__
from service.access.rules import OrderTokens
from service.catalog import tables as catalog
from service.checkout.flow import Shop
from service.controls import tables as controls
from service.disputes import tables as disputes
from service.gateways.base import Gateway
from service.gateways.calls import NoGuard
from service.gateways.registry import Context, find_providers
from service.idempotency import tables as idempotency
from service.kernel import outbox
from service.kernel.clock import Clock, utc_now
from service.kernel.db import Database, Tables
from service.kernel.errors import CubanoError, GatewayUnavailable
from service.kernel.ids import Ids
from service.orders import tables as orders
from service.payments import flow as payment_events
from service.payments import tables as payments
from service.recovery import tables as recovery
from service.refunds import flow as refund_events
from service.refunds import tables as refunds
from service.settings import Settings
from service.telemetry.registry import Telemetry
from service.telemetry.tracing import create_tracing
from service.tickets import tables as tickets
from service.webhooks import tables as webhooks

ON_EVENT = {**payment_events.ON_EVENT, **refund_events.ON_EVENT}

WITH_TABLES = (
    outbox,
    idempotency,
    catalog,
    controls,
    orders,
    payments,
    refunds,
    disputes,
    recovery,
    tickets,
    webhooks,
)  # imported: METADATA is whole
METADATA = Tables.metadata

INVARIANTS = (
    *orders.INVARIANTS,
    *payments.INVARIANTS,
    *tickets.INVARIANTS,
    *catalog.INVARIANTS,
    *refunds.INVARIANTS,
    *disputes.INVARIANTS,
    *webhooks.INVARIANTS,
)


@dataclass(frozen=True)
class Parts:
    """The pieces one process works with; `close` gives back what they hold."""

    settings: Settings
    telemetry: Telemetry
    db: Database
    gateways: dict[str, Gateway]
    shop: Shop

    async def close(self) -> None:
        for gateway in self.gateways.values():
            await gateway.close()
        await self.db.close()
        self.telemetry.tracing.shutdown()


def build_parts(settings: Settings, process: str, *, clock: Clock = utc_now) -> Parts:
    """Construct everything; nothing is connected yet."""
    tracer = create_tracing(process, settings.environment, __version__, is_fault=_is_fault)
    telemetry = Telemetry(process, version=__version__, environment=settings.environment, tracer=tracer)
    db = build_database(settings, telemetry, clock=clock)
    gateways = _build_gateways(settings, telemetry, clock)
    tokens = OrderTokens(tuple(each.get_secret_value() for each in settings.secret_keys))
    shop = Shop(
        db=db,
        gateways=gateways,
        tokens=tokens,
        hold=timedelta(seconds=settings.hold_seconds),
        public_url=settings.public_url,
        default_provider=settings.providers[0],
    )
    return Parts(settings, telemetry, db, gateways, shop)


def _build_gateways(settings: Settings, telemetry: Telemetry, clock: Clock) -> dict[str, Gateway]:
    return {
        name: create(
            Context(
                options=settings.options_of(name),
                timeout_s=settings.gateway_timeout_s,
                livemode=settings.livemode,
                public_url=settings.public_url,
                guard=NoGuard(),
                telemetry=telemetry,
                clock=clock,
            )
        )
        for name, create in find_providers(settings.providers).items()
    }


def _is_fault(error: BaseException) -> bool:
    """Sold out or a wrong field is an answer, not a fault; its trace is kept no more often than any other."""
    return not isinstance(error, CubanoError) or isinstance(error, GatewayUnavailable)


def build_database(settings: Settings, telemetry: Telemetry, *, clock: Clock = utc_now) -> Database:
    return Database(
        settings.database_url.get_secret_value(),
        clock=clock,
        ids=Ids(clock),
        telemetry=telemetry,
        pool_size=settings.database_pool_size,
    )
