"""A day of sales at both gateways, with the clock in the test's hand: sold without a webhook, read, and compared."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.completion.flow import capture, find_out
from service.kernel.clock import Dial
from service.kernel.invariants import check
from service.parts import INVARIANTS, Parts, build_parts, terms_of
from service.payments.tables import Payment
from service.reconciliation.flow import reconcile
from service.reconciliation.views import Report
from service.settlements.flow import import_new, refresh
from tests.stage import API_KEY, Stage, buyer, ref_of
from tests.webhooks.delivery import deaf

HOUR, DAY = 3600, 86_400
PASSES = 49_800  # two of them, in cents


@dataclass
class Books:
    """The worker's side of the books, step by step."""

    stage: Stage
    parts: Parts

    async def sell(self, provider: str = "stripe") -> str:
        """Two passes, paid for at this gateway, and known here though no event told; the payment's id."""
        payment = await self._buy(provider)
        await find_out(self.parts.shop, payment)
        if provider == "paypal":
            await capture(self.parts.shop, payment.order_id, payment.id, number=1)
        self._pass_time()
        return payment.id

    async def pay_unheard(self) -> str:
        """Two passes, paid for at Stripe, and nothing is known of it here."""
        return (await self._buy("stripe")).id

    async def _buy(self, provider: str) -> Payment:
        checkout = (await self.stage.checkout(buyer(provider=provider))).raise_for_status().json()
        await self.stage.pay(checkout)
        self._pass_time()
        async with self.parts.db.transaction() as session:
            query = sa.select(Payment).where(Payment.checkout_ref == ref_of(checkout))
            return (await session.execute(query)).scalar_one()

    async def ref(self, payment_id: str) -> str:
        """What the gateway calls the payment."""
        return (await self.stage.rows("SELECT payment_ref FROM payments WHERE id = :id", id=payment_id))[0][0]

    async def odd(
        self, do: str, payment_id: str | None = None, provider: str = "stripe", **more: Any
    ) -> dict[str, Any]:
        """Pull a lever of the stand-in's `/_emulator/balance`."""
        name = {"stripe": "payment_intent", "paypal": "capture"}[provider]
        named = {name: await self.ref(payment_id)} if payment_id else {}
        return await self.control("balance", do=do, provider=provider, **named, **more)

    async def control(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.stage.emulator.post(f"/_emulator/{path}", json=body)
        self._pass_time()
        assert answer.is_success, answer.text
        return answer.json()

    def _pass_time(self) -> None:
        """The stand-in's clock runs and ours stands: what has just happened there must not lie in our future."""
        assert isinstance(self.stage.clock, Dial)
        self.stage.clock.advance(10)

    async def later(self, seconds: int) -> None:
        """Later, for the gateways and for us."""
        assert isinstance(self.stage.clock, Dial)
        await self.control("clock", advance=seconds)
        self.stage.clock.advance(seconds)

    async def payout(self) -> str:
        """The movement of Stripe's last payout."""
        listed = await self.stage.emulator.get(
            "/v1/balance_transactions", params={"type": "payout"}, auth=(API_KEY, "")
        )
        return listed.json()["data"][0]["id"]

    @property
    def today(self) -> date:
        return self.stage.clock().date()

    async def read(self, provider: str = "stripe") -> bool:
        return await import_new(self.parts.db, self.parts.gateways[provider])

    async def compare(self, day: date, provider: str = "stripe") -> Report:
        """Read a day anew and compare it."""
        gateway = self.parts.gateways[provider]
        await refresh(self.parts.db, gateway, day)
        async with self.parts.db.transaction() as session:
            return await reconcile(session, day, terms_of(gateway, self.parts.settings), anew=True)

    async def stands(self, *accounts: str) -> list[int]:
        """What these accounts come to."""
        query = "SELECT coalesce(sum(amount_minor), 0) FROM journal_lines WHERE account = :account"
        return [int((await self.stage.rows(query, account=each))[0][0]) for each in accounts]

    async def broken(self) -> list[str]:
        """Names of the promises the data breaks."""
        async with self.parts.db.transaction() as session:
            return [each.invariant.name for each in await check(session, INVARIANTS) if each.count]


@asynccontextmanager
async def books_of(stage: Stage) -> AsyncIterator[Books]:
    """From tomorrow noon on, so that no test meets a midnight by chance; the gateways tell nothing by themselves."""
    await deaf(stage)
    parts = build_parts(stage.settings, "work", clock=stage.clock)
    opened = Books(stage, parts)
    try:
        await opened.later(_until_noon(stage.clock()))
        yield opened
    finally:
        await parts.close()


def _until_noon(now: datetime) -> int:
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return round((noon - now).total_seconds())
