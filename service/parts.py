"""What every process of the service is made of, built from the settings in one place.

`create_app`, `create_worker` and the commands all start here. A noun that handles events or promises something is
entered in the lists below and nowhere else.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pydantic import SecretStr

from service import __version__
from service.access import tables as access
from service.access.rules import OrderTokens
from service.audit import tables as audit
from service.cases import tables as cases
from service.catalog import tables as catalog
from service.changes import tables as changes
from service.changes.flow import Starts
from service.closing import tables as closing
from service.comparison.rules import Terms, prices_of
from service.controls import tables as controls
from service.controls.flow import REFRESH_S, Switchboard
from service.controls.rules import breaker_of
from service.disputes import flow as dispute_events
from service.disputes import tables as disputes
from service.gateways.base import Capability, Gateway
from service.gateways.breaker import Breaker
from service.gateways.gate import Gate
from service.gateways.governor import Governor
from service.gateways.registry import Context, Gateways, find_providers
from service.idempotency import tables as idempotency
from service.journal import tables as journal
from service.kernel import outbox, vitals
from service.kernel.clock import Clock, utc_now
from service.kernel.data_keys import MasterKeys
from service.kernel.db import Database, Tables
from service.kernel.errors import CubanoError, GatewayUnavailable
from service.kernel.ids import Ids
from service.kernel.repeat import Repeat, repeating
from service.orders import tables as orders
from service.payments import flow as payment_events
from service.payments import tables as payments
from service.reconciliation import tables as reconciliation
from service.recovery import tables as recovery
from service.refunds import flow as refund_events
from service.refunds import tables as refunds
from service.responder import tables as responder
from service.sessions import tables as sessions
from service.settings import Settings
from service.settlements import tables as settlements
from service.shop.flow import Shop
from service.signing import tables as signing
from service.staff import tables as staff
from service.synthetic.flow import SyntheticBuyer
from service.synthetic.rules import purse_of
from service.telemetry.registry import Telemetry
from service.telemetry.tracing import create_tracing
from service.tickets import tables as tickets
from service.tries import tables as tries
from service.vault import tables as vault
from service.webhook_secrets import tables as webhook_secrets
from service.webhook_secrets.flow import REFRESH_S as SECRETS_S
from service.webhook_secrets.flow import Acceptance
from service.webhooks import tables as webhooks

STARTS_S = 30  # between two tries to write down what this process began with
ON_EVENT = {**payment_events.ON_EVENT, **refund_events.ON_EVENT, **dispute_events.ON_EVENT}

WITH_TABLES = (
    outbox,
    audit,
    access,
    signing,
    staff,
    sessions,
    tries,
    idempotency,
    cases,
    catalog,
    changes,
    controls,
    orders,
    journal,
    payments,
    refunds,
    disputes,
    reconciliation,
    recovery,
    responder,
    settlements,
    tickets,
    vault,
    webhook_secrets,
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
    *journal.INVARIANTS,
    *settlements.INVARIANTS,
    *reconciliation.INVARIANTS,
    *closing.INVARIANTS,
    *audit.INVARIANTS,
    *access.INVARIANTS,
    *vault.INVARIANTS,
)


@dataclass(frozen=True)
class Parts:
    """The pieces one process works with; `close` gives back what they hold."""

    settings: Settings
    telemetry: Telemetry
    db: Database
    gateways: dict[str, Gateway]
    shop: Shop
    governors: dict[str, Governor]

    def watching(self) -> AbstractAsyncContextManager[None]:
        """As long as the block lasts, switches are read and providers that are away are looked after."""
        self.telemetry.at_scrape(self.shop.switches.measure)
        repeats = [
            Repeat("controls", self.shop.switches.refresh, REFRESH_S, self.telemetry),
            Repeat("webhook-secrets", Acceptance(self.db, self.gateways).refresh, SECRETS_S, self.telemetry),
            Repeat("starts", self._starts().turn, STARTS_S, self.telemetry),
            Repeat("database", partial(vitals.look, self.db), vitals.LOOK_S, self.telemetry),
        ]
        for name, breaker in self.shop.breakers.items():
            self.telemetry.at_scrape(breaker.show)
            look = partial(breaker.probe, self.gateways[name].probe)
            repeats.append(Repeat("breaker", look, breaker.probe_every_s, self.telemetry))
        return repeating(repeats)

    def _starts(self) -> Starts:
        given = self.settings.model_dump()
        told = {name: _plain(value) for name, value in given.items()}
        return Starts(self.db, self.telemetry.process, __version__, told)

    async def close(self) -> None:
        for gateway in self.gateways.values():
            await gateway.close()
        await self.db.close()
        self.telemetry.tracing.shutdown()


def build_parts(
    settings: Settings, process: str, *, clock: Clock = utc_now, telemetry: Telemetry | None = None
) -> Parts:
    """Construct everything; nothing is connected yet."""
    telemetry = telemetry or build_telemetry(settings, process)
    db = build_database(settings, telemetry, clock=clock)
    switches = Switchboard(db, settings.providers)
    breakers = {name: _build_breaker(name, settings, telemetry, switches) for name in settings.providers}
    governors = {name: Governor(name, rate=settings.gateway_rate, telemetry=telemetry) for name in settings.providers}
    gates = {name: Gate(breakers[name], governors[name]) for name in settings.providers}
    gateways = _build_gateways(settings, telemetry, clock, gates)
    tokens = OrderTokens(tuple(each.get_secret_value() for each in settings.secret_keys))
    shop = Shop(
        db=db,
        gateways=gateways,
        tokens=tokens,
        hold=timedelta(seconds=settings.hold_seconds),
        public_url=settings.public_url,
        switches=switches,
        breakers=breakers,
        slowed_percent=settings.slowed_percent,
    )
    return Parts(settings, telemetry, db, gateways, shop, governors)


def build_telemetry(settings: Settings, process: str) -> Telemetry:
    tracer = create_tracing(process, settings.environment, __version__, is_fault=_is_fault)
    return Telemetry(process, version=__version__, environment=settings.environment, tracer=tracer)


def _build_breaker(name: str, settings: Settings, telemetry: Telemetry, switches: Switchboard) -> Breaker:
    return Breaker(
        name,
        telemetry=telemetry,
        healthy_s=settings.gateway_healthy_s,
        position=partial(switches.position, breaker_of(name)),
    )


def _build_gateways(
    settings: Settings, telemetry: Telemetry, clock: Clock, gates: dict[str, Gate]
) -> dict[str, Gateway]:
    made = {
        name: create(
            Context(
                options=settings.options_of(name),
                timeout_s=settings.gateway_timeout_s,
                livemode=settings.livemode,
                public_url=settings.public_url,
                guard=gates[name],
                telemetry=telemetry,
                clock=clock,
            )
        )
        for name, create in find_providers(settings.providers).items()
    }
    return Gateways(made)


def _plain(value: object) -> str:
    """A setting as a text, to be digested and kept by nobody."""
    if isinstance(value, tuple):
        return ",".join(_plain(each) for each in value)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def terms_of(gateway: Gateway, settings: Settings) -> Terms:
    """What the books expect of one gateway."""
    price = prices_of(settings.fee_prices).get(gateway.provider)
    itemised = Capability.ITEMISED_PAYOUTS in gateway.capabilities
    return Terms(gateway.provider, price, settings.fee_tolerance, itemised)


def build_synthetic_buyer(parts: Parts) -> SyntheticBuyer:
    """The customer of our own that a worker has; it pays with play money only."""
    settings = parts.settings
    purse = purse_of(
        livemode=settings.livemode,
        stripe_api_key=settings.stripe_api_key.get_secret_value(),
        stripe_base_url=settings.stripe_base_url,
    )
    url = settings.synthetic_url or settings.public_url
    return SyntheticBuyer(parts.shop, url=url, every_s=settings.synthetic_every_s, purse=purse)


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
        master_keys=MasterKeys(settings.master_keys),
    )
