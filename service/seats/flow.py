"""Tickets and seats follow the money: a function of where the order stands and of what was refunded by ticket.

All gone: every ticket is void. Else the last tickets of each line are, as many as were refunded of it; an amount that is
of no ticket in particular voids none. Their seats go on sale again, or stay empty (the switch `returned_seats`). When a
refund comes back its seats are taken again as far as there are any; who gets none is a case for a person. Called again,
and after events in any order, it changes nothing that is right.
"""

from collections.abc import Mapping

from service.cases import flow as cases
from service.cases.flow import Fact
from service.cases.rules import CaseKind
from service.catalog import flow as catalog
from service.controls import flow as controls
from service.controls.rules import KEEP, RETURNED_SEATS
from service.kernel.db import Session
from service.orders.machine import OrderStatus
from service.orders.tables import Order
from service.tickets import flow as tickets


async def settle(session: Session, order: Order, refunded: Mapping[str, int]) -> None:
    """Bring tickets and stock of a locked order to where it stands; `refunded` counts tickets by the line's id."""
    is_over = order.status == OrderStatus.REFUNDED
    gone = {item.id: item.quantity if is_over else min(refunded.get(item.id, 0), item.quantity) for item in order.items}
    returned = await catalog.return_seats(session, order.id, await _to_return(session, order, gone))
    lost = {item.id: max(returned.get(item.ticket_type, 0) - gone[item.id], 0) for item in order.items}
    await tickets.settle(session, order, {item: count + lost[item] for item, count in gone.items()})
    await _tell(session, order, lost)


async def _to_return(session: Session, order: Order, gone: Mapping[str, int]) -> dict[str, int]:
    """How many seats shall be on sale; while they are kept, no more than are already."""
    switch = None if order.synthetic else (await controls.current(session)).get(RETURNED_SEATS)
    already = await catalog.returned(session, order.id) if switch and switch.position == KEEP else None
    wanted = {item.ticket_type: gone[item.id] for item in order.items}
    return wanted if already is None else {each: min(count, already.get(each, 0)) for each, count in wanted.items()}


async def _tell(session: Session, order: Order, lost: Mapping[str, int]) -> None:
    missing = {item.ticket_type: lost[item.id] for item in order.items if lost[item.id]}
    if missing:
        await cases.open_case(session, Fact(CaseKind.SEAT_GONE, order.id, order.id, {"missing": missing}))
    else:
        await cases.resolve(session, [CaseKind.SEAT_GONE], [order.id], because="no paid ticket is without a seat")
