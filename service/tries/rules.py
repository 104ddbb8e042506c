"""How long to wait after failed tries, for whom they are counted, and what a person is told.

The first few tries are free; each one after them locks, twice as long as before, up to a quarter of an hour. That is counted
for the account and for the address; an account that does not exist is counted and locked like any other. Where somebody
has been in before has a count of its own: whoever guesses elsewhere locks the account elsewhere, and not for its owner.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from service.kernel.errors import CubanoError

FREE_OF_ACCOUNT = 5  # typing errors and the wrong layout of a keyboard
FREE_OF_ADDRESS = 20  # an office stands behind one address
FIRST_LOCK, LONGEST_LOCK = timedelta(seconds=30), timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)  # since the last try
AT = "@"  # between an account and an address it is known at
_ONE_PERSONS_NETWORK = 64  # bits of an IPv6 address that a household is given


def lock_after(failed: int, free: int) -> timedelta | None:
    """How long nothing is looked at after so many failures; None while they are free."""
    if failed < free:
        return None
    return min(FIRST_LOCK * (1 << min(failed - free, 10)), LONGEST_LOCK)


@dataclass(frozen=True)
class Counted:
    """Whose tries are counted: keys of the table, and how many each has free; one of them is the account's."""

    account: str
    free: Mapping[str, int]

    @property
    def keys(self) -> list[str]:
        """In the order in which they are locked, by everybody."""
        return sorted(self.free)


def counted(account: str, ip: str, *, known: Iterable[str] = ()) -> Counted:
    """By the account, and by the address where there is one; by both as one at the `known` addresses of the account."""
    if not ip:
        return Counted(account, {account: FREE_OF_ACCOUNT})
    address = address_key(ip)
    whose = f"{account}{AT}{address}" if address in {address_key(each) for each in known} else account
    return Counted(whose, {whose: FREE_OF_ACCOUNT, address: FREE_OF_ADDRESS})


def account_key(secret: str, email: str) -> str:
    """The same for every spelling of an address, and no way back to it."""
    typed = email.strip().lower().encode("utf-8", "replace")
    return f"account:{hmac.digest(secret.encode(), b'sign-in account:' + typed, sha256).hex()}"


def code_key(member_id: str) -> str:
    return f"code:{member_id}"


def address_key(ip: str) -> str:
    """Of IPv6 the network: who has one address there has all of them."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        return f"address:{ip_network((address, _ONE_PERSONS_NETWORK), strict=False)}"
    return f"address:{address}"


def in_words(span_s: int) -> str:
    """`40 seconds`, `2 minutes`; never less than what is meant."""
    if span_s <= 90:  # noqa: PLR2004 - up to here a person counts seconds
        return f"{span_s} second{'' if span_s == 1 else 's'}"
    return f"{-(-span_s // 60)} minutes"


@dataclass
class TooManyTries(CubanoError):
    """Nothing was looked at. `status` is the page's."""

    retry_after_s: int
    status = 429

    def __str__(self) -> str:
        wait = in_words(self.retry_after_s)
        return f"There were too many tries. Wait {wait}, then try again. Nothing is looked at before that."
