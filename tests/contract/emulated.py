"""Stripe and PayPal as `cubano emulate` plays them: a process for each."""

import asyncio
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx

from service.gateways.calls import Operation
from service.kernel.money import Money
from tests.contract.ear import Ear
from tests.contract.stand import Delivery, Fault, Sold
from tests.emulator.gateway import Process

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # everything here is loopback; reading the CA store costs 30 ms
EFFECTS: dict[Fault, dict[str, Any]] = {
    Fault.NO_ANSWER: {"timeout": "before"},
    Fault.LOST_ANSWER: {"reset": "after"},
    Fault.CUT: {"reset": "before"},
    Fault.RATE_LIMIT: {"rate_limit": True},
    Fault.BROKEN: {"error": {"status": 500, "keep": False}},
    Fault.OUTAGE: {"outage": True},
}
WEBHOOK_ID = "WH-0CONTRACT000001"
A_WEEK_S = 7 * 86_400
SETTLE_MS = str(A_WEEK_S * 1000)  # what comes later comes when the clock is told


class Emulated:
    """What both have in common."""

    provider: str
    faults = frozenset(Fault)
    currencies: tuple[str, ...]
    signed_by: tuple[str, ...]
    oldest: timedelta
    page = 100
    knows = True
    paths: ClassVar[Mapping[Operation, tuple[str, str]]]

    def start(self) -> None:
        self._process = Process("--api-key", "sk_test_contract", "--settle-ms", SETTLE_MS, *self.options())

    def stop(self) -> None:
        assert self._process.stop() == 0

    def options(self) -> Sequence[str]:
        return ()

    @property
    def url(self) -> str:
        return self._process.url

    def endpoints(self, ears: Mapping[str, Ear]) -> list[dict[str, str]]:
        raise NotImplementedError

    async def begin(self) -> None:
        self._http = httpx.AsyncClient(base_url=f"{self.url}/_emulator", timeout=20, verify=NO_TLS)
        self._disputes: dict[str, str] = {}
        await self._ask("POST", "/reset")
        self._ears = {"snapshot": Ear(), "thin": Ear()}
        for ear in self._ears.values():
            await ear.open()
        await self._ask("PUT", "/endpoints", self.endpoints(self._ears))

    async def end(self) -> None:
        await self._ask("PUT", "/endpoints", [])
        await self._ask("POST", "/reset")
        for ear in self._ears.values():
            await ear.close()
        await self._http.aclose()

    async def pay(self, ref: str) -> None:
        await self._pay(ref, {"card": "4242424242424242"})

    async def decline(self, ref: str) -> None:
        await self._pay(ref, {"card": "4000000000009995"})

    async def delay(self, ref: str, *, well: bool) -> None:
        await self._pay(ref, {"async": "succeed" if well else "fail"})

    async def settle(self) -> None:
        await self._ask("POST", "/clock", {"advance": A_WEEK_S + 1})

    async def dispute(self, ref: str) -> None:
        made = await self._ask("POST", "/disputes", {"session": ref})
        self._disputes[ref] = made.get("id") or made["dispute_id"]

    async def close_dispute(self, ref: str, *, won: bool) -> None:
        await self._ask("POST", f"/disputes/{self._disputes[ref]}/close", {"outcome": "won" if won else "lost"})

    async def pay_out(self) -> None:
        await self._ask("POST", "/clock", {"advance": A_WEEK_S + 1})

    async def break_down(self, fault: Fault, operation: Operation | None) -> None:
        match = {"provider": self.provider}
        if operation is not None:
            method, path = self.paths[operation]
            match |= {"method": method, "path": path}
        await self._ask("PUT", "/faults", {"seed": 1, "faults": [{"match": match, "effects": EFFECTS[fault]}]})

    async def mend(self) -> None:
        await self._ask("DELETE", "/faults")

    async def truth(self) -> Sequence[Sold]:
        rows = (await self._ask("GET", "/truth"))["payments"]
        return [_sold(each) for each in rows if each["provider"] == self.provider]

    async def deliveries(self, *, thin: bool = False) -> Sequence[Delivery]:
        async with asyncio.timeout(10):
            while (await self._ask("GET", "/deliveries?state=pending"))["deliveries"]:  # noqa: ASYNC110 - it watches another process
                await asyncio.sleep(0.02)
        return list(self._ears["thin" if thin else "snapshot"].heard)

    async def _pay(self, ref: str, how: dict[str, Any]) -> None:
        await self._ask("POST", f"/sessions/{ref}/pay", how)

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        answer = await self._http.request(method, path, json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


class StripeStand(Emulated):
    provider = "stripe"
    currencies: tuple[str, ...] = ("USD", "JPY", "KWD")
    signed_by: tuple[str, ...] = ("stripe-signature",)
    oldest = timedelta(minutes=5)
    paths: ClassVar = {
        Operation.OPEN_CHECKOUT: ("POST", "/v1/checkout/sessions"),
        Operation.REFUND: ("POST", "/v1/refunds"),
    }

    def settings(self) -> Mapping[str, str]:
        return {
            "CUBANO_STRIPE_API_KEY": "sk_test_contract",
            "CUBANO_STRIPE_WEBHOOK_SECRETS": "whsec_contract,whsec_contract_thin",
            "CUBANO_STRIPE_BASE_URL": self.url,
        }

    def wrong_settings(self) -> Mapping[str, str] | None:
        return {**self.settings(), "CUBANO_STRIPE_API_KEY": "sk_test_of_somebody"}

    def endpoints(self, ears: Mapping[str, Ear]) -> list[dict[str, str]]:
        return [
            {"url": ears["snapshot"].url, "secret": "whsec_contract"},
            {"url": ears["thin"].url, "secret": "whsec_contract_thin", "payload": "thin"},
        ]


class PayPalStand(Emulated):
    provider = "paypal"
    currencies: tuple[str, ...] = ("USD", "JPY")
    signed_by: tuple[str, ...] = tuple(
        f"paypal-{each}" for each in ("transmission-id", "transmission-time", "transmission-sig", "cert-url")
    )
    oldest = timedelta(hours=1)
    paths: ClassVar = {
        Operation.OPEN_CHECKOUT: ("POST", "/paypal/v2/checkout/orders"),
        Operation.CAPTURE: ("POST", "/paypal/v2/checkout/orders/*/capture"),
        Operation.REFUND: ("POST", "/paypal/v2/payments/captures/*/refund"),
    }

    def options(self) -> Sequence[str]:
        return ("--paypal-client-id", "contract", "--paypal-client-secret", "contract-secret")

    def start(self) -> None:
        super().start()
        self._folder = tempfile.TemporaryDirectory()
        self._authority = Path(self._folder.name) / "authority.pem"
        self._authority.write_text(httpx.get(f"{self.url}/_emulator/paypal/ca", verify=NO_TLS).text)

    def stop(self) -> None:
        self._folder.cleanup()
        super().stop()

    def settings(self) -> Mapping[str, str]:
        return {
            "CUBANO_PAYPAL_CLIENT_ID": "contract",
            "CUBANO_PAYPAL_CLIENT_SECRET": "contract-secret",
            "CUBANO_PAYPAL_WEBHOOK_IDS": WEBHOOK_ID,
            "CUBANO_PAYPAL_BASE_URL": f"{self.url}/paypal",
            "CUBANO_PAYPAL_CA_FILE": str(self._authority),
        }

    def wrong_settings(self) -> Mapping[str, str] | None:
        return {**self.settings(), "CUBANO_PAYPAL_CLIENT_SECRET": "of-somebody"}

    def endpoints(self, ears: Mapping[str, Ear]) -> list[dict[str, str]]:
        return [{"url": ears["snapshot"].url, "secret": WEBHOOK_ID, "provider": "paypal"}]

    async def deliveries(self, *, thin: bool = False) -> Sequence[Delivery]:
        """One kind is both: whole, and taken for no more than thin."""
        del thin
        return await super().deliveries()

    async def pay(self, ref: str) -> None:
        await self._pay(ref, {"paypal": "approve"})

    async def decline(self, ref: str) -> None:
        await self._pay(ref, {"paypal": "decline"})

    async def delay(self, ref: str, *, well: bool) -> None:
        await self._pay(ref, {"paypal": "pending", "async": "succeed" if well else "fail"})


def _sold(row: dict[str, Any]) -> Sold:
    currency = row["currency"].upper()
    return Sold(
        checkout_ref=row["checkout"],
        payment_ref=row["payment"],
        charged=Money(row["charged"], currency),
        refunded=Money(row["refunded"], currency),
        order_id=(row["metadata"] or {}).get("order_id"),
    )
