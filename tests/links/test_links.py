"""The links to one's orders by mail: the same answer for everybody, one letter, to nobody but the buyer."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from service.kernel import outbox
from service.kernel.clock import utc_now
from service.kernel.data_keys import KEY_BYTES, MasterKeys
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.links import flow
from service.telemetry.registry import Telemetry
from tests.mail.postbox import Postbox, parts_of, postbox
from tests.stage import Stage, buyer

MORNING = datetime(2027, 2, 13, 8, 0, tzinfo=UTC)


class Dial:
    """The time, put forward by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self):
        return utc_now() + self.ahead


@pytest.fixture
def stage_clock() -> Dial:
    return Dial()


@pytest.fixture
async def box() -> AsyncIterator[Postbox]:
    async with postbox() as made:
        yield made


async def ask(stage: Stage, email: object, **more: object):
    return await stage.client.post("/api/payment/order-link", json={"email": email, **more})


async def _all_done(stage: Stage) -> bool:
    return not await stage.rows("SELECT 1 FROM outbox WHERE kind LIKE 'mail.%' AND state = 'pending'")


async def deliver(stage: Stage, box: Postbox) -> list[str]:
    """What lies in the outbox goes out; to whom."""
    box.letters.clear()
    async with stage.worker(smtp_url=SecretStr(box.url)):
        await stage.until(lambda: _all_done(stage), within_s=20)
    return [letter["To"] for letter in box.letters]


async def test_the_links_go_to_the_buyer_and_nobody_learns_anything(stage: Stage, box: Postbox, stage_clock: Dial):
    """Known or not, asked once or often: the same answer. One letter in ten minutes; its links open the orders."""
    sold = [(await stage.checkout(buyer(locale=each))).json() for each in ("en", "es")]
    other = (await stage.checkout(buyer(customer={"email": "bo@example.org", "name": "Bo"}))).json()
    gone = (await stage.checkout()).json()
    await stage.rows("UPDATE orders SET status = 'canceled' WHERE id = :id", id=gone["orderId"])

    answers = [await ask(stage, each) for each in ("ANA@example.org", "ana@example.org", "nobody@example.org")]
    first, again = await deliver(stage, box), None
    text, html = parts_of(box.letters[0])
    await ask(stage, "ana@example.org")
    again = await deliver(stage, box)
    stage_clock.ahead = timedelta(minutes=11)
    await ask(stage, "ana@example.org")
    later = await deliver(stage, box)

    assert {202} == {each.status_code for each in answers}
    assert 1 == len({each.content for each in answers})
    assert (["ana@example.org"], [], ["ana@example.org"]) == (first, again, later)
    for each in sold:
        link = f"/order/{each['orderId']}?token={each['accessToken']}"
        assert (True, True) == (link in text, link in html)
    assert not [each for each in (other, gone) if each["orderId"] in text]
    assert 'lang="es"' in html  # the newest order's
    payloads = str(await stage.rows("SELECT key, payload::text FROM outbox WHERE kind = 'mail.order_link'"))
    assert not [each for each in ("ana", "nobody", "@") if each in payloads]


@pytest.fixture
async def db(database_url, stage_clock: Dial) -> AsyncIterator[Database]:
    telemetry = Telemetry("test", version="0", environment="test")
    keys = MasterKeys({"one": b"k" * KEY_BYTES})
    made = Database(database_url, clock=stage_clock, ids=Ids(stage_clock), telemetry=telemetry, master_keys=keys)
    yield made
    await made.engine.dispose()


async def asked_and_sent(db: Database) -> int:
    """How many letters go out when somebody asks now."""
    async with db.transaction() as session:
        await flow.ask(session, "ana@example.org")
        waiting = await outbox.claim(session, kinds=[flow.KIND], limit=10)
        for each in waiting:
            await outbox.finish(session, each)
    return len(waiting)


async def test_nobody_fills_the_letter_box_of_somebody_else(db: Database, stage_clock: Dial):
    """Five letters a day, the next one tomorrow, and the answer is the same; a day after the last nothing of it is left."""
    stage_clock.ahead = MORNING - utc_now()
    sent = []
    for _ in range(8):
        sent.append(await asked_and_sent(db))
        stage_clock.ahead += timedelta(minutes=11)
    stage_clock.ahead += timedelta(days=1)
    tomorrow = await asked_and_sent(db)
    forgotten = []
    for hours in (23, 2):
        stage_clock.ahead += timedelta(hours=hours)
        async with db.transaction() as session:
            forgotten.append(await flow.forget_old(session))

    assert ([1] * 5 + [0] * 3, 1, [0, 1]) == (sent, tomorrow, forgotten)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"email": "ana@"}, "email"), ({}, "email"), ({"email": "ana@example.org", "x": 1}, "x"), (["x"], "body")],
)
async def test_what_is_no_address_is_refused(stage: Stage, body, field):
    """That says nothing of orders; and nothing is written."""
    answer = await stage.client.post("/api/payment/order-link", json=body)

    assert (400, [field]) == (answer.status_code, [each["field"] for each in answer.json()["errors"]])
    assert [] == await stage.rows("SELECT 1 FROM outbox")


@pytest.mark.parametrize("language", ["en", "es"])
async def test_people_ask_on_a_page(stage: Stage, language):
    """A form; a wrong address is said beside it and kept; a right one leads to the same page for everybody."""
    path = f"/{language}/order-link"
    form = await stage.client.get(path)
    wrong = await stage.client.post(path, data={"email": "ana@"})
    sent = await stage.client.post(path, data={"email": "nobody@example.org"}, follow_redirects=True)

    assert (200, True) == (form.status_code, f'action="{path}"' in form.text)
    assert (422, True, True) == (wrong.status_code, 'value="ana@"' in wrong.text, "email-error" in wrong.text)
    assert (200, True) == (sent.status_code, 'id="sent"' in sent.text)
    assert [("mail.order_link",)] == await stage.rows("SELECT kind FROM outbox")
