"""One order's story at a gateway: what buyer, bank and staff do there, and the events of it as they reach us, or do not.

The gateway tells nobody; every event is taken from its own list and handed to the inbox when the teller says so: late,
out of turn, several times. What cannot happen at a moment (a refund before there is money) is refused by the gateway and
is no part of the story.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from service.completion.flow import expire_order
from service.kernel.clock import Dial
from service.kernel.errors import GatewayUnavailable
from service.webhooks.tables import PaymentEvent
from tests.payments.history import CHALLENGE, DECLINED, GOOD
from tests.recovery.both import order_from, ref_of, turn
from tests.refunds.sending import send_due
from tests.webhooks.applying import Inbox

BANK_S = 10  # until a bank that takes its time has decided
APART_S = 60  # between two stories, so that each hears its own events only
OVER_S = 2 * 3600  # longer than any page or hold lasts
WAYS = {  # to pay: at Stripe with this card, at PayPal with this choice
    "approve": ({"card": GOOD}, {"paypal": "approve"}),
    "decline": ({"card": DECLINED}, {"paypal": "decline"}),
    "challenge": ({"card": CHALLENGE, "challenge": "complete"}, {"paypal": "approve"}),
    "fail_challenge": ({"card": CHALLENGE, "challenge": "fail"}, {"paypal": "cancel"}),
    "later": ({"async": "succeed"}, {"paypal": "pending", "async": "succeed"}),
    "never": ({"async": "fail"}, {"paypal": "pending", "async": "fail"}),
    "vanish": ({"async": "fail"}, {"paypal": "vanish"}),
}
DEEDS: dict[
    str, tuple[str, dict[str, Any]]
] = {  # of staff at the dashboard and of the buyer's bank, once there is money: where to ask for it, and how
    "refund_part": ("external-refunds", {"amount": 9800}),
    "refund_rest": ("external-refunds", {}),
    "refund_fails": ("refunds/{refund}/fail", {}),
    "dispute": ("disputes", {}),
    "dispute_part": ("disputes", {"amount": 20000}),
    "inquiry": ("disputes", {"inquiry": True}),
    "escalate": ("disputes/{dispute}/escalate", {}),
    "answer": ("disputes/{dispute}/submit", {}),
    "win": ("disputes/{dispute}/close", {"outcome": "won"}),
    "lose": ("disputes/{dispute}/close", {"outcome": "lost"}),
}
WAIT = "wait"
NOTHING = ("none",)  # the gateway knows nothing of that name
Pick = Callable[[int], int]  # one of so many, as the teller likes


@dataclass
class Story:
    inbox: Inbox
    provider: str
    pick: Pick
    checkout: dict[str, Any]
    began: datetime
    waiting: dict[str, bytes] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    refunds: list[str] = field(default_factory=list)
    disputes: list[str] = field(default_factory=list)

    async def act(self, step: str) -> bool:
        """Do it at the gateway; False when it refuses."""
        if step == WAIT:
            await turn(self.inbox.stage, BANK_S)
            return True
        path, body = self._request(step)
        answer = await self.inbox.stage.emulator.post(f"/_emulator/{path}", json=body)
        if answer.is_success and step.startswith("refund_") and step != "refund_fails":
            self.refunds.append(answer.json()["id"])
        if answer.is_success and path == "disputes":
            self.disputes.append(answer.json().get("id") or answer.json()["dispute_id"])
        assert answer.is_success or answer.status_code in {402, 404, 409}, (step, answer.text)
        return answer.is_success

    def _request(self, step: str) -> tuple[str, dict[str, Any]]:
        ref = ref_of(self.checkout)
        if step in WAYS:
            return f"sessions/{ref}/pay", WAYS[step][self.provider == "paypal"]
        path, body = DEEDS[step]
        whose = {} if "/" in path else {"session": ref}
        last = {"refund": [*NOTHING, *self.refunds][-1], "dispute": [*NOTHING, *self.disputes][-1]}
        return path.format(**last), {**whose, **body}

    async def live(self, step: str) -> None:
        """One step, and whatever of the events gets through meanwhile; what had to wait for us is tried once more."""
        if not await self.act(step):
            await self.hear_all()
            await self.act(step)
        await self.listen()
        for _ in range(self.pick(3)):
            if self.waiting:
                await self.hear(list(self.waiting)[self.pick(len(self.waiting))])
        if self.seen and not self.pick(3):
            await self.repeat([self.seen[self.pick(len(self.seen))]])

    async def listen(self) -> None:
        """What the gateway has to tell and nobody has heard yet."""
        stage, gateway = self.inbox.stage, self.inbox.parts.gateways[self.provider]
        until = stage.clock() + timedelta(minutes=5)
        async for body in gateway.list_events(since=self.began, until=until):
            event_id = gateway.read_envelope(body).event_id
            if event_id not in self.seen:
                self.waiting.setdefault(event_id, body)

    async def hear(self, event_id: str, *, work: bool | None = None) -> None:
        """One event reaches the inbox; sometimes several wait there together."""
        envelope = self.inbox.parts.gateways[self.provider].read_envelope(body := self.waiting.pop(event_id))
        now = self.inbox.stage.clock()
        row = PaymentEvent(
            provider=self.provider, event_id=event_id, type=envelope.type, subject=envelope.subject, livemode=False,
            payload=body, created_at=envelope.created_at, received_at=now, due_at=now,
        )  # fmt: skip
        async with self.inbox.parts.db.transaction() as session:
            session.add(row)
        self.seen.append(event_id)
        if work if work is not None else self.pick(2):
            await self.work()

    async def hear_all(self) -> None:
        """Everything that is still out, in whatever order."""
        await self.listen()
        while self.waiting:
            await self.hear(list(self.waiting)[self.pick(len(self.waiting))])
            await self.listen()
        await self.work()

    async def repeat(self, event_ids: list[str]) -> None:
        """Once more, as a replay would."""
        again = (
            "UPDATE payment_events SET state = 'pending', attempts = 0, due_at = received_at WHERE event_id = ANY(:ids)"
        )
        await self.inbox.stage.rows(again, ids=event_ids)
        await self.work()

    async def work(self) -> None:
        """What the worker does until nothing is due."""
        while await self.inbox.apply() + len(await send_due(self.inbox)):
            pass

    async def end(self) -> None:
        """Time passes until the gateway has nothing to tell and we have nothing to do; then all of it once more."""
        for _ in range(2):
            await self.hear_all()
            await turn(self.inbox.stage, OVER_S)
            try:
                await expire_order(self.inbox.parts.shop, self.checkout["orderId"])
            except GatewayUnavailable:  # it is asked again in the second round
                continue
            await self.hear_all()
        await self._settle()
        await self.repeat(self.seen)
        await self._settle()

    async def _settle(self) -> None:
        before = self.inbox.stage.clock()
        await self.inbox.settle()
        await turn(self.inbox.stage, 0)
        assert self.inbox.stage.clock() - before < timedelta(hours=2), "an event waits for what never comes"
        await self.work()


async def begin(inbox: Inbox, provider: str, pick: Pick) -> Story:
    """A new order, by the gateway's own clock, some time after the story before it."""
    stage = inbox.stage
    assert isinstance(stage.clock, Dial)
    await turn(stage, APART_S)
    await stage.rows("UPDATE stock SET capacity = sold + held + 100")
    shown = (await stage.emulator.get("/_emulator/clock")).json()
    stage.clock.set(max(datetime.fromtimestamp(shown["now"], UTC), stage.clock()))
    began = stage.clock() - timedelta(seconds=APART_S // 2)
    return Story(inbox, provider, pick, await order_from(stage, provider), began)
