"""What each kind of outbox message does once its transaction has committed; `FAMILIES` says which wait for the same thing.

A new kind is a row of `create_deliveries` and is known to `catalogue.MESSAGE_KINDS`. A delivery may be repeated: it ends
well, or raises and is tried again, or raises `Parked` for a person.
"""

import asyncio
from collections.abc import Awaitable, Callable

import aiosmtplib

from service.checkout.flow import EXPIRE
from service.completion.flow import capture, expire_order
from service.dispatch import flow as dispatch
from service.kernel.outbox import Message
from service.links import flow as links
from service.mail.flow import Letter, Post
from service.mail.rules import LETTERS, ORDER_LINK
from service.parts import Parts
from service.payments.flow import CAPTURE
from service.receipts.flow import read_receipt
from service.refunds import flow as refunds
from service.sales.flow import RETURN
from service.settings import Settings
from service.telemetry import catalogue
from service.telemetry.labels import MailOutcome
from service.vault import flow as vault

FAMILIES = {  # of kinds by what stands before the point: how many seconds one delivery may take in all
    "mail": 900,  # longer than all the patience a letter is given (10 min for the answer to it)
    "checkout": 120,  # some calls of the gateway, up to 20 s each, and waits for a connection
    "capture": 120,  # apart: a buyer waits for it, and holds run out by the thousand
    "refund": 120,
}

Delivery = Callable[[Message], Awaitable[None]]


def family_of(kind: str) -> str:
    """`mail` of `mail.confirmation`: one of `FAMILIES`."""
    return kind.partition(".")[0]


def create_deliveries(parts: Parts, settings: Settings) -> dict[str, Delivery]:
    """What to call for each kind of message."""
    post = Post(
        smtp_url=settings.smtp_url.get_secret_value(), sender=settings.mail_from, help_email=settings.help_email
    )

    async def expire(message: Message) -> None:
        await expire_order(parts.shop, message.payload["order_id"])

    async def take(message: Message) -> None:
        what = message.payload
        await capture(parts.shop, what["order_id"], what["payment_id"], number=what["number"])

    async def give_back(message: Message) -> None:
        await dispatch.give_back(parts.db, parts.gateways, message.payload)

    async def refund(message: Message) -> None:
        await dispatch.send(parts.db, parts.gateways, message.payload)

    return {
        EXPIRE: expire,
        CAPTURE: take,
        RETURN: give_back,
        refunds.SEND: refund,
        links.KIND: _link_sender(parts, post),
        **{f"mail.{letter}": _sender(parts, post, letter) for letter in LETTERS},
    }


def _sender(parts: Parts, post: Post, name: str) -> Delivery:
    async def send(message: Message) -> None:
        async with parts.db.transaction() as session:
            order = await read_receipt(session, message.payload["order_id"])
            token = await vault.order_token(session, order.order_id, before=parts.shop.tokens)
        if order.email is None or token is None:
            parts.telemetry.count(catalogue.MAILS, template=name, outcome=MailOutcome.ERASED)
            return
        letter = post.render(
            name,
            locale=order.locale,
            to=order.email,
            message_key=f"{name}.{message.payload.get('refund_id', order.order_id)}",
            order=order,
            refund=next((each for each in order.refunds if each.refund_id == message.payload.get("refund_id")), None),
            link=parts.shop.order_link(order.order_id, order.locale, token),
        )
        await _hand_over(parts, post, letter, name)

    return send


def _link_sender(parts: Parts, post: Post) -> Delivery:
    async def send(message: Message) -> None:
        async with parts.db.transaction() as session:
            found = await links.collect(session, parts.shop, message.payload)
        if found is None:
            parts.telemetry.count(catalogue.MAILS, template=ORDER_LINK, outcome=MailOutcome.NOTHING)
            return
        now = parts.db.clock()
        letter = post.render(
            ORDER_LINK,
            locale=found.locale,
            to=found.to,
            message_key=f"{ORDER_LINK}.{message.seq}.{int(now.timestamp() // links.PAUSE.total_seconds())}",
            name=found.name,
            orders=found.orders,
        )
        await _hand_over(parts, post, letter, ORDER_LINK)

    return send


async def _hand_over(parts: Parts, post: Post, letter: Letter, name: str) -> None:
    """Send it, and count how that ended; what is raised makes the outbox try again."""
    try:
        await post.send(letter, now=parts.db.clock())
    except (aiosmtplib.SMTPException, OSError, asyncio.CancelledError):  # the last: its time was over
        parts.telemetry.count(catalogue.MAILS, template=name, outcome=MailOutcome.RETRIED)
        raise
    parts.telemetry.count(catalogue.MAILS, template=name, outcome=MailOutcome.SENT)
