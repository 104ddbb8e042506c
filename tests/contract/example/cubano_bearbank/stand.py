"""The bank's stand-in, and how the conformance kit speaks to it: a small HTTP server with the bank's manners.

It keeps links and refunds, remembers the answer to every key, signs its events, and goes wrong on demand.
"""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

from service.gateways.calls import Operation
from service.kernel.money import Money
from tests.contract.stand import Delivery, Fault, Sold

SECRET, TOKEN = b"bear-webhook-secret", "bear-token"
STATUS = {Fault.RATE_LIMIT: 429, Fault.BROKEN: 500, Fault.OUTAGE: 503}
PATHS = {Operation.OPEN_CHECKOUT: "/links", Operation.REFUND: "/refunds"}
LONGER_THAN_ANY_WAIT_S = 1.5  # the kit's gateways wait one second


class Refusal(Exception):
    """A definite no of the bank."""


class Bank:
    """What the bank knows; one request at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.url = ""
        self.empty()

    def empty(self) -> None:
        self.links: dict[str, dict[str, Any]] = {}
        self.refunds: list[dict[str, Any]] = []
        self.answers: dict[str, tuple[Any, Any]] = {}
        self.sent: list[Delivery] = []
        self.fault: tuple[Fault, str | None] | None = None
        self._numbers = count(1)

    def do(self, path: str, body: dict[str, Any] | None, key: str | None) -> dict[str, Any]:
        """The answer to one request; the same key and body have the same answer."""
        if key in self.answers:
            known, answer = self.answers[key]
            if known != [path, body]:
                raise Refusal("key_reused")
            return answer
        answer = dict(self._first(path, body))
        if key:
            self.answers[key] = ([path, body], answer)
        return answer

    def _first(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        match path.strip("/").split("/"), body:
            case ["account"], None:
                return {}
            case ["links"], dict():
                return self._open(body)
            case ["refunds"], dict():
                return self._refund(body)
            case ["links", ref, *rest], _ if ref in self.links:
                if rest == ["close"] and self.links[ref]["state"] == "open":
                    self.links[ref]["state"] = "closed"
                    self.tell("link.closed", ref)
                return self.links[ref]
        raise Refusal("unknown")

    def _open(self, asked: dict[str, Any]) -> dict[str, Any]:
        ref = f"link-{next(self._numbers)}"
        kept = {name: asked[name] for name in ("minor", "currency", "order_id", "payment_id")}
        self.links[ref] = {"id": ref, "state": "open", "url": f"{self.url}/pay/{ref}", **kept}
        return self.links[ref]

    def _refund(self, asked: dict[str, Any]) -> dict[str, Any]:
        link = self.links.get(asked["link"])
        if link is None or link["state"] != "paid":
            raise Refusal("unknown_payment")
        if asked["minor"] > link["minor"] - self.gone(link["id"]):
            raise Refusal("too_much")
        self.refunds.append({"id": f"back-{next(self._numbers)}", **asked})
        self.tell("refund.done", link["id"], refund=self.refunds[-1])
        return self.refunds[-1]

    def gone(self, ref: str) -> int:
        return sum(each["minor"] for each in self.refunds if each["link"] == ref)

    def tell(self, event_type: str, ref: str, **more: Any) -> None:
        """An event, signed as it would leave."""
        number = next(self._numbers)
        now = datetime.now(UTC)
        event = {
            "id": f"ev-{number}",
            "type": event_type,
            "at": now.isoformat(),
            "live": False,
            "link": self.links[ref],
        }
        body = json.dumps({**event, **more}).encode()
        at = str(int(now.timestamp()))
        signature = hmac.new(SECRET, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        self.sent.append(Delivery(body, {"content-type": "application/json", "bear-signature": f"{at}.{signature}"}))


def handler(bank: Bank) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _answer(self, body: dict[str, Any] | None) -> None:
            fault = bank.fault[0] if bank.fault and bank.fault[1] in {None, self.path} else None
            if fault is Fault.NO_ANSWER:
                time.sleep(LONGER_THAN_ANY_WAIT_S)
            if fault in {Fault.NO_ANSWER, Fault.CUT}:
                return  # HTTP/1.0: the connection ends here
            status, answer = self._work(body) if fault not in STATUS else (STATUS[fault], b"")
            if fault is not Fault.LOST_ANSWER:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(answer)

        def _work(self, body: dict[str, Any] | None) -> tuple[int, bytes]:
            if self.headers["authorization"] != f"Bearer {TOKEN}":
                return 401, b"who are you"
            with bank.lock:
                try:
                    return 200, json.dumps(bank.do(self.path, body, self.headers["idempotency-key"])).encode()
                except Refusal as refusal:
                    return 422, str(refusal).encode()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Quiet."""

    return Handler


class BearBankStand:
    """What `tests.contract.stand.Stand` asks for."""

    provider = "bearbank"
    faults = frozenset(Fault)
    currencies: tuple[str, ...] = ("USD", "JPY", "KWD")
    signed_by: tuple[str, ...] = ("bear-signature",)
    oldest = timedelta(minutes=10)
    page = 100
    knows = True

    def start(self) -> None:
        self._bank = Bank()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self._bank))
        self._bank.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def settings(self) -> Mapping[str, str]:
        return {
            "CUBANO_BEARBANK_BASE_URL": self._bank.url,
            "CUBANO_BEARBANK_TOKEN": TOKEN,
            "CUBANO_BEARBANK_WEBHOOK_SECRET": SECRET.decode(),
        }

    def wrong_settings(self) -> Mapping[str, str] | None:
        return {**self.settings(), "CUBANO_BEARBANK_TOKEN": "of-somebody"}

    async def begin(self) -> None:
        self._bank.empty()

    async def end(self) -> None:
        await asyncio.sleep(0)

    async def pay(self, ref: str) -> None:
        link = self._bank.links[ref]
        assert link["state"] == "open", "the link is closed"
        link["state"] = "paid"
        self._bank.tell("link.paid", ref)

    async def decline(self, ref: str) -> None:
        self._bank.tell("link.declined", ref, why="no_honey")

    async def delay(self, ref: str, *, well: bool) -> None:
        raise NotImplementedError  # not declared: DELAYED_PAYMENTS

    async def settle(self) -> None:
        raise NotImplementedError

    async def dispute(self, ref: str) -> None:
        raise NotImplementedError  # not declared: DISPUTES

    async def close_dispute(self, ref: str, *, won: bool) -> None:
        raise NotImplementedError

    async def pay_out(self) -> None:
        raise NotImplementedError

    async def break_down(self, fault: Fault, operation: Operation | None) -> None:
        self._bank.fault = fault, PATHS[operation] if operation else None

    async def mend(self) -> None:
        self._bank.fault = None

    async def truth(self) -> Sequence[Sold]:
        return [_sold(self._bank, each) for each in self._bank.links.values()]

    async def deliveries(self, *, thin: bool = False) -> Sequence[Delivery]:
        assert not thin
        return list(self._bank.sent)


def _sold(bank: Bank, link: Mapping[str, Any]) -> Sold:
    paid = link["state"] == "paid"
    return Sold(
        checkout_ref=link["id"],
        payment_ref=link["id"] if paid else None,
        charged=Money(link["minor"] if paid else 0, link["currency"]),
        refunded=Money(bank.gone(link["id"]), link["currency"]),
        order_id=link["order_id"],
    )
