"""Prices come from the catalogue and from nowhere else."""

from collections.abc import Iterable

from service.catalog.flow import Catalog
from service.kernel.errors import FieldError, Invalid
from service.orders.flow import Line


def quote(on_sale: Catalog, wanted: Iterable[tuple[str, int]], locale: str) -> list[Line]:
    """Lines at catalogue prices; `Invalid` names each item that is not on sale or above its limit."""
    wrong: list[FieldError] = []
    lines: list[Line] = []
    for index, (ticket_type, quantity) in enumerate(wanted):
        found = on_sale.find(ticket_type)
        if found is None:
            wrong.append(
                FieldError(f"items[{index}].ticketType", "unknown_ticket_type", f"'{ticket_type}' is not on sale.")
            )
        elif quantity > found.max_per_order:
            message = f"At most {found.max_per_order} in one order."
            wrong.append(FieldError(f"items[{index}].quantity", "above_limit", message))
        else:
            name = found.names[locale]
            lines.append(Line(ticket_type, name, quantity, found.price, found.tax_bp, found.synthetic))
    if len({line.unit_price.currency for line in lines}) > 1:
        wrong.append(
            FieldError("items", "mixed_currencies", "These tickets are sold in different currencies; order them apart.")
        )
    if wrong:
        raise Invalid(wrong)
    return lines
