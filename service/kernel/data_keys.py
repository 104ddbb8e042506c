"""Seal single fields with AES-256-GCM, those of each subject (an order) under a data key of its own.

A data key is random and is stored only wrapped by a master key, whose id stands beside it: once the wrapped key is gone,
nothing that was sealed with it can be read again, by anybody. What is sealed is bound to its place (`table.column`) and
its subject, and opens nowhere else. The first master key wraps, all of them unwrap. Sealed bytes are one byte of version,
12 of nonce, and the cipher text with its tag of 16. Nonces are random: under one master key 2^32 of them are safe.
"""

import hmac
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12
_START = len(_VERSION) + _NONCE_BYTES
_WRAPPED = "data key"  # the place of a wrapped key

RandomBytes = Callable[[int], bytes]


class CannotOpenError(Exception):
    """Sealed bytes do not open: changed, moved from another place, or sealed with a key that is not in the settings."""


class Wrapped(NamedTuple):
    """A data key as it is stored, and the id of the master key that opens it."""

    key_id: str
    data: bytes


class DataKey:
    """The key of one subject; it never prints."""

    def __init__(self, subject: str, secret: bytes, random_bytes: RandomBytes = os.urandom) -> None:
        self.subject = subject
        self._secret = secret
        self._random_bytes = random_bytes

    def seal(self, place: str, plain: bytes) -> bytes:
        """What may stand in `place` (`table.column`) of this subject."""
        return _encrypt(self._derive("seal"), plain, f"{place}:{self.subject}", self._random_bytes)

    def open(self, place: str, sealed: bytes) -> bytes:
        """What was sealed for `place`; raises `CannotOpenError` for everything else."""
        return _decrypt(self._derive("seal"), sealed, f"{place}:{self.subject}")

    def token(self, number: int) -> str:
        """The number-th secret for a URL, 43 characters: always the same, and nobody without the key can make it."""
        return urlsafe_b64encode(self._derive(f"token {number}")).rstrip(b"=").decode()

    def _derive(self, purpose: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}:{self.subject}".encode(), sha256)


class MasterKeys:
    """All master keys by id, the one that wraps first; they never print."""

    def __init__(self, keys: Mapping[str, bytes], random_bytes: RandomBytes = os.urandom) -> None:
        if not keys or any(len(each) != KEY_BYTES for each in keys.values()):
            raise ValueError(f"at least one master key of {KEY_BYTES} bytes is needed")
        self._keys = dict(keys)
        self._random_bytes = random_bytes

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    @property
    def first(self) -> str:
        """The id of the key that wraps."""
        return self.ids[0]

    def create(self, subject: str) -> tuple[DataKey, Wrapped]:
        """A new data key, and how it is stored."""
        secret = self._random_bytes(KEY_BYTES)
        return DataKey(subject, secret, self._random_bytes), self._wrap(subject, secret)

    def open(self, subject: str, wrapped: Wrapped) -> DataKey:
        """The data key; raises `CannotOpenError`."""
        return DataKey(subject, self._unwrap(subject, wrapped), self._random_bytes)

    def rewrap(self, subject: str, wrapped: Wrapped) -> Wrapped:
        """The same data key under the first master key; raises `CannotOpenError`."""
        return self._wrap(subject, self._unwrap(subject, wrapped))

    def digests(self, text: str) -> tuple[str, ...]:
        """A blind index of the text by each master key, the first key's first: equal texts meet, no text can be read."""
        made = (hmac.digest(key, b"blind index", sha256) for key in self._keys.values())
        return tuple(hmac.digest(each, text.encode(), sha256).hex() for each in made)

    def _wrap(self, subject: str, secret: bytes) -> Wrapped:
        return Wrapped(self.first, _encrypt(self._keys[self.first], secret, _place(subject), self._random_bytes))

    def _unwrap(self, subject: str, wrapped: Wrapped) -> bytes:
        key = self._keys.get(wrapped.key_id)
        if key is None:
            raise CannotOpenError(f"the master key {wrapped.key_id!r} is not in the settings")
        return _decrypt(key, wrapped.data, _place(subject))


def _place(subject: str) -> str:
    return f"{_WRAPPED}:{subject}"


def _encrypt(key: bytes, plain: bytes, bound_to: str, random_bytes: RandomBytes) -> bytes:
    nonce = random_bytes(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())


def _decrypt(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    if sealed[:1] != _VERSION:
        raise CannotOpenError(f"sealed in a form this build does not know ({bound_to})")
    try:
        return AESGCM(key).decrypt(sealed[1:_START], sealed[_START:], bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise CannotOpenError(f"changed, or not sealed for {bound_to}") from error
