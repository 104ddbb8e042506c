"""What the worker's outbox does about money, one message at a time, with the clock in the test's hand."""

from typing import Any

from service.deliveries import create_deliveries
from service.kernel import outbox
from service.kernel.clock import Dial
from service.kernel.errors import GatewayError, Parked
from service.payments.flow import CAPTURE
from service.refunds.flow import SEND
from service.sales.flow import RETURN
from tests.payments.history import expire_then_pay, take_in
from tests.stage import Stage
from tests.webhooks.applying import LONG, Inbox
from tests.webhooks.delivery import told

KINDS = (CAPTURE, RETURN, SEND)
REFUND = {"method": "POST", "path": "/v1/refunds"}
FULL = "UPDATE stock SET capacity = held + sold WHERE ticket_type = 'orishas-masterclass'"


async def send_due(inbox: Inbox) -> list[tuple[str, str]]:
    """Deliver what is due until nothing is: (kind, done, postponed or parked) of each try."""
    tries: list[tuple[str, str]] = []
    while True:
        async with inbox.parts.db.transaction() as session:
            claimed = await outbox.claim(session, kinds=KINDS, limit=1)
        if not claimed:
            return tries
        tries.append((claimed[0].kind, await _deliver(inbox, claimed[0])))


async def send_all(inbox: Inbox) -> list[tuple[str, str]]:
    """The same, turning the clock to each next try."""
    tries = await send_due(inbox)
    kinds = ", ".join(f"'{each}'" for each in KINDS)
    while await inbox.stage.rows(f"SELECT 1 FROM outbox WHERE state = 'pending' AND kind IN ({kinds})"):  # noqa: S608 - ours
        assert isinstance(inbox.stage.clock, Dial)
        inbox.stage.clock.advance(LONG)
        tries += await send_due(inbox)
    return tries


async def _deliver(inbox: Inbox, message: outbox.Message) -> str:
    db = inbox.parts.db
    try:
        await create_deliveries(inbox.parts, inbox.stage.settings)[message.kind](message)
    except GatewayError as error:
        async with db.transaction() as session:
            await outbox.postpone(session, message, str(error), jitter=0.5)
        return "postponed"
    except Parked as error:
        async with db.transaction() as session:
            await outbox.park(session, message, str(error))
        return "parked"
    async with db.transaction() as session:
        await outbox.finish(session, message)
    return "done"


async def paid_too_late(stage: Stage, inbox: Inbox) -> dict[str, Any]:
    """An order whose money came when its seats were sold to others; nothing has been given back yet."""
    checkout = await expire_then_pay(stage, inbox)
    await stage.rows(FULL)
    await take_in(stage, inbox, *await told(stage))
    return checkout


async def really(stage: Stage) -> list[tuple[str, int]]:
    """(status, amount) of every refund there is at the gateway."""
    truth = (await stage.emulator.get("/_emulator/truth")).json()
    return [(each["status"], each["amount"]) for each in truth["refunds"]]


async def hours_pass(stage: Stage, hours: int) -> None:
    """Here and there."""
    assert isinstance(stage.clock, Dial)
    stage.clock.advance(hours * 3600)
    (await stage.emulator.post("/_emulator/clock", json={"advance": hours * 3600})).raise_for_status()


async def states(stage: Stage) -> list[tuple[str, str | None]]:
    return await stage.rows("SELECT status, failure_reason FROM refunds")
