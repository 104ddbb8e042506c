"""Signs as PayPal does, with authorities of its own, and serves the certificates: written from the vendor's page alone.

Keys are made once a run: each takes a tenth of a second.
"""

import asyncio
import base64
import json
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.gateways.paypal.conftest import WEBHOOK_ID

SIGNER = "messageverificationcerts.paypal.com"
PATH = "/paypal/v1/notifications/certs/"
YEAR = timedelta(days=365)


@cache
def key_of(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048 if name != "weak" else 1024)


@dataclass(frozen=True)
class Paper:
    """One certificate to be: who vouches for it, for which name, and when it is good."""

    issuer: str = "authority"
    name: str = SIGNER
    key: str = "leaf"
    begins: timedelta = -YEAR
    ends: timedelta = YEAR


def authority(name: str = "authority") -> str:
    """A self-signed authority as PEM."""
    key = key_of(name)
    builder = _builder(_name(name), _name(name), key, key, Paper(begins=-2 * YEAR, ends=2 * YEAR))
    basic = x509.BasicConstraints(ca=True, path_length=None)
    usage = _usage(signs_certificates=True)
    made = builder.add_extension(basic, critical=True).add_extension(usage, critical=True)
    return _pem(made.sign(key, hashes.SHA256()))


def leaf(paper: Paper) -> str:
    """The certificate as PEM, its authority's behind it."""
    issuer, key = key_of(paper.issuer), key_of(paper.key)
    builder = _builder(_name(paper.name), _name(paper.issuer), key, issuer, paper)
    made = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(paper.name)]), critical=False)
    )
    return _pem(made.sign(issuer, hashes.SHA256())) + authority(paper.issuer)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, signer: rsa.RSAPrivateKey, paper: Paper
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + paper.begins)
        .not_valid_after(now + paper.ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        decipher_only=False,
        **dict.fromkeys(names, False),
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def signed(
    body: bytes, *, cert_url: str, at: datetime, webhook_id: str = WEBHOOK_ID, key: str = "leaf"
) -> dict[str, str]:
    """The five headers of a notification."""
    identifier, moment = "69cd13f0-d67a-11e5-baa3-778b53f4ae55", at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = f"{identifier}|{moment}|{webhook_id}|{zlib.crc32(body)}".encode()
    signature = key_of(key).sign(message, padding.PKCS1v15(), hashes.SHA256())
    return {
        "paypal-transmission-id": identifier,
        "paypal-transmission-time": moment,
        "paypal-transmission-sig": base64.b64encode(signature).decode(),
        "paypal-cert-url": cert_url,
        "paypal-auth-algo": "SHA256withRSA",
    }


_FILLER = b"0" * 96


def forged_to(seen: bytes, event: dict[str, Any]) -> bytes:
    """This event with the checksum of the body that was seen.

    CRC32 is linear: each digit of a filler flips known bits of it, so which digits to flip is a system of equations.
    """
    body = json.dumps({**event, "filler": _FILLER.decode()}).encode()
    before, _, after = body.partition(_FILLER)
    plain = zlib.crc32(body)
    basis: dict[int, tuple[int, int]] = {}  # by its highest bit: what is flipped, and by which digits
    for place in range(len(_FILLER)):
        flipped = zlib.crc32(before + _FILLER[:place] + b"1" + _FILLER[place + 1 :] + after) ^ plain
        bits, digits = _reduced(flipped, basis)
        if bits:
            basis[bits.bit_length()] = bits, digits ^ (1 << place)
    _, chosen = _reduced(plain ^ zlib.crc32(seen), basis)
    return before + bytes(48 + (chosen >> place & 1) for place in range(len(_FILLER))) + after


def _reduced(bits: int, basis: dict[int, tuple[int, int]]) -> tuple[int, int]:
    digits = 0
    while bits.bit_length() in basis:
        flips, by = basis[bits.bit_length()]
        bits, digits = bits ^ flips, digits ^ by
    return bits, digits


@dataclass
class Office:
    """Serves what `papers` holds by name and notes what was asked; an answer may be slow, or made up."""

    papers: dict[str, str] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    delay_s: float = 0
    asked: list[str] = field(default_factory=list)
    url: str = ""
    _server: asyncio.Server | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)

    def place(self, name: str) -> str:
        return f"{self.url}{PATH}{name}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for each in self._talks:
            each.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        try:
            while True:
                path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
                self.asked.append(path)
                await asyncio.sleep(self.delay_s)
                writer.write(self.answers.get(path) or _answer(self.papers.get(path.removeprefix(PATH))))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._talks.discard(task)
            writer.close()


def _answer(pem: str | None) -> bytes:
    status, body = ("200 OK", pem.encode()) if pem is not None else ("404 Not Found", b"")
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
