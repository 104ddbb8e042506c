"""Short secrets that must be readable again, sealed before they reach a table or a cookie.

AES-256-GCM under keys made (HKDF-SHA256) from the service's own, one family a purpose. A sealed text is
`v1.<key id>.<nonce and ciphertext>`; it opens only for the purpose and the subject it was sealed for, so that a row copied
into another row is worth nothing. The first key seals, all open: a key is replaced by putting the new one in front.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = "v1"
_NONCE_BYTES = 12
_KEY_ID = 8  # hexadecimal digits; enough to tell a handful of keys apart


class Unsealable(ValueError):
    """Sealed for something else, by a key that is gone, or not by us."""


class Seals:
    """The seals of one purpose."""

    def __init__(self, keys: Iterable[str], purpose: str, *, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        made = [_derived(key, purpose) for key in keys]
        self._keys = {sha256(key).hexdigest()[:_KEY_ID]: AESGCM(key) for key in made}
        self._first = next(iter(self._keys))
        self._random_bytes = random_bytes

    def seal(self, text: str, subject: str) -> str:
        nonce = self._random_bytes(_NONCE_BYTES)
        sealed = nonce + self._keys[self._first].encrypt(nonce, text.encode(), subject.encode())
        return f"{VERSION}.{self._first}.{urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, subject: str) -> str:
        """The text; `Unsealable` when it is not ours, or not about this subject."""
        version, _, rest = sealed.partition(".")
        key_id, _, body = rest.partition(".")
        key = self._keys.get(key_id)
        if version != VERSION or key is None:
            raise Unsealable("the key it was sealed with is not among ours")
        try:
            raw = urlsafe_b64decode(body.encode())
            return key.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], subject.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Unsealable("it was changed, or sealed for something else") from error

    def is_current(self, sealed: str) -> bool:
        """Whether the first key has sealed it; everything else is to be sealed anew before its key is taken away."""
        return sealed.startswith(f"{VERSION}.{self._first}.")


def _derived(key: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"cubano:{purpose}".encode()).derive(key.encode())
