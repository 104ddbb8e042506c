"""Move a switch as an act: planned, leased, audited; and tell where new checkouts go.

A switch is locked by its name while it is moved, so the `before` of an entry is what really stood there.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from service.acts.flow import Prepared
from service.acts.rules import Affected, Asked, Plan
from service.controls import flow as controls
from service.controls.flow import Wish
from service.controls.rules import MAINTENANCE, ROUTE, Switch, read_position, read_route, switches
from service.controls.tables import Control
from service.gateways.governor import Governor
from service.kernel.db import Session
from service.kernel.errors import FieldError, Invalid, NotFound
from service.kernel.ids import earliest
from service.orders.flow import add_up
from service.orders.machine import OPEN
from service.orders.tables import Order
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.shop.flow import Shop
from service.switches.views import (
    OneSwitchView,
    ProviderView,
    PutSwitch,
    RoutingView,
    SwitchesView,
    TurnsView,
    present,
    present_one,
)

HISTORY = 50  # changes shown of one switch
RECENT = timedelta(minutes=15)  # how far back "how many checkouts are there" looks
_BREAKER = "breaker."


def find_switch(providers: Iterable[str], name: str) -> Switch:
    """The switch of this name; `NotFound`."""
    found = switches(providers).get(name)
    if found is None:
        raise NotFound
    return found


async def read_all(session: Session, providers: Iterable[str]) -> SwitchesView:
    """Every switch as it stands."""
    found = await controls.current(session)
    return SwitchesView([present(each, found.get(each.name)) for each in switches(providers).values()])


async def read_one(session: Session, switch: Switch) -> OneSwitchView:
    """One switch with its history."""
    found = await controls.current(session)
    history = await controls.history(session, name=switch.name, limit=HISTORY)
    return present_one(switch, found.get(switch.name), history)


async def prepare_put(session: Session, switch: Switch, asked: Asked, wish: PutSwitch) -> Prepared:
    """Into this position; into the default is back to it. `Invalid` for a position or a lease it does not take."""
    value = _read_value(switch, wish.value)
    if value == switch.normal:
        return await prepare_clear(session, switch, asked)
    if switch.leased and wish.lease is None:
        raise Invalid(
            [FieldError("lease", "required", f"{switch.name} is moved only for a time: say how many seconds.")]
        )
    standing = await controls.lock(session, switch.name)
    plan = Plan(
        action="switch.put",
        subject=switch.name,
        before=_facts(switch, standing),
        after={"value": value, "lease": wish.lease},
        affects=await _affected(session, switch, value),
    )
    lease = timedelta(seconds=wish.lease) if wish.lease else None
    put = Wish(value, asked.act.reason, asked.by.name, lease)
    return Prepared(plan, partial(controls.put, session, switch, put))


async def prepare_clear(session: Session, switch: Switch, asked: Asked) -> Prepared:
    """Back to the default."""
    standing = await controls.lock(session, switch.name)
    plan = Plan(
        action="switch.clear",
        subject=switch.name,
        before=_facts(switch, standing),
        after={"value": switch.normal, "until": None},
        changes=standing is not None,
        affects=await _affected(session, switch, switch.normal) if standing is not None else Affected(),
    )
    back = partial(controls.put_back, session, switch, reason=asked.act.reason, by=asked.by.name)
    return Prepared(plan, back)


def _read_value(switch: Switch, value: str) -> str:
    try:
        return read_position(switch, value)
    except Invalid as error:
        raise Invalid([FieldError("value", each.code, each.message) for each in error.fields]) from error


def _facts(switch: Switch, control: Control | None) -> dict[str, str | None]:
    until = control.leased_until if control else None
    return {"value": control.position if control else switch.normal, "until": until.isoformat() if until else None}


async def _affected(session: Session, switch: Switch, value: str) -> Affected:
    """Open orders whose calls a breaker stops or lets through; checkouts of the last quarter of an hour for all others."""
    if switch.name.startswith(_BREAKER):
        of = Order.provider == switch.name.removeprefix(_BREAKER)
        count, amounts = await add_up(session, Order.status.in_(OPEN), of)
        return Affected(orders=count, sessions=count, amounts=amounts)
    recent = await _recent(session, since=session.now - RECENT)
    leaving = set(recent) - set(read_route(value)) if switch.name == ROUTE else set(recent)
    return Affected(sessions=sum(sum(recent[each].values()) for each in leaving))


async def _recent(session: Session, *, since: datetime) -> dict[str, dict[str, int]]:
    """Attempts to pay since then, by provider and state."""
    rows = await session.execute(
        sa.select(Payment.provider, Payment.status, sa.func.count())
        .where(Payment.id >= earliest("pay", since))
        .group_by(Payment.provider, Payment.status)
    )
    found: dict[str, dict[str, int]] = {}
    for provider, status, count in rows:
        found.setdefault(provider, {})[status] = count
    return found


# ---- where new checkouts go ----------------------------------------------------------------------------------------


async def read_routing(session: Session, shop: Shop, governors: Mapping[str, Governor]) -> RoutingView:
    """Who gets new checkouts now, why, and how the providers do."""
    recent = await _recent(session, since=session.now - RECENT)
    route, choice = read_route(shop.switches.position(ROUTE)), shop.choice()
    return RoutingView(
        route=list(route),
        usable=list(choice.usable),
        away=list(choice.away),
        detour=choice.detour,
        sells=shop.sells() and shop.switches.position(MAINTENANCE) == "off",
        providers=[
            _provider(
                shop, name, route, usable=name in choice.usable, of=recent.get(name, {}), governor=governors[name]
            )
            for name in shop.gateways
        ],
        as_of=session.now,
    )


def _provider(
    shop: Shop, name: str, route: tuple[str, ...], *, usable: bool, of: Mapping[str, int], governor: Governor
) -> ProviderView:
    return ProviderView(
        provider=name,
        offered=name in shop.offered,
        usable=usable,
        place=route.index(name) + 1 if name in route else None,
        breaker=shop.breakers[name].state,
        breaker_switch=shop.switches.position(f"{_BREAKER}{name}"),
        turns=TurnsView(governor.rate, governor.waiting, [str(each) for each in governor.paused]),
        opened=sum(of.values()),
        succeeded=of.get(PaymentStatus.SUCCEEDED, 0),
        failed=of.get(PaymentStatus.FAILED, 0) + of.get(PaymentStatus.UNKNOWN, 0),
        capabilities=sorted(shop.gateways[name].capabilities),
    )
