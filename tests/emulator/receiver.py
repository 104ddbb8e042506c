"""A real HTTP server that receives webhooks, verifies each with the vendor's own code, and answers what it is told."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import stripe

SECRET = "whsec_receiver_secret"


@dataclass
class Got:
    """One delivery as it arrived."""

    body: bytes
    header: str
    event: dict[str, Any]
    verified: bool


@dataclass
class Receiver:
    """Answers the statuses of `answers` in turn, then 200; `wait_s` before each answer."""

    answers: list[int] = field(default_factory=list)
    wait_s: float = 0
    got: list[Got] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [got.event["type"] for got in self.got]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = {
                    name.lower(): value
                    for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:] if line)
                }
                body = await reader.readexactly(int(headers["content-length"]))
                self.got.append(self._read(body, headers["stripe-signature"]))
                if self.wait_s:
                    await asyncio.sleep(self.wait_s)
                status = self.answers.pop(0) if self.answers else 200
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _read(self, body: bytes, header: str) -> Got:
        try:
            verified = stripe.WebhookSignature.verify_header(body.decode(), header, SECRET, tolerance=300)
        except stripe.SignatureVerificationError:
            verified = False
        return Got(body, header, json.loads(body), verified)

    async def until(self, count: int, *, within_s: float = 10) -> list[Got]:
        """Wait for this many deliveries."""
        async with asyncio.timeout(within_s):
            while len(self.got) < count:  # noqa: ASYNC110 - it watches another process
                await asyncio.sleep(0.01)
        return self.got

    async def until_type(self, event_type: str, *, within_s: float = 10) -> dict[str, Any]:
        async with asyncio.timeout(within_s):
            while event_type not in self.types:  # noqa: ASYNC110 - it watches another process
                await asyncio.sleep(0.01)
        return self.got[self.types.index(event_type)].event
