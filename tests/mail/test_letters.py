"""The letters a customer gets: what stands in them, in which language, and that they come once."""

import asyncio
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from babel.dates import format_datetime
from pydantic import SecretStr

from service.kernel.money import Money
from service.mail.flow import Post
from service.mail.rules import LATE_PAYMENT, LETTERS, SURPLUS_PAYMENT, festival_zone
from service.receipts.views import ItemView, OrderView, TicketView
from tests.mail.postbox import Postbox, parts_of
from tests.stage import Stage, buyer
from tests.storefront.samples import a_refund

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
WORDS = {
    "en": ("Your tickets for", "Full Pass", "$498.00"),
    "es": ("Tus entradas para", "Pase Completo", "$498.00"),
}


async def buy(stage: Stage, box: Postbox, **changes) -> dict:
    """A paid order whose confirmation has been delivered."""
    checkout = (await stage.checkout(buyer(**changes))).raise_for_status().json()
    async with stage.worker(smtp_url=SecretStr(box.url)):
        await stage.pay(checkout)
        await stage.until(lambda: _done(stage), within_s=20)
    return checkout


async def _done(stage: Stage) -> bool:
    found = await stage.rows("SELECT state FROM outbox WHERE kind LIKE 'mail.%'")
    return bool(found) and {"done"} == {row[0] for row in found}


@pytest.mark.parametrize("locale", ["en", "es"])
async def test_the_confirmation_holds_everything(stage: Stage, box: Postbox, locale):
    """Number, passes, total, a code for each seat, and a link that opens the order; in text and in HTML."""
    checkout = await buy(stage, box, locale=locale)
    order = await stage.order(checkout)
    text, html = parts_of(box.letters[0])
    link = re.search(r"http://\S+token=\S+", text)
    page = await stage.client.get(link[0], follow_redirects=True) if link else None

    subject, name, total = WORDS[locale]
    assert box.letters[0]["Subject"].startswith(subject)
    assert "ana@example.org" == box.letters[0]["To"]
    codes = [ticket["code"] for ticket in order["tickets"]]
    for part in (text, html):
        assert [] == [
            each for each in (order["orderNumber"], name, total, *codes) if each not in part.replace("\xa0", " ")
        ]
    assert f'lang="{locale}"' in html
    assert page is not None
    assert 200 == page.status_code
    assert order["orderNumber"] in page.text


async def test_a_letter_is_a_proper_message(stage: Stage, box: Postbox):
    """One Message-ID made from what it is about, a date, a way to answer, and nobody's automatic reply."""
    checkout = await buy(stage, box)
    letter = box.letters[0]

    assert f"<confirmation.{checkout['orderId']}@alocubano.example>" == letter["Message-ID"]
    assert abs((parsedate_to_datetime(letter["Date"]) - stage.clock()).total_seconds()) < 60
    assert "help@alocubano.example" == letter["Reply-To"]
    assert "auto-generated" == letter["Auto-Submitted"]
    assert "multipart/alternative" == letter.get_content_type()


@pytest.mark.parametrize("refusal", ["451 4.7.1 come back later", "550 5.1.1 nobody here"])
async def test_a_refused_letter_is_tried_again_and_comes_once(stage: Stage, box: Postbox, refusal):
    """Refused twice, then taken: one letter, one message done, its failures on record until then."""
    box.answers = [refusal, refusal]
    await buy(stage, box)

    assert (3, 1) == (box.asked, len(box.letters))
    assert [("done", 3, None)] == await stage.rows(
        "SELECT state, attempts, last_error FROM outbox WHERE kind LIKE 'mail.%'"
    )


async def test_a_mail_server_that_is_down_costs_only_time(stage: Stage, box: Postbox):
    """The ticket is there at once; the letter comes when the server is back, and that it was refused is counted."""
    checkout = (await stage.checkout()).raise_for_status().json()
    async with stage.worker(smtp_url=SecretStr("smtp://127.0.0.1:9")) as worker:
        await stage.pay(checkout)
        order = await stage.order_in(checkout, "paid")
        await stage.until(lambda: stage.rows("SELECT 1 FROM outbox WHERE last_error LIKE '%SMTP%'"))
        counted = worker.parts.telemetry.render("")[0].decode()
    async with stage.worker(smtp_url=SecretStr(box.url)):
        await stage.until(lambda: _done(stage), within_s=20)

    assert 2 == len(order["tickets"])
    assert re.search(r'cubano_mails_total\{outcome="retried",template="confirmation"\} [1-9]', counted)
    assert 1 == len(box.letters)


