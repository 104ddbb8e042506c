"""What is signed, with which secret, and what a signature has to look like.

The text is six lines: `v1`, the method, the path with its query as sent, the SHA-256 of the body in hexadecimal, the time in
seconds since 1970, the nonce. The signature is HMAC-SHA256 over it, in hexadecimal, sent as `Cubano-Signature: v1=…` beside
`Cubano-Timestamp` and `Cubano-Nonce`. The secret is made from the service's own key and the id of the API key, so that
the database holds nothing that signs; the first service key makes it, all are accepted while one is being replaced.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

VERSION = "v1"
WINDOW_S = 300  # how far the signed time may lie from ours, on either side
TIMESTAMP, NONCE, SIGNATURE = "cubano-timestamp", "cubano-nonce", "cubano-signature"
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_TIME = re.compile(r"[0-9]{10}", re.ASCII)
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class Given:
    """The three headers, well formed."""

    timestamp: str
    nonce: str
    signature: str


def read_signature(headers: Mapping[str, str]) -> Given | None:
    """What the headers say; None when one is absent or malformed."""
    timestamp, nonce = headers.get(TIMESTAMP, ""), headers.get(NONCE, "")
    signature = _SIGNATURE.fullmatch(headers.get(SIGNATURE, ""))
    if signature is None or not _TIME.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
        return None
    return Given(timestamp, nonce, signature[1])


def text_to_sign(method: str, target: bytes, body: bytes, *, timestamp: str, nonce: str) -> bytes:
    """The six lines; `target` is the path with its query, byte for byte as sent."""
    lines = (VERSION, method, target.decode("latin-1"), sha256(body).hexdigest(), timestamp, nonce)
    return "\n".join(lines).encode("latin-1")


def sign(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, sha256).hexdigest()


@dataclass(frozen=True)
class SigningSecrets:
    """Makes the secret of a key whenever it is needed; none is stored."""

    keys: tuple[str, ...] = field(repr=False)

    def of(self, key_id: str) -> str:
        """The secret to hand out."""
        return self._made(self.keys[0], key_id)

    def fits(self, key_id: str, text: bytes, signature: str) -> bool:
        """Whether one of our keys' secrets made this signature; compared in constant time, all of them."""
        fits = [hmac.compare_digest(sign(self._made(key, key_id), text), signature) for key in self.keys]
        return any(fits)

    @staticmethod
    def _made(key: str, key_id: str) -> str:
        return hmac.new(key.encode(), b"request-signing:" + key_id.encode(), sha256).hexdigest()
