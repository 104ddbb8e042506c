"""A webhook receiver that verifies as the vendor tells receivers to, with code of its own."""

import asyncio
import base64
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import NameOID

WEBHOOK_ID = "WH-0TESTS0000000001"


@dataclass
class Got:
    """One delivery as it arrived."""

    body: bytes
    headers: dict[str, str]

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)

    def postback(self) -> dict[str, str]:
        """The fields of the vendor's verification call, without the event."""
        names = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time")
        wire = {"auth_algo": "paypal-auth-algo", "cert_url": "paypal-cert-url"}
        fields = {name: self.headers[wire.get(name, f"paypal-{name.replace('_', '-')}")] for name in names}
        return fields | {"webhook_id": WEBHOOK_ID}


def is_genuine(got: Got, chain: bytes, authority: bytes, webhook_id: str = WEBHOOK_ID) -> bool:
    """The signature is the leaf's, the leaf is the vendor's, and somebody we trust says so."""
    leaf, _ = x509.load_pem_x509_certificates(chain)
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    [subject] = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert subject.value == "messageverificationcerts.paypal.com"
    head = got.headers
    said = f"{head['paypal-transmission-id']}|{head['paypal-transmission-time']}|{webhook_id}|{zlib.crc32(got.body)}"
    key: Any = leaf.public_key()
    signature = base64.b64decode(head["paypal-transmission-sig"])
    try:
        key.verify(signature, said.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


@dataclass
class Hook:
    """Answers the statuses of `answers` in turn, then 200."""

    answers: list[int] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/paypal"

    @property
    def types(self) -> list[str]:
        return [got.event["event_type"] for got in self.got]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
                headers = {name.lower(): value for name, _, value in lines}
                self.got.append(Got(await reader.readexactly(int(headers["content-length"])), headers))
                status = self.answers.pop(0) if self.answers else 200
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def until(self, count: int) -> list[Got]:
        async with asyncio.timeout(10):
            while len(self.got) < count:  # noqa: ASYNC110 - it watches another process
                await asyncio.sleep(0.01)
        return self.got

    async def until_type(self, event_type: str) -> Got:
        async with asyncio.timeout(10):
            while event_type not in self.types:  # noqa: ASYNC110 - it watches another process
                await asyncio.sleep(0.01)
        return self.got[self.types.index(event_type)]
