"""The certificates PayPal signs its events with, by their address: from known places only, proved, kept.

A notification names the address of its certificate, and anybody may send a notification. So an address is compared with
the places before anything else, letter by letter and never parsed; at most one is fetched at a time, a small number in a
minute, with little time and room; and one that could not be had or proved is not asked for again at once. Proved means:
a chain to an authority we trust, all of it valid now, for the name PayPal signs under
(https://developer.paypal.com/api/rest/webhooks/rest/#verify-webhook-signatures).
"""

import asyncio
import re
import ssl
import time
import warnings
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from service.kernel.errors import Unauthenticated
from service.telemetry.logs import get_logger

REASON = "bad_certificate"
PATH = "/v1/notifications/certs/"
LEAST_BITS = 2048
MOST_BYTES = 32_768  # a chain of four is some eight thousand
FETCH_S = 3  # all of it; the sender waits for our answer
REFUSED_FOR_S = 30  # before an address that was no good is fetched again
MOST_FETCHED = 20  # addresses in a minute; PayPal changes its certificate once in a year
MOST_KEPT = 8
MOST_REFUSED = 500
_MINUTE_S = 60
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")

log = get_logger("paypal")


@dataclass(frozen=True)
class Places:
    """Where certificates may lie (how their address begins), under which names, and who may vouch for them.

    Without `ca_file` it is who the HTTP client trusts. The file is read each time: a stand-in may have made another.
    """

    starts: tuple[str, ...]
    names: tuple[str, ...]
    ca_file: str = ""


@dataclass(frozen=True)
class _Proved:
    key: RSAPublicKey
    valid_from: datetime
    valid_until: datetime


class Certificates:
    """The known certificates of one provider; fetching one ends within `fetch_s`."""

    def __init__(self, places: Places, *, fetch_s: int = FETCH_S, tls: ssl.SSLContext | None = None) -> None:
        self._places = places
        self._fetch_s = fetch_s
        self._http = httpx.AsyncClient(timeout=fetch_s, follow_redirects=False, verify=tls or True)
        self._known: dict[str, _Proved] = {}
        self._refused: dict[str, float] = {}
        self._fetched: deque[float] = deque(maxlen=MOST_FETCHED)
        self._one_at_a_time = asyncio.Lock()

    async def key_of(self, url: str, *, now: datetime) -> RSAPublicKey:
        """The key of the certificate at this address; `Unauthenticated` when it is not one that may sign now."""
        if not self._is_of_a_place(url):
            raise Unauthenticated(REASON)
        proved = self._known.get(url) or await self._obtain(url, now)
        if not proved.valid_from <= now <= proved.valid_until:
            raise Unauthenticated(REASON)
        return proved.key

    async def close(self) -> None:
        await self._http.aclose()

    def _is_of_a_place(self, url: str) -> bool:
        names = (url.removeprefix(start) for start in self._places.starts if url.startswith(start))
        return any(_NAME.fullmatch(name) for name in names)

    async def _obtain(self, url: str, now: datetime) -> _Proved:
        async with self._one_at_a_time:
            if (known := self._known.get(url)) is not None:
                return known
            self._check_calm(url)
            try:
                proved = await asyncio.to_thread(self._prove, await self._fetch(url), now)
            except (httpx.HTTPError, TimeoutError, ValueError, OSError, VerificationError) as error:
                self._refuse(url)
                log.warning("certificate refused", url=url, reason=f"{type(error).__name__}: {error}")
                raise Unauthenticated(REASON) from error
            while len(self._known) >= MOST_KEPT:
                del self._known[next(iter(self._known))]
            self._known[url] = proved
            return proved

    def _check_calm(self, url: str) -> None:
        """Raises while this address was refused a moment ago, or many others were asked for."""
        now_s = time.monotonic()
        if now_s < self._refused.get(url, now_s):
            raise Unauthenticated(REASON)
        if len(self._fetched) == MOST_FETCHED and now_s - self._fetched[0] < _MINUTE_S:
            raise Unauthenticated(REASON)
        self._fetched.append(now_s)

    def _refuse(self, url: str) -> None:
        while len(self._refused) >= MOST_REFUSED:
            del self._refused[next(iter(self._refused))]
        self._refused[url] = time.monotonic() + REFUSED_FOR_S

    async def _fetch(self, url: str) -> bytes:
        found = bytearray()
        async with asyncio.timeout(self._fetch_s), self._http.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"answered {response.status_code}")
            async for part in response.aiter_bytes():
                found += part
                if len(found) > MOST_BYTES:
                    raise ValueError(f"more than {MOST_BYTES} bytes")
        return bytes(found)

    def _prove(self, pem: bytes, now: datetime) -> _Proved:
        """Runs in a thread: reading the authorities takes a tenth of a second. ValueError, or `VerificationError`."""
        leaf, *others = x509.load_pem_x509_certificates(pem)
        store = Store(_authorities(self._places.ca_file))
        chain = _chain(leaf, others, store, self._places.names, now)
        key = leaf.public_key()
        if (
            not isinstance(key, RSAPublicKey) or key.key_size < LEAST_BITS
        ):  # the verifier looks at the authorities' only
            raise ValueError("the key is not RSA, or too short")
        return _Proved(
            key,
            valid_from=max(each.not_valid_before_utc for each in chain),
            valid_until=min(each.not_valid_after_utc for each in chain),
        )


def _chain(
    leaf: x509.Certificate, others: list[x509.Certificate], store: Store, names: tuple[str, ...], now: datetime
) -> list[x509.Certificate]:
    """From the leaf to an authority, under the first of the names it fits; raises the last `VerificationError`."""
    error = VerificationError("no name is expected")
    for name in names:
        verifier = PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(name))
        try:
            return verifier.verify(leaf, others)
        except VerificationError as failed:
            error = failed
    raise error


def _authorities(ca_file: str) -> list[x509.Certificate]:
    if ca_file:
        return x509.load_pem_x509_certificates(Path(ca_file).read_bytes())
    trusted = httpx.create_ssl_context().get_ca_certs(binary_form=True)
    with warnings.catch_warnings():  # some old authorities have numbers that are not allowed any more
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return [x509.load_der_x509_certificate(each) for each in trusted]
