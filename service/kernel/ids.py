"""Names for rows and codes for people.

An id is `<prefix>_<26 characters>`: a ULID (https://github.com/ulid/spec: 48 bits of milliseconds, 80 random bits) in
lower-case Crockford base32, so ids of one prefix sort by age. One `Ids` never repeats itself and never goes back, not
within a millisecond and not when the clock steps back. Its ids can be guessed from one another: what must be secret
is a `token`. An `Ids` belongs to one event loop; it is not thread-safe, because nothing here runs on two threads.
"""

import base64
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from service.kernel.clock import Clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: without i, l, o, u
_BITS_A_SYMBOL = 5
_TIME_BITS, _RANDOM_BITS = 48, 80
_LENGTH = 26  # 130 bits for 128: the first symbol is 0-7
_PREFIX = re.compile(r"[a-z][a-z0-9]{1,11}")
_ID = re.compile(r"([a-z][a-z0-9]{1,11})_([0-7][0-9a-hjkmnp-tv-z]{25})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FEWEST_TOKEN_BYTES = 16  # 128 bits; fewer can be tried out


class Ids:
    """The source of ids, codes and tokens of one process; time and randomness are arguments."""

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self._last = -1

    def new(self, prefix: str) -> str:
        """Answer an id greater than every one before it; the prefix is 2 to 12 of a-z0-9, a letter first."""
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"an id's prefix is 2 to 12 of a-z and 0-9, not {prefix!r}")
        return f"{prefix}_{_encode(self._next(), _LENGTH)}"

    def code(self, groups: int = 2, size: int = 4) -> str:
        """Answer a random code that can be read out loud: `4F7K-9QXD`, 5 bits a character."""
        if groups < 1 or size < 1:
            raise ValueError("a code has at least one group of one character")
        text = _encode(self._random_bits(groups * size * _BITS_A_SYMBOL), groups * size).upper()
        return "-".join(text[start : start + size] for start in range(0, len(text), size))

    def token(self, nbytes: int = 32) -> str:
        """Answer a secret for a URL or a header, without padding."""
        if nbytes < _FEWEST_TOKEN_BYTES:
            raise ValueError(f"a token of {nbytes} bytes can be guessed; take {_FEWEST_TOKEN_BYTES} or more")
        return base64.urlsafe_b64encode(self._random_bytes(nbytes)).rstrip(b"=").decode("ascii")

    def _next(self) -> int:
        """Draw 80 bits in a new millisecond, else add one to the last 128; a full millisecond borrows from the next."""
        millisecond = (self._clock() - _EPOCH) // _MILLISECOND
        if not 0 <= millisecond < 1 << _TIME_BITS:
            raise ValueError("ids exist from 1970 on")
        if millisecond > self._last >> _RANDOM_BITS:
            self._last = millisecond << _RANDOM_BITS | self._random_bits(_RANDOM_BITS)
        else:
            self._last += 1
        return self._last

    def _random_bits(self, bits: int) -> int:
        """Whole bits, so that each symbol is as likely as the next; a modulo would favour some."""
        nbytes = -(-bits // 8)
        return int.from_bytes(self._random_bytes(nbytes), "big") >> (nbytes * 8 - bits)


def earliest(prefix: str, moment: datetime) -> str:
    """The smallest id that can have been made at this moment: rows since then are a range of the primary key."""
    millisecond = min(max((moment - _EPOCH) // _MILLISECOND, 0), (1 << _TIME_BITS) - 1)
    return f"{prefix}_{_encode(millisecond << _RANDOM_BITS, _LENGTH)}"


def is_id(text: str, prefix: str) -> bool:
    """Whether user input is spelled exactly as `new(prefix)` spells; it says nothing about existence."""
    match = _ID.fullmatch(text)
    return match is not None and match[1] == prefix


def _encode(number: int, length: int) -> str:
    places = range((length - 1) * _BITS_A_SYMBOL, -1, -_BITS_A_SYMBOL)
    return "".join(_ALPHABET[number >> place & 31] for place in places)
