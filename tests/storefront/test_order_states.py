"""The order page has something plain to say in every state an order can be in."""

from datetime import timedelta

import pytest

from service.orders.machine import OrderStatus
from service.payments.rules import DeclineCategory
from service.storefront.flow import fingerprint, state_of
from service.storefront.rules import LANGUAGES
from service.storefront.views import Pages
from tests.storefront.html import Page
from tests.storefront.samples import NOW, a_decline, an_order, tickets

S = OrderStatus


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages(clock=lambda: NOW, help_email="help@festival.example")


def shown(pages: Pages, order, *, language="en", returned_s: int | None = None) -> Page:
    returned_at = None if returned_s is None else NOW - timedelta(seconds=returned_s)
    state = state_of(order, now=NOW, returned_at=returned_at, language=language)
    more = {"order": order, "state": state, "tag": fingerprint(order, state), "cart_count": 0}
    return Page(pages.render("order.html", language, path="/order/x", **more))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", list(OrderStatus))
def test_every_state_has_a_page_in_both_languages(pages, status, language):
    """One heading, well-formed, and the buyer's name never becomes markup."""
    page = shown(pages, an_order(status, tickets=tickets()), language=language)

    assert 1 == len(page.by_tag["h1"])
    assert "ALC-7K4M-2QXD" in page.title
    assert [] == page.unclosed
    assert "Ana <Pérez>" in page.text
    assert "pérez" not in page.by_tag


def test_waiting_for_payment_offers_the_open_page_and_counts_down(pages):
    """The way to the gateway, the time left, and the clock time with its zone."""
    page = shown(pages, an_order(S.AWAITING_PAYMENT))

    assert "https://pay.example/cs_1" in page.links
    assert ["420"] == [each["data-until"] for each in page.with_class("countdown")]
    assert "11:37 AM MST" in page.text
    assert ["1"] == [each["data-poll"] for each in page.with_class("state")]


@pytest.mark.parametrize("category", list(DeclineCategory))
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_declined_card_is_explained_and_may_be_tried_again(pages, category, language):
    """In the language of the page, whatever the language of the order was."""
    order = an_order(S.AWAITING_PAYMENT, decline=a_decline(category))

    page = shown(pages, order, language=language)

    assert "https://pay.example/cs_1" in page.links
    assert page.with_class("why")
    assert ("banco" in page.text or "tarjeta" in page.text) == (language == "es")


@pytest.mark.parametrize(("seconds", "notes"), [(0, 0), (9, 0), (10, 1), (59, 1), (60, 2), (600, 2)])
def test_who_has_just_paid_is_told_to_wait_and_not_to_pay_again(pages, seconds, notes):
    """After ten seconds, and again after sixty, the page says what the delay means."""
    page = shown(pages, an_order(S.AWAITING_PAYMENT), returned_s=seconds)

    assert "Thank you! One moment…" in page.headings
    assert "https://pay.example/cs_1" not in page.links
    assert notes == len([each for each in page.with_class("later") if "hidden" not in each])


def test_a_hold_that_ended_is_not_yet_called_lost(pages):
    """Until the gateway has said that nothing was paid, the page does not say "expired"."""
    order = an_order(S.AWAITING_PAYMENT, expires_at=NOW - timedelta(seconds=1), checkout_url=None)

    page = shown(pages, order)

    assert "Your time is up" in page.headings
    assert "https://pay.example/cs_1" not in page.links


def test_a_paid_order_without_tickets_yet_keeps_asking_and_with_tickets_stops(pages):
    """The page asks until nothing more can change by itself."""
    before, after = shown(pages, an_order(S.PAID)), shown(pages, an_order(S.PAID, tickets=tickets()))

    assert ["1"] == [each["data-poll"] for each in before.with_class("state")]
    assert ["0"] == [each["data-poll"] for each in after.with_class("state")]
    assert [] == [each for tag, each in after.tags if each.get("http-equiv") == "refresh"]


def test_without_a_script_a_waiting_page_reloads_by_itself(pages):
    """Quickly at first, slowly when the bank takes its time."""
    quick, slow = (shown(pages, an_order(S.AWAITING_PAYMENT), returned_s=each) for each in (1, 90))

    reloads = [
        [each["content"] for _, each in page.tags if each.get("http-equiv") == "refresh"] for page in (quick, slow)
    ]
    assert [["4"], ["15"]] == reloads


def test_each_valid_ticket_has_its_code_as_text_and_as_a_picture(pages):
    """Void tickets keep their line and lose their QR code."""
    valid, void = (shown(pages, an_order(S.PAID, tickets=tickets(each))) for each in ("valid", "void"))

    assert {"QR code of ticket 4F7K-9QXD-M2TA", "QR code of ticket 8H2M-4RVN-0CEP"} == {
        each["aria-label"] for each in valid.with_class("qr-box")
    }
    assert 2 == len(valid.with_class("qr"))
    assert 0 == len(void.with_class("qr"))
    assert "4F7K-9QXD-M2TA" in void.text


@pytest.mark.parametrize("status", [S.EXPIRED, S.CANCELED])
def test_an_order_that_ended_unpaid_can_be_started_again(pages, status):
    """One button; it says that nothing was charged."""
    page = shown(pages, an_order(status))

    assert "post" == page.form("/en/order/ord_01jkq9xw3hzz4c1t0v5m7n8p9q/again").method
    assert "not charged" in page.text


def test_the_mark_of_a_page_changes_with_what_it_says_and_not_with_time():
    """Asking again costs no page as long as nothing happened."""
    order = an_order(S.AWAITING_PAYMENT)
    marks = [
        fingerprint(each, state_of(each, now=now, returned_at=None, language="en"))
        for each, now in [
            (order, NOW),
            (order, NOW + timedelta(seconds=30)),
            (an_order(S.AWAITING_PAYMENT, decline=a_decline()), NOW),
            (an_order(S.PAID), NOW),
            (an_order(S.PAID, tickets=tickets()), NOW),
        ]
    ]

    assert marks[0] == marks[1]
    assert 4 == len(set(marks))
