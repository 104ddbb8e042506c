"""What the worker's outbox does about money, one message at a time, with the clock in the test's hand."""

from service.deliveries import create_deliveries
from service.kernel import outbox
from service.kernel.clock import Dial
from service.kernel.errors import GatewayError, Parked
from service.payments.flow import CAPTURE, RETURN
from service.refunds.flow import SEND
from tests.webhooks.applying import LONG, Inbox

KINDS = (CAPTURE, RETURN, SEND)


async def send_due(inbox: Inbox) -> list[tuple[str, str]]:
    """Deliver what is due until nothing is: (kind, done, postponed or parked) of each try."""
    told: list[tuple[str, str]] = []
    while True:
        async with inbox.parts.db.transaction() as session:
            claimed = await outbox.claim(session, kinds=KINDS, limit=1)
        if not claimed:
            return told
        told.append((claimed[0].kind, await _deliver(inbox, claimed[0])))


async def send_all(inbox: Inbox) -> list[tuple[str, str]]:
    """The same, turning the clock to each next try."""
    told = await send_due(inbox)
    kinds = ", ".join(f"'{each}'" for each in KINDS)
    while await inbox.stage.rows(f"SELECT 1 FROM outbox WHERE state = 'pending' AND kind IN ({kinds})"):  # noqa: S608 - ours
        assert isinstance(inbox.stage.clock, Dial)
        inbox.stage.clock.advance(LONG)
        told += await send_due(inbox)
    return told


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
