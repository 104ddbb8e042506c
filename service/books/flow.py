"""What happens to an order's money, in the accounts it belongs to; all of it is written by `journal.flow.post`.

A price includes its tax: what is earned is the rest. Money that came too late or twice is owed to its customer and never
revenue. A gift is a sale at full price that a discount has paid for. The caller has locked the order.
"""

from collections.abc import Mapping, Sequence

from service.books.rules import Moved
from service.journal import flow as journal
from service.journal.rules import (
    DISPUTES_HELD,
    DISPUTES_LOST,
    GIFTS,
    OWED,
    REFUNDS,
    REVENUE,
    TAX,
    EntryKind,
    Posting,
    Stands,
    add_up,
    clearing,
    refunds,
    revenue,
    tax_within,
)
from service.kernel.db import Session
from service.kernel.money import Money, sum_money
from service.orders.tables import Order


async def sell(session: Session, order: Order, paid: Moved, *, gift: bool = False) -> bool:
    """The order is paid and its seats are sold: revenue and tax."""
    parts = [(GIFTS if gift else clearing(paid.provider), paid.amount)]
    for item in order.items:
        gross = item.unit_price * item.quantity
        tax = tax_within(gross, item.tax_bp)
        parts += [(revenue(item.ticket_type), tax - gross), (TAX, -tax)]
    return await _post(session, order, EntryKind.PAYMENT, paid, add_up(parts))


async def owe(session: Session, order: Order, paid: Moved) -> bool:
    """Money came that buys nothing; it is its customer's."""
    stands = {clearing(paid.provider): paid.amount, OWED: -paid.amount}
    return await _post(session, order, EntryKind.PAYMENT, paid, stands)


async def give_back(
    session: Session,
    order: Order,
    payment_id: str,
    back: Moved,
    *,
    items: Mapping[str, Money] | None = None,
    is_last: bool = False,
) -> bool:
    """A refund has gone out. `items` says of which ticket types how much; without it all lines of the order bear it.

    `is_last` says that with it all of the payment is back: it takes what the others have left, to the last cent of tax.
    """
    sold = await journal.standing(session, payment_id)
    source = GIFTS if GIFTS in sold else clearing(back.provider)
    if OWED in sold:
        stands: Stands = {OWED: back.amount, source: -back.amount}
    else:
        shares = await _rest(session, order, back) if is_last else None
        stands = add_up([*(shares or _shares(order, back.amount, items)), (source, -back.amount)])
    return await _post(session, order, EntryKind.REFUND, back, stands)


async def take_back(session: Session, order: Order, back: Moved) -> bool:
    """A refund that looked done has come back: as if it had never been."""
    return await _post(session, order, EntryKind.REFUND, back, {})


async def dispute(session: Session, order: Order, disputed: Moved, *, held: bool, lost: bool) -> bool:
    """While a dispute runs the bank has the money; lost, it is gone; else it is ours."""
    account = DISPUTES_HELD if held else DISPUTES_LOST
    stands = {account: disputed.amount, clearing(disputed.provider): -disputed.amount} if held or lost else {}
    return await _post(session, order, EntryKind.DISPUTE, disputed, stands)


def _shares(order: Order, amount: Money, items: Mapping[str, Money] | None) -> Sequence[tuple[str, Money]]:
    """The amount by ticket type, each share parted into what was earned and its tax."""
    if items is None:
        weights = [item.unit_price.minor * item.quantity for item in order.items]
        items = dict(zip((each.ticket_type for each in order.items), amount.allocate(weights), strict=True))
    rates = {item.ticket_type: item.tax_bp for item in order.items}
    parts = []
    for ticket_type, share in items.items():
        tax = tax_within(share, rates[ticket_type])
        parts += [(refunds(ticket_type), share - tax), (TAX, tax)]
    return parts


async def _rest(session: Session, order: Order, back: Moved) -> Sequence[tuple[str, Money]] | None:
    """What the other refunds have left of revenue and tax; None when that is not this amount."""
    stands, own = await journal.of_order(session, order.id), await journal.standing(session, back.subject)
    told = [*stands.items(), *((account, -amount) for account, amount in own.items())]
    # The gateway's share and what was exchanged may be in another currency; what was sold is in the order's.
    left = add_up(
        (account, amount) for account, amount in told if account == TAX or account.startswith((REVENUE, REFUNDS))
    )
    parts = []
    for account, amount in left.items():
        if account == TAX:
            parts.append((TAX, -amount))
        elif account.startswith(REVENUE):
            parts.append((REFUNDS + account.removeprefix(REVENUE), -amount))
        elif account.startswith(REFUNDS):
            parts.append((account, -amount))
    whole = sum_money((amount for _, amount in parts), back.amount.currency)
    return parts if whole == back.amount else None


async def _post(session: Session, order: Order, kind: EntryKind, moved: Moved, stands: Stands) -> bool:
    posting = Posting(
        kind=kind,
        subject=moved.subject,
        stands=stands,
        occurred_at=moved.at,
        provider=moved.provider,
        order_id=order.id,
    )
    return await journal.post(session, posting)
