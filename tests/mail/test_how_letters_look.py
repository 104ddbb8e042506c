"""Every letter says the same in text and HTML, in both languages, and loads nothing from anywhere."""

import re
from itertools import product
from typing import Any

import pytest

from service.kernel.money import Money
from service.mail.flow import Letter, Post
from service.mail.rules import CONFIRMATION, LETTERS, REFUND_MADE
from service.orders.machine import OrderStatus
from service.receipts.views import RefundView
from tests.storefront.html import Page
from tests.storefront.samples import NOW, a_refund, an_order, tickets

LINK = "https://tickets.example/en/order/ord_1?token=secret"


def written(letter: str, locale: str, *, refund: RefundView | None = None, **changes: Any) -> Letter:
    post = Post(smtp_url="smtp://127.0.0.1:9", sender="Fest <t@fest.example>", help_email="help@fest.example")
    order = an_order(changes.pop("status", OrderStatus.PAID), tickets=tickets(), paid_at=NOW, **changes)
    known = {"order": order, "refund": refund or a_refund(), "link": LINK}
    return post.render(letter, locale=locale, to="ana@example.org", message_key="key", **known)


@pytest.mark.parametrize(("letter", "locale"), list(product(LETTERS, ("en", "es"))))
def test_both_forms_of_a_letter_hold_what_the_buyer_needs(letter, locale):
    """Order number, total, link and where to write; the buyer's name is text and never markup."""
    mail = written(letter, locale)
    page = Page(mail.html)

    for text in (mail.text, page.text):
        assert all(fact in text for fact in ("ALC-7K4M-2QXD", "$498.00", "help@fest.example", "Ana <Pérez>"))
    assert LINK in mail.text
    assert LINK in page.links
    assert "ALC-7K4M-2QXD" in mail.subject
    assert [] == page.unclosed


@pytest.mark.parametrize("locale", ["en", "es"])
def test_the_confirmation_names_every_ticket_and_every_line(locale):
    """Codes to show at the door, and what was paid for."""
    mail = written(CONFIRMATION, locale)

    for text in (mail.text, Page(mail.html).text):
        assert all(code in text for code in ("4F7K-9QXD-M2TA", "8H2M-4RVN-0CEP"))
        assert re.search(r"2 [x×] Full Pass", text)  # noqa: RUF001 - the sign for "times"


@pytest.mark.parametrize(
    ("order", "refund", "says"),
    [
        ({}, a_refund(passes=1), ("$249.00", "no longer valid; your order's page", "Full Pass", "ten business days")),
        ({}, a_refund(Money(500, "USD"), passes=0), ("$5.00", "Your tickets stay as they are.")),
        ({"status": "refunded"}, a_refund(passes=1), ("all of the $498.00", "The tickets of this order are no longer")),
        ({}, a_refund(provider="manual"), ("the way we agreed with you",)),
    ],
    ids=["a ticket", "some money", "all of it", "by hand"],
)
def test_a_refund_says_how_much_and_which_tickets_are_void(order, refund, says):
    """And how the money comes, in both forms."""
    mail = written(REFUND_MADE, "en", refund=refund, **order)

    for text in (mail.text, Page(mail.html).text):
        assert [] == [each for each in says if each not in re.sub(r"\s+", " ", text)]


@pytest.mark.parametrize(("letter", "locale"), list(product(LETTERS, ("en", "es"))))
def test_a_letter_loads_nothing(letter, locale):
    """No picture, style or font from a server: nobody learns when a mail is read."""
    page = Page(written(letter, locale).html)

    assert {"img", "link", "script", "style", "iframe"}.isdisjoint(tag for tag, _ in page.tags)
    assert [] == [each["style"] for _, each in page.tags if "url(" in each.get("style", "")]
    assert ("html", {"lang": locale}) == page.tags[0]