HOSTILE = '<script>alert(1)</script> {{ 7*7 }} & "quotes"'


async def test_a_hostile_name_stays_text(stage: Stage, box: Postbox):
    """Shown as it was typed: no markup in the HTML, no template in the text."""
    await buy(stage, box, customer={"email": "ana@example.org", "name": HOSTILE})
    text, html = parts_of(box.letters[0])

    assert HOSTILE in text
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "49 &" not in text + html


def order_view(**changes) -> OrderView:
    price = Money(24900, "USD")
    values = {
        "order_id": "ord_1", "order_number": "ALC-1234-5678", "status": "paid", "payment_status": "succeeded",
        "provider": "stripe", "locale": "en", "customer_name": "Ana", "email": "ana@example.org", "total": price,
        "refunded": Money(0, "USD"), "created_at": NOW, "expires_at": NOW, "paid_at": NOW,
        "items": [ItemView("full-pass", "Full Pass", 1, price, price)],
        "tickets": [TicketView("tkt_1", "full-pass", "Full Pass", "AAAA-BBBB-CCCC", "valid")],
        "payments": [], "refunds": [], "decline": None, "checkout_url": None,
    }  # fmt: skip
    return OrderView(**{**values, **changes})


def post(url: str) -> Post:
    return Post(smtp_url=url, sender="Cubano <tickets@alocubano.example>", help_email="help@alocubano.example")


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("locale", ["en", "es"])
def test_every_letter_exists_in_every_language(letter, locale):
    """Rendered strictly: a template that asks for what there is not fails here."""
    link = "http://x/?token=t"
    made = post("smtp://x").render(
        letter, locale=locale, to="a@b.example", message_key="k", order=order_view(), refund=a_refund(), link=link
    )

    assert made.subject
    assert "\n" not in made.subject
    for form in (made.text, made.html):
        assert "ALC-1234-5678" in form
        assert link in form
        assert "$249.00" in form.replace("\xa0", " ")
        assert "{{" not in form


async def test_a_name_with_line_breaks_adds_no_header(box: Postbox):
    """Whatever gets past the door: the headers are ours alone, and an address with a line break is refused."""
    name = "Ana\r\nBcc: everybody@example.org\r\n\r\nhello"
    sender = post(box.url)
    made = sender.render(
        "confirmation",
        locale="en",
        to="ana@example.org",
        message_key="k",
        order=order_view(customer_name=name),
        link="x",
    )
    await sender.send(made, now=NOW)
    bad = sender.render(
        "confirmation", locale="en", to="ana@example.org\nBcc: x@y", message_key="k", order=order_view(), link="x"
    )

    assert box.letters[0]["Bcc"] is None
    with pytest.raises(ValueError, match="Header"):
        await sender.send(bad, now=NOW)
    assert 1 == len(box.letters)


def test_a_machine_without_time_zone_data_writes_utc():
    """A letter is dated all the same, with its zone beside it."""
    written = format_datetime(NOW, "HH:mm z", tzinfo=festival_zone("Not/There"), locale="en_US")

    assert written.startswith("12:00 ")
    assert "UTC" in written or "GMT" in written


@pytest.mark.parametrize("letter", [LATE_PAYMENT, SURPLUS_PAYMENT])
@pytest.mark.parametrize(
    ("locale", "promises"),
    [
        ("en", ("on their way back", "five to ten business days")),
        ("es", ("de vuelta a ti", "cinco a diez días hábiles")),
    ],
)
def test_who_gets_money_back_is_told_how_much_and_how_long_it_takes(letter, locale, promises):
    """The refund is asked for in the same commit as the letter: it says that the money is on its way."""
    made = post("smtp://x").render(
        letter, locale=locale, to="a@b.example", message_key="k", order=order_view(), link="x"
    )

    for form in (made.text, made.html):
        assert [] == [each for each in (*promises, "$249.00") if each not in " ".join(form.split())]


async def test_a_server_that_does_not_say_goodbye_has_the_letter(box: Postbox, monkeypatch):
    """The letter was taken: what comes after it is no failure."""

    async def silent(*_: object) -> str:
        await asyncio.sleep(5)
        return "221 bye"

    monkeypatch.setattr(Postbox, "handle_QUIT", silent, raising=False)
    sender = post(box.url)
    made = sender.render("confirmation", locale="en", to="a@b.example", message_key="k", order=order_view(), link="x")
    await sender.send(made, now=NOW)

    assert 1 == len(box.letters)
