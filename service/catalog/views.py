"""What is on sale, as it goes over the wire; camelCase."""

from datetime import datetime

import msgspec

from service.catalog.flow import Catalog
from service.kernel.money import Money


class TicketTypeView(msgspec.Struct, rename="camel", frozen=True):
    ticket_type: str
    kind: str
    name: str
    description: str
    price: Money
    available: int
    max_per_order: int


class CatalogView(msgspec.Struct, rename="camel", frozen=True):
    """Counts are as of `as_of`; by the time somebody buys they may be lower."""

    ticket_types: list[TicketTypeView]
    as_of: datetime


def present(on_sale: Catalog, locale: str) -> CatalogView:
    """The catalogue in one language."""
    return CatalogView(
        [
            TicketTypeView(
                ticket_type=each.ticket_type,
                kind=each.kind,
                name=each.names[locale],
                description=each.descriptions[locale],
                price=each.price,
                available=each.available,
                max_per_order=each.max_per_order,
            )
            for each in on_sale.ticket_types
        ],
        on_sale.as_of,
    )
