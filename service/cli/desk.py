"""`cubano desk`: sell at the door, confirm a bank transfer, confirm that a refund was handed out."""

import getpass
import re
import sys
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import click
import msgspec

from service.checkout.rules import LOCALES, check_request
from service.checkout.views import Checkout
from service.cli.common import FOUND_WRONG, USAGE, as_json, fail, operator, print_json, settings_or_exit, with_parts
from service.desk import flow
from service.desk.flow import Receipt, Told
from service.gateways.manual import PROVIDER, Method
from service.kernel.errors import CubanoError, Invalid, NotFound
from service.kernel.money import Money
from service.parts import Parts

T = TypeVar("T")

MOST_TEXT = 100
_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
_TICKET = re.compile(r"([^:]+)(?::([0-9]{1,4}))?")
WORDS = {
    Told.NEW: "Written down; the worker does the rest.",
    Told.KNOWN: "That was said before; nothing is done twice.",
}


def _text(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    text = value.strip() if value is not None else None
    if text is not None and (not _TEXT.fullmatch(text) or len(text) > MOST_TEXT):
        raise click.BadParameter(f"1 to {MOST_TEXT} characters of plain text", param=parameter)
    return text


def _decimal(_context: click.Context, parameter: click.Parameter, value: str) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise click.BadParameter("an amount such as 125.00", param=parameter) from error


def _items(_context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[dict[str, Any]]:
    found = [_TICKET.fullmatch(each) for each in values]
    if None in found:
        raise click.BadParameter("TYPE or TYPE:COUNT", param=parameter)
    return [{"ticketType": each[1], "quantity": int(each[2] or 1)} for each in found if each]


by_option = click.option("--by", required=True, callback=_text, help="Who says so; it stays with the event.")


@click.group()
def desk() -> None:
    """Money that a person takes or hands out."""


@desk.command()
@click.option(
    "--ticket", "items", multiple=True, required=True, callback=_items, help="TYPE or TYPE:COUNT; repeatable."
)
@click.option("--email", required=True, help="Where the tickets go.")
@click.option("--name", required=True, help="Who buys.")
@click.option("--locale", type=click.Choice(LOCALES), default="en", show_default=True)
@click.option("--method", type=click.Choice([each.value for each in Method]), default="cash", show_default=True)
@click.option(
    "--reference", default="till", callback=_text, show_default=True, help="The receipt's number, or the till."
)
@click.option("--key", help="Say the same key again after a failure, and nothing is sold twice.")
@by_option
@as_json
def sell(*, items: list[dict[str, Any]], key: str | None, as_json: bool, **said: str) -> None:
    """Sell tickets: cash and gifts (complimentary) are paid at once, a bank transfer is awaited for a week."""
    receipt = _receipt(said)
    values = {
        "items": items,
        "customer": {"email": said["email"], "name": said["name"]},
        "locale": said["locale"],
        "provider": PROVIDER,
    }

    async def work(parts: Parts) -> Checkout:
        request = check_request(values, public_url=parts.settings.public_url)
        livemode = parts.settings.livemode
        return await flow.sell(parts.shop, request, key=key or str(uuid.uuid4()), receipt=receipt, livemode=livemode)

    checkout = _at_desk(work)
    if as_json:
        print_json(msgspec.to_builtins(checkout))
        return
    click.echo(f"Order {checkout.order_number}: {checkout.total.format(said['locale'])}.")
    if receipt.method is Method.BANK:
        click.echo(f"The seats wait for the transfer until {checkout.expires_at:%Y-%m-%d %H:%M %Z}.")
    else:
        click.echo(f"Paid ({receipt.method}); the tickets go to {said['email']}.")


@desk.command()
@click.argument("order")
@click.option("--amount", required=True, callback=_decimal, help="What really came in, for example 125.00.")
@click.option("--currency", help="Of the amount, when it is not the order's.")
@click.option("--method", type=click.Choice(["cash", "bank"]), default="bank", show_default=True)
@click.option("--reference", required=True, callback=_text, help="The transfer's or the receipt's number.")
@by_option
def receive(order: str, *, amount: Decimal, currency: str | None, **said: str) -> None:
    """Confirm that money for ORDER (its id or number) came in; exit 1 when it is not what the order asks for."""
    receipt = _receipt(said)

    async def work(parts: Parts) -> tuple[Told, Money, Money]:
        payment = await flow.find_payment(parts.shop, order)
        came = _money(amount, currency or payment.amount.currency)
        told = await flow.receive(parts.shop, payment, came, receipt, livemode=parts.settings.livemode)
        return told, came, payment.amount

    told, came, asked = _at_desk(work, unknown=f"No order {order!r} is paid at the desk.")
    if told is Told.REFUSED:
        fail(f"{order} is paid already. Hand this money back, or find the order it is for.")
    click.echo(WORDS[told])
    if came != asked:
        click.echo(f"The order asks for {asked.format()}: a person has to look at it in the inbox.", err=True)
        sys.exit(FOUND_WRONG)


@desk.command()
@click.argument("refund")
@click.option("--method", type=click.Choice(["cash", "bank"]), default="cash", show_default=True)
@click.option("--reference", required=True, callback=_text, help="The receipt's or the transfer's number.")
@click.option("--failed", callback=_text, help="It could not be handed out, and why.")
@by_option
def refunded(refund: str, *, failed: str | None, **said: str) -> None:
    """Confirm that REFUND was handed out, or that it could not be."""
    receipt = _receipt(said)

    async def work(parts: Parts) -> Told:
        return await flow.hand_back(parts.shop, refund, receipt, failed=failed, livemode=parts.settings.livemode)

    click.echo(WORDS[_at_desk(work, unknown=f"No refund {refund!r} is the desk's to hand out.")])


def _receipt(said: dict[str, str]) -> Receipt:
    """Who says so may be anybody at the till; the audit trail names the user of this machine."""
    return Receipt(Method(said["method"]), said["reference"], said["by"], operator(getpass.getuser()))


def _at_desk(work: Callable[[Parts], Awaitable[T]], *, unknown: str = "") -> T:
    """Run it with the desk open; what is refused is said in one line each."""
    settings = settings_or_exit()
    if PROVIDER not in settings.providers:
        fail("The desk is closed: CUBANO_PROVIDERS does not name manual.", code=USAGE)
    try:
        return with_parts(settings, work)
    except NotFound:
        fail(unknown)
    except Invalid as error:
        fail(str(error), code=USAGE)
    except CubanoError as error:
        fail(error.detail)


def _money(amount: Decimal, currency: str) -> Money:
    try:
        return Money.from_decimal(amount, currency.upper())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--amount") from error
